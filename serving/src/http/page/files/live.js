// Follows the service: server-sent events, from where they were cut off.
import { find } from "./dom.js";
import { load } from "./models.js";
import { set, state } from "./store.js";
import { language } from "./texts.js";

const AGAIN = 3000; // milliseconds until a server that refused is asked again
let last = "";

export function follow() {
  const query = new URLSearchParams({ language, ...(last && { last_event_id: last }) });
  const source = new EventSource(`/v1/events?${query}`);
  const hear = (kind, take) =>
    source.addEventListener(kind, (event) => {
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
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, AGAIN);
  });
  addEventListener("pagehide", () => source.close(), { once: true });
}

async function takeNow(now) {
  const known = state.city?.count;
  set({ now });
  // Where new keys have reported, the map has new places.
  if (known !== now.keys.length) await loadCity(now.keys.length);
}

async function loadCity(count) {
  const answer = await fetch("/page/data/city");
  if (answer.ok) set({ city: { ...(await answer.json()), count } });
  find("map").dataset.ready = String(answer.ok);
}

function takeAlerts({ begins, alerts }) {
  const known = new Map(begins ? [] : (state.alerts ?? []));
  for (const alert of alerts) {
    if (alert.live) known.set(alert.alert_id, alert);
    else known.delete(alert.alert_id);
  }
  set({ alerts: known });
}
