//! When schedules run, as tables: every kind, the ends of months, and clocks that are changed in both directions.

use super::{Schedule, ScheduleForm};
use crate::event::Timestamp;

fn schedule(form: &str) -> Result<Schedule, String> {
    Schedule::of(&serde_json::from_str::<ScheduleForm>(form).unwrap())
}

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// The runs of a schedule that is never late, as many as are expected.
fn check(form: &str, configured: &str, expected: &[&str]) {
    let schedule = schedule(form).unwrap_or_else(|error| panic!("{form}: {error}"));
    let mut runs = Vec::new();
    let mut next = schedule.first_run(time(configured));
    while let Some(run) = next
        && runs.len() < expected.len()
    {
        runs.push(run.to_string());
        next = schedule.next_run(run, run);
    }
    let expected: Vec<String> = expected.iter().map(|text| time(text).to_string()).collect();
    assert_eq!(runs, expected, "{form} from {configured}");
}

#[test]
fn runs_of_each_kind() {
    let once = r#"{"kind":"once-at","at":"2026-05-01T12:00:00.250+02:00"}"#;
    check(once, "2026-01-01T00:00:00Z", &["2026-05-01T10:00:00.250Z"]);
    check(once, "2027-01-01T00:00:00Z", &["2026-05-01T10:00:00.250Z"]);
    check(
        r#"{"kind":"once-in","delaySeconds":1.5}"#,
        "2026-01-01T00:00:00.750Z",
        &["2026-01-01T00:00:02.250Z"],
    );
    check(
        r#"{"kind":"every","intervalSeconds":0.25}"#,
        "2026-01-01T00:00:00.100Z",
        &["2026-01-01T00:00:00.350Z", "2026-01-01T00:00:00.600Z", "2026-01-01T00:00:00.850Z"],
    );
    for once in [once, r#"{"kind":"once-in","delaySeconds":1}"#] {
        let run = time("2026-05-01T10:00:00Z");
        assert_eq!(schedule(once).unwrap().next_run(run, run), None, "{once}");
    }
}

#[test]
fn an_interval_keeps_its_pace_and_does_not_make_up_for_what_was_missed() {
    let every = schedule(r#"{"kind":"every","intervalSeconds":10}"#).unwrap();
    let at = |seconds: f64| Timestamp::from_millis((seconds * 1_000.0) as i64);
    for (now, next) in [(100.0, 110.0), (103.0, 110.0), (109.999, 110.0), (110.0, 120.0), (3_600.0, 3_610.0)]
    {
        assert_eq!(every.next_run(at(100.0), at(now)), Some(at(next)), "a run due at 100, now {now}");
    }
    let cron = schedule(r#"{"kind":"cron","cron":"*/10 * * * * *"}"#).unwrap();
    for (now, next) in [(100.0, 110.0), (100.4, 110.0), (110.0, 120.0), (3_601.0, 3_610.0)] {
        assert_eq!(cron.next_run(at(100.0), at(now)), Some(at(next)), "a run due at 100, now {now}");
    }
    // A clock that was put back does not bring a run a second time.
    assert_eq!(cron.next_run(at(100.0), at(80.0)), Some(at(110.0)));
}

/// In UTC, with the time of the day left out where it is midnight.
#[test]
fn cron_expressions() {
    let cases: [(&str, &str, &[&str]); 19] = [
        ("* * * * *", "2026-01-01T10:00:00.001Z", &["2026-01-01T10:01", "2026-01-01T10:02"]),
        ("* * * * *", "2026-01-01T10:00:00Z", &["2026-01-01T10:01"]),
        ("* * * * * *", "2026-01-01T10:00:59.999Z", &["2026-01-01T10:01", "2026-01-01T10:01:01"]),
        (
            "*/20 * * * * *",
            "2026-01-01T10:00:30Z",
            &["2026-01-01T10:00:40", "2026-01-01T10:01", "2026-01-01T10:01:20"],
        ),
        ("30 15 4 * * *", "2026-01-01T10:00:00Z", &["2026-01-02T04:15:30", "2026-01-03T04:15:30"]),
        (
            "0 9-11 * * MON-FRI",
            "2026-01-02T10:30:00Z",
            &["2026-01-02T11:00", "2026-01-05T09:00", "2026-01-05T10:00"],
        ),
        (
            "*/25 * * * *",
            "2026-01-01T10:00:00Z",
            &["2026-01-01T10:25", "2026-01-01T10:50", "2026-01-01T11:00"],
        ),
        ("15,45 12 * * *", "2026-01-01T12:30:00Z", &["2026-01-01T12:45", "2026-01-02T12:15"]),
        ("0 12 29 2 *", "2026-01-01T00:00:00Z", &["2028-02-29T12:00", "2032-02-29T12:00"]),
        ("0 0 29 2 *", "2096-03-01T00:00:00Z", &["2104-02-29"]),
        ("0 0 31 * *", "2026-01-31T00:00:00Z", &["2026-03-31", "2026-05-31", "2026-07-31"]),
        ("0 0 L * *", "2026-01-31T00:00:00Z", &["2026-02-28", "2026-03-31", "2026-04-30"]),
        ("0 0 1 1 *", "2026-06-01T00:00:00Z", &["2027-01-01", "2028-01-01"]),
        // A day of the month or a day of the week, as cron has always had it.
        (
            "0 0 13 * FRI",
            "2026-02-01T00:00:00Z",
            &["2026-02-06", "2026-02-13", "2026-02-20", "2026-02-27", "2026-03-06"],
        ),
        ("0 0 * * 0", "2026-01-01T00:00:00Z", &["2026-01-04", "2026-01-11"]),
        ("0 0 * * 7", "2026-01-01T00:00:00Z", &["2026-01-04", "2026-01-11"]),
        ("0 0 * * MON#1", "2026-01-06T00:00:00Z", &["2026-02-02", "2026-03-02"]),
        ("@hourly", "2026-01-01T10:30:00Z", &["2026-01-01T11:00"]),
        ("@Weekly", "2026-01-01T10:30:00Z", &["2026-01-04"]),
    ];
    for (cron, configured, expected) in cases {
        let whole: Vec<String> = expected
            .iter()
            .map(|text| match text.len() {
                10 => format!("{text}T00:00:00Z"),
                16 => format!("{text}:00Z"),
                _ => format!("{text}Z"),
            })
            .collect();
        let whole: Vec<&str> = whole.iter().map(String::as_str).collect();
        check(&format!(r#"{{"kind":"cron","cron":"{cron}"}}"#), configured, &whole);
    }
}

/// A time that the clock skips is made up for at once, and one that it repeats is done once; what goes by an
/// interval follows the clock.
#[test]
fn clocks_that_are_changed() {
    let cases: [(&str, &str, &str, &[&str]); 17] = [
        // Berlin, 2026: on 29 March 02:00 becomes 03:00, on 25 October 03:00 becomes 02:00, at 01:00 UTC both.
        ("Europe/Berlin", "30 2 * * *", "03-27T12:00", &["03-28T01:30", "03-29T01:00", "03-30T00:30"]),
        ("Europe/Berlin", "0 0 2 * * *", "03-28T12:00", &["03-29T01:00", "03-30T00:00"]),
        ("Europe/Berlin", "0,30 2 * * *", "03-28T12:00", &["03-29T01:00", "03-30T00:00", "03-30T00:30"]),
        ("Europe/Berlin", "0 1 * * *", "03-28T12:00", &["03-29T00:00", "03-29T23:00"]),
        ("Europe/Berlin", "0 3 * * *", "03-28T12:00", &["03-29T01:00", "03-30T01:00"]),
        ("Europe/Berlin", "*/30 2 * * *", "03-28T12:00", &["03-30T00:00", "03-30T00:30"]),
        ("Europe/Berlin", "0 * * * *", "03-28T23:30", &["03-29T00:00", "03-29T01:00", "03-29T02:00"]),
        ("Europe/Berlin", "30 2 * * *", "10-24T12:00", &["10-25T00:30", "10-26T01:30"]),
        (
            "Europe/Berlin",
            "*/30 2 * * *",
            "10-24T12:00",
            &["10-25T00:00", "10-25T00:30", "10-25T01:00", "10-25T01:30", "10-26T01:00"],
        ),
        ("Europe/Berlin", "0 * * * *", "10-24T23:30", &["10-25T00:00", "10-25T01:00", "10-25T02:00"]),
        ("Europe/Berlin", "0 3 * * *", "10-24T12:00", &["10-25T02:00", "10-26T02:00"]),
        // New York, 2026: on 8 March 02:00 becomes 03:00 at 07:00 UTC, on 1 November 02:00 becomes 01:00 at 06:00.
        ("America/New_York", "30 2 * * *", "03-07T12:00", &["03-08T07:00", "03-09T06:30"]),
        ("America/New_York", "30 1 * * *", "10-31T12:00", &["11-01T05:30", "11-02T06:30"]),
        ("America/New_York", "15,45 1 * * *", "10-31T12:00", &["11-01T05:15", "11-01T05:45", "11-02T06:15"]),
        ("america/new_york", "*/20 1 * * *", "11-01T05:30", &["11-01T05:40", "11-01T06:00", "11-01T06:20"]),
        // Lord Howe, by half an hour: on 4 October 02:00 becomes 02:30, on 5 April 02:00 becomes 01:30.
        ("Australia/Lord_Howe", "15 2 * * *", "10-03T12:00", &["10-03T15:30", "10-04T15:15"]),
        ("Australia/Lord_Howe", "45 1 * * *", "04-04T12:00", &["04-04T14:45", "04-05T15:15"]),
    ];
    for (zone, cron, configured, expected) in cases {
        let whole = |text: &str| format!("2026-{text}:00Z");
        let expected: Vec<String> = expected.iter().map(|text| whole(text)).collect();
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        check(
            &format!(r#"{{"kind":"cron","cron":"{cron}","timezone":"{zone}"}}"#),
            &whole(configured),
            &expected,
        );
    }
}

#[test]
fn what_is_no_schedule() {
    let cases = [
        (r#"{"kind":"once-at"}"#, "`schedule.at` is missing"),
        (
            r#"{"kind":"once-at","at":"tomorrow"}"#,
            "`schedule.at` is \"tomorrow\": must be an ISO 8601 date-time",
        ),
        (r#"{"kind":"once-at","at":"2026-01-31T09:00:00"}"#, "with an offset"),
        (r#"{"kind":"once-at","at":"2026-02-30T09:00:00Z"}"#, "`schedule.at`"),
        (r#"{"kind":"once-at","at":"2200-01-01T00:00:00Z"}"#, "the year 2199 is the last"),
        (
            r#"{"kind":"once-at","at":"2026-01-31T09:00:00Z","delaySeconds":1}"#,
            "`schedule.delaySeconds` belongs to the kind `once-in`",
        ),
        (r#"{"kind":"once-in"}"#, "`schedule.delaySeconds` is missing"),
        (
            r#"{"kind":"once-in","delaySeconds":0}"#,
            "`schedule.delaySeconds` is 0: must be a number of seconds from 0.001",
        ),
        (r#"{"kind":"once-in","delaySeconds":-1}"#, "`schedule.delaySeconds` is -1"),
        (r#"{"kind":"once-in","delaySeconds":1e300}"#, "to 3162240000"),
        (
            r#"{"kind":"every","intervalSeconds":0}"#,
            "`schedule.intervalSeconds` is 0: must be a number of seconds from 0.01",
        ),
        (r#"{"kind":"every","intervalSeconds":-60}"#, "`schedule.intervalSeconds` is -60"),
        (
            r#"{"kind":"every","intervalSeconds":60,"timezone":"UTC"}"#,
            "`schedule.timezone` belongs to the kind `cron`",
        ),
        (r#"{"kind":"cron"}"#, "`schedule.cron` is missing"),
        (r#"{"kind":"cron","cron":""}"#, "a cron expression has 5 fields"),
        (r#"{"kind":"cron","cron":"* * * *"}"#, "a cron expression has 5 fields"),
        (r#"{"kind":"cron","cron":"* * * * * * 2026"}"#, "a cron expression has 5 fields"),
        (r#"{"kind":"cron","cron":"@reboot"}"#, "a cron expression has 5 fields"),
        (r#"{"kind":"cron","cron":"61 * * * *"}"#, "the minute \"61\" is wrong"),
        (r#"{"kind":"cron","cron":"* 25 * * *"}"#, "the hour \"25\" is wrong"),
        (r#"{"kind":"cron","cron":"* * 0 * *"}"#, "the day of the month \"0\" is wrong"),
        (r#"{"kind":"cron","cron":"* * * FOO *"}"#, "the month \"FOO\" is wrong"),
        (r#"{"kind":"cron","cron":"* * * * 8"}"#, "the day of the week \"8\" is wrong"),
        (r#"{"kind":"cron","cron":"*/0 * * * *"}"#, "the minute \"*/0\" is wrong"),
        (r#"{"kind":"cron","cron":"x * * * * *"}"#, "the second \"x\" is wrong"),
        (r#"{"kind":"cron","cron":"0 0 30 2 *"}"#, "no day up to the year 2199 is meant by it"),
        (r#"{"kind":"cron","cron":"0 0 31 4,6,9,11 *"}"#, "no day up to the year 2199"),
        (
            r#"{"kind":"cron","cron":"0 0 * * *","timezone":"Mars/Olympus"}"#,
            "`schedule.timezone` is \"Mars/Olympus\": must be the name of an IANA time zone",
        ),
        (r#"{"kind":"cron","cron":"0 0 * * *","timezone":""}"#, "`schedule.timezone`"),
        (r#"{"kind":"cron","cron":"0 0 * * *","timezone":"+02:00"}"#, "`schedule.timezone`"),
    ];
    for (form, words) in cases {
        let error = schedule(form).expect_err(form);
        assert!(error.contains(words), "{form}: {error}");
    }
}

#[test]
fn a_search_for_a_day_that_never_comes_is_short() {
    let started = std::time::Instant::now();
    let minutes: Vec<String> = (0..48).map(|minute| minute.to_string()).collect();
    assert!(schedule(&format!(r#"{{"kind":"cron","cron":"{} 0 30 2 *"}}"#, minutes.join(","))).is_err());
    assert!(started.elapsed() < std::time::Duration::from_secs(2), "{:?}", started.elapsed());
}

proptest::proptest! {
    /// Whatever is written: an answer, and the runs of what is accepted go forward.
    #[test]
    fn any_text_is_a_schedule_or_is_told(cron in "[*0-9,/A-Za-z#?+@ -]{0,24}") {
        let form = serde_json::json!({"kind": "cron", "cron": cron, "timezone": "Europe/Berlin"}).to_string();
        if let Ok(schedule) = schedule(&form) {
            let mut run = time("2026-03-28T23:59:59Z");
            for _ in 0..3 {
                let Some(next) = schedule.next_run(run, run) else { break };
                assert!(next > run, "{cron}: {next} after {run}");
                run = next;
            }
        }
    }
}
