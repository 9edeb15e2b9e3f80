//! The command line as a person meets it: exit codes, and errors that name field, value and what is accepted.

use std::path::Path;
use std::process::{Command, Output};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arterial"));
    command.args(arguments).env_remove("ARTERIAL_REGISTRY__URL");
    command
}

fn arterial(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// Runs a command that must end with 2, and gives what it said.
fn refused(arguments: &[&str]) -> String {
    arterial_testing::refused(&mut command(arguments), 2)
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_string_lossy().into_owned()
}

#[test]
fn every_command_has_help() {
    let help = String::from_utf8(arterial(&["--help"]).stdout).unwrap();
    for command in [
        "demo",
        "run",
        "simulate",
        "replay",
        "train",
        "backtest",
        "detect",
        "promote",
        "withdraw",
        "streams",
        "quarantine",
        "lake",
    ] {
        assert!(help.contains(command), "{command} is missing in:\n{help}");
        assert!(arterial(&[command, "--help"]).status.success(), "{command}");
    }
}

#[test]
fn an_unknown_key_of_the_configuration_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "arterial.toml", "[lake]\nurl = \"x\"\nfsnyc = true\n");
    let said = refused(&["run", "--config", &path]);
    assert!(said.contains("arterial.toml:3") && said.contains("fsync"), "{said}");
}

#[test]
fn a_service_without_brokers_says_which_key_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let path = write(
        folder.path(),
        "arterial.toml",
        &format!("[lake]\nurl = \"{}\"\n", lake.display()),
    );
    assert!(refused(&["run", "--config", &path]).contains("kafka.brokers"));
}

#[test]
fn a_stream_that_does_not_check_is_refused_with_file_line_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(
        folder.path(),
        "noise.toml",
        "name = \"noise\"\ndescription = \"x\"\nkye = 1\n",
    );
    let said = refused(&["streams", "check", &path]);
    assert!(said.contains("noise.toml:3") && said.contains("kye"), "{said}");
}

#[test]
fn a_definition_that_is_no_text_file_is_bad_input() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("odd.toml");
    std::fs::write(&odd, b"name = \"\xff\"\n").unwrap();
    for (path, why) in [
        (odd.as_path(), "odd.toml:1"),
        (folder.path(), "not a folder"),
        (&folder.path().join("absent.toml"), "a file that exists"),
    ] {
        let said = refused(&["streams", "check", &path.to_string_lossy()]);
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn an_unknown_model_lists_those_that_exist() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(
        folder.path(),
        "x.csv",
        "timestamp,a\n2026-01-01T00:00:00Z,1\n2026-01-01T00:05:00Z,2\n",
    );
    let said = refused(&["backtest", "--data", &path, "--models", "prophet"]);
    assert!(
        said.contains("prophet") && said.contains("persistence") && said.contains("linear"),
        "{said}"
    );
}

#[test]
fn a_cell_that_is_no_number_is_refused_with_row_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(
        folder.path(),
        "x.csv",
        "timestamp,a\n2026-01-01T00:00:00Z,1\n2026-01-01T00:05:00Z,fast\n",
    );
    let said = refused(&["data", "describe", &path]);
    assert!(
        said.contains("x.csv:3: row 2") && said.contains("`a`") && said.contains("fast"),
        "{said}"
    );
}

#[test]
fn a_file_with_uneven_times_is_described_with_the_options_that_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let stamps = ["00:00:02", "00:15:02", "00:30:02", "01:00:01"];
    let rows: Vec<String> = stamps.iter().map(|stamp| format!("2026-01-01T{stamp}Z,1")).collect();
    let path = write(folder.path(), "x.csv", &format!("Time,a\n{}\n", rows.join("\n")));
    let described = arterial(&["data", "describe", &path]);
    let described = String::from_utf8(described.stdout).unwrap();
    assert!(
        described.contains("--resample 15m") && described.contains("uneven, about 15m"),
        "{described}"
    );
    let mended = ["data", "describe", &path, "--resample", "15m", "--json"];
    let mended: serde_json::Value = serde_json::from_slice(&arterial(&mended).stdout).unwrap();
    assert_eq!(mended["needs"], serde_json::json!(["--gaps missing"]));
}

#[test]
fn a_time_far_from_all_others_is_named_by_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let rows = "2024-01-01T00:00:00Z,1\n2024-01-01T01:00:00Z,2\n2099-01-01T02:00:00Z,3\n2024-01-01T03:00:00Z,4\n";
    let path = write(folder.path(), "x.csv", &format!("timestamp,a\n{rows}"));
    let described = arterial(&["data", "describe", &path]);
    let described = String::from_utf8(described.stdout).unwrap();
    assert!(
        described.contains("row 3 (line 4): 2099-01-01T02:00:00Z: mend these times, or remove their rows"),
        "{described}"
    );
    let said = refused(&[
        "backtest",
        "--data",
        &path,
        "--models",
        "persistence",
        "--gaps",
        "missing",
    ]);
    assert!(
        said.contains("x.csv:4: row 3, column `timestamp`: 2099-01-01T02:00:00Z lies far from the other times"),
        "{said}"
    );
}

/// Three days of two hourly series, the second with a name that CSV has to quote.
fn waves(folder: &Path) -> String {
    let row = |hour: u32| {
        let height = (f64::from(hour) / 24.0 * std::f64::consts::TAU).sin();
        let (day, time) = (1 + hour / 24, hour % 24);
        format!("2026-01-0{day}T{time:02}:00:00Z,{},{}\n", 50.0 + height, 20.0 - height)
    };
    let text = format!("timestamp,a,\"b, north\"\n{}", (0..72).map(row).collect::<String>());
    write(folder, "waves.csv", &text)
}

#[test]
fn a_file_is_forecast_beyond_its_last_row_by_a_kind_that_is_fitted_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = waves(folder.path());
    let out = folder.path().join("forecasts.csv").to_string_lossy().into_owned();
    let asked = [
        "forecast",
        "--data",
        &path,
        "--model",
        "seasonal-naive",
        "--horizon",
        "3",
    ];
    let output = arterial(&[&asked[..], &["--levels", "80,95", "--out", &out]].concat());
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    let text = std::fs::read_to_string(&out).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "unique_id,ds,horizon,p2.5,p10,p50,p90,p97.5,model");
    assert_eq!(lines.len(), 1 + 2 * 3, "{text}");
    assert!(lines[1].starts_with("a,2026-01-04T00:00:00Z,1,"), "{text}");
    assert!(lines[6].starts_with("\"b, north\",2026-01-04T02:00:00Z,3,"), "{text}");
    assert!(
        lines.iter().skip(1).all(|line| line.ends_with(",seasonal-naive")),
        "{text}"
    );
    let digits = |cell: &str| cell.chars().filter(char::is_ascii_digit).count();
    assert!(
        lines[1].split(',').skip(3).take(5).all(|cell| digits(cell) <= 7),
        "six digits and a zero before the point say enough: {text}"
    );

    let json: serde_json::Value =
        serde_json::from_slice(&arterial(&[&asked[..], &["--json"]].concat()).stdout).unwrap();
    assert_eq!(
        (&json["origin"], &json["refused"]),
        (&"2026-01-03T23:00:00Z".into(), &0.into())
    );
    let last = &json["forecasts"][5];
    assert_eq!((&last["unique_id"], &last["horizon"]), (&"b, north".into(), &3.into()));
    let quantile = |name: &str| last[name].as_f64().unwrap();
    assert!(
        quantile("p10") <= quantile("p50") && quantile("p50") <= quantile("p90"),
        "{last}"
    );
}

#[test]
fn a_file_is_forecast_by_a_model_that_was_trained_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = waves(folder.path());
    let registry = folder.path().join("registry").to_string_lossy().into_owned();
    let trained = arterial(&[
        "train",
        "--data",
        &path,
        "--model",
        "persistence",
        "--context",
        "2",
        "--horizon",
        "3",
        "--registry",
        &registry,
    ]);
    assert!(trained.status.success(), "{trained:?}");
    let asked = [
        "forecast",
        "--data",
        &path,
        "--model",
        "persistence@1",
        "--registry",
        &registry,
    ];
    let printed = String::from_utf8(arterial(&asked).stdout).unwrap();
    assert!(
        printed.starts_with("unique_id,ds,horizon,p10,p50,p90,model\na,2026-01-04T00:00:00Z,1,"),
        "{printed}"
    );
    assert_eq!(printed.matches(",persistence@1\n").count(), 2 * 3, "{printed}");
    let said = refused(&[&asked[..], &["--horizon", "4"]].concat());
    assert!(
        said.contains("`--horizon` is `4`") && said.contains("at most 3"),
        "{said}"
    );
}

#[test]
fn a_series_without_recent_data_is_refused_by_name_also_by_a_model_that_was_trained_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = waves(folder.path());
    let registry = folder.path().join("registry").to_string_lossy().into_owned();
    let task = ["--model", "linear", "--context", "2", "--horizon", "3"];
    let trained = arterial(&[&["train", "--data", &path, "--registry", &registry][..], &task].concat());
    assert!(trained.status.success(), "{trained:?}");
    let text = std::fs::read_to_string(&path).unwrap();
    let silent = text.lines().enumerate().map(|(place, line)| {
        let cells: Vec<&str> = line.splitn(3, ',').collect();
        let first = if place == 0 { cells[1] } else { "" };
        format!("{},{first},{}\n", cells[0], cells[2])
    });
    let silent = write(folder.path(), "silent.csv", &silent.collect::<String>());
    let asked = ["--model", "linear@1", "--registry", &registry];
    let output = arterial(&[&["forecast", "--data", &silent][..], &asked].concat());
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("3 of 6 forecasts are refused: linear@1 has too little data for `a`"),
        "{said}"
    );
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        printed.contains("\na,2026-01-04T00:00:00Z,1,,,,linear@1\n"),
        "{printed}"
    );
    assert_eq!(printed.matches(",,,,linear@1\n").count(), 3, "{printed}");
}

/// The text of [`waves`] with its second series first.
fn with_series_swapped(text: &str) -> String {
    let swapped = text.lines().map(|line| {
        let (time, values) = line.split_once(',').unwrap();
        let (first, second) = values.split_once(',').unwrap();
        format!("{time},{second},{first}\n")
    });
    swapped.collect()
}

#[test]
fn series_are_known_by_name_whatever_their_order_and_others_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = waves(folder.path());
    let registry = folder.path().join("registry").to_string_lossy().into_owned();
    let task = ["--model", "persistence", "--context", "2", "--horizon", "3"];
    let trained = arterial(&[&["train", "--data", &path, "--registry", &registry][..], &task].concat());
    assert!(trained.status.success(), "{trained:?}");
    let text = std::fs::read_to_string(&path).unwrap();
    let asked = [
        "forecast",
        "--model",
        "persistence@1",
        "--registry",
        &registry,
        "--data",
    ];
    let swapped = write(folder.path(), "swapped.csv", &with_series_swapped(&text));
    let forecasts = |path: &str| {
        let output = arterial(&[&asked[..], &[path]].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(forecasts(&swapped), forecasts(&path));

    let renamed = write(folder.path(), "renamed.csv", &text.replacen(",a,", ",A,", 1));
    let said = refused(&[&asked[..], &[renamed.as_str()]].concat());
    assert!(
        said.contains("1 missing (`a`), 1 new (`A`); the model knows 2 series (`a`, `b, north`)"),
        "{said}"
    );
}

#[test]
fn models_are_compared_and_promoted_on_series_in_whatever_order_and_others_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = waves(folder.path());
    let text = std::fs::read_to_string(&path).unwrap();
    let swapped = write(folder.path(), "swapped.csv", &with_series_swapped(&text));
    let registry = folder.path().join("registry").to_string_lossy().into_owned();
    let task = ["--model", "persistence", "--context", "2", "--horizon", "3"];
    for data in [&path, &swapped] {
        let trained = arterial(&[&["train", "--data", data, "--registry", &registry][..], &task].concat());
        assert!(trained.status.success(), "{trained:?}");
    }
    let compare = ["compare", "persistence@1", "persistence@2", "--registry", &registry];
    let measured = |data: &[&str]| {
        let output = arterial(&[&compare[..], &["--json"], data].concat());
        assert!(output.status.success(), "{output:?}");
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        found["overall"].clone()
    };
    let overall = measured(&[]);
    assert!(overall["mae_a"].is_f64(), "{overall}");
    assert_eq!(overall["mae_a"], overall["mae_b"], "both are the same model");
    assert_eq!(measured(&["--data", &swapped]), overall);

    let promote = ["promote", "persistence@1", "--registry", &registry, "--data"];
    let output = arterial(&[&promote[..], &[swapped.as_str()]].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(3) && said.contains("is not below"),
        "it was measured: {said}"
    );
    let renamed = write(folder.path(), "renamed.csv", &text.replacen(",a,", ",A,", 1));
    for asked in [&[&compare[..], &["--data"]].concat()[..], &promote] {
        let said = refused(&[asked, &[renamed.as_str()]].concat());
        assert!(
            said.contains("persistence@1 cannot be measured on these data")
                && said.contains("1 missing (`a`), 1 new (`A`)"),
            "{said}"
        );
    }
}

/// A model of LightGBM that says how far the next value is from the last: nowhere.
const STANDSTILL: &str = "tree\nnum_tree_per_iteration=1\nmax_feature_idx=0\nobjective=regression\n\n\
    Tree=0\nnum_leaves=1\nnum_cat=0\nleaf_value=0\n\nend of trees\n";
const STANDSTILL_DESCRIPTION: &str = r#"{
    "step": "1h", "horizon": 3, "strategy": "recursive", "features": [{"lag": 0}], "output": "change"
}"#;

#[test]
fn trees_of_another_library_are_published_and_forecast_with() {
    let folder = tempfile::tempdir().unwrap();
    let path = waves(folder.path());
    let trees = write(folder.path(), "trees.txt", STANDSTILL);
    let description = write(folder.path(), "trees.json", STANDSTILL_DESCRIPTION);
    let registry = folder.path().join("registry").to_string_lossy().into_owned();
    let imported = ["--trees", &trees, "--description", &description];
    let trained = [
        &["train", "--data", &path, "--model", "trees", "--registry", &registry][..],
        &["--context", "2", "--horizon", "3"],
        &imported,
    ];
    let trained = arterial(&trained.concat());
    assert!(trained.status.success(), "{trained:?}");
    let asked = [
        "forecast",
        "--data",
        &path,
        "--model",
        "trees@1",
        "--registry",
        &registry,
        "--json",
    ];
    let printed: serde_json::Value = serde_json::from_slice(&arterial(&asked).stdout).unwrap();
    let forecasts = printed["forecasts"].as_array().unwrap();
    let last = 50.0 + (71.0 / 24.0 * std::f64::consts::TAU).sin();
    let medians = forecasts.iter().filter(|one| one["unique_id"] == "a");
    let medians: Vec<f64> = medians.map(|one| one["p50"].as_f64().unwrap()).collect();
    assert!(
        medians.len() == 3 && medians.iter().all(|median| (median - last).abs() < 1e-4),
        "{medians:?}, {last}"
    );
}

#[test]
fn trees_that_do_not_fit_their_description_or_the_data_are_refused_by_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let path = waves(folder.path());
    let trees = write(folder.path(), "trees.txt", STANDSTILL);
    let backtest = |trees: &str, description: &str| {
        let description = write(folder.path(), "trees.json", description);
        let asked = ["backtest", "--data", &path, "--models", "trees", "--horizon", "3"];
        refused(&[&asked[..], &["--trees", trees, "--description", &description]].concat())
    };
    let said = refused(&["backtest", "--data", &path, "--models", "trees"]);
    assert!(
        said.contains("model `trees` needs `--trees PATH --description FILE.json`"),
        "{said}"
    );
    let both = ["--trees", &trees, "--network", &trees, "--description", &trees];
    let said = refused(&[&["backtest", "--data", &path, "--models", "all"][..], &both].concat());
    assert!(said.contains("cannot be used with"), "{said}");
    let alone = ["backtest", "--data", &path, "--models", "all", "--description", &trees];
    assert!(refused(&alone).contains("--trees <PATH>"));
    let said = backtest(&trees, &STANDSTILL_DESCRIPTION.replace("1h", "5m"));
    assert!(said.contains("`step` is `1h`, accepted: 5m"), "{said}");
    let with = |features: &str| STANDSTILL_DESCRIPTION.replace("{\"lag\": 0}", features);
    let said = backtest(&trees, &with("{\"lag\": 0}, \"month\""));
    assert!(said.contains("`time_of` is `missing`"), "{said}");
    let said = backtest(&trees, &with("{\"lag\": 0}, {\"lag\": 1}"));
    assert!(
        said.contains("`2 features`, accepted: 1 features, as many as `trees.txt` reads"),
        "{said}"
    );
    let said = backtest(&folder.path().to_string_lossy(), STANDSTILL_DESCRIPTION);
    assert!(
        said.contains("accepted: a file, as the description lists none"),
        "{said}"
    );
    let other = STANDSTILL_DESCRIPTION.replace("\"change\"", "\"change\", \"models\": [{\"file\": \"other.txt\"}]");
    let said = backtest(&trees, &other);
    assert!(
        said.contains("accepted: the folder of the files that the description lists"),
        "{said}"
    );
}

#[test]
fn a_model_that_is_not_there_is_refused_with_where_was_looked() {
    let folder = tempfile::tempdir().unwrap();
    let registry = folder.path().join("registry").to_string_lossy().into_owned();
    let said = refused(&["promote", "gbdt@9", "--registry", &registry]);
    assert!(
        said.contains(&format!("cannot find `gbdt@9` in the registry `{registry}`")) && said.contains("known: none"),
        "{said}"
    );
    let said = refused(&["promote", "@canary", "--registry", &registry]);
    assert!(said.contains(&registry), "{said}");
}

#[test]
fn a_training_proposes_only_what_the_gate_lets_through() {
    let folder = tempfile::tempdir().unwrap();
    let registry = folder.path().join("models").to_string_lossy().into_owned();
    let train = |path: &str| {
        let asked = [
            "train",
            "--data",
            path,
            "--model",
            "persistence",
            "--context",
            "2",
            "--horizon",
            "3",
        ];
        let output = arterial(&[&asked[..], &["--registry", &registry]].concat());
        String::from_utf8(output.stdout).unwrap()
    };
    // What comes back every day is what seasonal naive forecasts without error.
    let said = train(&waves(folder.path()));
    assert!(
        said.contains("the gate would refuse persistence@1") && !said.contains("next:"),
        "{said}"
    );
    let rising: Vec<String> = (0..72)
        .map(|hour| format!("2026-01-0{}T{:02}:00:00Z,{hour}", 1 + hour / 24, hour % 24))
        .collect();
    let said = train(&write(
        folder.path(),
        "rising.csv",
        &format!("timestamp,a\n{}\n", rising.join("\n")),
    ));
    let proposal = said
        .lines()
        .find_map(|line| line.strip_prefix("next: arterial "))
        .unwrap();
    assert!(proposal.ends_with(&format!("--registry {registry}")), "{said}");
    let output = arterial(&proposal.split(' ').collect::<Vec<_>>());
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_model_of_a_lake_is_published_where_the_service_of_that_lake_looks() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake").to_string_lossy().into_owned();
    let row = |window: i32| {
        let (day, of_day) = (5 + window / 288, window % 288);
        format!(
            "P1,2026-01-{day:02}T{:02}:{:02}:00Z,{}",
            of_day / 12,
            of_day % 12 * 5,
            of_day % 90
        )
    };
    let rows: Vec<String> = (0..5 * 288).map(row).collect();
    let text = format!("parking_id,timestamp,occupied_spaces\n{}\n", rows.join("\n"));
    let history = write(folder.path(), "history.csv", &text);
    let replayed = arterial(&["replay", "--data", &history, "--stream", "parking", "--lake", &lake]);
    assert!(replayed.status.success(), "{replayed:?}");
    let trained = arterial(&[
        "train",
        "--lake",
        &lake,
        "--topic",
        "parking",
        "--target",
        "occupied_spaces",
        "--model",
        "persistence",
        "--context",
        "2",
        "--horizon",
        "3",
    ]);
    assert!(trained.status.success(), "{trained:?}");
    let manifest = folder.path().join("lake/registry/models/persistence/1/manifest.json");
    assert!(manifest.exists(), "{trained:?}");
}

#[test]
fn a_file_with_an_unknown_model_names_the_kinds_and_nothing_of_a_service_is_taken_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = waves(folder.path());
    let said = refused(&["forecast", "--data", &path, "--model", "prophet"]);
    assert!(said.contains("prophet") && said.contains("linear"), "{said}");
    assert!(refused(&["forecast", "--data", &path, "--keys", "a"]).contains("--keys"));
    assert!(refused(&["forecast", "--horizon", "3"]).contains("--data"));
}

#[test]
fn an_option_of_a_files_forecast_is_refused_where_a_service_is_asked_and_the_other_way_round() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("x.csv").to_string_lossy().into_owned();
    for (option, value) in [
        ("--out", out.as_str()),
        ("--horizon", "5"),
        ("--levels", "50"),
        ("--registry", "/x"),
        ("--timezone", "Europe/Paris"),
        ("--gaps", "missing"),
    ] {
        for asked in [&["forecast", "--keys", "TS-0001"][..], &["forecast"]] {
            let said = refused(&[asked, &[option, value]].concat());
            assert!(
                said.contains(&format!("`{option}` needs `--data`")),
                "{asked:?} {option}: {said}"
            );
        }
    }
    let path = waves(folder.path());
    let said = refused(&["forecast", "--data", &path, "--endpoint", "http://127.0.0.1:1"]);
    assert!(said.contains("`--endpoint` does not go with `--data`"), "{said}");
}

#[test]
fn a_refused_option_of_forecast_is_followed_by_how_forecast_is_used() {
    for asked in [&["forecast", "--horizon", "5"][..], &["forecast", "--nonsense"]] {
        let said = refused(asked);
        assert!(said.contains("Usage: arterial forecast "), "{asked:?}: {said}");
    }
}

#[test]
fn a_simulation_without_a_place_to_go_names_both_that_would_do() {
    let said = refused(&["simulate", "--days", "1", "--seed", "1"]);
    assert!(said.contains("--out <DIR>|--brokers <LIST>"), "{said}");
    let both = ["simulate", "--days", "1", "--seed", "1", "--out", "x", "--brokers", "y"];
    assert!(refused(&both).contains("cannot be used with"));
}

#[test]
fn a_demo_in_a_folder_that_is_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "mine.txt", "precious");
    let said = refused(&["demo", "--once", "--dir", &folder.path().to_string_lossy()]);
    assert!(said.contains("empty folder"), "{said}");
}

#[test]
fn a_service_that_is_not_there_is_a_failure_from_outside() {
    let output = arterial(&["health", "--endpoint", "http://127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("is it running (`arterial demo`, `arterial run`)?") && !said.contains("because"),
        "{said}"
    );
}

#[test]
fn commands_that_only_read_a_lake_make_none() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    let lake = nowhere.to_string_lossy();
    for command in [
        &["quarantine", "list"][..],
        &["lake", "maintain"],
        &[
            "train",
            "--model",
            "linear",
            "--topic",
            "parking",
            "--target",
            "occupancy_rate",
        ],
    ] {
        let said = refused(&[command, &["--lake", &lake]].concat());
        assert!(
            said.contains("nowhere") && said.contains("exists"),
            "{command:?}: {said}"
        );
        assert!(!nowhere.exists(), "{command:?}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_ends_a_command_quietly() {
    for arguments in [
        &["completions", "bash"][..],
        &["streams", "list"],
        &["streams", "show", "parking"],
        &["streams", "list", "--json"],
        &["config", "show"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_arterial"))
            .args(arguments)
            .stdout(writer)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{arguments:?}: {said}");
    }
}

#[test]
fn an_empty_quarantine_says_so_and_an_unknown_topic_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().to_string_lossy();
    let output = arterial(&["quarantine", "list", "--lake", &lake]);
    assert!(output.status.success() && output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing in quarantine"));
    let said = refused(&["quarantine", "list", "--lake", &lake, "--topic", "prking"]);
    assert!(said.contains("prking") && said.contains("parking"), "{said}");
}

#[test]
fn brokers_that_are_not_there_are_named_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().to_string_lossy();
    let output = arterial(&["quarantine", "replay", "--lake", &lake, "--brokers", "127.0.0.1:9"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("127.0.0.1:9") && said.contains("--brokers"), "{said}");
    assert!(said.contains("no broker answers within 10s"), "{said}");
}

#[test]
fn json_is_one_document_and_nothing_else() {
    let output = arterial(&["streams", "list", "--json"]);
    let streams: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(streams.as_array().map(Vec::len), Some(8));
}

#[test]
fn a_report_that_could_not_be_written_is_refused_before_anything_is_read_or_fitted() {
    let folder = tempfile::tempdir().unwrap();
    let path = waves(folder.path());
    let report = folder.path().join("none/page.html").to_string_lossy().into_owned();
    for data in [path, folder.path().join("absent.csv").to_string_lossy().into_owned()] {
        let said = refused(&["backtest", "--data", &data, "--models", "all", "--report", &report]);
        assert!(
            said.contains(&format!(
                "`--report` is `{report}`, accepted: a file in a folder that exists"
            )),
            "{said}"
        );
    }
}

#[test]
fn outputs_that_could_not_be_written_are_refused_before_anything_is_read_or_fitted() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (absent, file, out) = (at("absent.csv"), write(folder.path(), "file", ""), at("none/out.csv"));
    let detect = ["detect", "--kind", "series"];
    for command in [&detect[..], &["forecast"]] {
        let options = ["--data", absent.as_str(), "--out", out.as_str()];
        let said = refused(&[command, &options].concat());
        let expected = format!("`--out` is `{out}`, accepted: a file in a folder that exists");
        assert!(said.contains(&expected), "{said}");
    }
    let data = waves(folder.path());
    let said = refused(&["train", "--data", &data, "--model", "all", "--registry", &file]);
    let expected = format!("`--registry` is `{file}`, accepted: a folder, and `{file}` is none");
    assert!(said.contains(&expected), "{said}");
}
