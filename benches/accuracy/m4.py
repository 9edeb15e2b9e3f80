"""M4 hourly: forecasts beyond the end of every series, scored as the competition did.

    sMAPE = mean of 200 |y - f| / (|y| + |f|)
    MASE  = mean over series of mean |y - f| / mean |y[t] - y[t - 24]| of the series' training part
    OWA   = mean of sMAPE and MASE, each divided by that of Naive2

Makridakis, Spiliotis, Assimakopoulos (2020), "The M4 Competition: 100,000 time series and 61 forecasting methods".
"""

import csv
from collections import defaultdict
from statistics import fmean

SEASON = 24
NAIVE2 = {"smape": 18.383, "mase": 2.395}


def score(forecasts, training, test):
    """The scores of a CSV file of forecasts, by the names that `arterial backtest --json` uses."""
    scales = {name: fmean(changes(values)) for name, values in series(training).items()}
    actual = {(row["unique_id"], row["horizon"]): float(row["y"]) for row in rows(test)}
    symmetric, scaled, inside = [], [], []
    for row in rows(forecasts):
        value, forecast = actual[row["unique_id"], row["horizon"]], float(row["p50"])
        error = abs(value - forecast)
        symmetric.append(200 * error / (abs(value) + abs(forecast)))
        scaled.append(error / scales[row["unique_id"]])
        inside.append(float(row["p10"]) <= value <= float(row["p90"]))
    scores = {"smape": fmean(symmetric), "mase": fmean(scaled)}
    owa = fmean(scores[name] / NAIVE2[name] for name in NAIVE2)
    return {**scores, "owa": owa, "coverage_80": fmean(inside), "forecasts": len(scaled), "targets": len(actual)}


def changes(values):
    """How far each value lies from that of a season before."""
    return [abs(now - before) for now, before in zip(values[SEASON:], values)]


def series(path):
    """The values of each series, in order."""
    values = defaultdict(list)
    for row in rows(path):
        values[row["unique_id"]].append(float(row["y"]))
    return values


def rows(path):
    """The rows of a CSV file by the names of its columns."""
    with open(path, newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)
