"""Six labelled traffic sites (Taheri Sarteshnizi et al., IEEE T-ITS 2023), online, beside the detectors of PyOD on the whole files.

    python benches/anomaly/traffic_sites.py --arterial target/debug/arterial

Truth is where at least half of the 20 annotators agree. An event is a run of such rows; a false alert is a run of rows above
the threshold that touches no event. Event recall is taken at the lowest threshold with at most one false alert a week of the calendar.
The files leave out nights and weekends.
"""

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from common import arguments, data, scores


def read(path) -> tuple[pd.DataFrame, np.ndarray]:
    frame = pd.read_csv(path)
    frame["timestamp"] = pd.to_datetime(frame["Date"] + " " + frame["Time"], dayfirst=True, format="mixed")
    return frame[["timestamp", "Volume", "Density"]], (frame["Anomaly Probability"] >= 0.5).to_numpy()


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """The half-open runs of true rows."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    return list(zip(edges[::2], edges[1::2]))


def weeks(frame: pd.DataFrame) -> float:
    """How long the file is."""
    return (frame["timestamp"].iloc[-1] - frame["timestamp"].iloc[0]) / pd.Timedelta(days=7)


def event_recall(strangeness: np.ndarray, truth: np.ndarray, most: float) -> float:
    """The share of events of which any row is above the lowest threshold with at most so many false alerts in the file."""
    events, found = runs(truth), 0.0
    for threshold in np.quantile(strangeness, 1 - np.geomspace(2e-4, 0.2, 300)):
        alert = (strangeness >= threshold) & (strangeness > 0)
        if sum(not truth[left:right].any() for left, right in runs(alert)) > most:
            break
        found = max(found, np.mean([alert[left:right].any() for left, right in events]))
    return found


def figures(strangeness: np.ndarray, truth: np.ndarray, frame: pd.DataFrame) -> list[float]:
    later = (frame["timestamp"] >= frame["timestamp"].iloc[0] + pd.Timedelta(days=14)).to_numpy()
    return [
        average_precision_score(truth, strangeness),
        average_precision_score(truth[later], strangeness[later]),
        roc_auc_score(truth, strangeness),
        event_recall(strangeness, truth, weeks(frame)),
    ]


def at_the_line(alert: np.ndarray, truth: np.ndarray, frame: pd.DataFrame) -> list[float]:
    """Event recall, false alerts a week, share of alert rows that are true."""
    false_alerts = sum(not truth[left:right].any() for left, right in runs(alert)) / weeks(frame)
    recall = np.mean([alert[left:right].any() for left, right in runs(truth)])
    return [recall, false_alerts, truth[alert].mean() if alert.any() else 0.0]


def peers() -> dict:
    from pyod.models.copod import COPOD
    from pyod.models.ecod import ECOD
    from pyod.models.hbos import HBOS
    from pyod.models.iforest import IForest
    from pyod.models.knn import KNN
    from pyod.models.lof import LOF
    from pyod.models.ocsvm import OCSVM
    from pyod.models.pca import PCA

    return {kind.__name__: kind for kind in (ECOD, COPOD, HBOS, KNN, LOF, IForest, OCSVM, PCA)}


def features(frame: pd.DataFrame) -> np.ndarray:
    """What the peers get: the two values, their changes, and where in the day they stand; standardised."""
    hour = 2 * np.pi * (frame["timestamp"].dt.hour + frame["timestamp"].dt.minute / 60) / 24
    values = frame[["Volume", "Density"]]
    table = np.column_stack([values, values.diff().fillna(0), np.sin(hour), np.cos(hour)])
    return (table - table.mean(0)) / (table.std(0) + 1e-9)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--no-peers", action="store_true", help="leave PyOD out")
    options = parser.parse_args()
    sites = [read(path) for path in sorted(data("anomaly/traffic_labelled").glob("*.csv.gz"))]
    print("detector, AP, AP after 14 days, AUROC, event recall")
    found = [scores(options, frame) for frame, _ in sites]
    each = [figures(one["score"].to_numpy(), truth, frame) for one, (frame, truth) in zip(found, sites)]
    print(f"arterial {options.detector}, online", np.round(np.mean(each, 0), 3), "by site, AP:", np.round([one[0] for one in each], 3))
    line = [at_the_line((one["score"] >= 1.0).to_numpy(), truth, frame) for one, (frame, truth) in zip(found, sites)]
    print("  at the line: event recall, false alerts a week, precision of rows", np.round(np.mean(line, 0), 3))
    for name, kind in {} if options.no_peers else peers().items():
        each = []
        for frame, truth in sites:
            detector = kind(random_state=1) if name == "IForest" else kind()
            each.append(figures(detector.fit(features(frame)).decision_scores_, truth, frame))
        print(f"PyOD {name}, whole file", np.round(np.mean(each, 0), 3))


if __name__ == "__main__":
    main()
