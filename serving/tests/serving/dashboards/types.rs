//! The dashboards against the types that Grafana publishes of them, `@grafana/schema`, which scripts/node-clients installs. Where they are
//! not there the test is skipped and says so.

use std::collections::BTreeSet;
use std::process::Command;

use super::{dashboards, deploy};
use crate::stubs::{client, node_folder};

/// Slips of a hand, with what stands there in the dashboard of traffic: names, values, types, and what has to be there.
const SLIPS: [(&str, &str); 6] = [
    ("\"showLegend\":", "\"showLegends\":"),
    ("\"displayMode\": \"list\"", "\"displayMode\": \"lists\""),
    ("\"fillOpacity\": 8", "\"fillOpacity\": \"8\""),
    ("\"refresh\": 2", "\"refresh\": 9"),
    ("\"type\": \"timeseries\"", "\"type\": \"timeserie\""),
    ("\"schemaVersion\": 39,", ""),
];

/// A dashboard as TypeScript; what is wrong in its line 7 is wrong in line 7 of the file.
fn module(dashboard: &str) -> String {
    format!("import type {{ Dashboard }} from './dashboard'; export const dashboard: Dashboard = {dashboard}")
}

#[test]
fn dashboards_are_of_the_types_that_grafana_publishes() {
    let Some((folder, programs)) = node_folder("@grafana/schema") else {
        return;
    };
    let read = |name: &str| std::fs::read_to_string(deploy().join("grafana/dashboards").join(name)).unwrap();
    let ours = dashboards().into_keys();
    let mut files: Vec<(String, String)> = ours.map(|name| (format!("{name}.ts"), read(&name))).collect();
    let traffic = read("traffic.json");
    let mut wrong = BTreeSet::new();
    for (number, (right, slip)) in SLIPS.into_iter().enumerate() {
        assert!(traffic.contains(right), "{right}");
        let name = format!("slip-{number}.ts");
        files.push((name.clone(), traffic.replacen(right, slip, 1)));
        wrong.insert(name);
    }
    std::fs::copy(client("dashboard.ts"), folder.path().join("dashboard.ts")).unwrap();
    for (name, text) in &files {
        std::fs::write(folder.path().join(name), module(text)).unwrap();
    }
    let mut compiler = Command::new(programs.join("tsc"));
    compiler
        .current_dir(folder.path())
        .args(["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022"])
        .args(["--module", "esnext", "--moduleResolution", "bundler"])
        .args(files.iter().map(|(name, _)| name));
    let output = compiler.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complaints = said.lines().filter(|line| !line.starts_with(' '));
    let found: BTreeSet<String> = complaints
        .map(|line| line.split('(').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(found, wrong, "{said}{}", String::from_utf8_lossy(&output.stderr));
}
