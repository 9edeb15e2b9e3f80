//! Where networks are trained, as a person chooses it.

use std::process::Command;

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arterial"));
    command.args(arguments).env_remove("ARTERIAL_REGISTRY__URL");
    command
}

#[test]
fn a_device_that_the_program_has_not_is_refused_with_those_it_has() {
    for (name, models) in [("backtest", "--models"), ("train", "--model")] {
        let asked = [name, models, "stid", "--data", "absent.csv", "--device", "abacus"];
        let said = arterial_testing::refused(&mut command(&asked), 2);
        assert!(said.contains("`device` is `abacus`, accepted: cpu"), "{said}");
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod gpu {
    use std::fmt::Write;
    use std::path::Path;

    use arterial_testing::{missing, run};

    use super::command;

    /// The devices that the program may have been built for, and whether it was.
    const DEVICES: [(&str, bool); 2] = [("wgpu", cfg!(feature = "wgpu")), ("cuda", cfg!(feature = "cuda"))];

    /// A series of a fortnight, every half hour.
    fn data(folder: &Path) -> String {
        let mut text = String::from("timestamp,a\n");
        for row in 0..14 * 48 {
            let (day, minutes) = (row / 48 + 1, row % 48 * 30);
            let angle = f64::from(row % 48) * std::f64::consts::TAU / 48.0;
            let value = 50.0 + 10.0 * angle.sin() + f64::from(row * 7919 % 101) / 50.0;
            let (hour, minute) = (minutes / 60, minutes % 60);
            writeln!(text, "2026-02-{day:02}T{hour:02}:{minute:02}:00Z,{value:.3}").unwrap();
        }
        let path = folder.join("speeds.csv");
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    }

    #[test]
    fn a_network_that_was_trained_on_a_gpu_has_it_on_its_card_and_forecasts_without_it() {
        for (device, _) in DEVICES.into_iter().filter(|(_, is_built)| *is_built) {
            let folder = tempfile::tempdir().unwrap();
            let (data, registry) = (data(folder.path()), folder.path().join("registry"));
            let registry = registry.to_string_lossy().into_owned();
            let mut train = command(&["train", "--data", &data, "--model", "stid"]);
            train.args(["--horizon", "4", "--device", device, "--registry", &registry]);
            let output = train.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            if said.contains("no GPU answers") {
                assert_eq!(output.status.code(), Some(2), "{said}");
                missing("gpu", said.trim());
                continue;
            }
            assert!(output.status.success(), "{said}");
            let card = run(&mut command(&["models", "show", "stid@1", "--registry", &registry]));
            assert!(card.contains(&format!("`stid` was trained on {device}")), "{card}");
            let mut forecast = command(&["forecast", "--data", &data, "--model", "stid@1"]);
            let forecasts = run(forecast.args(["--registry", &registry]));
            assert_eq!(forecasts.lines().count(), 1 + 4, "{forecasts}");
        }
    }
}
