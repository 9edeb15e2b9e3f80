"""A prepared file and a run's protocol, for peers: values on a regular grid, windows, and what is usual at each row."""

import argparse
from dataclasses import dataclass

import numpy
import pandas

FEW_DAYS, FEW_WEEKS = 1.0, 2.0
"""How many observations of the overall mean a slot of the day is lent, and of the slot of the day a slot of the week."""


@dataclass(frozen=True)
class Panel:
    """Values, time x series; `known` are columns of covariates, time x covariate."""

    values: numpy.ndarray
    clock: pandas.DatetimeIndex
    series: list
    known: numpy.ndarray
    off: numpy.ndarray
    training: int
    test: int
    context: int
    horizon: int
    across: bool

    @property
    def day(self):
        """Rows of a day."""
        return round(pandas.Timedelta("1D") / (self.clock[1] - self.clock[0]))

    @property
    def slot(self):
        """The slot of the local day of each row."""
        minutes = self.clock.hour * 60 + self.clock.minute
        return (minutes * self.day // (24 * 60)).to_numpy()

    @property
    def weekday(self):
        """The local day of the week of each row; a holiday counts as a Sunday."""
        return numpy.where(self.off, 6, self.clock.dayofweek)

    def origins(self, start, end):
        """The last rows that windows inside `start..end` may read."""
        first = start - 1 if self.across else start + self.context - 1
        return numpy.arange(max(first, 0), end - self.horizon)


def read(folder, run):
    """The panel of a run, read as `arterial backtest` reads it."""
    options = parsed(run)
    local = lambda name: regular(pandas.read_parquet(folder / name), options.timezone)
    table = local(run.file)
    if options.missing == "zero":
        table = table.where(table != 0)
    known = [local(options.covariates).reindex(table.index)] if options.covariates else []
    holidays = pandas.to_datetime((folder / options.holidays).read_text().split()) if options.holidays else []
    training, test = ends(options, len(table))
    return Panel(
        table.to_numpy(float), table.index, list(table), pandas.concat(known or [table.iloc[:, :0]], axis=1).to_numpy(float),
        table.index.tz_localize(None).normalize().isin(holidays), training, test, options.context, run.horizon, options.context_across,
    )


def parsed(run):
    """The options of a run."""
    parser = argparse.ArgumentParser()
    for name in ("--split", "--covariates", "--holidays", "--missing", "--gaps"):
        parser.add_argument(name)
    for name in ("--context", "--folds", "--fold-steps"):
        parser.add_argument(name, type=int)
    parser.add_argument("--timezone", default="UTC")
    parser.add_argument("--context-across", action="store_true")
    return parser.parse_args(run.options.split())


def regular(table, zone):
    """A table on its grid, with absent rows missing, by the local clock."""
    table = table.set_index("timestamp").sort_index()
    index = table.index.tz_localize(zone) if table.index.tz is None else table.index
    table.index = index.tz_convert("UTC")
    step = pandas.Series(table.index[1:] - table.index[:-1]).mode()[0]
    table = table.asfreq(step)
    return table.set_axis(table.index.tz_convert(zone))


def ends(options, rows):
    """Where the training and the validation part end."""
    if options.folds:
        return rows - options.fold_steps, rows - options.fold_steps
    training, validation, _ = (int(share) for share in options.split.split("/"))
    return rows * training // 100, rows * (training + validation) // 100


def profile(panel, fitted):
    """What is usual at each row, from the first `fitted` rows: the mean of the slot of the week, shrunk towards that of the slot of the
    day, both smoothed over neighbouring slots. A row that it was fitted on does not see its own day."""
    rows, series = panel.values.shape
    seen = numpy.where(numpy.arange(rows)[:, None] < fitted, panel.values, numpy.nan)
    count, total = numpy.isfinite(seen).astype(float), numpy.nan_to_num(seen)
    mean = total.sum(0) / numpy.maximum(count.sum(0), 1)
    sums = numpy.zeros((2, 7, panel.day, series))
    for kind, part in enumerate((total, count)):
        numpy.add.at(sums[kind], (panel.weekday, panel.slot), part)
    width = max(1, panel.day // 144)
    usual = numpy.empty((rows, series))
    date = panel.clock.strftime("%Y%m%d").to_numpy()
    breaks = numpy.flatnonzero(date[1:] != date[:-1]) + 1
    overall = smooth(sums.sum(1), width)
    weekly = numpy.stack([smooth(sums[:, weekday], width) for weekday in range(7)], 1)
    for rows_of_day in numpy.split(numpy.arange(rows), breaks):
        weekday = panel.weekday[rows_of_day[0]]
        own = numpy.zeros((2, panel.day, series))
        for kind, part in enumerate((total, count)):
            numpy.add.at(own[kind], panel.slot[rows_of_day], part[rows_of_day])
        own = smooth(own, width)
        by_day, by_week = overall - own, weekly[:, weekday] - own
        of_day = (by_day[0] + FEW_DAYS * mean) / (by_day[1] + FEW_DAYS)
        of_week = (by_week[0] + FEW_WEEKS * of_day) / (by_week[1] + FEW_WEEKS)
        usual[rows_of_day] = of_week[panel.slot[rows_of_day]]
    return usual


def smooth(sums, width):
    """Sums over slots (the axis before the last) with their neighbours of up to `width` slots, the nearer the more; the clock is a circle."""
    weights = [1 - abs(shift) / (width + 1) for shift in range(-width, width + 1)]
    shifted = (weight * numpy.roll(sums, shift, -2) for weight, shift in zip(weights, range(-width, width + 1)))
    return sum(shifted) / sum(weights)
