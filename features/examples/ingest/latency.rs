//! How long a closed window takes to be durable and seen, from the record that moves the watermark past it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arterial_datasets::time::{SECOND, Timestamp};
use arterial_features::pipeline::{CommitObserver, WindowCommit};

use super::Result;
use super::events::{BEGIN, TOPIC, render};
use super::pipeline::{Ground, broker, kafka_source, stream};

const WINDOW: i64 = 300 * SECOND;
const PATIENCE: Duration = Duration::from_secs(30);

/// Tells when rows are durable; the live state of the service takes them from the same call.
struct Told(Mutex<mpsc::Sender<(Instant, Timestamp)>>);

impl CommitObserver for Told {
    fn committed(&self, commit: &WindowCommit) {
        if let Ok(sender) = self.0.lock() {
            // Nobody listens any more once the measurement is over.
            let _ = sender.send((Instant::now(), commit.watermark));
        }
    }
}

/// Lets `windows` windows of `keys` sensors close, one after the other, through a real broker.
pub fn measure(windows: usize, keys: usize) -> Result {
    let broker = broker(1)?;
    let ground = Ground::new()?;
    let (sender, told) = mpsc::channel();
    let mut pipeline = ground
        .pipeline(kafka_source(&broker)?, stream(false)?)?
        .with_observer(Arc::new(Told(Mutex::new(sender))));
    let stop = Arc::new(AtomicBool::new(false));
    let until = Arc::clone(&stop);
    let thread = std::thread::spawn(move || pipeline.run(&until).map_err(|error| error.to_string()));
    let appender = broker.appender();
    let mut waits = Vec::with_capacity(windows);
    for window in 0..=windows {
        let begin = BEGIN.0 + window as i64 * WINDOW;
        // The first minute of a window closes the one before: its allowed lateness has passed then.
        let first = Timestamp(begin + 60 * SECOND);
        let sent = Instant::now();
        appender.append(TOPIC, 0, [text(0, first)]);
        if window > 0 {
            waits.push(wait(&told, Timestamp(begin), sent)?);
        }
        appender.append(TOPIC, 0, (1..keys).map(|key| text(key, first)));
    }
    stop.store(true, Ordering::Relaxed);
    thread.join().map_err(|_| "the pipeline broke off")??;
    waits.sort_by(f64::total_cmp);
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share).round() as usize];
    println!(
        r#"{{"windows":{windows},"keys":{keys},"median_ms":{:.1},"p99_ms":{:.1},"most_ms":{:.1}}}"#,
        at(0.5),
        at(0.99),
        at(1.0)
    );
    Ok(())
}

fn text(key: usize, time: Timestamp) -> String {
    let mut text = String::new();
    render(&mut text, key, time, key);
    text
}

/// Milliseconds from `sent` until a commit whose watermark has reached `end`.
fn wait(told: &mpsc::Receiver<(Instant, Timestamp)>, end: Timestamp, sent: Instant) -> Result<f64> {
    loop {
        let (when, watermark) = told.recv_timeout(PATIENCE)?;
        if watermark >= end {
            return Ok((when - sent).as_secs_f64() * 1e3);
        }
    }
}
