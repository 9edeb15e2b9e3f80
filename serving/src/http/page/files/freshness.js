// How fresh the data of each stream are, what keeps the service from being ready, what it lacks, and the city's clock.
import { find, html, refill } from "./dom.js";
import { on, starting, state } from "./store.js";
import { full, lasting, moment, name, number, t, timezone } from "./texts.js";

export function start() {
  on(["status"], show);
  on(["connection", "status", "now"], connection);
}

function show() {
  const { status } = state;
  find("clock").textContent = full(status.now);
  find("clock").setAttribute("datetime", status.now);
  find("clock").setAttribute("title", timezone);
  const reasons = [...status.reasons, ...status.degraded];
  const trouble = reasons.map((reason) => html("p", { title: reason.message }, name("reason", reason.code)));
  refill(find("trouble"), ...trouble);
  const heads = ["stream", "keys", "newest", "age"].map((key) => html("th", { scope: "col" }, t(`freshness.${key}`)));
  refill(
    find("freshness-body"),
    html("table", {}, html("thead", {}, html("tr", {}, ...heads)), html("tbody", {}, ...status.streams.map(row))),
  );
}

function row(stream) {
  const age = stream.age_seconds === null ? "–" : lasting(stream.age_seconds);
  return html(
    "tr",
    { "data-topic": stream.topic },
    html("th", { scope: "row" }, stream.topic),
    html("td", { class: "n" }, number(stream.keys)),
    html("td", {}, stream.newest_window ? moment(stream.newest_window) : t("freshness.nothing")),
    html("td", { class: stream.stale ? "bad" : null }, stream.stale ? `${age} · ${t("freshness.stale")}` : age),
  );
}

// Whether what is shown goes on. A page that has lost its server says so, as its numbers grow old; one whose server starts says that.
function connection() {
  const element = find("connection");
  const shown = state.connection === "live" && starting() ? "starting" : state.connection;
  const words = t(`connection.${shown}`);
  if (element.textContent === words) return;
  element.textContent = words;
  element.dataset.connection = shown;
}
