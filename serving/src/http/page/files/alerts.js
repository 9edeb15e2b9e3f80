// The alerts that go on: what is wrong, where, since when, why. An alert's button shows its place.
import { fill, find, html, refill, say } from "./dom.js";
import { go } from "./map.js";
import { on, state } from "./store.js";
import { count, moment, name, number, percent, t } from "./texts.js";

const RANKS = ["critical", "high", "medium", "low"];
let told = null; // the alerts that were there already

export function start() {
  on(["alerts", "status"], show);
}

function show() {
  const body = find("alerts-body");
  if (state.status && !state.status.watching) return fill(body, html("p", {}, t("alerts.unwatched")));
  if (!state.alerts) return;
  const all = [...state.alerts.values()].sort(first);
  find("alerts-count").textContent = count("alerts.count", all.length);
  const hints = state.status ? unwatched(state.status) : [];
  const none = state.status && !hints.length ? "alerts.none" : "alerts.none-so-far";
  const list = all.length ? html("ul", { class: "alerts" }, ...all.map(item)) : html("p", {}, t(none));
  refill(body, list, ...hints.map((hint) => html("p", { class: "hint" }, hint)));
  announce(all);
}

// What the alerts do not tell of yet.
function unwatched({ learning, behind_since }) {
  const learners = learning.map((one) =>
    t("alerts.learner", { what: one.target, there: number(one.windows_learned), all: number(one.windows_needed) }),
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

function item(alert) {
  const where = alert.road_name ?? alert.zone_id ?? t("alerts.city");
  const placed = alert.lat !== null && alert.lon !== null;
  const title = placed
    ? html("button", { type: "button", class: "link", "data-focus": alert.alert_id, onclick: () => showOnMap(alert) }, where)
    : html("span", {}, where);
  return html(
    "li",
    { class: "alert", "data-severity": alert.severity, "data-alert": alert.alert_id },
    html("p", { class: "alert-head" }, html("strong", { class: "chip" }, name("severity", alert.severity)), title),
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
