//! The traffic of the synthetic city is physics, not a curve with noise.

use arterial_datasets::city::network::{STEP_HOURS, Traffic};
use arterial_datasets::city::road::RoadKind;
use arterial_datasets::city::{City, CityConfig, CitySize, IncidentKind, Label};
use arterial_datasets::time::{DAY, Duration, HOUR, MINUTE, SECOND, Timestamp};

/// Dry weather, nothing happens, reports every five minutes.
fn quiet(seed: u64) -> CityConfig {
    CityConfig {
        seed,
        report_interval: Duration(5 * MINUTE),
        weather: false,
        incidents_per_day: 0.0,
        planned_per_week: 0.0,
        faults_per_day: 0.0,
        ..CityConfig::default()
    }
}

fn run(city: &mut City, until: i64) {
    let end = Timestamp(city.config().start.0 + until);
    city.advance(end, &mut |_| {}).unwrap();
}

/// Density (vehicles per km and lane) and flow (vehicles per hour and lane) through a cell in the last step: the smaller
/// of what came in and what went out, for where a queue dissolves more leaves a cell than its density could hold up.
fn state(city: &City, traffic: &Traffic, cell: usize) -> (f64, f64) {
    let network = &city.plan().network;
    let link = &network.links[network.link_of[cell]];
    let lanes = f64::from(link.lanes);
    let before = traffic.vehicles_before(network, cell);
    let came = traffic.vehicles[cell] - before + traffic.passed[cell];
    (
        before / link.cell_length() / lanes,
        came.min(traffic.passed[cell]) / STEP_HOURS / lanes,
    )
}

#[test]
fn flow_and_density_lie_below_the_triangle_and_on_both_of_its_branches() {
    let mut city = City::new(quiet(1)).unwrap();
    let (mut free, mut congested, mut on_congested_branch) = (0, 0, 0);
    for minute in 0..24 * 60 {
        run(&mut city, (minute + 1) * MINUTE);
        let network = &city.plan().network;
        for cell in 0..network.cells() {
            let diagram = network.links[network.link_of[cell]].kind.diagram();
            let (density, flow) = state(&city, city.traffic(), cell);
            assert!(
                flow <= diagram.flow(density) + 1e-6 * diagram.capacity,
                "{flow} at {density}: {diagram:?}"
            );
            if density > 1.0 && density < diagram.critical_density() && flow > 0.9 * diagram.free_speed * density {
                free += 1;
            }
            if density > 1.3 * diagram.critical_density() && flow > 0.0 {
                congested += 1;
                on_congested_branch += i32::from(flow > 0.85 * diagram.flow(density));
            }
        }
    }
    assert!(free > 100_000, "free: {free}");
    assert!(
        congested > 1000 && on_congested_branch * 2 > congested,
        "congested: {on_congested_branch} of {congested}"
    );
}

#[test]
fn no_vehicle_is_made_or_lost() {
    let mut city = City::new(CityConfig {
        incidents_per_day: 30.0,
        ..quiet(2)
    })
    .unwrap();
    for hour in 1..=24 {
        run(&mut city, hour * HOUR);
        let traffic = city.traffic();
        let arrived: f64 = traffic.arrived.iter().sum();
        assert!((traffic.departed - arrived - traffic.inside()).abs() < 1e-6 * traffic.departed);
        assert!(traffic.vehicles.iter().all(|vehicles| *vehicles > -1e-9));
        let rooms = traffic.vehicles.iter().zip(&city.plan().network.room);
        assert!(rooms.into_iter().all(|(vehicles, room)| vehicles <= &(room + 1e-9)));
    }
}

/// An accident at the end of the longest motorway link, in the afternoon, with the city's labels after it.
fn after_accident() -> (City, Vec<Label>, usize) {
    let mut city = City::new(quiet(3)).unwrap();
    let network = &city.plan().network;
    let motorways = network.links.iter().filter(|link| link.kind == RoadKind::Motorway);
    let link = motorways.max_by(|one, two| one.length.total_cmp(&two.length)).unwrap();
    let cell = link.end - 3;
    let start = Timestamp(city.config().start.0 + 15 * HOUR);
    city.schedule(IncidentKind::Accident, cell, start, 60.0).unwrap();
    run(&mut city, 22 * HOUR);
    let labels = city.take_labels();
    (city, labels, cell)
}

#[test]
fn congestion_travels_upstream_at_the_speed_of_a_wave() {
    let (city, labels, cell) = after_accident();
    let network = &city.plan().network;
    let number = network.link_of[cell];
    let link = &network.links[number];
    let incident = labels
        .iter()
        .find_map(|label| match label {
            Label::Incident(incident) => Some(incident),
            _ => None,
        })
        .unwrap();
    let onset = |id: &str| {
        incident
            .affected
            .iter()
            .find(|one| one.sensor_id == id)
            .map(|one| one.from)
    };
    let mut seen = Vec::new();
    for sensor in city
        .sensors()
        .iter()
        .filter(|sensor| network.link_of[sensor.cell] == number)
    {
        let distance = (cell as f64 - sensor.cell as f64) * link.cell_length();
        match onset(&sensor.id) {
            Some(from) if distance > 0.0 => seen.push((distance, (from.0 - incident.start.0) as f64 / HOUR as f64)),
            Some(_) => assert!(distance >= 0.0, "a sensor behind the accident got slower"),
            None => {}
        }
    }
    seen.sort_by(|one, two| one.0.total_cmp(&two.0));
    assert!(seen.len() >= 3, "{seen:?} of {:?}", incident.affected);
    for pair in seen.windows(2) {
        assert!(pair[1].1 > pair[0].1, "a farther sensor was reached earlier: {seen:?}");
    }
    let (near, far) = (seen[0], seen[seen.len() - 1]);
    let speed = (far.0 - near.0) / (far.1 - near.1);
    let wave = RoadKind::Motorway.diagram().wave_speed();
    assert!(
        (2.0..=wave * 1.2).contains(&speed),
        "{speed} km/h, the fastest wave has {wave}"
    );
}

#[test]
fn the_speed_behind_an_accident_falls_and_comes_back() {
    let (city, labels, _) = after_accident();
    let Some(Label::Incident(incident)) = labels.iter().find(|label| matches!(label, Label::Incident(_))) else {
        panic!("no label");
    };
    assert!(incident.observed_to_end && incident.affected.iter().any(|one| one.largest_drop_kmh > 40.0));
    let ids: Vec<&str> = city.sensors().iter().map(|sensor| sensor.id.as_str()).collect();
    for one in &incident.affected {
        assert!(ids.contains(&one.sensor_id.as_str()));
        assert!(one.from >= incident.start && one.to >= one.from);
    }
    for sensor in city.sensors() {
        let speed = city
            .traffic()
            .speed(&city.plan().network, city.conditions(), sensor.cell);
        assert!(speed > 0.9 * sensor.free_speed, "{} stands at 22 o'clock", sensor.id);
    }
}

/// Vehicles on the roads at the given hour (UTC) of each day.
fn vehicles_at(city: &mut City, days: i64, hour: i64) -> Vec<f64> {
    (0..days)
        .map(|day| {
            run(city, day * DAY + hour * HOUR);
            city.traffic().vehicles.iter().sum()
        })
        .collect()
}

#[test]
fn workdays_have_two_peaks_and_weekends_none_in_the_morning() {
    let morning = vehicles_at(&mut City::new(quiet(4)).unwrap(), 7, 7);
    let evening = vehicles_at(&mut City::new(quiet(4)).unwrap(), 7, 17);
    let noon = vehicles_at(&mut City::new(quiet(4)).unwrap(), 7, 10);
    let night = vehicles_at(&mut City::new(quiet(4)).unwrap(), 7, 2);
    for day in 0..5 {
        assert!(
            morning[day] > 1.3 * noon[day] && evening[day] > 1.3 * noon[day],
            "day {day}"
        );
        assert!(night[day] < 0.2 * morning[day], "day {day}");
    }
    assert!(morning[5] < 0.7 * morning[0] && morning[6] < 0.6 * morning[0]);
    // No two workdays are the same.
    assert!((0..4).all(|day| (morning[day] - morning[day + 1]).abs() > 1.0));
}

#[test]
fn the_peak_stays_at_the_local_hour_when_the_clock_changes() {
    let start = "2026-03-27T00:00:00Z".parse().unwrap();
    let mut city = City::new(CityConfig { start, ..quiet(5) }).unwrap();
    // Friday in winter time, Monday in summer time: seven o'clock local is 6 and 5 UTC.
    let mut at = |day: i64, hour: i64| {
        run(&mut city, day * DAY + hour * HOUR);
        city.traffic().vehicles.iter().sum::<f64>()
    };
    let (friday, monday) = (at(0, 6), at(3, 5));
    assert!((monday / friday - 1.0).abs() < 0.35, "{friday} {monday}");
}

#[test]
fn every_size_and_seed_flows_again_by_night() {
    for size in [CitySize::Small, CitySize::Medium, CitySize::Large] {
        for seed in 1..4 {
            let config = CityConfig {
                size,
                incidents_per_day: 6.0,
                weather: true,
                ..quiet(seed)
            };
            let mut city = City::new(config).unwrap();
            run(&mut city, DAY + 2 * HOUR);
            let inside = city.traffic().inside();
            run(&mut city, DAY + 7 * HOUR);
            assert!(
                inside < 0.5 * city.traffic().inside(),
                "{size:?} {seed}: {inside} vehicles at two o'clock"
            );
        }
    }
}

#[test]
fn the_traffic_is_the_same_however_often_it_is_reported() {
    let at = |seconds: i64| {
        let config = CityConfig {
            report_interval: Duration(seconds * SECOND),
            incidents_per_day: 20.0,
            ..quiet(6)
        };
        let mut city = City::new(config).unwrap();
        run(&mut city, 9 * HOUR);
        city.traffic().vehicles.clone()
    };
    assert_eq!(at(5), at(300));
}
