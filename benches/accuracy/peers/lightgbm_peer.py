"""LightGBM with care, on the runs of the accuracy table: one model a step, of the deviation from an anchor, rounds chosen on validation.

    pip install -r benches/accuracy/peers/requirements.txt
    python benches/accuracy/peers/lightgbm_peer.py OUT losloop aarhus [--threads 2] [--seed 1]

Scores go to OUT/results/RUN/lightgbm-SEED.json, where run.py finds them. The anchor of a target is what is usual there plus a share of the
deviation last seen, one share a step. The validation part (or the last fifth of the training part) chooses the number of rounds; then
everything before the test part is fitted again.
"""

import argparse
import json
import sys
import time
import warnings
from pathlib import Path

import lightgbm
import numpy

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import panel as panels
import protocols
from features import Features

RUNS = {run.name: run for run in (getattr(protocols, name) for name in dir(protocols)) if isinstance(run, protocols.Run) and run is not protocols.M4}
MOST_ROWS = 1_200_000
PARAMETERS = {
    "objective": "regression_l1", "learning_rate": 0.06, "num_leaves": 63, "min_data_in_leaf": 100, "feature_fraction": 0.7,
    "bagging_fraction": 0.8, "bagging_freq": 1, "lambda_l2": 5.0, "max_bin": 255, "verbosity": -1,
}


class Step:
    """The model of one step ahead."""

    def __init__(self, panel, step, parameters):
        self.panel, self.step, self.parameters = panel, step, parameters

    def fit(self, head):
        """Chooses rounds by the rows from `head` to the test part, then fits on all of them."""
        panel = self.panel
        chosen, checked = self.rows(head, 0, head), self.rows(head, head, panel.test)
        stop = lightgbm.early_stopping(50, verbose=False)
        trial = lightgbm.train(self.parameters, lightgbm.Dataset(*chosen), 1500, [lightgbm.Dataset(*checked)], callbacks=[stop])
        self.booster = lightgbm.train(self.parameters, lightgbm.Dataset(*self.rows(panel.test, 0, panel.test)), trial.best_iteration)

    def prepare(self, fitted):
        """Features and anchor as they are known once the first `fitted` rows are."""
        features = Features(self.panel, panels.profile(self.panel, fitted), fitted)
        now, later = features.last[: fitted - self.step], features.deviation[self.step : fitted]
        both = numpy.isfinite(now) & numpy.isfinite(later)
        share = (now[both] * later[both]).sum() / max((now[both] ** 2).sum(), 1e-9)
        return features, share

    def anchor(self, features, share, origins):
        """What is usual at the targets, and a share of the deviation last seen."""
        return features.usual[origins + self.step] + share * numpy.nan_to_num(features.last[origins])

    def rows(self, fitted, start, end):
        """Columns and what the anchor leaves, of targets in `start..end`; evenly thinned where there are too many."""
        features, share = self.prepare(fitted)
        origins = numpy.arange(max(start - self.step, 0), end - self.step)
        origins = origins[:: max(1, len(origins) * len(self.panel.series) // MOST_ROWS)]
        rest = (self.panel.values[origins + self.step] - self.anchor(features, share, origins)).ravel()
        present = numpy.isfinite(rest)
        return features.at(origins, self.step)[present], rest[present]

    def errors(self, origins):
        """Target minus forecast, windows x series."""
        features, share = self.prepare(self.panel.test)
        forecast = self.anchor(features, share, origins)
        for part in numpy.array_split(numpy.arange(len(origins)), max(1, forecast.size // MOST_ROWS)):
            forecast[part] += self.booster.predict(features.at(origins[part], self.step)).reshape(len(part), -1)
        return self.panel.values[origins + self.step] - forecast


def measure(panel, run, parameters):
    """The scores by step; averages through a step only where every step before is measured, too."""
    head = panel.training if panel.training < panel.test else panel.test * 4 // 5
    origins = panel.origins(panel.test, len(panel.values))
    through = any(column.run is run and "through" in column.metric for table in protocols.TABLES for column in table.columns)
    absolute, squared, scores, seconds = [], [], [], 0.0
    for step in range(1, run.horizon + 1) if through else run.steps:
        started = time.perf_counter()
        model = Step(panel, step, parameters)
        model.fit(head)
        seconds += time.perf_counter() - started
        errors = model.errors(origins)
        errors = errors[numpy.isfinite(errors)]
        absolute.append(numpy.abs(errors))
        squared.append(errors**2)
        mean = lambda parts: float(numpy.concatenate(parts).mean())
        score = {"step": step, "mae": mean(absolute[-1:]), "rmse": mean(squared[-1:]) ** 0.5, "forecasts": len(errors), "targets": len(errors)}
        if through:
            score |= {"mae_through": mean(absolute), "rmse_through": mean(squared) ** 0.5}
        scores.append(score)
        print(run.name, json.dumps(score), file=sys.stderr, flush=True)
    return [{**score, "fit_seconds": seconds} for score in scores]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="OUT")
    parser.add_argument("runs", nargs="+", choices=RUNS, metavar="RUN")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", RuntimeWarning)  # a mean of nothing is missing, as it should be
    parameters = {**PARAMETERS, "num_threads": arguments.threads, "seed": arguments.seed}
    for name in arguments.runs:
        scores = measure(panels.read(arguments.folder, RUNS[name]), RUNS[name], parameters)
        file = arguments.folder / "results" / name / f"lightgbm-{arguments.seed}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(scores, indent=1))


if __name__ == "__main__":
    main()
