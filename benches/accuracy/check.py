"""Whether `arterial` and the prepared files measure as others did: simple forecasts whose figures are known.

    python benches/accuracy/check.py ARTERIAL OUT

Each line is a figure that somebody else computed and the same one measured here; exit 1 where they differ by more than rounding, or by
more than the share that stands beside a check where windows are known to differ a little. Options are chosen so that the windows are
theirs: persistence that looks back without bound (a context of weeks), or every row of the test part as a target instead of every window.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from protocols import ETTH1, LOSLOOP, M4, PARKING, Run
from run import Workplace

PEERS, README, DLINEAR, M4_TABLE = "careful peers", "the data's README", "Zeng et al. (2023)", "the M4 table of ranks"


@dataclass(frozen=True)
class Check:
    """What somebody else measured: figures by step, written with the digits that they gave."""

    source: str
    run: Run
    figures: dict
    metric: str = "mae"
    model: str = "persistence"
    share: float = 0.0

    def allows(self, expected, measured):
        """Whether a figure agrees with the written one."""
        digits = len(expected.partition(".")[2])
        return abs(float(expected) - measured) <= max(0.501 * 10**-digits, self.share * float(expected))


def every_target(name, rows, step, zone):
    """Each of the last `rows` rows is a target at `step`, however long ago the last value was seen."""
    options = f"--folds 1 --fold-steps {rows + step - 1} --context 1000 --context-across --timezone {zone}"
    return Run(name, f"{name}.parquet", step, (step,), options)


def beijing(step):
    return every_target("beijing", 7013, step, "Asia/Shanghai")


def taxi(step):
    return every_target("taxi", 168, step, "America/New_York")


def losloop(step):
    """Windows no longer than the step asks for."""
    return Run("losloop", "losloop.parquet", step, (step,), "--split 80/0/20 --context 12")


AARHUS = Run(
    "aarhus", "aarhus.parquet", 12, (1, 3, 6, 12),
    "--split 60/20/20 --context 288 --context-across --test-start 14066 --timezone Europe/Copenhagen",
)

CHECKS = [
    Check(PEERS, LOSLOOP, {3: "3.578", 6: "4.382", 12: "5.795"}),
    Check(PEERS, LOSLOOP, {3: "3.163", 6: "3.642", 9: "4.049", 12: "4.428"}, "mae_through"),
    # The last window of the step is left out there.
    *(
        Check(README, losloop(step), {step: mae}, "mae_through", share=0.002)
        for step, mae in ((3, "3.156"), (6, "3.632"), (9, "4.042"), (12, "4.433"))
    ),
    Check(PEERS, AARHUS, {1: "1.148", 3: "1.586", 6: "1.657", 12: "1.827"}),
    # Which 240 car parks theirs are is not written down.
    Check(PEERS, PARKING, {1: "3.60", 4: "12.46", 12: "33.2", 24: "57.9"}, share=0.01),
    *(Check(PEERS, beijing(step), {step: mae}) for step, mae in ((1, "10.20"), (3, "21.30"), (6, "32.19"), (24, "57.46"))),
    *(Check(README, taxi(step), {step: mae}) for step, mae in ((1, "3.23"), (24, "3.64"))),
    # Windows that do not fill a batch are left out there.
    *(
        Check(DLINEAR, ETTH1[hours], {hours: mae}, "mae_through", share=0.005)
        for hours, mae in ((96, "0.713"), (192, "0.733"), (336, "0.744"), (720, "0.756"))
    ),
    Check(M4_TABLE, M4, {48: "43.003"}, "smape"),
    Check(M4_TABLE, M4, {48: "11.608"}, "mase"),
    Check(M4_TABLE, M4, {48: "13.912"}, "smape", "seasonal-naive"),
    Check(M4_TABLE, M4, {48: "1.193"}, "mase", "seasonal-naive"),
]


def scores(workplace, check):
    """What is measured, by step."""
    made = workplace.competition(check.run, check.model) if check.run is M4 else workplace.backtest(check.run, check.model, 1)
    return {score["step"]: score for score in made}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arterial", type=Path, metavar="ARTERIAL")
    parser.add_argument("folder", type=Path, metavar="OUT")
    arguments = parser.parse_args()
    workplace = Workplace(arguments.arterial, arguments.folder)
    agreed = True
    print("| data | figure | step | source | there | here |\n| --- | --- | --- | --- | --- | --- |")
    for check in CHECKS:
        measured = scores(workplace, check)
        for step, expected in check.figures.items():
            here = measured[step][check.metric]
            agrees = check.allows(expected, here)
            agreed = agreed and agrees
            figure, verdict = f"{check.model} {check.metric}", "" if agrees else " differs"
            print(f"| {check.run.name} | {figure} | {step} | {check.source} | {expected} | {here:.4f}{verdict} |", flush=True)
    sys.exit(0 if agreed else 1)


if __name__ == "__main__":
    main()
