// The map: zones, roads, sensors and alerts, from the service's own data. It is drawn anew when places or the zoom change; when only
// numbers change, so do only the colours.
import { colour } from "./colours.js";
import { find, fill, html, say, svg } from "./dom.js";
import { path, stretches } from "./draw.js";
import { gestures } from "./gestures.js";
import { projection } from "./projection.js";
import { choose, mean, on, reading, roadOf, roads, state } from "./store.js";
import { name, number, percent, speed, t, unitName } from "./texts.js";

const MARGIN = 44; // pixels around the city when all of it is shown; fewer where there is little room
const NEAREST = 40; // how many times closer than that one can get
const SETTLED = 140; // milliseconds without zooming after which shapes are drawn anew; until then the picture is stretched
const FEW = 600; // up to so many sensors change their colours smoothly
const LENGTHS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50]; // km that the scale may show

const view = { projection: null, fitted: 1, scale: 1, drawn: 1, x: 0, y: 0 };
const layers = {};
let element;
let settling;

export function start() {
  element = find("map");
  for (const layer of ["zones", "labels", "roads", "marks"]) layers[layer] = svg("g", { class: layer });
  layers.all = svg("g", {}, layers.zones, layers.roads, layers.labels, layers.marks);
  element.append(layers.all);
  gestures(element, { move, zoom, fit, step });
  find("zoom-in").addEventListener("click", () => zoom(1.5));
  find("zoom-out").addEventListener("click", () => zoom(1 / 1.5));
  find("zoom-fit").addEventListener("click", fit);
  element.addEventListener("click", (event) => chosen(event.target));
  element.addEventListener("pointermove", hover);
  element.addEventListener("pointerleave", () => (find("tip").hidden = true));
  new ResizeObserver(fit).observe(element);
  on(["city"], () => {
    const { keys, zones } = state.city;
    view.projection = keys.length ? projection([...keys, ...zones]) : null;
    fit();
  });
  on(["city", "now"], wait);
  on(["city", "now", "place", "road", "key"], paint);
  on(["city", "alerts"], mark);
}

// Says in place of the map what is waited for, until there is something to draw.
function wait() {
  const { city, now } = state;
  const nothing = now && !now.keys.length;
  const placeless = city && !city.keys.length;
  find("map-empty").hidden = !nothing && !placeless;
  find("map-empty").textContent = nothing ? t("map.waiting", { topic: now.topic }) : t("map.empty");
}

// Shows the whole city.
function fit() {
  if (!view.projection) return;
  const { width, height } = element.getBoundingClientRect();
  const margin = Math.min(MARGIN, width / 18);
  const room = { x: Math.max(50, width - 2 * margin), y: Math.max(50, height - 2 * margin) };
  view.fitted = Math.min(room.x / view.projection.width, room.y / view.projection.height);
  Object.assign(view, { scale: view.fitted, x: width / 2, y: height / 2 });
  draw();
}

function move(x, y) {
  view.x += x;
  view.y += y;
  place();
}

// Zooms so that the place below `around` stays where it is.
function zoom(factor, around) {
  if (!view.projection) return;
  const box = element.getBoundingClientRect();
  const fixed = around ?? { x: box.width / 2, y: box.height / 2 };
  const scale = Math.min(view.fitted * NEAREST, Math.max(view.fitted / 2, view.scale * factor));
  view.x = fixed.x + ((view.x - fixed.x) * scale) / view.scale;
  view.y = fixed.y + ((view.y - fixed.y) * scale) / view.scale;
  view.scale = scale;
  place();
  measure();
  clearTimeout(settling);
  settling = setTimeout(draw, SETTLED);
}

function place() {
  const stretched = view.scale === view.drawn ? "" : ` scale(${view.scale / view.drawn})`;
  layers.all.setAttribute("transform", `translate(${view.x.toFixed(1)} ${view.y.toFixed(1)})${stretched}`);
}

// Chooses the road before or after the chosen one.
function step(by) {
  const all = roads();
  if (!all.length) return;
  const at = all.findIndex((road) => road.id === state.road);
  const next = all[(Math.max(at, by > 0 ? -1 : 0) + by + all.length) % all.length];
  choose(next.id);
  const congestion = mean(next.keys.map((key) => reading(key).congestion));
  say(t("map.chosen", { road: next.name, congestion: percent(congestion) }));
}

const pixels = (spot) => {
  const { x, y } = view.projection.plane(spot);
  return { x: x * view.scale, y: y * view.scale };
};

function draw() {
  if (!view.projection) return;
  view.drawn = view.scale;
  element.classList.toggle("few", state.city.keys.length <= FEW);
  const spots = new Map(state.city.keys.map((key) => [key.key, key]));
  fill(layers.zones, ...state.city.zones.map(zone));
  fill(layers.labels, ...state.city.zones.map(label));
  const named = state.city.roads.map((road) => line(road, road.keys.map((key) => spots.get(key))));
  const lone = state.city.keys.filter((key) => key.road_id === null).map((key) => line({ road_id: key.key, ring: false, side: 0 }, [key]));
  fill(layers.roads, ...named, ...lone);
  place();
  paint();
  mark();
  measure();
}

function zone({ zone_id, corners }) {
  const outline = path(corners.map(([lat, lon]) => pixels({ lat, lon })));
  return svg("path", { class: "zone", "data-zone": zone_id, d: `${outline}Z` });
}

function label(zone) {
  const { x, y } = pixels(zone);
  return svg("text", { class: "zone-label", x: x.toFixed(1), y: y.toFixed(1) }, zone.zone_id);
}

function line(road, spots) {
  // From afar a sensor is a small dot, from near a large one.
  const r = Math.min(5, 2.2 * Math.sqrt(view.scale / view.fitted)).toFixed(1);
  const parts = stretches(spots.map(pixels), road.ring, road.side).map((stretch, at) => {
    const shape = { d: stretch.path };
    const dot = { cx: stretch.x.toFixed(1), cy: stretch.y.toFixed(1), r };
    return svg(
      "g",
      { class: "sensor", "data-key": spots[at].key },
      svg("path", { class: "reach", ...shape }),
      svg("path", { class: "stretch", ...shape }),
      svg("circle", { class: "dot", ...dot }),
    );
  });
  return svg("g", { class: "road", "data-road": road.road_id }, ...parts);
}

// Gives every sensor and zone the colour of what it reads.
function paint() {
  for (const sensor of layers.roads.querySelectorAll(".sensor")) {
    const { key } = sensor.dataset;
    sensor.setAttribute("class", `sensor ${colour(reading(key).congestion)}${key === state.key ? " chosen" : ""}`);
  }
  for (const road of layers.roads.children) road.classList.toggle("chosen", road.dataset.road === state.road);
  const byZone = Map.groupBy(state.city?.keys ?? [], (key) => key.zone_id);
  for (const zone of layers.zones.children) {
    const keys = byZone.get(zone.dataset.zone) ?? [];
    zone.setAttribute("class", `zone ${colour(mean(keys.map((key) => reading(key.key).congestion)))}`);
  }
  lift();
}

// The chosen road lies above the others.
function lift() {
  const chosen = [...layers.roads.children].find((road) => road.dataset.road === state.road);
  if (chosen && chosen !== layers.roads.lastChild) layers.roads.append(chosen);
}

// Marks alerts that go on and say where they are.
function mark() {
  if (!view.projection || !state.alerts) return;
  const placed = [...state.alerts.values()].filter((alert) => alert.lat !== null && alert.lon !== null);
  fill(layers.marks, ...placed.map(sign));
}

function sign(alert) {
  const { x, y } = pixels(alert);
  return svg(
    "g",
    { class: "alert-mark", "data-severity": alert.severity, "data-alert": alert.alert_id, transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})` },
    svg("path", { d: "M0 -21L9.5 -5H-9.5Z" }),
    svg("text", { y: -8 }, "!"),
  );
}

function chosen(target) {
  const key = target.closest("[data-key]")?.dataset.key;
  const alert = state.alerts?.get(target.closest("[data-alert]")?.dataset.alert);
  if (key) choose(roadOf(key)?.id, key);
  else if (alert) go(alert);
}

// Chooses what an alert is about.
export function go(alert) {
  const road = roadOf(alert.place_key);
  if (road) choose(road.id, alert.place_key);
}

function hover(event) {
  const key = event.target.closest?.("[data-key]")?.dataset.key;
  const alert = state.alerts?.get(event.target.closest?.("[data-alert]")?.dataset.alert);
  const tip = find("tip");
  tip.hidden = !key && !alert;
  if (tip.hidden) return;
  fill(tip, ...(alert ? aboutAlert(alert) : aboutKey(key)));
  const box = element.getBoundingClientRect();
  const x = Math.min(event.clientX - box.left + 14, box.width - tip.offsetWidth - 8);
  const y = Math.min(event.clientY - box.top + 14, box.height - tip.offsetHeight - 8);
  Object.assign(tip.style, { left: `${Math.max(8, x)}px`, top: `${Math.max(8, y)}px` });
}

function aboutAlert(alert) {
  return [html("strong", {}, `${name("severity", alert.severity)} · ${name("kind", alert.kind)}`), html("span", {}, alert.text)];
}

function aboutKey(key) {
  const read = reading(key);
  return [
    html("strong", {}, roadOf(key)?.name ?? key),
    html("span", {}, t("map.sensor", { key })),
    html("span", {}, t("map.reading", { speed: speed(read.speed), congestion: percent(read.congestion) })),
    html("span", {}, t("map.free-flow", { speed: speed(read.freeFlow) })),
  ];
}

// The scale: the longest round length that is no longer than a quarter of the map, at most 160 pixels.
function measure() {
  const room = Math.min(160, element.getBoundingClientRect().width / 4);
  const length = LENGTHS.findLast((km) => km * view.scale <= room) ?? LENGTHS[0];
  const scale = find("scale");
  scale.textContent = length < 1 ? `${number(length * 1000)} ${unitName("m")}` : `${number(length)} ${unitName("km")}`;
  scale.style.width = `${length * view.scale}px`;
}
