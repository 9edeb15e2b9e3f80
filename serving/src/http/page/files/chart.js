// A sensor's chart: what was measured, what had been forecast of it an hour before, and what is forecast now with its band.
//
// Whoever hears the page, or has no mouse, walks through it with the arrow keys: the chart is a slider through time.
import { fill, html, svg } from "./dom.js";
import { minuteOfDay, number, speed, t, time, unit } from "./texts.js";

const HEIGHT = 250;
const EDGE = { left: 40, right: 12, top: 12, bottom: 26 };
const MINUTE = 60000;
const QUARTER = 15 * MINUTE;
const STEPS = [15, 30, 60, 120, 180, 360, 720]; // minutes between ticks

// Draws `history` into `box`. `marked` is the window that the map shows; `tell` gets the words for the place that is pointed at.
export function chart(box, history, { marked, tell }) {
  const points = merged(history);
  const width = Math.max(260, box.clientWidth);
  const axes = scales(points, history, width);
  const cursor = svg("line", { class: "cursor", y1: EDGE.top, y2: HEIGHT - EDGE.bottom, visibility: "hidden" });
  const picture = svg(
    "svg",
    { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, "aria-hidden": "true" },
    grid(axes, width),
    band("earlier-band", points, "earlier", axes),
    band("forecast-band", points, "forecast", axes),
    history.free_flow === null ? null : level(history.free_flow, axes, width),
    line("earlier", points, (point) => point.earlier?.p50, axes),
    line("measured", points, (point) => point.measured, axes),
    line("forecast", points, (point) => point.forecast?.p50, axes),
    marked ? mark(Date.parse(marked) + axes.half, axes) : null,
    cursor,
  );
  const slider = html("div", { class: "chart-slider", tabindex: 0, role: "slider", "aria-label": t("chart.label"), "aria-valuemin": 0, "aria-valuemax": points.length - 1 }, picture);
  fill(box, slider);

  let at = Math.max(0, points.findLastIndex((point) => point.measured !== null && point.measured !== undefined));
  const point = (to, shown = true) => {
    at = Math.min(points.length - 1, Math.max(0, to));
    const x = axes.x(points[at].when + axes.half);
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    cursor.setAttribute("visibility", shown ? "visible" : "hidden");
    const said = words(points[at], history);
    slider.setAttribute("aria-valuenow", at);
    slider.setAttribute("aria-valuetext", said);
    tell(said);
  };
  point(at, false);
  slider.addEventListener("pointermove", (event) => point(nearest(event, slider, points, axes, width)));
  slider.addEventListener("pointerdown", (event) => point(nearest(event, slider, points, axes, width)));
  const keys = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 12, PageDown: -12, Home: -Infinity, End: Infinity };
  slider.addEventListener("keydown", (event) => {
    if (!(event.key in keys)) return;
    event.preventDefault();
    point(at + keys[event.key]);
  });
}

// One point a window, of everything that is known of it, in order of time.
export function merged(history) {
  const windows = new Map();
  const at = (start) => {
    const when = Date.parse(start);
    if (!windows.has(when)) windows.set(when, { when, start });
    return windows.get(when);
  };
  for (const one of history.measured) at(one.window_start).measured = one.value;
  for (const one of history.earlier ?? []) at(one.window_start).earlier = one;
  for (const one of history.forecast?.points ?? []) at(one.window_start).forecast = one;
  return [...windows.values()].sort((a, b) => a.when - b.when);
}

// What is known of a window, in words.
export function words(point, { window_seconds, earlier_minutes }) {
  const parts = [t("chart.window", { from: time(point.when), until: time(point.when + 1000 * window_seconds) })];
  if ("measured" in point) parts.push(t("chart.measured", { speed: speed(point.measured) }));
  if (point.forecast) parts.push(t("chart.forecast", quantiles(point.forecast)));
  if (point.earlier) parts.push(t("chart.earlier", { ...quantiles(point.earlier), minutes: number(earlier_minutes) }));
  return parts.join(" · ");
}

const quantiles = ({ p10, p50, p90 }) => ({ p50: speed(p50), p10: p10 === null ? t("none") : number(p10), p90: speed(p90) });

function scales(points, history, width) {
  const half = 500 * history.window_seconds;
  const first = points[0]?.when ?? 0;
  const last = (points.at(-1)?.when ?? 1) + 2 * half;
  const values = points.flatMap((point) => [point.measured, point.forecast?.p90, point.earlier?.p90]).filter((value) => value > 0);
  const top = Math.ceil((1.06 * Math.max(10, history.free_flow ?? 0, ...values)) / 10) * 10;
  const room = { x: width - EDGE.left - EDGE.right, y: HEIGHT - EDGE.top - EDGE.bottom };
  return {
    half,
    first,
    last,
    top,
    x: (when) => EDGE.left + ((when - first) / (last - first)) * room.x,
    y: (value) => EDGE.top + (1 - value / top) * room.y,
    when: (x) => first + ((x - EDGE.left) / room.x) * (last - first),
  };
}

function grid(axes, width) {
  const parts = [];
  const step = axes.top > 60 ? 20 : 10;
  for (let value = 0; value <= axes.top; value += step) {
    const y = axes.y(value);
    parts.push(svg("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y, y2: y }));
    parts.push(svg("text", { class: "tick", x: EDGE.left - 6, y: y + 4, "text-anchor": "end" }, number(value)));
  }
  parts.push(svg("text", { class: "tick", x: EDGE.left + 6, y: EDGE.top + 10 }, unit));
  // Ticks stand where the city's clock is round, whatever its offset.
  const room = (width - EDGE.left - EDGE.right) / 74;
  const every = STEPS.find((minutes) => (axes.last - axes.first) / (minutes * MINUTE) <= room) ?? STEPS.at(-1);
  for (let when = Math.ceil(axes.first / QUARTER) * QUARTER; when <= axes.last; when += QUARTER) {
    if (minuteOfDay(when) % every) continue;
    const x = axes.x(when);
    parts.push(svg("line", { class: "grid", x1: x, x2: x, y1: EDGE.top, y2: HEIGHT - EDGE.bottom }));
    if (x > EDGE.left + 14 && x < width - 24) parts.push(svg("text", { class: "tick", x, y: HEIGHT - 8, "text-anchor": "middle" }, time(when)));
  }
  return svg("g", {}, ...parts);
}

// A line through what is there; it ends where a window has no number.
function line(name, points, value, axes) {
  let d = "";
  let drawing = false;
  for (const point of points) {
    const y = value(point);
    const there = y !== null && y !== undefined;
    if (there) d += `${drawing ? "L" : "M"}${axes.x(point.when + axes.half).toFixed(1)} ${axes.y(y).toFixed(1)}`;
    drawing = there;
  }
  return svg("path", { class: `line ${name}`, d });
}

// The area between the 0.1 and the 0.9 quantile, in runs without a gap.
function band(name, points, of, axes) {
  const runs = [[]];
  for (const point of points) {
    const there = point[of] && point[of].p10 !== null && point[of].p90 !== null;
    if (there) runs.at(-1).push(point);
    else if (runs.at(-1).length) runs.push([]);
  }
  const spot = (point, value) => `${axes.x(point.when + axes.half).toFixed(1)} ${axes.y(value).toFixed(1)}`;
  const area = (run) => [...run.map((point) => spot(point, point[of].p90)), ...run.toReversed().map((point) => spot(point, point[of].p10))];
  const d = runs.filter((run) => run.length > 1).map((run) => `M${area(run).join("L")}Z`).join("");
  return svg("path", { class: `band ${name}`, d });
}

function level(value, axes, width) {
  const y = axes.y(value);
  return svg("line", { class: "line free-flow", x1: EDGE.left, x2: width - EDGE.right, y1: y, y2: y });
}

function mark(when, axes) {
  return svg("line", { class: "marked", x1: axes.x(when), x2: axes.x(when), y1: EDGE.top, y2: HEIGHT - EDGE.bottom });
}

function nearest(event, slider, points, axes, width) {
  const box = slider.getBoundingClientRect();
  const when = axes.when(((event.clientX - box.left) * width) / box.width) - axes.half;
  const gap = (point) => Math.abs(point.when - when);
  return points.reduce((best, point, at) => (gap(point) < gap(points[best]) ? at : best), 0);
}
