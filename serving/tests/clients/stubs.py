"""Stubs that grpcio-tools generates, against the running service: python stubs.py HOST:PORT FOLDER."""

import sys

sys.path.insert(0, sys.argv[2])

import grpc
from arterial.v1 import alert_pb2, alert_pb2_grpc, catalog_pb2, catalog_pb2_grpc, forecast_pb2, forecast_pb2_grpc
from google.protobuf import field_mask_pb2

channel = grpc.insecure_channel(sys.argv[1], compression=grpc.Compression.Gzip)
forecasts = forecast_pb2_grpc.ForecastServiceStub(channel)


def request(**fields):
    return forecast_pb2.ForecastRequest(topic="traffic-sensors", target="speed_kmh", **fields)


answer = forecasts.Forecast(request(keys=["a", "x"], horizons_minutes=[15]))
for one in answer.forecasts:
    print(one.key, one.horizon_minutes, [(pair.quantile, pair.value) for pair in one.quantiles], one.model_version)
for one in answer.refusals:
    print(one.key, one.code)

narrow = forecasts.Forecast(request(read_mask=field_mask_pb2.FieldMask(paths=["key"]), page_size=1))
print(narrow.forecasts[0], narrow.next_page_token)

explained = forecasts.Forecast(request(keys=["b"], horizons_minutes=[15], explain=True)).forecasts[0].explanation
print(explained.base, [(one.feature, one.amount) for one in explained.contributions])

watching = forecasts.WatchForecasts(request(keys=["a"]))
first = next(watching)
print(len(first.forecasts), bool(first.resume_after))
watching.cancel()

try:
    forecasts.Forecast(request(quantiles=[1.5]), timeout=5)
except grpc.RpcError as error:
    print(error.code().name, error.details())
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    print(b"google.rpc.BadRequest" in details, b"google.rpc.ErrorInfo" in details)

print([stream.name for stream in catalog_pb2_grpc.CatalogServiceStub(channel).ListStreams(
    catalog_pb2.ListStreamsRequest(page_size=2)).streams])
print(len(alert_pb2_grpc.AlertServiceStub(channel).ListAlerts(alert_pb2.ListAlertsRequest()).alerts))
