//! How long to wait between two attempts: twice as long each time, and anywhere in between, so that those that failed
//! together do not come back together.

use std::time::Duration;

use crate::event::Timestamp;
use crate::limits::{DELIVERY_RETRY_AFTER_MAX, DELIVERY_RETRY_FIRST, DELIVERY_RETRY_MAX, DELIVERY_RETRY_MIN};

/// The pause behind the attempt number `tries` (from 1).
pub fn pause(tries: u32, retry_after: Option<Duration>) -> Duration {
    let asked = retry_after.unwrap_or_default().min(DELIVERY_RETRY_AFTER_MAX);
    longest(tries).mul_f64(anywhere()).max(DELIVERY_RETRY_MIN).max(asked)
}

fn longest(tries: u32) -> Duration {
    let doubled = 1u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX);
    DELIVERY_RETRY_FIRST.saturating_mul(doubled).min(DELIVERY_RETRY_MAX)
}

/// From 0 to 1; without randomness the middle will do.
fn anywhere() -> f64 {
    getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}

/// `retry-after` in either form: seconds, or a date.
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds.min(DELIVERY_RETRY_AFTER_MAX.as_secs())));
    }
    let at = Timestamp::parse_http_date(value)?;
    Some(Duration::from_millis(u64::try_from(at.as_millis() - now.as_millis()).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_are_bounded() {
        let cases = [
            (1, 1_000),
            (2, 2_000),
            (4, 8_000),
            (9, 256_000),
            (10, 300_000),
            (40, 300_000),
            (u32::MAX, 300_000),
        ];
        for (tries, millis) in cases {
            assert_eq!(longest(tries), Duration::from_millis(millis), "{tries}");
            let pause = pause(tries, None);
            assert!(pause >= DELIVERY_RETRY_MIN && pause <= longest(tries), "{tries}: {pause:?}");
        }
        assert_eq!(pause(1, Some(Duration::from_secs(9))), Duration::from_secs(9));
        assert_eq!(pause(1, Some(Duration::from_secs(90_000))), DELIVERY_RETRY_AFTER_MAX);
    }

    #[test]
    fn retry_after_in_both_forms() {
        let now = Timestamp::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let cases = [
            ("7", Some(7)),
            (" 7 ", Some(7)),
            ("99999999", Some(3_600)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:40:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ];
        for (value, seconds) in cases {
            assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "{value}");
        }
    }
}
