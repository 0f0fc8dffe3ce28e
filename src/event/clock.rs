//! The time, known nowhere else: milliseconds since 1970, written as ISO 8601 with `Z`.

use std::fmt;

use jiff::fmt::temporal::DateTimePrinter;
use jiff::{Zoned, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

/// Always three digits of a second, so that the texts sort as the times do.
static PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

impl Timestamp {
    pub fn now() -> Timestamp {
        Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
    }

    /// Beyond the years that can be written (-9999 to 9999) the nearest one that can.
    pub fn from_millis(millis: i64) -> Timestamp {
        Timestamp(jiff::Timestamp::from_millisecond(millis).unwrap_or(if millis < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        }))
    }

    /// A date as HTTP writes it: `Sun, 06 Nov 1994 08:49:37 GMT`.
    pub fn parse_http_date(text: &str) -> Option<Timestamp> {
        let parser = jiff::fmt::rfc2822::DateTimeParser::new();
        parser.parse_timestamp(text).ok().map(Timestamp)
    }

    pub fn as_millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// Of a date-time with an offset. What is finer than a millisecond is rounded up: never before the time meant.
    pub fn parse(text: &str) -> Result<Timestamp, String> {
        let parsed: jiff::Timestamp = text.parse().map_err(|_| {
            format!(
                "is {text:?}: must be an ISO 8601 date-time with an offset, such as 2026-01-31T09:00:00Z or 2026-01-31T09:00:00.250+01:00"
            )
        })?;
        let rounded_up = i64::from(parsed.subsec_nanosecond().rem_euclid(1_000_000) > 0);
        Ok(Timestamp::from_millis(parsed.as_nanosecond().div_euclid(1_000_000) as i64 + rounded_up))
    }

    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Timestamp {
        Timestamp::from_millis(self.as_millis().saturating_add(millis))
    }

    /// How the clocks and calendars of a time zone say it.
    pub fn in_zone(self, zone: &TimeZone) -> Zoned {
        self.0.to_zoned(zone.clone())
    }
}

impl From<&Zoned> for Timestamp {
    fn from(zoned: &Zoned) -> Timestamp {
        Timestamp::from_millis(zoned.timestamp().as_millisecond())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        Timestamp::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&PRINTER.timestamp_to_string(&self.0))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn texts() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_700_000_000_120, "2023-11-14T22:13:20.120Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ];
        for (millis, text) in cases {
            assert_eq!(Timestamp::from_millis(millis).to_string(), text);
            assert_eq!(Timestamp::parse(text), Ok(Timestamp::from_millis(millis)));
        }
    }

    #[test]
    fn what_is_finer_than_a_millisecond_is_rounded_up() {
        let cases = [
            ("1970-01-01T00:00:00.0001Z", 1),
            ("1970-01-01T00:00:00.0010Z", 1),
            ("1970-01-01T00:00:00.001000001Z", 2),
            ("1969-12-31T23:59:59.9999Z", 0),
            ("1970-01-01T01:30:00+01:30", 0),
        ];
        for (text, millis) in cases {
            assert_eq!(Timestamp::parse(text), Ok(Timestamp::from_millis(millis)), "{text}");
        }
        for text in
            ["", "tomorrow", "2026-01-31", "2026-01-31T09:00:00", "2026-02-30T09:00:00Z", "1700000000"]
        {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }
}
