// Words, numbers and times, in the reader's language and by the city's clock.
const data = JSON.parse(document.getElementById("page-data").textContent);

export const language = data.language;
// The city's clock.
export const timezone = data.timezone;

// In English, too, a day has 24 hours here.
const locale = language === "en" ? "en-GB" : language;
const plural = new Intl.PluralRules(locale);
const clocks = {
  time: new Intl.DateTimeFormat(locale, { timeZone: data.timezone, hour: "2-digit", minute: "2-digit" }),
  moment: new Intl.DateTimeFormat(locale, { timeZone: data.timezone, day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }),
  full: new Intl.DateTimeFormat(locale, { timeZone: data.timezone, dateStyle: "medium", timeStyle: "long" }),
  parts: new Intl.DateTimeFormat("en", { timeZone: data.timezone, hour: "numeric", minute: "numeric", hourCycle: "h23" }),
  day: new Intl.DateTimeFormat(locale, { timeZone: data.timezone, dateStyle: "medium" }),
};

// The text of that key with values in its places. A key that is missing shows itself, so that it is found.
export function t(key, values = {}) {
  const text = data.texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);
}

// The text in the number that the language has for `count`; where it has no form of its own, that of many.
export function count(key, amount, values = {}) {
  const form = `${key}.${plural.select(amount)}`;
  return t(data.texts[form] ? form : `${key}.other`, { ...values, count: number(amount) });
}

export const has = (key) => key in data.texts;
// A name that the service uses, in words; one that is new stays as it is.
export const name = (group, id) => (has(`${group}.${id}`) ? t(`${group}.${id}`) : id);

// What the map's numbers are in, and other units, as the reader writes them.
export const unitName = (unit) => (unit ? name("unit", unit) : "");
export const unit = unitName(data.unit);

export function number(value, digits = 0) {
  return new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

export function percent(share, digits = 0) {
  if (share === null || share === undefined) return t("none");
  return new Intl.NumberFormat(locale, { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits }).format(share);
}

// From which share to which, with one sign for both.
export const shares = (from, to) => `${number(100 * from)}–${percent(to)}`;

export function speed(value) {
  return value === null || value === undefined ? t("none") : `${number(value)} ${unit}`;
}

export const time = (instant) => clocks.time.format(new Date(instant));
export const moment = (instant) => clocks.moment.format(new Date(instant));
export const full = (instant) => clocks.full.format(new Date(instant));
export const day = (instant) => clocks.day.format(new Date(instant));

// Minutes since midnight on the city's clock.
export function minuteOfDay(instant) {
  const parts = Object.fromEntries(clocks.parts.formatToParts(new Date(instant)).map((part) => [part.type, Number(part.value)]));
  return 60 * parts.hour + parts.minute;
}

// From when until when a window lasts, with the date where that is not the day of `now`.
export function span(start, seconds, now = start) {
  const clock = day(start) === day(now) ? clocks.time : clocks.moment;
  return clock.formatRange(new Date(start), new Date(Date.parse(start) + 1000 * seconds));
}

// A length of time in its largest fitting unit. British English would say "2 mins".
export function lasting(seconds) {
  const units = [["day", 86400, 172800], ["hour", 3600, 7200], ["minute", 60, 120], ["second", 1, 0]];
  const [of, length] = units.find(([, , least]) => seconds >= least);
  return new Intl.NumberFormat(language, { style: "unit", unit: of, unitDisplay: "short" }).format(Math.floor(seconds / length));
}
