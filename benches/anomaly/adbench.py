"""Detectors for tables against scikit-learn's isolation forest and PyOD's detectors on labelled tables: mean AUROC over seeds.

    python benches/anomaly/adbench.py --arterial target/debug/arterial [--data ../shared/data/anomaly/adbench] [--seeds 10]

Each set is split anew by each seed, stratified; every detector is fitted on the training part without labels and measured on the rest.
Arterial runs as `arterial detect --kind table --train FILE` on raw columns; the peers get columns scaled to unit variance, as PyOD's own
benchmark does. `--most` rows of a set take part (drawn by the seed, the same for everybody), so that the peers end; the isolation forests
are compared on all rows and on more seeds, too. The whole takes an hour on two cores, most of it for LOF and OCSVM.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("RAYON_NUM_THREADS", "1")
warnings.filterwarnings("ignore")

import numpy
import pandas
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

OURS = ["isolation-forest", "knn", "autoencoder", "auto"]
PEERS = ["ECOD", "COPOD", "HBOS", "KNN", "LOF", "IForest", "OCSVM", "PCA"]

parser = argparse.ArgumentParser()
parser.add_argument("--arterial", required=True)
parser.add_argument("--data", default=Path(os.environ.get("ARTERIAL_DATA", "../shared/data")) / "anomaly/adbench", type=Path)
parser.add_argument("--seeds", type=int, default=10, help="splits on which all detectors are measured")
parser.add_argument("--forest-seeds", type=int, default=30, help="splits on which the two isolation forests are compared")
parser.add_argument("--test-share", type=float, default=0.4)
parser.add_argument("--most", type=int, default=20_000, help="rows of a set that take part where all detectors do")
parser.add_argument("--jobs", type=int, default=2)
parser.add_argument("--detectors", nargs="*", default=OURS)
parser.add_argument("--no-peers", action="store_true")
parser.add_argument("--out", type=Path, help="where every single figure goes, as CSV; what stands there is not measured again")
options = parser.parse_args()


def split(file, seed, most=None):
    """Training rows, test rows and the labels of these, the same for everybody."""
    data = numpy.load(file)
    rows, labels = data["X"].astype(float), data["y"]
    if most and len(rows) > most:
        rows, _, labels, _ = train_test_split(rows, labels, train_size=most, random_state=seed, stratify=labels)
    train, test, _, labels = train_test_split(rows, labels, test_size=options.test_share, random_state=seed, stratify=labels)
    return train, test, labels


def arterial(name, train, test, seed):
    """The scores of `arterial detect`, fitted on `train`."""
    with tempfile.TemporaryDirectory() as folder:
        columns = [f"c{number}" for number in range(train.shape[1])]
        paths = [Path(folder) / f"{part}.parquet" for part in ("train", "test")]
        for path, rows in zip(paths, (train, test)):
            pandas.DataFrame(rows, columns=columns).to_parquet(path)
        out = Path(folder) / "scores.csv"
        command = [options.arterial, "detect", "--kind", "table", "--detector", name, "--seed", str(seed)]
        command += ["--train", str(paths[0]), "--data", str(paths[1]), "--out", str(out)]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode:
            sys.exit(f"{' '.join(command)}\n{run.stderr}")
        return pandas.read_csv(out)["score"].to_numpy()


def pyod(name, train, test, seed):
    module = __import__(f"pyod.models.{name.lower()}", fromlist=[name])
    seeded = {"random_state": seed} if name in ("IForest", "PCA") else {}
    scaler = StandardScaler().fit(train)
    model = getattr(module, name)(**seeded).fit(scaler.transform(train))
    # ECOD and COPOD score the test rows together with the training rows.
    return model.decision_function(scaler.transform(test))[: len(test)]


def scikit_learn(train, test, seed):
    return -IsolationForest(random_state=seed).fit(train).score_samples(test)


def measure(job):
    file, seed, name, whole = job
    train, test, labels = split(file, seed, None if whole else options.most)
    started = time.perf_counter()
    if name == "scikit-learn":
        scores = scikit_learn(train, test, seed)
    elif name in PEERS:
        scores = pyod(name, train, test, seed)
    else:
        scores = arterial(name, train, test, seed)
    seconds = time.perf_counter() - started
    scores = numpy.nan_to_num(scores)
    return {
        "set": file.stem, "seed": seed, "detector": name, "whole": whole, "seconds": seconds,
        "auroc": roc_auc_score(labels, scores), "ap": average_precision_score(labels, scores),
    }


def main():
    files = sorted(options.data.glob("*.npz"))
    if not files:
        sys.exit(f"no sets in {options.data}")
    everybody = options.detectors + ([] if options.no_peers else PEERS)
    wanted = set(everybody) | {"isolation-forest", "scikit-learn"}
    jobs = [(file, seed, name, False) for file in files for seed in range(options.seeds) for name in everybody]
    forests = ["isolation-forest", "scikit-learn"]
    jobs += [(file, seed, name, True) for file in files for seed in range(options.forest_seeds) for name in forests]
    done = pandas.read_csv(options.out).to_dict("records") if options.out and options.out.exists() else []
    known = {(figure["set"], figure["seed"], figure["detector"], figure["whole"]) for figure in done}
    jobs = [job for job in jobs if (job[0].stem, *job[1:]) not in known]
    with ProcessPoolExecutor(options.jobs) as pool:
        for figure in pool.map(measure, jobs):
            done.append(figure)
            if options.out:
                pandas.DataFrame(done).to_csv(options.out, index=False)
    results = pandas.DataFrame(done)
    results = results[results["detector"].isin(wanted)]
    for measure_name in ("auroc", "ap"):
        table = results[~results.whole].pivot_table(index="set", columns="detector", values=measure_name)[everybody]
        table.loc["mean"] = table.mean()
        print(f"\n{measure_name}, {options.seeds} seeds, at most {options.most} rows of a set\n{table.round(3).to_string()}")
    whole = results[results.whole].pivot_table(index="set", columns="detector", values="auroc")
    if len(whole):
        whole["difference"] = whole["isolation-forest"] - whole["scikit-learn"]
        print(f"\nisolation forests, AUROC, {options.forest_seeds} seeds, all rows\n{whole.round(4).to_string()}")
        print(json.dumps({"largest_difference": whole["difference"].abs().max()}))


if __name__ == "__main__":
    main()
