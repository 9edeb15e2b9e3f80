"""The accuracy table: every named protocol, measured by `arterial`, beside what others reach.

    python benches/accuracy/prepare.py DATA OUT
    cargo build --release
    python benches/accuracy/run.py ARTERIAL OUT [--models gbdt,linear] [--only losloop ...] [--seeds 3] [--write benches/accuracy.md]

Prints Markdown. Each measurement is kept in OUT/results/RUN/MODEL-SEED.json; with --resume it is not made again. What a peer's script
left there stands in the tables, too.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import m4
from protocols import M4, TABLES

SEEDLESS = {"persistence", "seasonal-naive", "weekly-profile", "ets"}
"""Models without a random choice: one seed tells all."""

BEGIN = "<!-- Everything below is written by benches/accuracy/run.py. -->"
MISSING = "–"


class Workplace:
    """The binary, the folder of prepared files, and the results in it."""

    def __init__(self, arterial, folder):
        self.arterial = arterial.resolve()
        self.folder = folder.resolve()

    def result(self, run, model, seed):
        """Where a measurement is kept."""
        return self.folder / "results" / run.name / f"{model}-{seed}.json"

    def results(self, run, model):
        """Every kept measurement of a model, by step, one a seed."""
        files = sorted((self.folder / "results" / run.name).glob(f"{model}-*.json"))
        files = [file for file in files if file.stem.removeprefix(f"{model}-").isdigit()]
        return [{score["step"]: score for score in json.loads(file.read_text())} for file in files]

    def measured(self, run):
        """The models that have measurements."""
        return {file.stem.rpartition("-")[0] for file in (self.folder / "results" / run.name).glob("*.json")}

    def call(self, *arguments):
        """What `arterial` prints."""
        command = [str(self.arterial), *(str(argument) for argument in arguments)]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=True).stdout

    def measure(self, run, model, seed):
        """Measures a model and keeps its scores."""
        scores = self.competition(run, model) if run is M4 else self.backtest(run, model, seed)
        file = self.result(run, model, seed)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(scores, indent=1))

    def backtest(self, run, model, seed):
        """The scores of `model`, by step, with what follows from them."""
        document = json.loads(self.call("backtest", "--json", "--models", model, "--seed", seed, *run.arguments()))
        seconds = document["timing"][0]["fit_seconds"]
        return [{**score, "mse_through": score["rmse_through"] ** 2, "fit_seconds": seconds} for score in document["scores"]]

    def competition(self, run, model):
        """The scores of forecasts beyond the end of the training file."""
        forecasts = self.folder / f"m4_{model}.csv"
        started = time.perf_counter()
        self.call("forecast", "--model", model, "--out", forecasts, *run.arguments())
        seconds = time.perf_counter() - started
        scores = m4.score(forecasts, self.folder / "m4_train.csv", self.folder / "m4_test.csv")
        return [{"step": run.horizon, "fit_seconds": seconds, **scores}]


def measure(workplace, tables, models, seeds, resume):
    """Makes every measurement of `tables`; says which failed."""
    failed = 0
    for run in unique(column.run for table in tables for column in table.columns):
        for model in models:
            for seed in range(1, 2 if model in SEEDLESS or run is M4 else 1 + seeds):
                if resume and workplace.result(run, model, seed).exists():
                    continue
                print(f"{run.name} {model} {seed}", file=sys.stderr, flush=True)
                try:
                    workplace.measure(run, model, seed)
                except subprocess.CalledProcessError as error:
                    failed += 1
                    print(error.stderr, file=sys.stderr)
    return failed


def unique(items):
    """Each item once, in the order of its first appearance."""
    return list(dict.fromkeys(items))


def markdown(workplace, table, models):
    """A table of figures: the measured models, the others, the goal."""
    head = ["", *(column.label for column in table.columns), "inside 80 %", "answered", "fit, s"]
    lines = [f"### {table.title}", "", *commands(table), "", row(head), row(["---"] * len(head))]
    peers = sorted(set().union(*(workplace.measured(column.run) for column in table.columns)) - set(models))
    lines += [row([f"`{model}`", *figures(workplace, table, model)]) for model in [*models, *peers]]
    lines += [row([name, *numbers(values, table.digits), "", "", ""]) for name, values in table.others.items()]
    if table.goal:
        lines.append(row(["**goal**", *numbers(table.goal, table.digits), "", "", ""]))
    return "\n".join([*lines, *(["", table.note] if table.note else []), ""])


def commands(table):
    """How to make the measurements by hand."""
    runs = unique(column.run for column in table.columns)
    return [f"`arterial {'forecast' if run is M4 else 'backtest'} {' '.join(run.arguments())}`  " for run in runs]


def figures(workplace, table, model):
    """A model's cells: mean and spread over seeds, coverage, the share of targets that it answers, seconds to fit."""
    scores = [[seed[column.step] for seed in workplace.results(column.run, model)] for column in table.columns]
    present = [score for seeds in scores for score in seeds]
    if not present:
        return [MISSING] * (len(table.columns) + 3)
    cells = [spread([score[column.metric] for score in seeds], table.digits) for column, seeds in zip(table.columns, scores)]
    inside = [statistics.fmean(score["coverage_80"] for score in seeds) for seeds in scores if seeds and "coverage_80" in seeds[0]]
    answered = min(score["forecasts"] / score["targets"] for score in present)
    return [*cells, span(inside), f"{100 * answered:.1f} %", f"{statistics.fmean(score['fit_seconds'] for score in present):.3g}"]


def spread(values, digits):
    """Mean and standard deviation over seeds."""
    if not values:
        return MISSING
    mean = f"{statistics.fmean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


def span(values):
    """The least and the largest of some shares."""
    if not values:
        return MISSING
    least, most = (f"{extreme(values):.3f}".lstrip("0") for extreme in (min, max))
    return least if least == most else f"{least} to {most}"


def numbers(values, digits):
    """Cells of numbers."""
    return [MISSING if value is None else f"{value:.{digits}f}" for value in values]


def row(cells):
    """A line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def write(path, text):
    """Puts `text` in place of what this script wrote before."""
    head = path.read_text().partition(BEGIN)[0] if path.exists() else ""
    path.write_text(f"{head}{BEGIN}\n\n{text}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = unique(table.name for table in TABLES)
    parser.add_argument("arterial", type=Path, metavar="ARTERIAL")
    parser.add_argument("folder", type=Path, metavar="OUT")
    parser.add_argument("--models", default="persistence,seasonal-naive,linear,gbdt", help="which models, default %(default)s")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds, default %(default)s")
    parser.add_argument("--resume", action="store_true", help="keep the measurements that are there")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables into this file")
    arguments = parser.parse_args()
    workplace = Workplace(arguments.arterial, arguments.folder)
    tables = [table for table in TABLES if table.name in arguments.only]
    models = arguments.models.split(",")
    failed = measure(workplace, tables, models, arguments.seeds, arguments.resume)
    text = "\n".join(markdown(workplace, table, models) for table in tables)
    print(text)
    if arguments.write:
        write(arguments.write, text)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
