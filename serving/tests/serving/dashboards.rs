//! The dashboards of `deploy/grafana` and the rules of `deploy/prometheus`, against what there is.

mod types;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use arrow::datatypes::{DataType, Schema, TimeUnit};
use arterial_datasets::lake::TableSpec;
use arterial_datasets::schema;
use arterial_models::registry;
use arterial_serving::flight::client::{Rows, ask};
use arterial_serving::metrics::{Kind, Metric, families};
use arterial_testing::{Prometheus, Promtool};
use futures::TryStreamExt;
use serde_json::{Value, json};

use crate::support::{Order, Service, ready_as, window};

const PROMETHEUS: &str = "prometheus";
const FLIGHT_SQL: &str = "influxdata-flightsql-datasource";

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

fn dashboards() -> BTreeMap<String, Value> {
    let folder = std::fs::read_dir(deploy().join("grafana/dashboards")).unwrap();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        (
            path.file_name().unwrap().to_string_lossy().into_owned(),
            serde_json::from_str(&text).unwrap(),
        )
    };
    let found: BTreeMap<String, Value> = folder.map(|entry| read(entry.unwrap().path())).collect();
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "mobility.json",
            "models.json",
            "overview.json",
            "pipeline.json",
            "traffic.json"
        ]
    );
    found
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// Every question that a dashboard asks of `kind` of data source: where it stands, and the target.
fn targets(kind: &str) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (name, dashboard) in dashboards() {
        for panel in list(&dashboard, "panels") {
            for target in list(panel, "targets") {
                if target["datasource"]["type"] == kind {
                    found.push((format!("{name}: {}", text(panel, "title")), target.clone()));
                }
            }
        }
        for variable in list(&dashboard["templating"], "list") {
            // The plugin's `metricFindQuery` takes the text of a query, and nothing of an object.
            if variable["datasource"]["type"] == kind && kind == FLIGHT_SQL {
                let query = variable["query"].as_str().expect("a text");
                found.push((
                    format!("{name}: ${}", text(variable, "name")),
                    json!({"queryText": query, "format": "table"}),
                ));
            }
        }
    }
    found
}

/// What a variable of a dashboard offers: the values of a label of a metric.
struct Offer {
    /// Where it stands.
    place: String,
    metric: String,
    label: String,
}

/// What the variables that ask Prometheus offer.
fn offers() -> Vec<Offer> {
    let offer = |name: &str, variable: &Value| {
        let query = text(&variable["query"], "query");
        let asked = query
            .strip_prefix("label_values(")
            .and_then(|rest| rest.strip_suffix(')'));
        let (metric, label) = asked
            .and_then(|asked| asked.split_once(", "))
            .unwrap_or_else(|| panic!("{name}: a query that this test does not know: {query}"));
        Offer {
            place: format!("{name}: ${}", text(variable, "name")),
            metric: metric.to_owned(),
            label: label.to_owned(),
        }
    };
    let mut found = Vec::new();
    for (name, dashboard) in dashboards() {
        let variables = list(&dashboard["templating"], "list").iter();
        let asking = variables.filter(|variable| variable["datasource"]["type"] == PROMETHEUS);
        found.extend(asking.map(|variable| offer(&name, variable)));
    }
    found
}

/// The cells of the grid of 24 columns that a panel covers.
fn cells(panel: &Value) -> Vec<(u64, u64)> {
    let [x, y, w, h] = ["x", "y", "w", "h"].map(|name| panel["gridPos"][name].as_u64().unwrap());
    assert!(w > 0 && h > 0 && x + w <= 24, "{panel}");
    (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))).collect()
}

#[test]
fn dashboards_are_what_grafana_takes() {
    let datasources = std::fs::read_to_string(deploy().join("grafana/provisioning/datasources/arterial.yaml")).unwrap();
    let mut uids = BTreeSet::new();
    for (name, dashboard) in dashboards() {
        assert!(uids.insert(text(&dashboard, "uid").to_owned()), "{name}");
        assert!(text(&dashboard, "title").starts_with("Arterial: ") && !text(&dashboard, "description").is_empty());
        assert!(
            dashboard["schemaVersion"].as_u64() >= Some(36) && dashboard.get("id").is_none(),
            "{name}"
        );
        assert!(
            dashboard["time"]["from"].is_string() && dashboard["time"]["to"] == "now",
            "{name}"
        );
        let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
        for panel in list(&dashboard, "panels") {
            assert!(
                ids.insert(panel["id"].as_u64().unwrap()),
                "{name}: two panels {}",
                panel["id"]
            );
            assert!(!text(panel, "title").is_empty(), "{name}: {panel}");
            for cell in cells(panel) {
                assert!(taken.insert(cell), "{name}: {} lies on another panel", panel["title"]);
            }
            let kinds = ["timeseries", "table", "stat", "row"];
            assert!(kinds.contains(&text(panel, "type")), "{name}: {}", panel["type"]);
            if panel["type"] == "row" {
                continue;
            }
            assert!(!text(panel, "description").is_empty(), "{name}: {}", panel["title"]);
            let asked = list(panel, "targets");
            let references: BTreeSet<&str> = asked.iter().map(|target| text(target, "refId")).collect();
            assert!(
                !asked.is_empty() && references.len() == asked.len(),
                "{name}: {}",
                panel["title"]
            );
            for one in asked.iter().chain([panel]) {
                let (kind, uid) = (text(&one["datasource"], "type"), text(&one["datasource"], "uid"));
                assert!(
                    datasources.contains(&format!("uid: {uid}\n    type: {kind}\n")),
                    "{name}: {uid}"
                );
            }
        }
    }
}

/// An expression as Grafana sends it.
fn expanded(expression: &str) -> String {
    expression.replace("$__rate_interval", "1m").replace("$topic", ".*")
}

/// The names among `text` that are metrics of ours, without what a histogram puts behind them.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let ours = |name: &&str| {
        ["arterial_", "grpc_server_", "http_server_", "process_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
    };
    let words = text.split(|letter| !is_name(letter)).filter(ours);
    words.map(str::to_owned).collect()
}

/// Those of `names` that no metric has.
fn unknown(names: &BTreeSet<String>) -> Vec<String> {
    let known: BTreeSet<String> = families()
        .flat_map(|family| match family.kind {
            Kind::Histogram => ["_bucket", "_sum", "_count"]
                .map(|end| format!("{}{end}", family.name))
                .to_vec(),
            _ => vec![family.name.to_owned()],
        })
        .collect();
    names.difference(&known).cloned().collect()
}

#[test]
fn every_metric_of_a_dashboard_or_a_rule_exists() {
    let asked = targets(PROMETHEUS);
    assert!(asked.len() > 30, "{}", asked.len());
    for (place, target) in asked {
        let names = metrics_in(text(&target, "expr"));
        assert!(!names.is_empty(), "{place}");
        assert_eq!(unknown(&names), Vec::<String>::new(), "{place}");
    }
    for Offer { place, metric, .. } in offers() {
        assert_eq!(unknown(&BTreeSet::from([metric])), Vec::<String>::new(), "{place}");
    }
    let rules = std::fs::read_to_string(deploy().join("prometheus/alerts.yml")).unwrap();
    assert_eq!(unknown(&metrics_in(&rules)), Vec::<String>::new());
    assert_eq!(
        unknown(&metrics_in("rate(arterial_nothing_total[1m])")),
        ["arterial_nothing_total"]
    );
}

/// A file of rules in `folder`, one for each of these expressions.
fn rules_of(folder: &tempfile::TempDir, expressions: impl Iterator<Item = String>) -> PathBuf {
    let mut rules = String::from("groups:\n  - name: dashboards\n    rules:\n");
    for (at, expression) in expressions.enumerate() {
        let expression = Value::from(expression);
        writeln!(rules, "      - record: panel:{at}\n        expr: {expression}").unwrap();
    }
    let path = folder.path().join("rules.yml");
    std::fs::write(&path, rules).unwrap();
    path
}

/// What the dashboards ask of Prometheus, as Grafana sends it.
fn expressions() -> impl Iterator<Item = String> {
    let asked = targets(PROMETHEUS).into_iter();
    asked.map(|(_, target)| expanded(text(&target, "expr")))
}

#[test]
fn every_expression_and_rule_parses() {
    let Some(promtool) = Promtool::find() else { return };
    assert_eq!(promtool.check_config(&deploy().join("prometheus/prometheus.yml")), "");
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(promtool.check_rules(&rules_of(&folder, expressions())), "");
    let wrong = rules_of(&folder, std::iter::once("sum(".to_owned()));
    assert!(promtool.check_rules(&wrong).contains("could not parse expression"));
}

/// The labels by which an expression, as Prometheus writes it, groups or selects, with the metric that each is to be on.
fn labels_in(expression: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (at, grouping) in expression.match_indices(" by (") {
        let (names, rest) = expression[at + grouping.len()..].split_once(')').unwrap();
        for metric in metrics_in(within(rest)) {
            let pair = |name: &str| (metric.clone(), name.trim().to_owned());
            found.extend(names.split(',').map(pair));
        }
    }
    for metric in metrics_in(expression) {
        for (_, rest) in expression
            .match_indices(&metric)
            .map(|(at, name)| expression[at..].split_at(name.len()))
        {
            let Some(chosen) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
                continue;
            };
            // A value holds no quote, and what stands behind one is the next label.
            for name in chosen.0.split('"').step_by(2).filter(|name| !name.is_empty()) {
                let name = name.trim_matches(|letter| !char::is_alphanumeric(letter));
                found.insert((metric.clone(), name.to_owned()));
            }
        }
    }
    found
}

/// What stands between the first parenthesis of `text` and its partner.
fn within(text: &str) -> &str {
    let mut open = 0;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => open += 1,
            ')' if open == 1 => return &text[..at],
            ')' => open -= 1,
            _ => {}
        }
    }
    text
}

#[test]
fn the_labels_of_an_expression_are_found() {
    let pairs = |expression: &str| -> Vec<String> {
        let found = labels_in(expression).into_iter();
        found.map(|(metric, label)| format!("{metric} {label}")).collect()
    };
    assert_eq!(
        pairs(r#"sum by (topic, le) (rate(arterial_a{code=~"x|y",b!="z"}[1m])) / sum by (sink) (arterial_b)"#),
        [
            "arterial_a b",
            "arterial_a code",
            "arterial_a le",
            "arterial_a topic",
            "arterial_b sink"
        ]
    );
    assert!(pairs("max(arterial_a) > 3").is_empty());
}

/// A metric of which this small city has no series yet gets one with the label that its description names.
fn label_what_has_not_happened(service: &Service) {
    let text = service.state.metrics_text();
    for family in families() {
        let label = family
            .help
            .rsplit_once(", by ")
            .map(|(_, label)| label.trim_end_matches('.'));
        let metric = Metric::ALL.iter().find(|metric| metric.name() == family.name);
        let (Some(label), Some(metric)) = (label, metric) else {
            continue;
        };
        let has_series = text.contains(&format!("\n{}{{", family.name));
        if !has_series && !label.contains(' ') {
            service.state.metrics.count_by(*metric, label, "none", 0);
        }
    }
}

/// What Prometheus answers under `path`.
async fn prometheus_says(prometheus: &Prometheus, path: &str, query: &[(&str, &str)]) -> Value {
    let url = format!("{}/api/v1/{path}", prometheus.url());
    let answer = reqwest::Client::new().get(url).query(query).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["status"], "success", "{path} {query:?}: {answer}");
    answer["data"].clone()
}

/// The rules of Prometheus, all of them, once each was evaluated on what the service says; a minute at most.
async fn evaluated_rules(prometheus: &Prometheus) -> Vec<Value> {
    let mut rules = Vec::new();
    for _ in 0..600 {
        let up = prometheus_says(prometheus, "query", &[("query", "up{job=\"arterial\"} == 1")]).await;
        let groups = prometheus_says(prometheus, "rules", &[]).await;
        let groups = list(&groups, "groups").iter();
        rules = groups.flat_map(|group| list(group, "rules").to_vec()).collect();
        let is_up = !list(&up, "result").is_empty();
        if is_up && rules.iter().all(|rule| rule["health"] != "unknown") {
            return rules;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("never evaluated: {rules:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_prometheus_evaluates_every_expression_and_rule_knows_their_labels_and_has_what_variables_offer() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(&folder).await;
    // Calls by gRPC and HTTP, so that there are series of both.
    ask(service.channel().await, "SELECT 1").await.unwrap();
    let traffic = format!("http://{}/v1/traffic", service.running.http_addr);
    assert!(reqwest::get(traffic).await.unwrap().status().is_success());
    label_what_has_not_happened(&service);
    let rules = [
        rules_of(&folder, expressions()),
        deploy().join("prometheus/alerts.yml").canonicalize().unwrap(),
    ];
    let Some(prometheus) = Prometheus::start(&service.running.http_addr.to_string(), &rules) else {
        return;
    };
    let rules = evaluated_rules(&prometheus).await;
    assert!(rules.len() > expressions().count() + 10, "{}", rules.len());
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for rule in &rules {
        let query = text(rule, "query");
        assert_eq!((text(rule, "health"), text(rule, "lastError")), ("ok", ""), "{query}");
        for (metric, label) in labels_in(query) {
            if !known.contains_key(&metric) {
                let names = prometheus_says(&prometheus, "labels", &[("match[]", metric.as_str())]).await;
                let names: BTreeSet<String> = serde_json::from_value(names).unwrap();
                known.insert(metric.clone(), names);
            }
            assert!(
                known[&metric].contains(&label),
                "`{metric}` has no label `{label}`, only {:?}: {query}",
                known[&metric]
            );
        }
    }
    let offers = offers();
    assert!(!offers.is_empty());
    for Offer { place, metric, label } in offers {
        // As Grafana asks for them.
        let path = format!("label/{label}/values");
        let values = prometheus_says(&prometheus, &path, &[("match[]", metric.as_str())]).await;
        assert!(
            values.as_array().is_some_and(|all| !all.is_empty()),
            "{place}: {values}"
        );
    }
}

/// A query as the plugin sends it: its macros expanded, the variables replaced.
fn asked(query: &str) -> String {
    let at = |number| format!("cast('{}' as timestamp)", window(number));
    let query = query.replace("$__timeFrom", &at(0)).replace("$__timeTo", &at(24));
    let query = query.replace("$sensor", "a");
    assert!(!query.contains('$'), "a macro that this test does not know: {query}");
    query
}

/// A service whose every table exists.
async fn service(folder: &tempfile::TempDir) -> Service {
    let registry = registry::open(folder.path().to_str().unwrap(), &BTreeMap::new()).unwrap();
    let order = Order {
        registry: Some(registry),
        ..Order::default()
    };
    let service = ready_as(24, order).await;
    let streams = service.state.catalog.iter();
    let windows = streams.map(|stream| TableSpec::new(stream.windows_table(), schema::windows(stream)));
    let others = [
        TableSpec::new("indices", schema::indices()),
        TableSpec::new("alerts", schema::alerts()),
        TableSpec::new("quarantine", schema::quarantine()),
    ];
    for table in windows.chain(others) {
        service.lake.table(&table).await.unwrap();
    }
    service
}

/// What Grafana cannot show of an answer; empty where it can show all.
fn unshown(format: &str, schema: &Schema) -> Vec<String> {
    let shows = |kind: &DataType| {
        // The plugin takes every instant for nanoseconds, whatever its unit.
        let instant = DataType::Timestamp(TimeUnit::Nanosecond, None);
        kind.is_numeric() || matches!(kind, DataType::Utf8 | DataType::Boolean) || *kind == instant
    };
    let fields = schema.fields().iter().filter(|field| !shows(field.data_type()));
    let mut unshown: Vec<String> = fields
        .map(|field| format!("{}: {}", field.name(), field.data_type()))
        .collect();
    let time = schema.field_with_name("time").map(arrow::datatypes::Field::data_type);
    if format == "time_series" && !matches!(time, Ok(DataType::Timestamp(..))) {
        unshown.push("no column `time`".into());
    }
    unshown
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_of_a_dashboard_runs_against_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let service = service(&folder).await;
    let queries = targets(FLIGHT_SQL);
    assert!(queries.len() > 20, "{}", queries.len());
    let mut answered = BTreeSet::new();
    for (place, target) in queries {
        let query = asked(text(&target, "queryText"));
        let Rows { schema, batches } = ask(service.channel().await, &query)
            .await
            .unwrap_or_else(|status| panic!("{place}: {status}\n{query}"));
        let batches: Vec<_> = batches
            .try_collect()
            .await
            .unwrap_or_else(|status| panic!("{place}: {status}\n{query}"));
        assert_eq!(
            unshown(text(&target, "format"), &schema),
            Vec::<String>::new(),
            "{place}"
        );
        if batches.iter().any(|batch| batch.num_rows() > 0) {
            answered.insert(place);
        }
    }
    // What this small city has is shown.
    for place in [
        "traffic.json: Speed over the city",
        "traffic.json: Sensor $sensor",
        "traffic.json: The slowest sensors now",
        "traffic.json: $sensor",
        "models.json: Who answered",
    ] {
        assert!(answered.contains(place), "{place} is empty");
    }
}
