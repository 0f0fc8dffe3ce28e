//! Stops a stream that floods: a token bucket of constant size, inside the append path, so that the pause
//! lands right behind the event that broke it. Refill follows the events' own times, so history replays alike.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::event::{Event, EventInput, Json, Kind, Slug, SourceKind, StreamPath, builtin};
use crate::limits::{BURST_CAPACITY, REFILL_RATE_PER_MINUTE};
use crate::processor::{BuiltinProcessor, Effect, Rejection};

pub const REASON: &str = "circuit breaker tripped: burst rate limit exceeded";

/// One event in the bucket's own unit: so the refill of one millisecond is the refill rate itself, a whole number.
const EVENT_COST: i64 = 60_000;

pub struct CircuitBreaker {
    path: StreamPath,
    state: State,
}

#[derive(Clone, Serialize, Deserialize)]
struct State {
    burst_capacity: u64,
    refill_rate_per_minute: u64,
    tokens: i64,
    refilled_at: i64,
    pause: Option<Pause>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Pause {
    reason: Option<String>,
    at: String,
}

impl CircuitBreaker {
    pub fn new(path: StreamPath) -> CircuitBreaker {
        let state = State {
            burst_capacity: BURST_CAPACITY,
            refill_rate_per_minute: REFILL_RATE_PER_MINUTE,
            tokens: BURST_CAPACITY as i64 * EVENT_COST,
            refilled_at: 0,
            pause: None,
        };
        CircuitBreaker { path, state }
    }
}

impl State {
    fn capacity(&self) -> i64 {
        i64::try_from(self.burst_capacity).unwrap_or(i64::MAX).saturating_mul(EVENT_COST)
    }

    fn spend(&mut self, event: &Event) {
        let elapsed = (event.created_at.as_millis() - self.refilled_at).max(0);
        let refill = elapsed.saturating_mul(i64::try_from(self.refill_rate_per_minute).unwrap_or(i64::MAX));
        self.tokens = self.tokens.saturating_add(refill).min(self.capacity());
        self.refilled_at = event.created_at.as_millis();
        if is_charged(event) {
            self.tokens -= EVENT_COST;
        }
    }

    fn refill(&mut self) {
        self.tokens = self.capacity();
    }
}

/// What the server itself records of other streams, of log lines and of receivers in trouble has its own bounds, and
/// is no flood.
fn is_charged(event: &Event) -> bool {
    let by_server = event.source.as_ref().is_some_and(|source| source.kind == SourceKind::Server);
    let is_record = matches!(
        event.kind(),
        Some(
            Kind::ChildCreated
                | Kind::ProcessorLogged
                | Kind::SubscriptionDeliveryFailed
                | Kind::SubscriptionDeliveryRecovered
        )
    );
    !(by_server && is_record)
}

impl BuiltinProcessor for CircuitBreaker {
    fn slug(&self) -> Slug {
        Slug::parse("circuit-breaker").expect("a valid slug")
    }

    fn before_append(&self, input: &EventInput) -> Result<(), Rejection> {
        match &self.state.pause {
            Some(pause) if input.event_type.kind() != Some(Kind::Resumed) => {
                Err(Rejection::StreamPaused { path: self.path.clone(), reason: pause.reason.clone() })
            }
            _ => Ok(()),
        }
    }

    fn reduce(&mut self, event: &Event) {
        let state = &mut self.state;
        state.spend(event);
        match event.kind() {
            Some(Kind::Paused) => {
                let reason =
                    event.payload.decode::<builtin::Reason>().ok().and_then(|payload| payload.reason);
                state.pause = Some(Pause { reason, at: event.created_at.to_string() });
                state.refill();
            }
            Some(Kind::Resumed) => {
                state.pause = None;
                state.refill();
            }
            Some(Kind::CircuitBreakerConfigured) => {
                if let Ok(config) = event.payload.decode::<builtin::CircuitBreakerConfigured>() {
                    state.burst_capacity = config.burst_capacity;
                    state.refill_rate_per_minute = config.refill_rate_per_minute;
                    state.refill();
                }
            }
            _ => {}
        }
    }

    fn after_append(&self, _event: &Event) -> Vec<Effect> {
        if self.state.pause.is_some() || self.state.tokens >= 0 {
            return Vec::new();
        }
        vec![pause(REASON)]
    }

    fn state(&self) -> Value {
        json!({
            "paused": self.state.pause.is_some(),
            "pauseReason": self.state.pause.as_ref().and_then(|pause| pause.reason.clone()),
            "pausedAt": self.state.pause.as_ref().map(|pause| pause.at.clone()),
            "config": {
                "burstCapacity": self.state.burst_capacity,
                "refillRatePerMinute": self.state.refill_rate_per_minute,
            },
            "availableTokens": self.state.tokens.max(0) as f64 / EVENT_COST as f64,
            "lastRefillAtMs": self.state.refilled_at,
        })
    }

    fn checkpoint(&self) -> Value {
        serde_json::to_value(&self.state).expect("a breaker's state has a JSON form")
    }

    fn restore(&mut self, checkpoint: &Value) -> bool {
        let Ok(state) = State::deserialize(checkpoint) else { return false };
        self.state = state;
        true
    }
}

pub fn pause(reason: &str) -> Effect {
    let payload = builtin::Reason { reason: Some(reason.to_string()) };
    Effect::Append(EventInput::new(Kind::Paused, Json::of(&payload)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Offset, Source, Timestamp};

    fn event(millis: i64, text: &str) -> Event {
        let input = EventInput::parse(text).unwrap();
        let at = Timestamp::from_millis(millis);
        Event::place(input, StreamPath::root(), Offset(2), at, Some(Source::client()))
    }

    /// Which of `events` (time, type) trips a breaker of burst 3, refill 60 a minute.
    fn tripping(events: &[(i64, &str)]) -> Option<usize> {
        let mut breaker = CircuitBreaker::new(StreamPath::root());
        breaker.reduce(&event(
            0,
            r#"{"type":"stream/circuit-breaker-configured","payload":{"burstCapacity":3,"refillRatePerMinute":60}}"#,
        ));
        events.iter().position(|(at, event_type)| {
            let event = event(*at, &format!(r#"{{"type":"{event_type}"}}"#));
            breaker.reduce(&event);
            let restored = breaker.checkpoint();
            assert!(breaker.restore(&restored));
            !breaker.after_append(&event).is_empty()
        })
    }

    #[test]
    fn the_event_beyond_the_burst_trips() {
        type Timed = &'static [(i64, &'static str)];
        let cases: [(Timed, Option<usize>); 4] = [
            (&[(0, "x"), (0, "x"), (0, "x")], None),
            (&[(0, "x"), (0, "x"), (0, "x"), (0, "x")], Some(3)),
            (&[(0, "x"), (0, "x"), (0, "x"), (1_000, "x"), (1_999, "x")], Some(4)),
            (&[(0, "x"), (0, "x"), (0, "stream/resumed"), (0, "x"), (0, "x"), (0, "x"), (0, "x")], Some(6)),
        ];
        for (events, expected) in cases {
            assert_eq!(tripping(events), expected, "{events:?}");
        }
    }
}
