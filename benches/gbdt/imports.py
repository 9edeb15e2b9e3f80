"""Models that XGBoost and LightGBM fitted on the shared datasets, imported: the largest differences of predictions and contributions.

    python imports.py --driver ../../target/release/examples/gbdt_import --data FOLDER

Differences are relative to the largest prediction (contribution) of the model.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import lightgbm
import numpy
import pandas
import xgboost

parser = argparse.ArgumentParser()
parser.add_argument("--driver", required=True)
parser.add_argument("--data", required=True, type=Path)
options = parser.parse_args()


def air():
    """Missing values and two categorical columns (station and wind direction)."""
    table = pandas.read_parquet(options.data / "air/prsa_beijing_12stations.parquet").iloc[::12]
    y = table.pop("PM2.5")
    kinds = [column for column in table if not pandas.api.types.is_numeric_dtype(table[column]) and table[column].nunique() < 200]
    for column in kinds:
        codes = table[column].astype("category").cat.codes.astype("float32")
        table[column] = codes.where(codes >= 0)
    table = table.select_dtypes("number")
    known = y.notna()
    return table[known].to_numpy(numpy.float32), y[known].to_numpy(numpy.float32), [table.columns.get_loc(kind) for kind in kinds]


def bike():
    """Counts, with whole-number columns that are often zero."""
    table = pandas.read_csv(options.data / "bike/bike_hour_washington.csv.gz")
    y = table["cnt"]
    table = table.select_dtypes("number").drop(columns=["instant", "casual", "registered", "cnt"])
    return table.to_numpy(numpy.float32), y.to_numpy(numpy.float32), [table.columns.get_loc("weathersit")]


def electricity():
    table = pandas.read_csv(options.data / "general/ETTh1.csv").select_dtypes("number")
    y = table.pop("OT")
    return table.to_numpy(numpy.float32), y.to_numpy(numpy.float32), []


def roads():
    """The last twelve values of 20 detectors, from which the next one is predicted."""
    speed = pandas.read_parquet(options.data / "traffic/losloop/losloop_speed.parquet").select_dtypes("number").to_numpy(numpy.float32)[:, :20]
    x = numpy.stack([speed[lag : len(speed) - 12 + lag].T.ravel() for lag in range(12)], axis=1)
    return x, speed[12:].T.ravel(), []


def difference(ours, theirs):
    return float(numpy.abs(ours - theirs).max() / numpy.abs(theirs).max())


def compare(name, file, x, predictions, contributions):
    with tempfile.TemporaryDirectory() as folder:
        rows, predicted, contributed = (Path(folder) / part for part in ["rows", "predicted", "contributed"])
        x.tofile(rows)
        subprocess.run([options.driver, file, rows, str(x.shape[1]), predicted], check=True)
        found = numpy.fromfile(predicted, dtype=numpy.float32)
        few = x[: len(contributions)]
        few.tofile(rows)
        subprocess.run([options.driver, file, rows, str(x.shape[1]), predicted, contributed], check=True)
        shap = numpy.fromfile(contributed, dtype=numpy.float64).reshape(contributions.shape)
    print(f"  {name:28} predictions {difference(found, predictions):.1e}   contributions {difference(shap, contributions):.1e}", flush=True)


for name, table in [("air", air), ("bike", bike), ("electricity", electricity), ("roads", roads)]:
    x, y, categorical = table()
    print(f"{name}: {x.shape[0]} x {x.shape[1]}, {len(categorical)} categorical columns")
    kinds = ["c" if column in categorical else "q" for column in range(x.shape[1])]
    matrix = xgboost.DMatrix(x, y, feature_types=kinds, enable_categorical=True)
    few = xgboost.DMatrix(x[:300], feature_types=kinds, enable_categorical=True)
    with tempfile.TemporaryDirectory() as folder:
        for objective in ["reg:squarederror"] + (["count:poisson"] if name == "bike" else ["reg:absoluteerror"]):
            model = xgboost.train({"objective": objective, "max_depth": 8, "tree_method": "hist"}, matrix, 100)
            for suffix in ["json", "ubj"]:
                model.save_model(f"{folder}/model.{suffix}")
                compare(f"XGBoost {objective} {suffix}", f"{folder}/model.{suffix}", x, model.predict(matrix), model.predict(few, pred_contribs=True))
        for objective in ["regression", "quantile"] + (["poisson"] if name == "bike" else ["regression_l1"]):
            model = lightgbm.train({"objective": objective, "num_leaves": 63, "verbose": -1}, lightgbm.Dataset(x, y, categorical_feature=categorical), 100)
            model.save_model(f"{folder}/model.txt")
            compare(f"LightGBM {objective}", f"{folder}/model.txt", x, model.predict(x), model.predict(x[:300], pred_contrib=True))
