"""What a peer learns from: deviations from what is usual, seen from an origin, for a target some steps ahead."""

import numpy
import pandas

NEIGHBOURS = 6
"""How many other series a series is shown: those whose deviation now goes best with its own later."""


class Features:
    """Columns for any origin and step; every one is known at the origin."""

    def __init__(self, panel, usual, fitted):
        self.panel, self.usual, self.fitted = panel, usual, fitted
        table = pandas.DataFrame(panel.values - usual)
        self.deviation = table.to_numpy()
        self.last = table.ffill(limit=panel.context - 1).to_numpy()
        windows = [2, 4, 8, 16, panel.day, 7 * panel.day]
        means = [table.rolling(rows, min_periods=1).mean() for rows in windows]
        self.recent = [mean.to_numpy() for mean in means]
        self.restless = table.rolling(12, min_periods=2).std().to_numpy()
        self.all = numpy.nanmean(numpy.where(numpy.isfinite(self.last), self.last, 0), axis=1)
        size = table[:fitted].abs().groupby(panel.slot[:fitted]).mean().reindex(range(panel.day))
        self.volatility = numpy.nan_to_num(size.to_numpy())

    def neighbours(self, step):
        """For each series the others whose deviation now correlates best with its own `step` rows later."""
        series = self.deviation.shape[1]
        wanted = min(NEIGHBOURS, series - 1)
        rows = numpy.arange(0, self.fitted - step, max(1, self.fitted // 4000))
        now, later = (standard(self.deviation[shift]) for shift in (rows, rows + step))
        correlation = later.T @ now / len(rows)
        numpy.fill_diagonal(correlation, -numpy.inf)
        return numpy.argsort(-correlation, axis=1)[:, :wanted]

    def at(self, origins, step):
        """The columns for targets `step` rows after each of `origins`, one row a window and series, windows first.

        # Shapes
        (origins x series) x columns, float32
        """
        panel, day = self.panel, self.panel.day
        series = len(panel.series)
        target = origins + step
        columns = [self.usual[target], self.usual[origins], self.last[origins], panel.values[origins]]
        columns += [before(self.deviation, origins, lag) for lag in range(1, 12)]
        columns += [mean[origins] for mean in self.recent]
        columns += [self.restless[origins], self.volatility[panel.slot[target]]]
        columns += [before(self.deviation, target, back) for back in (day, 2 * day, 7 * day, 14 * day) if back >= step]
        columns += [one[:, None] for one in (self.all[origins], panel.slot[target], panel.weekday[target], *panel.known[origins].T)]
        columns += [numpy.arange(series)[None, :]]
        if series > 1:
            near = self.last[origins][:, self.neighbours(step)]
            columns += [numpy.nanmean(near, axis=2), *numpy.moveaxis(near, 2, 0)]
        shape = (len(origins), series)
        return numpy.column_stack([numpy.broadcast_to(column, shape).ravel().astype(numpy.float32) for column in columns])


def before(values, rows, back):
    """The values `back` rows before each of `rows`; missing before the first row."""
    return numpy.where((rows >= back)[:, None], values[numpy.maximum(rows - back, 0)], numpy.nan)


def standard(values):
    """Columns with mean 0 and standard deviation 1; missing ones are 0."""
    centred = values - numpy.nanmean(values, axis=0)
    return numpy.nan_to_num(centred / (numpy.nanstd(values, axis=0) + 1e-9))
