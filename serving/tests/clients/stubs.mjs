// grpc-js with the .proto files as they are, and Connect over gRPC-Web with generated code in ./gen: node stubs.mjs HOST:PORT PROTO
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";
import { ForecastService as Web } from "./gen/arterial/v1/forecast_pb.js";

const [address, proto] = process.argv.slice(2);
const question = { topic: "traffic-sensors", target: "speed_kmh" };

const definition = loader.loadSync("arterial/v1/forecast.proto", { includeDirs: [proto], keepCase: true, longs: Number });
const { ForecastService } = grpc.loadPackageDefinition(definition).arterial.v1;
const stub = new ForecastService(address, grpc.credentials.createInsecure());
const call = (request) => new Promise((done) => stub.Forecast(request, (error, answer) => done(error ?? answer)));

const answer = await call({ ...question, keys: ["a"], horizons_minutes: [15] });
const one = answer.forecasts[0];
console.log(one.key, one.horizon_minutes, one.quantiles.map((pair) => pair.value).join(" "), one.model_version);
const error = await call({ ...question, quantiles: [1.5] });
console.log(grpc.status[error.code], error.details, error.metadata.get("grpc-status-details-bin").length);
const watching = stub.WatchForecasts({ ...question, keys: ["b"] });
watching.on("error", () => {});
console.log((await new Promise((done) => watching.once("data", done))).forecasts.length);
watching.cancel();
stub.close();

// What a browser does, but for the check of origins.
const client = createClient(Web, createGrpcWebTransport({ baseUrl: `http://${address}` }));
const web = await client.forecast({ ...question, keys: ["a"], horizonsMinutes: [15] });
console.log(web.forecasts[0].quantiles.map((pair) => pair.value).join(" "), web.forecasts[0].dataDigest.length);
const enough = new AbortController();
try {
  for await (const update of client.watchForecasts({ ...question, keys: ["b"] }, { signal: enough.signal })) {
    console.log(update.forecasts.length, update.resumeAfter !== "");
    enough.abort();
  }
} catch (ended) {
  if (ConnectError.from(ended).code !== Code.Canceled) throw ended;
}
try {
  await client.forecast({ ...question, target: "speed_kmh", horizonsMinutes: [7] });
} catch (refused) {
  const told = ConnectError.from(refused);
  console.log(Code[told.code], told.rawMessage, told.details.map((detail) => detail.type).join(" "));
}
