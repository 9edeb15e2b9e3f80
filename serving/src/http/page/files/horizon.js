// The slider through time: now, and every horizon that there are forecasts for; the legend beside it.
import { CLASSES, NONE } from "./colours.js";
import { calm, find, fill, html } from "./dom.js";
import { on, set, state, windowAt } from "./store.js";
import { count, number, shares, span, t } from "./texts.js";

const BEAT = 900; // milliseconds that each horizon is shown
let playing = null;

export function start() {
  const slider = find("horizon");
  slider.addEventListener("input", () => {
    stop();
    set({ place: Number(slider.value) });
  });
  find("play").addEventListener("click", () => (playing ? stop() : play()));
  on(["now", "place", "status"], show);
  fill(find("legend"), ...legend());
}

function show() {
  const { now } = state;
  if (!now) return;
  const slider = find("horizon");
  const last = now.horizons_minutes.length;
  if (state.place > last) set({ place: last });
  slider.max = last;
  slider.disabled = last === 0;
  find("play").disabled = last === 0;
  slider.value = state.place;
  const said = words();
  slider.setAttribute("aria-valuetext", said);
  find("horizon-value").textContent = said;
  find("moment").textContent = said;
  find("map-meaning").textContent = `${t("legend.meaning")} ${count("legend.days", now.free_flow_days)}`;
}

// What is shown: measured when, or forecast for when.
export function words(place = state.place) {
  const { now } = state;
  const window = windowAt(place);
  if (!window) return t("horizon.nothing");
  const times = span(window, now.window_seconds, state.status?.now);
  return place === 0 ? t("horizon.now", { times }) : t("horizon.ahead", { times, minutes: number(now.horizons_minutes[place - 1]) });
}

function play() {
  const next = () => {
    const last = state.now?.horizons_minutes.length ?? 0;
    set({ place: state.place >= last ? 0 : state.place + 1 });
  };
  // Whoever wants little motion gets it one step at a time.
  if (calm()) return next();
  playing = setInterval(next, BEAT);
  button();
}

function stop() {
  clearInterval(playing);
  playing = null;
  button();
}

function button() {
  find("play").textContent = t(playing ? "horizon.pause" : "horizon.play");
  find("play").setAttribute("aria-pressed", String(Boolean(playing)));
}

function legend() {
  const entry = (name, text) => html("li", {}, html("span", { class: `swatch ${name}` }), text);
  const classes = CLASSES.map((one) => entry(one.name, shares(one.from, one.to)));
  return [
    html("p", {}, t("legend.title")),
    html("ul", {}, ...classes, entry(NONE, t("legend.none"))),
    html("p", { class: "ends" }, t("legend.ends")),
  ];
}
