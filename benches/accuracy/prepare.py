"""The named data sets of the accuracy table, each as one file that `arterial backtest` reads.

    pip install -r benches/accuracy/requirements.txt
    python benches/accuracy/prepare.py DATA OUT [--only NAME ...]

DATA is the folder of public data sets. Nothing is filled: what is unknown stays missing.
"""

import argparse
import shutil
from pathlib import Path

import numpy
import pandas

PARTS = (0.6, 0.8)
"""Where the training and the validation part end, as shares of the rows."""


def losloop(data, out):
    """As it is: 207 loop detectors, mph, complete."""
    shutil.copyfile(data / "traffic/losloop/losloop_speed.parquet", out / "losloop.parquet")
    shutil.copyfile(data / "traffic/losloop/los_adj_tgcn.csv", out / "losloop_graph.csv")


def aarhus(data, out):
    """As it is: 449 road segments, vehicles in 5 minutes, in UTC."""
    shutil.copyfile(data / "traffic/aarhus/aarhus_vehicle_count.parquet", out / "aarhus.parquet")


def parking(data, out):
    """Free spaces of German car parks on a grid at one minute past each quarter, when the records of that quarter are in.

    The file has a value only where it changed. A recorded value holds for at most 24 hours; negative values and values above 1.5
    capacities (where the capacity is known) count as not recorded. Car parks need 5,000 recorded values, and a value in each part.
    """
    recorded = pandas.read_parquet(data / "parking/germany/free_spaces_2023.parquet").set_index("timestamp").astype(float)
    capacity = pandas.read_csv(data / "parking/germany/places.csv").set_index("place_id")["num_all"]
    recorded = recorded.where(recorded.ge(0) & ~recorded.gt(1.5 * capacity.reindex(recorded.columns), axis=1))
    recorded = recorded.loc[:, recorded.count() >= 5_000]
    times = pandas.date_range("2023-01-01T00:01Z", "2023-12-31T23:46Z", freq="15min", name="timestamp", unit="ms")
    held = {name: hold(recorded[name], times, pandas.Timedelta("24h")) for name in recorded}
    free = pandas.DataFrame(held, index=times)
    known = [part.notna().any() for part in parts(free)]
    write(free.loc[:, known[0] & known[1] & known[2]], out / "parking.parquet")


def hold(recorded, times, longest):
    """The newest value at each of `times`, unless it is older than `longest`."""
    recorded = recorded.dropna().rename("value").reset_index()
    newest = pandas.merge_asof(pandas.DataFrame({"timestamp": times}), recorded, on="timestamp", tolerance=longest)
    return newest["value"].to_numpy()


def parts(panel):
    """Training, validation and test rows."""
    ends = [0, *(int(share * len(panel)) for share in PARTS), len(panel)]
    return [panel.iloc[start:end] for start, end in zip(ends, ends[1:])]


def beijing(data, out):
    """PM2.5 of 12 stations, micrograms per cubic metre; their mean weather, with the wind as a vector (m/s)."""
    table = pandas.read_parquet(data / "air/prsa_beijing_12stations.parquet")
    write(table.pivot(index="timestamp", columns="station", values="PM2.5"), out / "beijing.parquet")
    points = ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"]
    angle = table["wd"].astype(object).map({point: 2 * numpy.pi * place / 16 for place, point in enumerate(points)}).astype(float)
    table["wind_north"] = table["WSPM"] * numpy.cos(angle)
    table["wind_east"] = table["WSPM"] * numpy.sin(angle)
    weather = ["TEMP", "PRES", "DEWP", "RAIN", "WSPM", "wind_north", "wind_east"]
    write(table.groupby("timestamp")[weather].mean(), out / "beijing_weather.parquet")


def pems(data, out):
    """Vehicles in 5 minutes at one detector on workdays: the published training file, then the published test file."""
    files = [pandas.read_csv(data / f"traffic/pems_single/{part}.csv", encoding="utf-8-sig") for part in ("train", "test")]
    table = pandas.concat(files)
    times = pandas.to_datetime(table["5 Minutes"], format="%d/%m/%Y %H:%M")
    flow = pandas.DataFrame({"flow": table["Lane 1 Flow (Veh/5 Minutes)"].to_numpy(float)}, index=instants(times, "America/Los_Angeles"))
    write(flow, out / "pems.parquet")


def birmingham(data, out):
    """As it is: cars in 30 car parks every half hour by day; 0 is missing."""
    shutil.copyfile(data / "parking/birmingham/birmingham_occupancy.parquet", out / "birmingham.parquet")


def washington(data, out):
    """Bicycles rented in an hour; the weather as published (scaled to 0..1) and the holidays."""
    table = pandas.read_csv(data / "bike/bike_hour_washington.csv.gz")
    days = pandas.to_datetime(table["dteday"], format="%m/%d/%Y")
    table.index = instants(days + pandas.to_timedelta(table["hr"], unit="h"), "America/New_York")
    write(table[["cnt"]].rename(columns={"cnt": "rentals"}), out / "washington.parquet")
    write(table[["weathersit", "temp", "hum", "windspeed"]], out / "washington_weather.parquet")
    write_days(days[table["holiday"].to_numpy() == 1], out / "washington_holidays.csv")


def metro(data, out):
    """Vehicles in an hour on Interstate 94 westbound; the weather without its known errors, and the holidays.

    An hour with several kinds of weather stands in several rows with one volume: the first counts. The State Fair is no day off.
    """
    table = pandas.read_csv(data / "traffic/metro_interstate/Metro_Interstate_Traffic_Volume.csv.gz", keep_default_na=False)
    days_off = table["date_time"][~table["holiday"].isin(["None", "State Fair"])]
    table = table.drop_duplicates("date_time")
    table.index = instants(pandas.to_datetime(table["date_time"]), "America/Chicago")
    table["temp"] = table["temp"].where(table["temp"] > 0)
    table["rain_1h"] = table["rain_1h"].where(table["rain_1h"] < 300)
    write(table[["traffic_volume"]], out / "metro.parquet")
    write(table[["temp", "rain_1h", "snow_1h", "clouds_all"]], out / "metro_weather.parquet")
    write_days(pandas.to_datetime(days_off), out / "metro_holidays.csv")


def taxi(data, out):
    """As it is: trips in an hour between 30 x 30 zones of New York; 0 is no trip."""
    shutil.copyfile(data / "traffic/nyc_taxi_od/nyc_taxi_od.parquet", out / "taxi.parquet")


def etth1(data, out):
    """The first 20 months of 30 days, each column scaled by mean and standard deviation of its first 12 months."""
    month = 30 * 24
    table = pandas.read_csv(data / "general/ETTh1.csv", index_col="date", parse_dates=True).iloc[: 20 * month]
    training = table.iloc[: 12 * month]
    write((table - training.mean()) / training.std(ddof=0), out / "etth1.parquet")


def m4(data, out):
    """M4 hourly. The files have no times: every series is placed so that its training part ends at the same hour."""
    training = m4_values(data / "general/m4/Hourly-train.csv.gz")
    last = pandas.Timestamp("2020-01-01T00:00")
    age = training.groupby("unique_id").cumcount(ascending=False)
    training.insert(1, "ds", last - pandas.to_timedelta(age, unit="h"))
    training.to_parquet(out / "m4_train.parquet", index=False)
    test = m4_values(data / "general/m4/Hourly-test.csv.gz")
    test.insert(1, "horizon", test.groupby("unique_id").cumcount() + 1)
    training.to_csv(out / "m4_train.csv", index=False)
    test.to_csv(out / "m4_test.csv", index=False)


def m4_values(path):
    """Series and value, a row for each, in order."""
    wide = pandas.read_csv(path, index_col=0)
    values = wide.stack().dropna().rename("y").rename_axis(["unique_id", "place"]).reset_index()
    return values[["unique_id", "y"]]


def instants(times, zone):
    """Instants of the local `times`; of an hour that the clock repeats, the first."""
    local = pandas.DatetimeIndex(times).tz_localize(zone, ambiguous=numpy.ones(len(times), bool))
    return local.tz_convert("UTC").rename("timestamp")


def write(panel, path):
    """A wide file with its times in the first column."""
    panel = panel.rename_axis("timestamp", axis="index").rename_axis(None, axis="columns")
    panel.reset_index().to_parquet(path, index=False)


def write_days(times, path):
    """A date a line."""
    path.write_text("".join(f"{day:%Y-%m-%d}\n" for day in sorted(set(times.dt.date))))


SETS = [losloop, aarhus, parking, beijing, pems, birmingham, washington, metro, taxi, etth1, m4]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("out", type=Path, metavar="OUT")
    names = [prepare.__name__ for prepare in SETS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for prepare in SETS:
        if prepare.__name__ in arguments.only:
            prepare(arguments.data, arguments.out)
            print(prepare.__name__, flush=True)


if __name__ == "__main__":
    main()
