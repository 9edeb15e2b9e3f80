"""SKAB 0.9 (Katser and Kozitsin 2020): eight sensors of a water loop, 34 labelled files, the first 400 rows of each for training.

    python benches/anomaly/skab.py --arterial target/debug/arterial

F1, the false-alarm rate and the missed-alarm rate over all rows, one threshold for all files: the best one, and the line.
"""

import numpy as np
import pandas as pd

from common import arguments, data, scores


def rates(alert: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """F1, false alarms among normal rows, missed among anomalous ones."""
    hit = (alert & truth).sum()
    return 2 * hit / max(alert.sum() + truth.sum(), 1), alert[~truth].mean(), (~alert[truth]).mean()


def best(strangeness: np.ndarray, truth: np.ndarray, most_false_alarms: float = 0.15) -> tuple[float, float, float, float]:
    """The threshold with the most F1 at that rate of false alarms or less, with its rates."""
    tried = np.quantile(strangeness, np.linspace(0.3, 0.999, 800))
    fair = [(rates(strangeness >= threshold, truth), threshold) for threshold in tried]
    fair = [(found, threshold) for found, threshold in fair if found[1] <= most_false_alarms]
    found, threshold = max(fair, default=((0.0, 0.0, 1.0), np.inf))
    return *found, threshold


def main() -> None:
    options = arguments(__doc__).parse_args()
    strangeness, truth, after = [], [], []
    for path in sorted(data("anomaly/skab").glob("[ov]*/*.csv.gz")):
        frame = pd.read_csv(path, sep=";").rename(columns={"datetime": "timestamp"})
        truth.append(frame.pop("anomaly").to_numpy() > 0.5)
        frame = frame.drop(columns="changepoint")
        strangeness.append(scores(options, frame)["score"].to_numpy())
        after.append(np.arange(len(frame)) >= 400)
    strangeness, truth, after = map(np.concatenate, (strangeness, truth, after))
    for name, rows in (("all rows", np.ones(len(truth), bool)), ("after the first 400 rows", after)):
        f1, false_alarms, missed, threshold = best(strangeness[rows], truth[rows])
        print(f"{name}: F1 {f1:.3f}, FAR {false_alarms:.3f}, MAR {missed:.3f} at threshold {threshold:.3f}")
        f1, false_alarms, missed = rates(strangeness[rows] >= 1.0, truth[rows])
        print(f"  at the line: F1 {f1:.3f}, FAR {false_alarms:.3f}, MAR {missed:.3f}")


if __name__ == "__main__":
    main()
