// Follows the service: server-sent events, from where they were cut off.
import { load } from "./models.js";
import { set, state } from "./store.js";
import { language } from "./texts.js";

const AGAIN = 3000; // milliseconds until a server that refused is asked again
const SILENCE = 45000; // the service says something at least every 20 seconds: after this the line is dead, though nobody has said so
let last = "";
let watchdog;

export function follow() {
  const query = new URLSearchParams({ language, ...(last && { last_event_id: last }) });
  const source = new EventSource(`/v1/events?${query}`);
  const leave = () => source.close();
  const again = (after) => {
    clearTimeout(watchdog);
    removeEventListener("pagehide", leave);
    source.close();
    set({ connection: "lost" });
    setTimeout(follow, after);
  };
  const alive = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => again(0), SILENCE);
  };
  const hear = (kind, take) =>
    source.addEventListener(kind, (event) => {
      alive();
      last = event.lastEventId;
      set({ connection: "live" });
      take(JSON.parse(event.data));
    });
  hear("status", (status) => set({ status }));
  hear("now", takeNow);
  hear("alerts", takeAlerts);
  hear("models", load);
  source.addEventListener("error", () => {
    set({ connection: "lost" });
    // The browser comes back by itself, but not to a server that refused.
    if (source.readyState === EventSource.CLOSED) again(AGAIN);
  });
  addEventListener("pagehide", leave);
  alive();
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

function takeAlerts({ begins, alerts }) {
  const known = new Map(begins ? [] : (state.alerts ?? []));
  for (const alert of alerts) {
    if (alert.live) known.set(alert.alert_id, alert);
    else known.delete(alert.alert_id);
  }
  set({ alerts: known });
}
