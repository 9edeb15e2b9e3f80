// The models in charge, each with the scorecard that it was promoted with, beside the baselines on the same windows.
import { find, html, refill, say } from "./dom.js";
import { on, set, starting, state } from "./store.js";
import { day, moment, name, number, percent, t, unitName } from "./texts.js";

let shown = null;
let waits = false; // whether it was shown while the service started

export function start() {
  on(["models"], show);
  on(["status"], () => waits !== starting() && state.models && show());
}

// Asks for the cards again, as somebody else is in charge.
export async function load() {
  const answer = await fetch("/page/data/models").catch(() => null);
  if (answer?.ok) set({ models: (await answer.json()).models });
}

function show() {
  const { models } = state;
  waits = starting();
  const champions = models.map((model) => model.champion).join();
  if (shown !== null && shown !== champions) say(t("models.changed", { models: champions }));
  shown = champions;
  refill(find("models-body"), ...(models.length ? models.map(card) : [html("p", {}, nobody("models.no-target"))]));
}

// What is said where no model is in charge: before the service is ready, who will be is not known.
const nobody = (otherwise) => t(starting() ? "models.not-ready" : otherwise);

function card(model) {
  const who = model.champion ? html("strong", {}, model.champion) : html("span", {}, nobody("models.none"));
  const facts = model.card && [
    t("models.trained", { from: day(model.card.trained_from), until: day(model.card.trained_until), series: number(model.card.series) }),
    t("models.published", { time: moment(model.card.created_at), minutes: number(model.card.horizon_minutes) }),
    model.card.synthetic ? t("models.synthetic") : null,
  ];
  return html(
    "article",
    { class: "model" },
    html("h3", {}, html("code", {}, `${model.topic}.${model.target}`), " ", who),
    model.failure && html("p", { class: "bad" }, t("models.failure", { failure: model.failure })),
    model.answering && model.answering !== model.champion ? html("p", { class: "bad" }, t("models.instead", { model: model.answering })) : null,
    html("p", { class: "hint" }, given(model)),
    facts && html("p", { class: "hint" }, facts.filter(Boolean).join(" ")),
    scorecard(model),
  );
}

// Who gave the newest forecasts.
function given({ forecasts }) {
  if (!forecasts) return t("models.no-forecast");
  const parts = Object.entries(forecasts.given_by).map(([step, amount]) => t("models.given", { count: number(amount), giver: name("giver", step) }));
  return parts.length ? t("models.given-all", { time: moment(forecasts.origin), parts: parts.join(", ") }) : t("models.nobody");
}

function scorecard({ card, unit, champion }) {
  const scores = card?.scores ?? [];
  if (!scores.length) return champion ? html("p", { class: "hint" }, t("models.no-card")) : null;
  const minutes = few([...new Set(scores.map((score) => score.minutes))].sort((a, b) => a - b));
  const last = minutes.at(-1);
  const at = (model, when) => scores.find((score) => score.model === model && score.minutes === when);
  const names = [...new Set(scores.map((score) => score.model))];
  names.sort((a, b) => (at(a, last)?.mae ?? Infinity) - (at(b, last)?.mae ?? Infinity));
  const head = html(
    "tr",
    {},
    html("th", { scope: "col" }, t("models.model")),
    ...minutes.map((when) => html("th", { scope: "col" }, t("models.error", { minutes: number(when) }))),
    html("th", { scope: "col" }, t("models.skill")),
    html("th", { scope: "col" }, t("models.coverage")),
  );
  const cell = (value) => html("td", { class: "n" }, value);
  const row = (model) =>
    html(
      "tr",
      { class: model === card.kind ? "chosen" : null },
      html("th", { scope: "row" }, model),
      ...minutes.map((when) => cell(score(at(model, when)?.mae))),
      cell(percent(at(model, last)?.skill)),
      cell(percent(at(model, last)?.coverage_80)),
    );
  return html(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": t("models.scorecard") },
    html("table", {}, html("caption", {}, t("models.caption", { unit: unitName(unit) })), html("thead", {}, head), html("tbody", {}, ...names.map(row))),
  );
}

// Of many horizons a few, the last among them.
const few = (all) => (all.length <= 4 ? all : [1, 2, 3, 4].map((quarter) => all[Math.ceil((quarter * all.length) / 4) - 1]));

const score = (value) => (value === null || value === undefined ? t("none") : number(value, 2));
