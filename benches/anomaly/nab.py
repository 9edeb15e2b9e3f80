"""The Numenta Anomaly Benchmark (Lavin and Ahmad 2015) on the files held here, scored by its rules.

    python benches/anomaly/nab.py --arterial target/debug/arterial

One threshold for all files: the best one for each profile, as the benchmark itself does, and the detector's own line.
"""

import json

import numpy as np
import pandas as pd

from common import arguments, data, scores

PROFILES = {"standard": (0.11, 1.0), "reward_low_FP": (0.22, 1.0), "reward_low_FN": (0.11, 2.0)}


def sigmoid(position):
    """1 far before the end of a window, 0 at its end, -1 from three lengths of it after."""
    position = np.asarray(position, float)
    return np.where(position > 3, -1.0, 2 / (1 + np.exp(np.minimum(5 * position, 50))) - 1)


def weights(rows: int, windows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each row: its window (-1 outside), what detecting it is worth, and whether it counts (not in the probation)."""
    inside, worth = np.full(rows, -1), np.full(rows, -1.0)
    for number, (left, right) in enumerate(windows):
        row = np.arange(left, right + 1)
        inside[row] = number
        worth[row] = sigmoid((row - right - 1) / (right - left + 1)) / sigmoid(-1.0)
        until = windows[number + 1][0] if number + 1 < len(windows) else rows
        after = np.arange(right + 1, until)
        worth[after] = sigmoid((after - right) / max(right - left, 1))
    counts = np.arange(rows) >= min(int(0.15 * rows), 750)
    return inside, worth, counts


def score(files: list, threshold: float, profile: str) -> float:
    """100 for every window found in its first row and nothing else, 0 for silence."""
    false_positive, false_negative = PROFILES[profile]
    total, windows = 0.0, 0
    for strangeness, (inside, worth, counts), number in files:
        alert = (strangeness >= threshold) & counts
        total += false_positive * worth[alert & (inside < 0)].sum()
        best = np.full(number, -false_negative)
        np.maximum.at(best, inside[alert & (inside >= 0)], worth[alert & (inside >= 0)])
        total += best.sum()
        windows += number
    return 100 * (total + windows * false_negative) / (windows * (1 + false_negative))


def best(files: list, profile: str) -> tuple[float, float]:
    """The best score of any threshold, and that threshold."""
    every = np.unique(np.concatenate([strangeness for strangeness, _, _ in files]))
    tried = every[:: max(1, len(every) // 4000)] if len(every) > 4000 else every
    tried = np.unique(np.concatenate([tried, np.quantile(every, 1 - np.geomspace(1e-5, 0.2, 400)), [np.inf]]))
    return max((score(files, threshold, profile), threshold) for threshold in tried)


def check_the_scorer() -> None:
    """Silence has 0, the first row of every window and nothing else 100, in every profile."""
    windows = [(400, 500), (700, 799)]
    parts = weights(1000, windows)
    perfect = np.zeros(1000)
    perfect[[left for left, _ in windows]] = 2.0
    for profile in PROFILES:
        assert abs(score([(np.zeros(1000), parts, 2)], 1.0, profile)) < 1e-9
        assert abs(score([(perfect, parts, 2)], 1.0, profile) - 100) < 1e-9
    late = np.zeros(1000)
    late[[500, 799, 999]] = 2.0
    assert score([(late, parts, 2)], 1.0, "reward_low_FP") < score([(late, parts, 2)], 1.0, "standard") < 60


def read(folder, name: str) -> tuple[pd.DataFrame, list[tuple[int, int]]]:
    frame = pd.read_csv(folder / "data" / f"{name}.gz", parse_dates=["timestamp"])
    windows = json.loads((folder / "combined_windows.json").read_text())[name]
    found = []
    for left, right in windows:
        rows = np.flatnonzero((frame["timestamp"] >= left) & (frame["timestamp"] <= right))
        found.append((int(rows[0]), int(rows[-1])))
    return frame, found


def load(options, folder) -> dict[str, tuple]:
    files = {}
    for name in sorted(json.loads((folder / "combined_windows.json").read_text())):
        frame, windows = read(folder, name)
        files[name] = (scores(options, frame)["score"].to_numpy(), weights(len(frame), windows), len(windows))
    return files


def report(files: dict[str, tuple]) -> None:
    for profile in PROFILES:
        most, threshold = best(list(files.values()), profile)
        line = score(list(files.values()), 1.0, profile)
        print(f"{profile}: {most:.1f} at threshold {threshold:.3f}, {line:.1f} at the line")
        categories = sorted({name.split("/")[0] for name in files})
        for category in categories:
            part = [value for name, value in files.items() if name.startswith(category)]
            if sum(number for _, _, number in part):
                print(f"  {category}: {score(part, threshold, profile):.1f}, {score(part, 1.0, profile):.1f} at the line")
        elsewhere = {
            "artificial": [name for name in files if name.startswith("artificial")],
            "realTraffic": [name for name in files if name.startswith("realTraffic")],
            "realKnownCause": [name for name in files if name.startswith("realKnownCause")],
        }
        for chosen, names in elsewhere.items():
            threshold = best([files[name] for name in names], profile)[1]
            others = [files[name] for name in files if name not in names]
            print(f"  threshold chosen on {chosen} alone, score on the others: {score(others, threshold, profile):.1f}")


def main() -> None:
    options = arguments(__doc__).parse_args()
    check_the_scorer()
    report(load(options, data("anomaly/nab")))


if __name__ == "__main__":
    main()
