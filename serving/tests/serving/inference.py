"""What a user of Triton writes: the plain client, unmodified. Argument: HOST:PORT. Prints what the test compares."""

import sys

import numpy
import tritonclient.grpc as triton


def tensor(name, values, datatype):
    values = numpy.asarray(values)
    made = triton.InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values)
    return made


def inputs(keys, horizons=(5, 15), quantiles=(0.1, 0.5, 0.9)):
    return [
        tensor("keys", numpy.array(keys, dtype=object), "BYTES"),
        tensor("horizons_minutes", numpy.array(horizons, dtype=numpy.int32), "INT32"),
        tensor("quantiles", numpy.array(quantiles, dtype=numpy.float32), "FP32"),
    ]


client = triton.InferenceServerClient(sys.argv[1])
model = "traffic-sensors.speed_kmh"
assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(model)
metadata = client.get_model_metadata(model, as_json=True)
print([one["name"] for one in metadata["inputs"]], [one["name"] for one in metadata["outputs"]], metadata["versions"])
print([(one["name"], one["state"]) for one in client.get_model_repository_index(as_json=True)["models"]])

result = client.infer(model, inputs(["b", "nobody", "a"]), request_id="seven")
forecast = result.as_numpy("forecast")
print(forecast.shape, forecast.dtype, forecast[0].tolist(), bool(numpy.isnan(forecast[1]).all()), forecast[2, 1, 1])
print([status.decode() for status in result.as_numpy("status")], result.as_numpy("target_time").astype("datetime64[us]").tolist()[1])
print(result.get_response().id, result.get_response().model_version)

many = client.infer(model, inputs([f"key-{number}" for number in range(998)] + ["a", "b"], quantiles=[0.5]))
print(many.as_numpy("forecast").shape, sum(status == b"OK" for status in many.as_numpy("status")))

only = client.infer(model, inputs(["a"]), outputs=[triton.InferRequestedOutput("status")])
print([output.name for output in only.get_response().outputs])

for wrong in [("traffic-sensors.speed", inputs(["a"])), (model, inputs(["a"], horizons=[7]))]:
    try:
        client.infer(*wrong)
    except triton.InferenceServerException as error:
        print(error.status(), error.message())
