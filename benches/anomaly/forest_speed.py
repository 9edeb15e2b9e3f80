"""The isolation forest against scikit-learn's: seconds to fit, rows a second to score, AUROC, in turn within each round.

    python benches/anomaly/forest_speed.py --driver target/debug/examples/isolation_forest_speed [--rows 200000] [--rounds 5]

Processor time is that of fitting and scoring together, over all threads: on a machine that other work shares it says more than the clock.
The driver is `cargo build -p arterial-models --example isolation_forest_speed` (add `--release` for a release build). Both grow 100 trees
of 256 rows on the same table: a mixture of three clouds in 8 columns with 1 % strange rows. scikit-learn runs as it is shipped (one
thread) and, as `n_jobs`, with as many threads as Arterial.
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
parser.add_argument("--rows", type=int, default=200_000)
parser.add_argument("--columns", type=int, default=8)
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--extension", type=int, default=0, help="columns beyond the first that a split of ours looks at")
options = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = os.environ["RAYON_NUM_THREADS"] = str(options.threads)

import numpy
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score


def table(random):
    centres = random.normal(scale=4, size=(3, options.columns))
    rows = centres[random.integers(3, size=options.rows)] + random.normal(size=(options.rows, options.columns))
    strange = random.random(options.rows) < 0.01
    rows[strange] = random.uniform(-12, 12, size=(strange.sum(), options.columns))
    return rows, strange


def processor_seconds(process):
    """Of a running process, all its threads together."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def scikit_learn(rows, seed, jobs):
    busy = time.process_time()
    started = time.perf_counter()
    model = IsolationForest(random_state=seed, n_jobs=jobs).fit(rows)
    fitted = time.perf_counter()
    scores = -model.score_samples(rows)
    return fitted - started, time.perf_counter() - fitted, time.process_time() - busy, scores


def arterial(driver, seed, file):
    busy = processor_seconds(driver)
    driver.stdin.write(f"{seed}\n")
    driver.stdin.flush()
    seconds = json.loads(driver.stdout.readline())
    return seconds["fit"], seconds["score"], processor_seconds(driver) - busy, numpy.fromfile(f"{file}.scores")


def main():
    rows, strange = table(numpy.random.default_rng(1))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.f64"
        rows.tofile(file)
        command = [options.driver, str(file), str(options.columns), str(options.extension)]
        driver = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        runners = {
            "Arterial": lambda seed: arterial(driver, seed, file),
            "scikit-learn": lambda seed: scikit_learn(rows, seed, None),
            f"scikit-learn, n_jobs={options.threads}": lambda seed: scikit_learn(rows, seed, options.threads),
        }
        results = {name: [] for name in runners}
        for seed in range(1, options.rounds + 1):
            for name, run in runners.items():
                fit, score, busy, scores = run(seed)
                results[name].append((fit, score, busy, roc_auc_score(strange, scores)))
        driver.stdin.close()
        driver.wait()
    print(f"{options.rows:,} rows x {options.columns} columns, median of {options.rounds} rounds in turn, {options.threads} threads")
    ours = [statistics.median(column) for column in zip(*results["Arterial"])]
    for name, rounds in results.items():
        fit, score, busy, area = (statistics.median(column) for column in zip(*rounds))
        print(
            f"{name:24} fit {1000 * fit:7.1f} ms   score {options.rows / score / 1e6:6.2f} M rows/s   processor {busy:5.2f} s   AUROC {area:.4f}"
            f"   Arterial: fit {fit / ours[0]:.1f} x, score {score / ours[1]:.1f} x, processor {busy / ours[2]:.1f} x"
        )


main()
