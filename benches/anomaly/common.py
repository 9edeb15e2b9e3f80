"""What the exams of detectors share: where the data stands, and one run of a detector over one file."""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import pandas as pd

ROOT = pathlib.Path(__file__).resolve().parents[2]


def arguments(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--arterial", default="target/debug/arterial", help="the binary")
    parser.add_argument("--detector", default="auto", help="a name that `arterial detect` knows")
    return parser


def data(folder: str) -> pathlib.Path:
    """The folder of that name in the public data; without it there is no exam."""
    for root in (os.environ.get("ARTERIAL_DATA"), ROOT.parent / "shared/data", ROOT.parent.parent / "shared/data"):
        if root and (pathlib.Path(root) / folder).is_dir():
            return pathlib.Path(root) / folder
    sys.exit(f"skipped: no {folder} in ARTERIAL_DATA or ../shared/data")


def scores(options: argparse.Namespace, series: pd.DataFrame) -> pd.DataFrame:
    """The columns `score`, `alert` and `reason` of each row of `series`, whose first column is `timestamp`."""
    with tempfile.TemporaryDirectory() as folder:
        given, out = pathlib.Path(folder) / "given.csv", pathlib.Path(folder) / "out.csv"
        series.to_csv(given, index=False)
        command = [options.arterial, "detect", "--data", given, "--kind", "series", "--detector", options.detector, "--out", out]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found = pd.read_csv(out, keep_default_na=False)
    found["score"] = found["score"].astype(float)
    if len(found) != len(series):
        sys.exit(f"{len(series)} rows went in and {len(found)} came out")
    return found
