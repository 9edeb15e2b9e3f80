// The table of roads: all that the map shows, for those who read, hear or count. A road is chosen by its button.
import { colour } from "./colours.js";
import { find, html, refill } from "./dom.js";
import { words } from "./horizon.js";
import { choose, mean, on, reading, roads, state } from "./store.js";
import { number, percent, speed, t } from "./texts.js";

const SHOWN = 200; // rows, until somebody asks for all of them
let shown = SHOWN;

export function start() {
  on(["city", "now", "place", "road"], show);
}

function show() {
  if (!state.city || !state.now) return;
  const rows = roads().map(read);
  // What has no number stands last.
  rows.sort((a, b) => (b.congestion ?? -1) - (a.congestion ?? -1) || a.road.name.localeCompare(b.road.name));
  find("roads-moment").textContent = words();
  if (!rows.length) return refill(find("roads-body"), html("p", {}, t("roads.none")));
  const heads = ["road", "congestion", "strip", "speed", "free", "sensors"].map((key) => html("th", { scope: "col", class: `${key}-head` }, t(`roads.${key}`)));
  refill(
    find("roads-body"),
    html("table", {}, html("thead", {}, html("tr", {}, ...heads)), html("tbody", {}, ...rows.slice(0, shown).map(row))),
    rows.length > shown ? html("button", { type: "button", onclick: showAll }, t("roads.all", { count: number(rows.length) })) : null,
  );
}

function showAll() {
  shown = Infinity;
  show();
}

function read(road) {
  const readings = road.keys.map((key) => reading(key));
  const of = (what) => readings.map((one) => one[what]);
  return {
    road,
    speed: mean(of("speed")),
    freeFlow: mean(of("freeFlow")),
    congestion: mean(of("congestion")),
    there: of("congestion").filter((value) => value !== null).length,
  };
}

function row({ road, speed: measured, freeFlow, congestion, there }) {
  const button = html(
    "button",
    { type: "button", class: "link", "data-focus": road.id, "aria-pressed": String(road.id === state.road), onclick: () => open(road) },
    road.name,
  );
  const of = there === road.keys.length ? number(there) : t("roads.some", { there: number(there), all: number(road.keys.length) });
  return html(
    "tr",
    { "data-road": road.id, class: road.id === state.road ? "chosen" : null },
    html("th", { scope: "row" }, button),
    html("td", { class: "n" }, html("span", { class: `swatch ${colour(congestion)}` }), percent(congestion)),
    html("td", { class: "strip-cell" }, strip(road)),
    html("td", { class: "n" }, speed(measured)),
    html("td", { class: "n" }, speed(freeFlow)),
    html("td", { class: "n" }, of),
  );
}

// Now and every horizon at a glance; the one that is shown is marked. Its first and its last say the same to those who hear it.
function strip(road) {
  const places = [0, ...state.now.horizons_minutes].map((_, place) => mean(road.keys.map((key) => reading(key, place).congestion)));
  const cells = places.map((value, place) => html("span", { class: `cell ${colour(value)}${place === state.place ? " shown" : ""}` }));
  const said = t("roads.from-to", { now: percent(places[0]), then: percent(places.at(-1)) });
  return html("span", { class: "strip", role: "img", "aria-label": said, title: said }, ...cells);
}

// Chooses the road and goes to what is said of it.
function open(road) {
  choose(road.id);
  find("detail-title").focus();
}

