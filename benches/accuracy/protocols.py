"""What is measured: runs of `arterial`, and tables over their scores with the figures of others beside them.

Options of a run are those of `arterial backtest`; files are named relative to the folder that prepare.py filled.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Run:
    """One protocol on one file: a backtest, or a forecast beyond the file's end (without options)."""

    name: str
    file: str
    horizon: int
    steps: tuple
    options: str = ""

    def arguments(self):
        """The command line after the name of the command, without model and seed."""
        report = ["--report-at", ",".join(str(step) for step in self.steps)] if self.options else []
        return ["--data", self.file, "--horizon", str(self.horizon), *report, *self.options.split()]


@dataclass(frozen=True)
class Column:
    """One figure: a metric of a run at a step ahead."""

    label: str
    run: Run
    metric: str
    step: int


@dataclass(frozen=True)
class Table:
    """Figures side by side; `others` and `goal` have one entry a column, None where nobody says."""

    name: str
    title: str
    columns: tuple
    others: dict = field(default_factory=dict)
    goal: tuple = ()
    digits: int = 3
    note: str = ""


def columns(run, metric="mae", steps=None, label="{}"):
    """A column a step."""
    return tuple(Column(label.format(step), run, metric, step) for step in steps or run.steps)


LOSLOOP = Run(
    "losloop", "losloop.parquet", 12, (3, 6, 9, 12),
    "--split 80/0/20 --context 12 --timezone America/Los_Angeles --graph losloop_graph.csv",
)
AARHUS = Run("aarhus", "aarhus.parquet", 12, (1, 3, 6, 12), "--split 60/20/20 --context 12 --timezone Europe/Copenhagen")
PARKING = Run("parking", "parking.parquet", 24, (1, 4, 12, 24), "--split 60/20/20 --context 24 --timezone Europe/Berlin")
BEIJING = Run(
    "beijing", "beijing.parquet", 24, (1, 3, 6, 24),
    "--split 60/20/20 --context 24 --context-across --timezone Asia/Shanghai --covariates beijing_weather.parquet",
)
PEMS = Run("pems", "pems.parquet", 1, (1,), "--folds 1 --fold-steps 8052 --context 12 --timezone America/Los_Angeles --gaps missing")
BIRMINGHAM = Run(
    "birmingham", "birmingham.parquet", 8, (1, 2, 4, 8),
    "--split 60/20/20 --context 48 --timezone Europe/London --gaps missing --missing zero",
)
WASHINGTON = Run(
    "washington", "washington.parquet", 24, (1, 3, 6, 24),
    "--split 60/20/20 --context 24 --timezone America/New_York --gaps missing "
    "--covariates washington_weather.parquet --holidays washington_holidays.csv",
)
METRO = Run(
    "metro", "metro.parquet", 24, (1, 3, 6, 24),
    "--split 60/20/20 --context 24 --timezone America/Chicago --gaps missing "
    "--covariates metro_weather.parquet --holidays metro_holidays.csv",
)
TAXI = Run(
    "taxi", "taxi.parquet", 24, (1, 2, 4, 6, 24),
    "--folds 1 --fold-steps 168 --context 24 --context-across --timezone America/New_York",
)
ETTH1 = {
    horizon: Run(f"etth1_{horizon}", "etth1.parquet", horizon, (horizon,), "--split 60/20/20 --context 336 --context-across")
    for horizon in (96, 192, 336, 720)
}
M4 = Run("m4", "m4_train.parquet", 48, (48,))

TABLES = [
    Table(
        "losloop", "Los-loop, at steps of 5 minutes, MAE in mph", columns(LOSLOOP, steps=(3, 6, 12)),
        {"LightGBM": (3.009, 3.410, 3.838), "STID": (2.960, 3.361, 3.832), "average of peers": (2.927, 3.296, 3.700)},
        (2.90, 3.25, 3.65),
    ),
    Table(
        "losloop", "Los-loop, averaged through steps of 5 minutes, MAE in mph", columns(LOSLOOP, "mae_through", label="1..{}"),
        {
            "T-GCN (published)": (3.180, 3.75, 4.12, 4.60),
            "GRU (published)": (3.06, 3.65, 4.09, 4.52),
            "LightGBM": (2.696, 2.990, 3.189, 3.343),
            "STID": (2.674, 2.953, 3.152, 3.311),
            "average of peers": (2.647, 2.912, 3.095, 3.239),
        },
        (2.60, 2.87, 3.05, 3.20),
    ),
    Table(
        "aarhus", "Aarhus, vehicles in 5 minutes, at steps of 5 minutes, MAE", columns(AARHUS),
        {
            "LightGBM": (0.959, 1.157, 1.167, 1.177),
            "STID": (0.978, 1.152, 1.155, 1.162),
            "average of peers": (0.937, 1.128, 1.135, 1.139),
        },
        (0.93, 1.12, 1.13, 1.13),
    ),
    Table(
        "parking", "German car parks, free spaces, at steps of 15 minutes, MAE", columns(PARKING),
        {"LightGBM": (2.74, 7.52, 15.8, 22.2), "STID": (3.71, 8.49, 17.1, 24.2), "average of peers": (2.86, 7.45, 15.9, 22.0)},
        (2.70, 7.3, 15.5, 21.5), 2,
        "The peers' choice of 240 car parks is not written down; the choice here differs a little: persistence has 3.59 / 12.42 / "
        "33.08 / 57.56 here and 3.60 / 12.46 / 33.2 / 57.9 there.",
    ),
    Table(
        "beijing", "Beijing, PM2.5 in micrograms per cubic metre, with weather, at hours, MAE", columns(BEIJING),
        {
            "LightGBM": (8.73, 18.01, 26.99, 47.92),
            "STID": (10.37, 21.13, 31.23, 54.43),
            "average of peers": (8.72, 18.01, 26.99, 47.92),
        },
        (8.6, 17.7, 26.5, 47.5), 2,
    ),
    Table(
        "pems", "PeMS, one detector, vehicles in 5 minutes, one step", columns(PEMS, label="MAE") + columns(PEMS, "rmse", label="RMSE"),
        {"LSTM (published)": (7.16, 9.71), "GRU (published)": (7.18, 9.75), "SAEs (published)": (7.71, 10.32)},
        digits=2,
        note="Published in the README of xiaochus/TrafficFlowPrediction, which puts days end to end: its first hour after a gap reads the day "
        "before, ours has no recent value.",
    ),
    Table("birmingham", "Birmingham, cars in a car park, at steps of 30 minutes, MAE", columns(BIRMINGHAM), digits=1),
    Table("washington", "Washington, bicycles rented in an hour, at hours, MAE", columns(WASHINGTON), digits=1),
    Table("metro", "Interstate 94, vehicles in an hour, at hours, MAE", columns(METRO), digits=0),
    Table(
        "taxi", "New York, taxi trips between zones in an hour, last 7 days, at hours, MAE", columns(TAXI),
        {"mean of the hour of the week": (2.31,) * 5},
    ),
    Table(
        "etth1", "ETTh1, scaled, averaged through all hours ahead",
        tuple(
            Column(f"{horizon} {label}", run, metric, horizon)
            for horizon, run in ETTH1.items()
            for label, metric in (("MSE", "mse_through"), ("MAE", "mae_through"))
        ),
        {
            "PatchTST (published)": (0.370, 0.400, 0.413, 0.429, 0.422, 0.440, 0.447, 0.468),
            "DLinear (published)": (0.375, 0.399, 0.405, 0.416, 0.439, 0.443, 0.472, 0.490),
        },
        note="Published models are fitted on the first 12 months alone; ours on 16, after their intervals were calibrated on the last 4 of them.",
    ),
    Table(
        "m4", "M4 hourly, 48 hours ahead", (Column("sMAPE", M4, "smape", 48), Column("MASE", M4, "mase", 48), Column("OWA", M4, "owa", 48)),
        {
            "Smyl (published, winner)": (9.328, 0.893, 0.440),
            "Pawlikowski (published)": (9.611, 0.873, 0.444),
            "Montero-Manso (published)": (11.506, 0.819, 0.484),
            "Naive2 (published)": (18.383, 2.395, 1.0),
        },
    ),
]
