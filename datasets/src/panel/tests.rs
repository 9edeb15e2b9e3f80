use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arterial_testing::data;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

fn wide(rows: &[&str]) -> String {
    format!("timestamp,a,b\n{}\n", rows.join("\n"))
}

fn message(path: &Path, options: &PanelOptions) -> String {
    let error = read(path, options).unwrap_err();
    assert!(error.is_bad_input(), "{error:?}");
    error.to_string()
}

fn plain() -> PanelOptions {
    PanelOptions::default()
}

const EVEN: [&str; 3] = [
    "2026-01-01 00:00:00,1,2",
    "2026-01-01 00:05:00,,4.5",
    "2026-01-01 00:10:00,NaN,-6e1",
];

#[test]
fn a_wide_file_becomes_a_panel() {
    let folder = Folder::new();
    let path = folder.file("a.csv", wide(&EVEN));
    let (panel, facts) = read(&path, &plain()).unwrap();
    assert_eq!(panel.series(), ["a", "b"]);
    assert_eq!(
        (panel.step().to_string(), panel.start().to_string()),
        ("5m".into(), "2026-01-01T00:00:00Z".into())
    );
    assert_eq!(panel.target().column(1).to_vec(), [2.0, 4.5, -60.0]);
    assert!(panel.target()[[1, 0]].is_nan() && panel.target()[[2, 0]].is_nan());
    assert_eq!(
        (facts.rows, facts.layout, facts.format, facts.naive),
        (3, Layout::Wide, Format::Csv, true)
    );
    assert_eq!(facts.sha256.len(), 64);
}

#[test]
fn byte_order_mark_line_ends_blank_lines_gzip_and_semicolons_change_nothing() {
    let folder = Folder::new();
    let (expected, _) = read(&folder.file("a.csv", wide(&EVEN)), &plain()).unwrap();
    let windows = format!("\u{feff}{}\r\n", wide(&EVEN).replace('\n', "\r\n"));
    let semicolons = wide(&EVEN).replace(',', ";");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(wide(&EVEN).as_bytes()).unwrap();
    for (name, bytes) in [
        ("w", windows.into_bytes()),
        ("s", semicolons.into_bytes()),
        ("g", gzip.finish().unwrap()),
    ] {
        let (panel, _) = read(&folder.file(name, bytes), &plain()).unwrap();
        assert_eq!(panel.series(), expected.series(), "{name}");
        let same = panel
            .values()
            .iter()
            .zip(expected.values())
            .all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(same, "{name}");
    }
}

#[test]
fn a_long_file_becomes_the_same_panel_in_any_order() {
    let folder = Folder::new();
    let rows = [
        "b,2026-01-01T00:05:00Z,4",
        "a,2026-01-01T00:00:00Z,1",
        "b,2026-01-01T00:00:00Z,2",
        "a,2026-01-01T00:10:00Z,3",
    ];
    let path = folder.file("long.csv", format!("unique_id,ds,y\n{}\n", rows.join("\n")));
    let (panel, facts) = read(&path, &plain()).unwrap();
    assert_eq!(
        (panel.series(), panel.steps()),
        (["b".to_owned(), "a".to_owned()].as_slice(), 3)
    );
    assert_eq!(panel.target().column(0).to_vec()[..2], [2.0, 4.0]);
    assert!(panel.target()[[1, 1]].is_nan(), "a has no row there");
    assert!(!facts.naive);
}

#[test]
fn bad_cells_are_refused_with_row_and_column() {
    let folder = Folder::new();
    for (row, expected) in [
        ("2026-01-01 00:15:00,x1,2", ["row 4", "column `a`", "x1"]),
        ("2026-01-01 00:15:00,1,inf", ["row 4", "column `b`", "inf"]),
        ("2026-01-01 00:15:00,1", ["row 4", "2 cells", "accepted: 3"]),
        ("yesterday,1,2", ["row 4", "column `timestamp`", "yesterday"]),
        (",1,2", ["row 4", "column `timestamp`", "no time"]),
        ("2026-01-01 00:10:00,1,2", ["row 4", "row 3", "--duplicates"]),
        ("2026-01-01 00:05:00,1,2", ["row 4", "row 2", "--duplicates"]),
        ("2026-01-01 00:12:00,1,2", ["row 4", "2m", "--resample 5m"]),
        ("2026-01-01 00:25:00,1,2", ["row 4", "2 rows are absent", "--gaps"]),
    ] {
        let path = folder.file("bad.csv", wide(&[&EVEN[..], &[row]].concat()));
        let message = message(&path, &plain());
        assert!(expected.iter().all(|part| message.contains(part)), "{row}: {message}");
    }
}

#[test]
fn a_bad_cell_is_told_with_the_line_of_an_editor_and_the_name_of_its_column() {
    let folder = Folder::new();
    let bad = |row: &str| wide(&[&EVEN[..], &[row]].concat());
    let missing = bad("2026-01-01 00:15:00,n/a,2");
    for (name, text, expected) in [
        ("plain.csv", missing.clone(), "plain.csv:5: row 4, column `a`"),
        (
            "windows.csv",
            missing.replace('\n', "\r\n"),
            "windows.csv:5: row 4, column `a`",
        ),
        (
            "short.csv",
            bad("2026-01-01 00:15:00,1"),
            "short.csv:5: row 4, column `b`",
        ),
        (
            "again.csv",
            bad("2026-01-01 00:10:00,1,2"),
            "again.csv:5: row 4, column `timestamp`",
        ),
        (
            "mixed.csv",
            "when;a, b\n2026-01-01;1, 2\n".to_owned(),
            "write commas between the columns",
        ),
    ] {
        let message = message(&folder.file(name, text), &plain());
        assert!(message.contains(expected), "{name}: {message}");
    }
}

#[test]
fn files_that_hold_no_panel_are_refused() {
    let folder = Folder::new();
    for (name, content, expected) in [
        ("empty", "", "not empty"),
        ("header", "timestamp,a\n", "at least one row"),
        ("one", "timestamp,a\n2026-01-01,1\n", "--step"),
        ("columns", "when,a\n2026-01-01,1\n", "`timestamp`"),
        (
            "two times",
            "date,time,a\n2026-01-01,08:00,1\n",
            "both `date` and `time`",
        ),
        ("alone", "timestamp\n2026-01-01\n", "at least one series"),
        ("twice", "timestamp,a,a\n2026-01-01,1,1\n", "once"),
        ("unnamed", "timestamp,a,\n2026-01-01,1,1\n", "without a name"),
        ("parquet", "PAR1 but nothing else", "Parquet"),
        ("gzip", "\u{1f}", "`timestamp`"),
    ] {
        let path = folder.file(name, content);
        let message = message(&path, &plain());
        assert!(message.contains(expected), "{name}: {message}");
    }
    assert!(message(&folder.0.path().join("absent.csv"), &plain()).contains("exists"));
    assert!(message(folder.0.path(), &plain()).contains("not a folder"));
    let broken = folder.file("broken.gz", [0x1f, 0x8b, 8, 0, 0, 0]);
    assert!(read(&broken, &plain()).is_err());
}

#[test]
fn a_first_column_called_like_a_time_in_any_case_is_the_time() {
    let folder = Folder::new();
    let (expected, _) = read(&folder.file("a.csv", wide(&EVEN)), &plain()).unwrap();
    for name in ["time", "ds", "Date", "DATETIME", "Timestamp"] {
        let path = folder.file("named.csv", wide(&EVEN).replacen("timestamp", name, 1));
        let (panel, _) = read(&path, &plain()).unwrap();
        assert_eq!(
            (panel.start(), panel.series()),
            (expected.start(), expected.series()),
            "{name}"
        );
        let late = folder.file("late.csv", format!("a,{name}\n1,2026-01-01\n"));
        assert!(message(&late, &plain()).contains("first column"), "{name}");
    }
}

#[test]
fn further_columns_of_a_long_file_are_left_out_by_name() {
    let folder = Folder::new();
    let rows = "a,2026-01-01T00:00:00Z,warm,1\na,2026-01-01T01:00:00Z,cold,2\n";
    let path = folder.file("long.csv", format!("unique_id,ds,weather,y\n{rows}"));
    let (panel, facts) = read(&path, &plain()).unwrap();
    assert_eq!(panel.target().column(0).to_vec(), [1.0, 2.0]);
    assert_eq!(facts.ignored, ["weather"]);
}

#[test]
fn rows_in_any_order_and_words_for_missing_make_the_same_panel() {
    let folder = Folder::new();
    let (expected, facts) = read(&folder.file("a.csv", wide(&EVEN)), &plain()).unwrap();
    assert_eq!(facts.unsorted, 0);
    let rows = [
        EVEN[2].replace("NaN", "NA"),
        EVEN[0].into(),
        EVEN[1].replace(",,", ",null,"),
    ];
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let (panel, facts) = read(&folder.file("b.csv", wide(&rows)), &plain()).unwrap();
    assert_eq!((panel.start(), facts.unsorted), (expected.start(), 1));
    let same = panel
        .values()
        .iter()
        .zip(expected.values())
        .all(|(a, b)| a.to_bits() == b.to_bits());
    assert!(same, "{:?}", panel.values());
}

#[test]
fn uneven_times_go_onto_the_grid_that_is_asked_for() {
    let folder = Folder::new();
    let path = folder.file(
        "jitter.csv",
        wide(&[
            "2023-01-01T00:00:02Z,1,",
            "2023-01-01T00:15:02Z,2,4",
            "2023-01-01T00:29:59Z,4,",
            "2023-01-01T00:45:01Z,8,16",
        ]),
    );
    assert!(message(&path, &plain()).contains("--resample 15m"));
    let mut options = PanelOptions {
        resample: Some("15m".parse().unwrap()),
        ..plain()
    };
    assert!(
        message(&path, &options).contains("--gaps missing"),
        "a step without a row is still refused"
    );
    options.gaps = Gaps::Missing;
    let (panel, facts) = read(&path, &options).unwrap();
    assert_eq!(
        (panel.start().to_string(), panel.steps()),
        ("2023-01-01T00:00:00Z".into(), 4)
    );
    assert_eq!(
        panel.target().column(0).to_vec()[..2],
        [1.0, 3.0],
        "the mean of those in a step"
    );
    assert!(panel.target()[[0, 1]].is_nan() && panel.target()[[2, 0]].is_nan());
    assert_eq!((panel.target()[[1, 1]], panel.target()[[3, 1]]), (4.0, 16.0));
    assert_eq!((facts.moved, facts.duplicates, facts.inserted), (4, 1, 1));
    options.resample = Some("7m".parse().unwrap());
    assert!(message(&path, &options).contains("divides a day"));
}

#[test]
fn options_say_what_to_do_with_repeated_and_absent_rows() {
    let folder = Folder::new();
    let rows = [&EVEN[..], &["2026-01-01 00:10:00,3,4", "2026-01-01 00:20:00,0,0"]].concat();
    let path = folder.file("odd.csv", wide(&rows));
    let mut options = PanelOptions {
        gaps: Gaps::Missing,
        missing_zero: true,
        ..plain()
    };
    for (policy, expected) in [("first", -60.0), ("last", 4.0), ("mean", -28.0)] {
        options.duplicates = policy.parse().unwrap();
        let (panel, facts) = read(&path, &options).unwrap();
        assert_eq!((panel.steps(), panel.target()[[2, 1]]), (5, expected), "{policy}");
        assert!(
            panel
                .target()
                .row(3)
                .iter()
                .chain(panel.target().row(4))
                .all(|value| value.is_nan())
        );
        assert_eq!((facts.duplicates, facts.inserted, facts.zeros), (1, 1, 2));
    }
    assert!("some".parse::<Duplicates>().is_err() && "some".parse::<Gaps>().is_err());
}

#[test]
fn a_time_far_from_all_others_is_refused_with_its_row() {
    let folder = Folder::new();
    let far = "9000-01-01 00:00:00,1,1";
    let wrong = [far, EVEN[0], EVEN[1], EVEN[2], "1999-01-01 00:00:03,1,1"];
    let long = "unique_id,ds,y\na,2024-01-01,1\na,2024-01-02,2\na,2099-01-03,3\nb,2024-01-03,4\n";
    for (name, text, expected) in [
        (
            "last.csv",
            wide(&[EVEN[0], EVEN[1], far]),
            [
                "last.csv:4: row 3",
                "9000-01-01T00:00:00Z lies far",
                "2026-01-01T00:05:00Z",
            ],
        ),
        (
            "both.csv",
            wide(&wrong),
            ["both.csv:2: row 1", "9000-01-01", "as do 1 more"],
        ),
        (
            "long.csv",
            long.to_owned(),
            ["row 3, column `ds`", "2099-01-03", "remove the row"],
        ),
    ] {
        let path = folder.file(name, text);
        for gaps in [Gaps::Refuse, Gaps::Missing] {
            let message = message(&path, &PanelOptions { gaps, ..plain() });
            assert!(expected.iter().all(|part| message.contains(part)), "{name}: {message}");
            assert!(!message.contains("--gaps"), "{message}");
        }
    }
}

#[test]
fn times_far_apart_do_not_fill_the_memory() {
    let folder = Folder::new();
    let far = ["9000-01-01 00:00:00,1,1", "9000-01-01 00:05:00,1,1"];
    let path = folder.file("far.csv", wide(&[&EVEN[..2], &far].concat()));
    let options = PanelOptions {
        gaps: Gaps::Missing,
        ..plain()
    };
    let message = message(&path, &options);
    assert!(message.contains("would be more"), "{message}");
}

#[test]
fn the_zone_of_naive_times_is_an_option() {
    let folder = Folder::new();
    let hours: Vec<String> = (0..5).map(|hour| format!("2026-03-29 0{hour}:00:00,1,2")).collect();
    let hours: Vec<&str> = hours.iter().map(String::as_str).collect();
    let path = folder.file("march.csv", wide(&hours));
    let mut options = PanelOptions {
        timezone: "Europe/Copenhagen".into(),
        ..plain()
    };
    let refused = message(&path, &options);
    assert!(
        ["row 3", "does not exist", "--utc-offset +01:00"]
            .iter()
            .all(|part| refused.contains(part)),
        "{refused}"
    );
    options.utc_offset = Some("+01:00".parse().unwrap());
    let (panel, _) = read(&path, &options).unwrap();
    assert_eq!(
        (panel.start().to_string(), panel.timezone()),
        ("2026-03-28T23:00:00Z".into(), "Europe/Copenhagen")
    );
    options.timezone = "Mars/Olympus".into();
    assert!(message(&path, &options).contains("Mars/Olympus"));
    for offset in ["+1", "10:00", "+25:00", "+10:99", "+é", ""] {
        assert!(offset.parse::<UtcOffset>().is_err(), "{offset}");
    }
    assert_eq!("-03:30".parse::<UtcOffset>().unwrap().to_string(), "-03:30");
}

fn parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, values)| (name, values, true)))
            .unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn parquet_times_may_be_naive_zoned_text_or_counts() {
    let folder = Folder::new();
    let values: ArrayRef = Arc::new(Float32Array::from(vec![Some(1.5), None, Some(f32::NAN)]));
    let naive = TimestampMillisecondArray::from(vec![0, 60_000, 120_000]);
    let zoned = naive.clone().with_timezone("Europe/Copenhagen");
    let text = StringArray::from(vec![
        "1970-01-01 00:00:00",
        "1970-01-01 00:01:00",
        "1970-01-01 00:02:00",
    ]);
    let counts: [i64; 3] = [1_782_885_600_000, 1_782_885_660_000, 1_782_885_720_000];
    let times: [(&str, ArrayRef, &str); 4] = [
        ("naive", Arc::new(naive), "1969-12-31T23:00:00Z"),
        ("zoned", Arc::new(zoned), "1970-01-01T00:00:00Z"),
        ("text", Arc::new(text), "1969-12-31T23:00:00Z"),
        (
            "counts",
            Arc::new(Int64Array::from(counts.to_vec())),
            "2026-07-01T06:00:00Z",
        ),
    ];
    let options = PanelOptions {
        timezone: "Europe/Copenhagen".into(),
        ..plain()
    };
    for (name, times, start) in times {
        let path = folder.0.path().join(name);
        parquet(&path, vec![("timestamp", times), ("7", Arc::clone(&values))]);
        let (panel, facts) = read(&path, &options).unwrap();
        assert_eq!(
            (panel.start().to_string().as_str(), panel.target()[[0, 0]]),
            (start, 1.5),
            "{name}"
        );
        assert_eq!((panel.missing_share() * 3.0, facts.format), (2.0, Format::Parquet));
    }
}

#[test]
fn graphs_are_matrices_or_edges() {
    let folder = Folder::new();
    let series = ["a".to_owned(), "b".to_owned()];
    let expected = Graph {
        edges: vec![(0, 1, 0.5)],
    };
    for (name, content) in [
        ("bare", "0,0.5\n0,0\n"),
        ("header", "a,b\n0,0.5\n0,\n"),
        ("labels", "from,a,b\na,0,0.5\nb,0,0\n"),
        ("edges", "from,to,weight\na,b,0.5\nb,a,0\n"),
    ] {
        assert_eq!(
            read_graph(&folder.file(name, content), &series).unwrap(),
            expected,
            "{name}"
        );
    }
    for (name, content, expected) in [
        (
            "unknown",
            "from,to,weight\na,b,1\na,c,0.5\n",
            ["row 2", "column `to`", "`c`"],
        ),
        ("text", "a,b\n0,x\n0,0\n", ["row 1", "column `b`", "`x`"]),
        ("order", "b,a\n0,1\n0,0\n", ["header", "`b`", "`a`"]),
        ("shape", "0,1,2\n0,0,1\n0,0,0\n", ["3 columns", "2 rows", "2 series"]),
    ] {
        let message = read_graph(&folder.file(name, content), &series)
            .unwrap_err()
            .to_string();
        assert!(expected.iter().all(|part| message.contains(part)), "{name}: {message}");
    }
}

#[test]
fn flows_are_the_ends_of_edges() {
    let folder = Folder::new();
    let flow = |topic: &str, from: &str, to: &str| Flow {
        topic: Some(topic.to_owned()).filter(|topic| !topic.is_empty()),
        from: from.to_owned(),
        to: to.to_owned(),
    };
    for (name, content, expected) in [
        (
            "plain",
            "from,to\na,b\nb,c\n",
            vec![flow("", "a", "b"), flow("", "b", "c")],
        ),
        (
            "weighted",
            "to,weight,from\nb,0.5,a\nc,0,b\nd,,c\n",
            vec![flow("", "a", "b")],
        ),
        (
            "of streams",
            "topic,from,to\nroads,a,b\n,b,c\n",
            vec![flow("roads", "a", "b"), flow("", "b", "c")],
        ),
    ] {
        let flows = read_flows(&folder.file(name, content)).unwrap();
        assert_eq!(flows, expected, "{name}");
    }
    for (name, content, expected) in [
        ("matrix", "a,b\n0,1\n1,0\n", ["columns", "`a,b`", "`from` and `to`"]),
        ("open", "from,to\na,b\nb,\n", ["row 2", "column `to`", "a key"]),
        ("text", "from,to,weight\na,b,x\n", ["row 1", "column `weight`", "`x`"]),
    ] {
        let message = read_flows(&folder.file(name, content)).unwrap_err().to_string();
        assert!(expected.iter().all(|part| message.contains(part)), "{name}: {message}");
    }
}

#[test]
fn covariates_hold_until_their_next_row() {
    let folder = Folder::new();
    let rows: Vec<String> = (0..36)
        .map(|row| format!("2026-01-01 {:02}:{:02}:00,1,2", row / 12, row % 12 * 5))
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let path = folder.file("a.csv", wide(&rows));
    let weather = "timestamp,rain,wind\n2026-01-01 00:20:00,1,10\n2026-01-01 00:50:00,2,20\n2026-01-01 01:10:00,3,\n";
    let known = "timestamp,b,a\n2026-01-01 00:00:00,5,6\n2026-01-01 01:00:00,7,8\n";
    let options = PanelOptions {
        covariates: Some(folder.file("weather.csv", weather)),
        known_covariates: Some(folder.file("events.csv", known)),
        ..plain()
    };
    let (panel, _) = read(&path, &options).unwrap();
    let names: Vec<&str> = panel.channels().iter().map(|channel| channel.name.as_str()).collect();
    assert_eq!(names, ["y", "rain", "wind", "events"]);
    let rain: Vec<f64> = [0, 3, 4, 9, 10, 14, 35]
        .iter()
        .map(|row| panel.values()[[*row, 1, 1]])
        .collect();
    assert!(rain[0].is_nan() && rain[1].is_nan(), "nothing was known yet");
    assert_eq!(rain[2..6], [1.0, 1.0, 2.0, 3.0]);
    assert!(rain[6].is_nan(), "too old");
    assert_eq!((panel.values()[[0, 0, 3]], panel.values()[[12, 1, 3]]), (6.0, 7.0));
    let partial = PanelOptions {
        covariates: Some(folder.file("p.csv", "timestamp,a\n2026-01-01,5\n")),
        ..plain()
    };
    assert!(message(&path, &partial).contains("without `b`"));
}

#[test]
fn a_file_known_ahead_is_read_as_far_as_it_reaches_and_another_one_up_to_the_last_row() {
    let folder = Folder::new();
    let path = folder.file("a.csv", wide(&EVEN));
    let hours = "2026-01-01 00:00:00,1\n2026-01-01 00:30:00,2\n2026-01-01 01:00:00,3\n";
    let options = PanelOptions {
        covariates: Some(folder.file("weather.csv", format!("timestamp,rain\n{hours}"))),
        known_covariates: Some(folder.file("events.csv", format!("timestamp,event\n{hours}"))),
        ..plain()
    };
    let (panel, _) = read(&path, &options).unwrap();
    assert_eq!(panel.steps(), 3);
    // The last row holds for an hour, as any would that none follows.
    let event = [2, 3, 6, 12, 23].map(|row| panel.known(row, 1, 2));
    assert_eq!(event.to_vec(), [1.0, 1.0, 2.0, 3.0, 3.0]);
    assert_eq!((panel.known_steps(), panel.last_known(2)), (24, Some(23)));
    assert!(panel.known(24, 1, 2).is_nan() && panel.known(3, 1, 1).is_nan());
    assert_eq!(panel.last_known(1), Some(2));

    let years = "timestamp,event\n2025-01-01 00:00:00,1\n2026-01-01 00:00:00,2\n2027-01-01 00:00:00,3\n";
    let options = PanelOptions {
        known_covariates: Some(folder.file("years.csv", years)),
        ..plain()
    };
    let (panel, _) = read(&path, &options).unwrap();
    assert_eq!(panel.known_steps(), 3 + 10_000, "no more than anyone needs");
    let early = PanelOptions {
        known_covariates: Some(folder.file("early.csv", "timestamp,event\n2020-01-01,1\n2020-01-02,1\n")),
        ..plain()
    };
    assert_eq!(read(&path, &early).unwrap().0.known_steps(), 3);
}

#[test]
fn a_description_counts_what_a_panel_refuses() {
    let folder = Folder::new();
    let rows = [
        &EVEN[..],
        &[
            "2026-01-01 00:10:00,3,4",
            "2026-01-01 00:20:00,,0",
            "2026-01-01 00:22:00,1,0",
        ],
    ]
    .concat();
    let description = describe(&folder.file("odd.csv", wide(&rows)), &plain()).unwrap();
    assert_eq!(
        (description.duplicates, description.absent_rows, description.uneven_rows),
        (1, 1, 1)
    );
    assert_eq!(
        (description.step_seconds, description.range),
        (Some(300.0), Some((-60.0, 4.5)))
    );
    assert_eq!(description.needs, ["--resample 5m", "--gaps missing"]);
    assert_eq!(description.constant_series, ["a"]);
    assert!(description.empty_series.is_empty());
    assert_eq!(description.zone_source, "assumed");
    assert_eq!(description.stray_times, 0);
}

#[test]
fn a_series_without_any_value_is_described_as_empty_and_not_as_constant() {
    let folder = Folder::new();
    let rows = ["2026-01-01 00:00:00,5,", "2026-01-01 00:05:00,5,NaN"];
    let description = describe(&folder.file("empty.csv", wide(&rows)), &plain()).unwrap();
    assert_eq!(description.constant_series, ["a"]);
    assert_eq!(description.empty_series, ["b"]);
}

#[test]
fn a_description_names_times_far_from_all_others_and_counts_no_gap_for_them() {
    let folder = Folder::new();
    let rows = [&["1970-01-01 00:00:00,1,1"][..], &EVEN].concat();
    let description = describe(&folder.file("odd.csv", wide(&rows)), &plain()).unwrap();
    assert_eq!(description.first_strays, ["row 1 (line 2): 1970-01-01T00:00:00Z"]);
    assert_eq!((description.stray_times, description.absent_rows), (1, 0));
    assert!(description.needs.is_empty(), "{:?}", description.needs);
}

#[test]
fn real_files_are_read() {
    let Some(path) = data("traffic/losloop/losloop_speed.parquet") else {
        return;
    };
    let graph = data("traffic/losloop/metr_la_adj_mx.parquet");
    let options = PanelOptions {
        timezone: "America/Los_Angeles".into(),
        graph,
        ..plain()
    };
    let (panel, _) = read(&path, &options).unwrap();
    assert_eq!(
        (panel.steps(), panel.series().len(), panel.missing_share()),
        (2016, 207, 0.0)
    );
    assert_eq!(panel.start().to_string(), "2012-03-01T08:00:00Z");
    assert_eq!(panel.graph().unwrap().edges.len(), 1722);
    let bare = PanelOptions {
        graph: data("traffic/losloop/los_adj_tgcn.csv"),
        ..plain()
    };
    assert!(!read(&path, &bare).unwrap().0.graph().unwrap().edges.is_empty());

    let Some(path) = data("traffic/aarhus/aarhus_vehicle_count.parquet") else {
        return;
    };
    let weather = data("weather/aarhus_weather.csv.gz");
    let (panel, _) = read(&path, &plain()).unwrap();
    assert_eq!((panel.steps(), panel.series().len()), (17568, 449));
    assert!((panel.missing_share() - 0.095).abs() < 0.001);
    let refused = message(
        &path,
        &PanelOptions {
            covariates: weather,
            ..plain()
        },
    );
    assert!(refused.contains("`timestamp`"), "{refused}");

    let Some(path) = data("general/ETTh1.csv") else {
        return;
    };
    let (panel, _) = read(&path, &plain()).unwrap();
    assert_eq!(
        (panel.steps(), panel.series().len(), panel.step().to_string()),
        (17420, 7, "1h".into())
    );
}
