// Puts the page together: each part draws itself from what `store.js` knows, `live.js` keeps that up to date.
import * as alerts from "./alerts.js";
import * as detail from "./detail.js";
import * as freshness from "./freshness.js";
import * as horizon from "./horizon.js";
import * as live from "./live.js";
import * as map from "./map.js";
import * as models from "./models.js";
import * as roads from "./roads.js";

for (const part of [map, horizon, roads, detail, alerts, models, freshness, live]) part.start();
