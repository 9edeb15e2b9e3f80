"""Boosted trees against XGBoost and LightGBM: seconds to fit, rows a second, error on held-out rows.

All learners take turns within each round, so that a busy machine is busy for all of them.

    python compare.py --driver ../../target/release/examples/gbdt_speed [--rows 500000] [--rounds 3] [--threads 2]
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--driver", required=True)
parser.add_argument("--rows", type=int, default=500_000)
parser.add_argument("--test-rows", type=int, default=200_000)
parser.add_argument("--columns", type=int, default=30)
parser.add_argument("--trees", type=int, default=200)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--growth", nargs="*", default=["depth_wise", "leaf_wise"])
parser.add_argument("--only", nargs="*", default=[])
options = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = os.environ["RAYON_NUM_THREADS"] = str(options.threads)

import lightgbm
import numpy
import xgboost
from sklearn.ensemble import HistGradientBoostingRegressor

LEAVES, DEPTH, RATE = 63, 6, 0.1


def table(rows, random):
    """Eight columns that matter in curves and products, the others noise."""
    x = random.normal(size=(rows, options.columns)).astype(numpy.float32)
    y = 10 * numpy.sin(x[:, 0] * x[:, 1]) + 5 * x[:, 2] ** 2 + 3 * x[:, 3] + 4 * numpy.abs(x[:, 4])
    y += 2 * (x[:, 5] > 0.5) * x[:, 6] + numpy.exp(x[:, 7] / 2) + random.normal(size=rows)
    return x, y.astype(numpy.float32)


def boost_xgboost(train_x, train_y, test_x, growth):
    parameters = {
        "tree_method": "hist", "max_bin": 256, "eta": RATE, "nthread": options.threads, "lambda": 1.0,
        **({"max_depth": DEPTH} if growth == "depth_wise" else
           {"max_depth": 0, "max_leaves": LEAVES, "grow_policy": "lossguide"}),
    }
    started = time.perf_counter()
    model = xgboost.train(parameters, xgboost.QuantileDMatrix(train_x, train_y, max_bin=256, nthread=options.threads), options.trees)
    fitted = time.perf_counter() - started
    started = time.perf_counter()
    predictions = model.inplace_predict(test_x)
    return fitted, time.perf_counter() - started, predictions


def boost_lightgbm(train_x, train_y, test_x, growth):
    parameters = {
        "objective": "regression", "max_bin": 255, "learning_rate": RATE, "num_threads": options.threads, "verbose": -1,
        "num_leaves": LEAVES, "lambda_l2": 1.0, **({"max_depth": DEPTH} if growth == "depth_wise" else {}),
    }
    started = time.perf_counter()
    model = lightgbm.train(parameters, lightgbm.Dataset(train_x, train_y, params=parameters), options.trees)
    fitted = time.perf_counter() - started
    started = time.perf_counter()
    predictions = model.predict(test_x, num_threads=options.threads)
    return fitted, time.perf_counter() - started, predictions


def boost_sklearn(train_x, train_y, test_x, growth):
    model = HistGradientBoostingRegressor(
        max_iter=options.trees, learning_rate=RATE, max_leaf_nodes=LEAVES, max_bins=255, early_stopping=False,
        l2_regularization=1.0, max_depth=DEPTH if growth == "depth_wise" else None,
    )
    started = time.perf_counter()
    model.fit(train_x, train_y)
    fitted = time.perf_counter() - started
    started = time.perf_counter()
    predictions = model.predict(test_x)
    return fitted, time.perf_counter() - started, predictions


def boost_arterial(train_x, train_y, test_x, growth):
    settings = {
        "rounds": options.trees, "learning_rate": RATE, "growth": growth, "max_leaves": LEAVES,
        "max_depth": DEPTH if growth == "depth_wise" else 32,
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, values in [("train_x", train_x), ("train_y", train_y), ("test_x", test_x)]:
            values.tofile(Path(folder) / f"{name}.f32")
        command = [options.driver, folder, str(options.columns), json.dumps(settings)]
        seconds = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        predictions = numpy.fromfile(Path(folder) / "arterial.f32", dtype=numpy.float32)
    return seconds["fit"], seconds["predict"], predictions


learners = {"arterial": boost_arterial, "xgboost": boost_xgboost, "lightgbm": boost_lightgbm, "scikit-learn": boost_sklearn}
if options.only:
    learners = {name: learners[name] for name in options.only}
random = numpy.random.default_rng(0)
train_x, train_y = table(options.rows, random)
test_x, test_y = table(options.test_rows, random)
for growth in options.growth:
    seen = {name: [] for name in learners}
    for _ in range(options.rounds):
        for name, boost in learners.items():
            fitted, predicted, predictions = boost(train_x, train_y, test_x, growth)
            seen[name].append((fitted, options.test_rows / predicted, float(numpy.sqrt(numpy.mean((predictions - test_y) ** 2)))))
    print(f"{growth}: {options.rows} x {options.columns}, {options.trees} trees, {options.threads} threads, median of {options.rounds}")
    for name, runs in seen.items():
        fitted, rows, error = (statistics.median(column) for column in zip(*runs))
        print(f"  {name:12}  fit {fitted:6.2f} s   predict {rows / 1e6:6.2f} M rows/s   test RMSE {error:.4f}", flush=True)
