//! What ingest costs: events per CPU-second, the wait for a closed window, and memory by key.
//!
//! ```text
//! cargo run --release -p arterial-features --example ingest -- throughput [EVENTS] [KEYS] [archive] [kafka] [bare]
//! cargo run --release -p arterial-features --example ingest -- latency [WINDOWS] [KEYS]
//! cargo run --release -p arterial-features --example ingest -- memory [KEYS] [EVENTS OF EACH]
//! ```
//! `bare` leaves out where the sensors are. Each prints one line of JSON. Windows are committed to a local lake with fsync. `kafka` and `latency` start a real broker
//! (Java and Maven are needed) and read from it as the service does.

mod events;
mod latency;
mod memory;
mod pipeline;
mod throughput;

use std::error::Error;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (numbers, words): (Vec<&str>, Vec<&str>) = arguments
        .iter()
        .skip(1)
        .map(String::as_str)
        .partition(|text| text.parse::<usize>().is_ok());
    let number =
        |place: usize, default: usize| numbers.get(place).and_then(|text| text.parse().ok()).unwrap_or(default);
    match arguments.first().map(String::as_str) {
        Some("throughput") => throughput::measure(number(0, 1_000_000), number(1, 1_000), &words),
        Some("latency") => latency::measure(number(0, 300), number(1, 1_000)),
        Some("memory") => memory::measure(number(0, 1_000_000), number(1, 1)),
        _ => Err("the first argument is one of throughput, latency, memory".into()),
    }
}
