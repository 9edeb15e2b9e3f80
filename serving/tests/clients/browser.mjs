// A page of some origin calls the service at the address behind `#` over gRPC-Web, and keeps what it sees in `window.seen`.
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { ForecastService } from "./gen/arterial/v1/forecast_pb.js";

window.seen = [];
const question = { topic: "traffic-sensors", target: "speed_kmh" };
const client = createClient(ForecastService, createGrpcWebTransport({ baseUrl: `http://${location.hash.slice(1)}` }));

async function tell(what) {
  try {
    window.seen.push(await what());
  } catch (refused) {
    const told = ConnectError.from(refused);
    window.seen.push(`${Code[told.code]}: ${told.rawMessage}`);
  }
}

await tell(async () => {
  const answer = await client.forecast({ ...question, keys: ["a"], horizonsMinutes: [15] });
  return answer.forecasts[0].quantiles.map((pair) => pair.value).join(" ");
});
await tell(async () => (await client.forecast({ ...question, horizonsMinutes: [7] })).forecasts.length);
await tell(async () => {
  const enough = new AbortController();
  for await (const update of client.watchForecasts({ ...question, keys: ["b"] }, { signal: enough.signal })) {
    enough.abort();
    return `${update.forecasts.length} watched`;
  }
});
window.done = true;
