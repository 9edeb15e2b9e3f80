"""Clusters of the Edinburgh accidents: `arterial hotspots` beside scikit-learn, label by label, and how long each takes.

    python benches/anomaly/dbscan.py --arterial target/release/arterial [--data ../shared/data] [--copies 50]

Speed is measured on so many copies of the accidents, each moved by a degree of longitude, in one interleaved run.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile
import time

import numpy as np
import pandas as pd
from sklearn.cluster import DBSCAN

EARTH_RADIUS_KM = 6371.0088
SETTINGS = [(0.05, 5), (0.1, 5), (0.2, 5), (0.2, 20), (0.5, 10), (1.0, 50)]


def ours(arterial, places, eps, least, folder):
    labels = folder / "labels.csv"
    command = [arterial, "hotspots", "--data", places, "--eps-km", str(eps), "--min-points", str(least), "--labels", labels]
    began = time.perf_counter()
    geojson = subprocess.run([*command, "--json"], check=True, capture_output=True, text=True).stdout
    seconds = time.perf_counter() - began
    assert json.loads(geojson)["type"] == "FeatureCollection"
    return pd.read_csv(labels).label.to_numpy(), seconds


def theirs(places, eps, least):
    table = pd.read_csv(places)
    began = time.perf_counter()
    model = DBSCAN(eps=eps / EARTH_RADIUS_KM, min_samples=least, metric="haversine", algorithm="ball_tree")
    labels = model.fit_predict(np.radians(table[["lat", "lon"]].to_numpy()))
    return labels, time.perf_counter() - began


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--arterial", required=True)
    options.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../shared/data"))
    options.add_argument("--copies", type=int, default=50)
    options = options.parse_args()
    accidents = pd.read_csv(options.data / "incidents/edinburgh_accidents_2010_2013.csv.gz", low_memory=False)
    accidents = accidents.rename(columns={"latitude": "lat", "longitude": "lon"})[["lat", "lon"]].dropna()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        places = folder / "accidents.csv"
        accidents.to_csv(places, index=False)
        print("| eps, km | least | clusters | noise | labels that differ |\n|---|---|---|---|---|")
        for eps, least in SETTINGS:
            mine, _ = ours(options.arterial, places, eps, least, folder)
            peer, _ = theirs(places, eps, least)
            print(f"| {eps} | {least} | {peer.max() + 1} | {(peer < 0).sum()} | {(mine != peer).sum()} |")
        many = folder / "many.csv"
        moved = [accidents.assign(lon=accidents.lon + copy) for copy in range(options.copies)]
        pd.concat(moved).to_csv(many, index=False)
        times = [(ours(options.arterial, many, 0.2, 5, folder)[1], theirs(many, 0.2, 5)[1]) for _ in range(3)]
        mine, peer = np.median(times, axis=0)
        print(f"\n{len(accidents) * options.copies} places, eps 0.2 km, least 5: arterial {mine:.2f} s with reading and writing, ")
        print(f"scikit-learn's ball tree {peer:.2f} s without")


if __name__ == "__main__":
    main()
