// Follows the service: server-sent events, from where they were cut off.
import { load } from "./models.js";
import { set, state } from "./store.js";
import { language } from "./texts.js";

const AGAIN = 3000; // milliseconds until a server that refused is asked again
const SILENCE = 45000; // the service says something at least every 20 seconds: after this the line is dead, though nobody has said so
const RESOLVED = 5; // alerts that were resolved are remembered, the newest of them
const HIDDEN = 30000; // whoever looks elsewhere for so long needs no events: browsers hold only six such lines to a server

let source = null;
let last = "";
let watchdog;
let leaving;

export function start() {
  document.addEventListener("visibilitychange", () => {
    clearTimeout(leaving);
    if (document.hidden) leaving = setTimeout(leave, HIDDEN);
    else if (!source) follow();
  });
  addEventListener("pagehide", leave);
  follow();
}

function follow() {
  leave();
  const query = new URLSearchParams({ language, ...(last && { last_event_id: last }) });
  const line = new EventSource(`/v1/events?${query}`);
  source = line;
  const hear = (kind, take) =>
    line.addEventListener(kind, (event) => {
      alive();
      last = event.lastEventId;
      set({ connection: "live" });
      take(JSON.parse(event.data));
    });
  hear("status", (status) => set({ status }));
  hear("now", takeNow);
  hear("alerts", takeAlerts);
  hear("models", load);
  line.addEventListener("error", () => {
    set({ connection: "lost" });
    // The browser comes back by itself, but not to a server that refused.
    if (line.readyState === EventSource.CLOSED) setTimeout(() => source === line && follow(), AGAIN);
  });
  alive();
}

function leave() {
  clearTimeout(watchdog);
  source?.close();
  source = null;
}

function alive() {
  clearTimeout(watchdog);
  watchdog = setTimeout(() => {
    set({ connection: "lost" });
    follow();
  }, SILENCE);
}

async function takeNow(now) {
  const known = state.city?.count;
  if (state.now && state.now.issued_at !== now.issued_at) load();
  set({ now });
  // Where new keys have reported, the map has new places.
  if (known !== now.keys.length) await loadCity(now.keys.length);
}

async function loadCity(count) {
  // Where this fails, the next window tries again.
  const answer = await fetch("/page/data/city").catch(() => null);
  if (answer?.ok) set({ city: { ...(await answer.json()), count } });
}

function takeAlerts({ begins, alerts, resolved = [] }) {
  const known = new Map(begins ? [] : (state.alerts ?? []));
  const over = new Map(begins ? [] : state.resolved.map((alert) => [alert.alert_id, alert]));
  for (const alert of [...resolved, ...alerts]) {
    if (alert.live) known.set(alert.alert_id, alert);
    else known.delete(alert.alert_id);
    if (alert.state === "resolved") over.set(alert.alert_id, alert);
    else over.delete(alert.alert_id);
  }
  const newest = [...over.values()].sort((a, b) => b.closed_at.localeCompare(a.closed_at));
  set({ alerts: known, resolved: newest.slice(0, RESOLVED) });
}
