//! The live part: the city goes on, and its events go through Kafka.

use std::sync::Arc;
use std::time::Duration;

use arterial_datasets::city::City;
use arterial_datasets::mapping::Speed;
use arterial_datasets::time::{SECOND, Timestamp};
use arterial_serving::sinks::kafka::{KafkaWriter, Outgoing};

use super::clock::CityClock;

/// How far the city moves at a time.
const STEP: i64 = 15 * SECOND;

/// Plays the city at `speed`, sends its events and moves the clock. Each step is on the brokers before the next begins, so
/// nothing is lost however little the brokers keep.
///
/// # Errors
/// Events that could not be delivered.
pub async fn produce(mut city: City, writer: KafkaWriter, clock: Arc<CityClock>, speed: Speed) -> anyhow::Result<()> {
    let pause = match speed {
        Speed::Times(times) => Duration::from_micros(STEP as u64).div_f64(times),
        Speed::Max => Duration::from_millis(1),
    };
    let mut steps = tokio::time::interval(pause);
    steps.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        steps.tick().await;
        let next = Timestamp(city.now().0 + STEP);
        let mut events = Vec::new();
        city.advance(next, &mut |event| {
            events.push(Outgoing {
                topic: event.topic.name().into(),
                key: Some(event.key.into()),
                partition: None,
                payload: event.payload.to_vec(),
                trace: None,
            });
        })?;
        clock.set(next);
        writer.send_all(events).await?;
    }
}
