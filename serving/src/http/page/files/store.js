// What the page knows, and who is told when it changes. Everything that is drawn is drawn from here.
export const state = {
  city: null, // where everything is
  now: null, // speed and congestion of every key, now and at each horizon
  alerts: null, // by id; null before they were told
  resolved: [], // those that were resolved last, the newest first
  models: null,
  status: null,
  connection: "opening", // opening, live, lost
  place: 0, // what the slider shows: 0 now, otherwise steps ahead
  road: null, // the chosen road
  key: null, // the chosen sensor
  hours: 6,
  history: null,
};

// Whether the service still starts: what it tells is not complete then.
export const starting = () => state.status?.reasons.some((reason) => reason.code === "rebuilding") ?? false;

const listeners = [];

// Calls `draw` whenever one of `names` has changed. All changes of one turn are told together.
export function on(names, draw) {
  listeners.push({ names, draw });
}

let changed = null;

export function set(patch) {
  Object.assign(state, patch);
  if (!changed) {
    changed = new Set();
    queueMicrotask(tell);
  }
  Object.keys(patch).forEach((name) => changed.add(name));
}

function tell() {
  const names = changed;
  changed = null;
  listeners.filter((one) => one.names.some((name) => names.has(name))).forEach((one) => one.draw(state));
}

// The position of each key in what is told of now.
let positions = { of: null, at: new Map() };

export function position(key) {
  if (positions.of !== state.now) {
    positions = { of: state.now, at: new Map((state.now?.keys ?? []).map((name, at) => [name, at])) };
  }
  return positions.at.get(key);
}

// Speed, congestion and free flow of a key at a place of the slider; null where there is no number.
export function reading(key, place = state.place) {
  const at = position(key);
  return {
    speed: state.now?.speed[at]?.[place] ?? null,
    congestion: state.now?.congestion[at]?.[place] ?? null,
    freeFlow: state.now?.free_flow[at] ?? null,
  };
}

// The start of the window that a place of the slider means.
export function windowAt(place = state.place) {
  const { now } = state;
  if (!now) return null;
  if (place === 0) return now.window_start;
  return new Date(Date.parse(now.origin) + 60000 * now.horizons_minutes[place - 1]).toISOString();
}

// The plain mean of what is there; null of nothing.
export function mean(values) {
  const there = values.filter((value) => value !== null);
  return there.length ? there.reduce((sum, value) => sum + value, 0) / there.length : null;
}

// Roads, and keys without a road as roads of their own.
export function roads() {
  const { city } = state;
  if (!city) return [];
  const named = city.roads.map((road) => ({ id: road.road_id, name: road.road_name ?? road.road_id, keys: road.keys }));
  const lone = city.keys.filter((key) => key.road_id === null);
  return [...named, ...lone.map((key) => ({ id: key.key, name: key.name ?? key.key, keys: [key.key] }))];
}

// The road that is most congested now, of equally bad ones the first.
export function worstRoad() {
  const congestion = (road) => mean(road.keys.map((key) => reading(key, 0).congestion)) ?? -1;
  const [worst] = roads().map((road) => ({ road, at: congestion(road) })).sort((a, b) => b.at - a.at);
  return worst?.road;
}

// Chooses a road, and of its sensors the given one or the most congested now.
export function choose(road, key = null) {
  const found = roads().find((one) => one.id === road);
  if (!found) return;
  const worst = [...found.keys].sort((a, b) => (reading(b, 0).congestion ?? -1) - (reading(a, 0).congestion ?? -1))[0];
  set({ road, key: key ?? worst });
}

// The road of a key.
export const roadOf = (key) => roads().find((road) => road.keys.includes(key));
