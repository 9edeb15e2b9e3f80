// The chosen road: its sensors, and the history and forecast of one of them.
import { chart, merged } from "./chart.js";
import { fill, find, html } from "./dom.js";
import { choose, on, reading, roads, set, state, windowAt, worstRoad } from "./store.js";
import { moment, name, number, percent, speed, t, time, unitName } from "./texts.js";

let asked = 0;
let unasked = false; // the road was chosen by the page, not by anybody

export function start() {
  find("sensor").addEventListener("change", (event) => set({ key: event.target.value }));
  find("hours").addEventListener("change", (event) => set({ hours: Number(event.target.value) }));
  on(["road", "key", "city"], choice);
  on(["key", "hours", "now"], load);
  on(["history", "place", "now"], show);
  new ResizeObserver(show).observe(find("chart"));
  on(["city", "now"], begin);
  on(["road"], remember);
}

// The road that somebody chose stands in the address, so that it can be sent on, and outlives a change of language.
function remember() {
  if (unasked) {
    unasked = false;
    return;
  }
  const hash = `#road=${encodeURIComponent(state.road)}`;
  window.history.replaceState(null, "", hash);
  for (const link of document.querySelectorAll(".languages a")) link.hash = hash;
}

// Begins with the road of the address, or with the worst one, so that there is something to read. Once there is one, only people choose.
function begin() {
  if (state.road !== null) return;
  const wanted = new URLSearchParams(location.hash.slice(1)).get("road");
  if (roads().some((one) => one.id === wanted)) return choose(wanted);
  const worst = state.now && worstRoad();
  if (!worst) return;
  unasked = true;
  choose(worst.id);
}

function choice() {
  const road = roads().find((one) => one.id === state.road);
  if (!road) return;
  find("detail-title").textContent = road.name;
  find("detail-tools").hidden = false;
  const options = road.keys.map((key) => html("option", { value: key, selected: key === state.key }, key));
  fill(find("sensor"), ...options);
}

// Asks for the history; of several answers on their way the last question's counts.
async function load() {
  if (!state.key) return;
  const turn = ++asked;
  const query = new URLSearchParams({ key: state.key, hours: state.hours });
  const answer = await fetch(`/page/data/history?${query}`).catch(() => null);
  if (turn !== asked) return;
  set({ history: answer?.ok ? await answer.json() : { failed: true, key: state.key } });
}

function show() {
  const { history, key } = state;
  if (!history || history.key !== key) return;
  find("detail-body").hidden = Boolean(history.failed);
  find("detail-hint").hidden = !history.failed;
  if (history.failed) {
    find("detail-hint").textContent = t("detail.failed");
    return;
  }
  find("detail-words").textContent = words(history);
  const tell = (said) => (find("readout").textContent = said);
  find("chart").dataset.key = key;
  const held = find("chart").contains(document.activeElement);
  chart(find("chart"), history, { marked: windowAt(), tell });
  if (held) find("chart").firstElementChild.focus({ preventScroll: true });
  legend(history);
  numbers(history);
}

// What the chart says, in sentences.
function words(history) {
  const now = reading(history.key, 0);
  const parts = [t("detail.now", { speed: speed(now.speed), congestion: percent(now.congestion), free: speed(now.freeFlow) })];
  if (history.forecast) {
    const { model, origin, step_of_ladder } = history.forecast;
    parts.push(t("detail.by", { giver: name("giver", step_of_ladder), model, time: time(origin) }));
  } else {
    parts.push(t("detail.refused", { why: name("refused", history.refused) }));
  }
  if (!history.earlier?.length) parts.push(t("detail.no-earlier"));
  return parts.join(" ");
}

function legend(history) {
  const entry = (name, text) => html("li", {}, html("span", { class: `key-line ${name}` }), text);
  const minutes = number(history.earlier_minutes);
  fill(
    find("chart-legend"),
    entry("measured", t("chart.key-measured")),
    history.forecast ? entry("forecast", t("chart.key-forecast")) : null,
    history.forecast ? entry("forecast-band", t("chart.key-band")) : null,
    history.earlier?.length ? entry("earlier", t("chart.key-earlier", { minutes })) : null,
    history.earlier?.length ? entry("earlier-band", t("chart.key-earlier-band")) : null,
    history.free_flow === null ? null : entry("free-flow", t("chart.key-free-flow")),
  );
}

// The same as numbers, the newest first.
function numbers(history) {
  const heads = ["window", "measured", "p10", "p50", "p90", "earlier", "model"].map((key) => html("th", { scope: "col" }, t(`numbers.${key}`)));
  const cell = (value) => html("td", { class: "n" }, value === null || value === undefined ? "–" : number(value, 1));
  const row = (point) =>
    html(
      "tr",
      {},
      html("th", { scope: "row" }, moment(point.when)),
      cell(point.measured),
      cell(point.forecast?.p10),
      cell(point.forecast?.p50),
      cell(point.forecast?.p90),
      cell(point.earlier?.p50),
      html("td", {}, point.earlier?.model ?? (point.forecast ? history.forecast.model : "–")),
    );
  const rows = merged(history).toReversed().map(row);
  fill(
    find("numbers"),
    html("caption", {}, t("numbers.caption", { unit: unitName(history.unit), minutes: number(history.earlier_minutes) })),
    html("thead", {}, html("tr", {}, ...heads)),
    html("tbody", {}, ...rows),
  );
}
