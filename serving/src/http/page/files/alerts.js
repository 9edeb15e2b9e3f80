// The alerts that go on: what is wrong, where, since when, why; below them those that were resolved lately. An alert's button shows its place.
import { fill, find, html, refill, say } from "./dom.js";
import { go } from "./map.js";
import { on, state } from "./store.js";
import { count, moment, name, number, percent, t } from "./texts.js";

const RANKS = ["critical", "high", "medium", "low"];
const KEYS = 3; // keys that are named where an alert has no other place
const LATELY = 3 * 3600000; // milliseconds for which an alert is shown after it was resolved
let told = null; // the alerts that were there already

export function start() {
  on(["alerts", "resolved", "status"], show);
}

function show() {
  const body = find("alerts-body");
  if (state.status && !state.status.watching) return fill(body, html("p", {}, t("alerts.unwatched")));
  if (!state.alerts) return;
  const all = [...state.alerts.values()].sort(first);
  find("alerts-count").textContent = count("alerts.count", all.length);
  const hints = state.status ? unwatched(state.status) : [];
  const none = state.status && !hints.length ? "alerts.none" : "alerts.none-open";
  const list = all.length ? html("ul", { class: "alerts" }, ...all.map(item)) : html("p", {}, t(none));
  refill(body, list, ...hints.map((hint) => html("p", { class: "hint" }, hint)), ...lately());
  announce(all);
}

// What the alerts do not tell of yet.
function unwatched({ learning, behind_since }) {
  const learners = learning.map((one) =>
    t("alerts.learner", { what: name("target", `${one.topic}.${one.target}`), there: number(one.windows_learned), all: number(one.windows_needed) }),
  );
  return [
    behind_since ? t("alerts.behind", { time: moment(behind_since) }) : null,
    learners.length ? t("alerts.learning", { what: learners.join(", ") }) : null,
  ].filter((hint) => hint !== null);
}

// The worst first, of equally bad ones the newest.
function first(a, b) {
  return RANKS.indexOf(a.severity) - RANKS.indexOf(b.severity) || b.since.localeCompare(a.since);
}

// Where it is: the road, the zone, or the keys that it is about.
function place({ citywide, road_name, zone_id, keys }) {
  if (citywide) return t("alerts.city");
  if (road_name ?? zone_id) return road_name ?? zone_id;
  const named = keys.slice(0, KEYS).join(", ");
  return keys.length > KEYS ? t("alerts.keys-more", { keys: named, count: number(keys.length - KEYS) }) : named;
}

function titled(alert) {
  const placed = alert.lat !== null && alert.lon !== null;
  return placed
    ? html("button", { type: "button", class: "link", "data-focus": alert.alert_id, onclick: () => showOnMap(alert) }, place(alert))
    : html("span", {}, place(alert));
}

// Those that were resolved within the last hours, by the service's clock, under a heading of their own.
function lately() {
  const now = Date.parse(state.status?.now ?? "");
  const over = state.resolved.filter((alert) => !(now - Date.parse(alert.closed_at) > LATELY));
  return over.length ? [html("h3", { class: "past-head" }, t("alerts.lately")), html("ul", { class: "past-alerts" }, ...over.map(past))] : [];
}

function past(alert) {
  const lasted = t("alerts.lasted", { from: moment(alert.since), until: moment(alert.closed_at) });
  return html(
    "li",
    { class: "past", "data-past": alert.alert_id },
    html("p", {}, titled(alert)),
    html("p", {}, [name("kind", alert.kind), lasted, name("cause", alert.cause)].join(" · ")),
  );
}

function item(alert) {
  return html(
    "li",
    { class: "alert", "data-severity": alert.severity, "data-alert": alert.alert_id },
    html("p", { class: "alert-head" }, html("strong", { class: "chip" }, name("severity", alert.severity)), titled(alert)),
    html("p", { class: "alert-kind" }, [name("kind", alert.kind), name("state", alert.state), t("alerts.since", { time: moment(alert.since) })].join(" · ")),
    html("p", { class: "alert-cause" }, html("span", { class: "key" }, t("alerts.cause")), ` ${cause(alert)}`),
    html("p", { class: "alert-text" }, alert.text),
  );
}

function cause(alert) {
  const named = name("cause", alert.cause);
  const sure = t("alerts.certainty", { percent: percent(alert.certainty) });
  return `${alert.reference ? `${named} (${alert.reference})` : named} · ${sure}`;
}

function showOnMap(alert) {
  go(alert);
  find("detail-title").focus();
}

// Says what is new to those who hear the page; what was there when it was opened is read there.
function announce(all) {
  const news = all.filter((alert) => !told?.has(alert.alert_id));
  if (told && news.length) say(news.map((alert) => alert.text).join(" "));
  told = new Set([...(told ?? []), ...all.map((alert) => alert.alert_id)]);
}
