//! Schedules (contract §3): every kind, cancelled and replaced, over pauses and restarts, and each run once.

mod durable;

use serde_json::{Value, json};

use crate::harness::http::Request;
use crate::harness::{Client, Server, assert_subset, fresh, get, shared};

fn schedule(slug: &str, append: Value, schedule: Value) -> Value {
    json!({"type": "schedule/configured", "payload": {"slug": slug, "append": append, "schedule": schedule}})
}

fn every(seconds: f64) -> Value {
    json!({"kind": "every", "intervalSeconds": seconds})
}

fn once_in(seconds: f64) -> Value {
    json!({"kind": "once-in", "delaySeconds": seconds})
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn written(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis).unwrap().to_string()
}

fn millis(text: &Value) -> i64 {
    text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

fn of_type<'a>(events: &'a [Value], event_type: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["type"] == event_type).collect()
}

fn count(events: &[Value], event_type: &str) -> usize {
    of_type(events, event_type).len()
}

fn lift(client: &Client, path: &str) {
    client.append(path, json!({"type": "stream/circuit-breaker-configured", "payload": {"burstCapacity": 1_000_000, "refillRatePerMinute": 1_000_000}}));
}

fn metric(client: &Client, name: &str) -> u64 {
    let metrics = String::from_utf8(client.send(Request::new("GET", "/metrics")).body).unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("millrace_{name} ")));
    line.unwrap_or_else(|| panic!("no {name} in {metrics}")).parse().unwrap()
}

fn schedules(client: &Client, path: &str) -> Value {
    client.run([get(&format!("/api/streams/__state{path}"))])["processors"]["scheduler"].clone()
}

/// Waits for so many runs, each the event and right behind it the record; all events.
fn wait_runs(client: &Client, path: &str, event_type: &str, runs: usize) -> Vec<Value> {
    client.wait_for(path, &format!("{runs} runs of {event_type}"), |events| {
        count(events, "schedule/fired") >= runs && count(events, event_type) >= runs
    })
}

#[test]
fn each_kind_fires_when_it_is_due() {
    let millrace = shared();
    let cases = [
        ("a time", json!({"kind": "once-at", "at": written(now() + 300)}), 1, 0),
        ("a time that is past", json!({"kind": "once-at", "at": "2020-02-29T12:00:00+02:00"}), 1, 0),
        ("a while", once_in(0.2), 1, 0),
        ("an interval", every(0.15), 3, 150),
        ("every second", json!({"kind": "cron", "cron": "* * * * * *"}), 2, 1_000),
        (
            "a time zone",
            json!({"kind": "cron", "cron": "*/1 * * * * *", "timezone": "Asia/Kolkata"}),
            2,
            1_000,
        ),
    ];
    for (name, form, runs, interval) in cases {
        let path = fresh("/kind");
        let configured = millrace
            .append(&path, schedule("s", json!({"type": "due", "payload": {"of": name}}), form.clone()));
        assert_eq!(configured["type"], "schedule/configured", "{configured:#}");
        let events = wait_runs(&millrace, &path, "due", runs);
        let offset = configured["offset"].as_u64().unwrap();
        let cause = json!({"streamPath": path, "offset": offset});
        let behind = &events[offset as usize..];
        for (run, pair) in behind.chunks(2).take(runs).enumerate() {
            assert_subset(
                name,
                &json!(pair),
                &json!([
                    {"type": "due", "payload": {"of": name}, "source": {"kind": "schedule", "slug": "s", "cause": cause, "depth": 1}},
                    {"type": "schedule/fired", "payload": {"slug": "s", "outcome": "succeeded"}, "source": {"kind": "server", "slug": "s", "cause": cause, "depth": 1}},
                ]),
            );
            let next = &pair[1]["payload"]["nextRunAt"];
            assert_eq!(next.is_null(), interval == 0, "{name}: {next}");
            if interval > 0 && run + 1 < runs {
                // It keeps its pace: the next is due one interval after this one was, not after this one came.
                let following = &behind[2 * (run + 1)..];
                assert!(millis(&following[0]["createdAt"]) >= millis(next), "{name}: too early");
                let distance = millis(&following[1]["payload"]["nextRunAt"]) - millis(next);
                assert_eq!(distance % interval, 0, "{name}: {distance} ms between two runs");
            }
        }
        let first_due = match form["kind"].as_str().unwrap() {
            "once-at" => millis(&form["at"]),
            "once-in" => millis(&configured["createdAt"]) + 200,
            "every" => millis(&configured["createdAt"]) + 150,
            _ => millis(&configured["createdAt"]) + 1,
        };
        assert!(millis(&behind[0]["createdAt"]) >= first_due, "{name}: before it is due");
        if interval == 0 {
            assert_eq!(schedules(&millrace, &path), json!({}), "{name}: done, and gone");
        } else {
            let state = schedules(&millrace, &path);
            assert_subset(
                name,
                &state,
                &json!({"s": {"schedule": form, "append": {"type": "due"}, "configuredOffset": offset, "createdAt": configured["createdAt"]}}),
            );
            assert!(state["s"]["executionCount"].as_u64().unwrap() >= runs as u64, "{state}");
            millrace.append(&path, json!({"type": "schedule/cancelled", "payload": {"slug": "s"}}));
        }
    }
}

#[test]
fn what_is_no_schedule_is_an_invalid_event_that_names_the_field() {
    let millrace = shared();
    let due = json!({"type": "due"});
    let cron = |cron: &str| json!({"kind": "cron", "cron": cron});
    let cases = [
        (schedule("s", due.clone(), json!({"kind": "never"})), "`schedule.kind` must be one of `once-at`"),
        (
            schedule("s", due.clone(), json!({"kind": "once-at", "at": "noon"})),
            "`schedule.at` is \"noon\": must be",
        ),
        (
            schedule("s", due.clone(), json!({"kind": "once-in", "delaySeconds": "5"})),
            "`schedule.delaySeconds` must be a number, and is the string",
        ),
        (schedule("s", due.clone(), once_in(0.0)), "`schedule.delaySeconds` is 0: must be"),
        (schedule("s", due.clone(), every(-1.0)), "`schedule.intervalSeconds` is -1: must be"),
        (schedule("s", due.clone(), every(0.0001)), "from 0.01"),
        (
            schedule("s", due.clone(), cron("99 * * * *")),
            "`schedule.cron` is \"99 * * * *\": the minute \"99\"",
        ),
        (schedule("s", due.clone(), cron("0 0 30 2 *")), "`schedule.cron` is \"0 0 30 2 *\": no day"),
        (
            schedule("s", due.clone(), json!({"kind": "cron", "cron": "0 9 * * *", "timezone": "Berlin"})),
            "`schedule.timezone` is \"Berlin\"",
        ),
        (schedule("s", due.clone(), json!({"kind": "every", "intervalSeconds": 1, "times": 3})), "times"),
        (schedule("S!", due.clone(), every(1.0)), "slug"),
        (schedule("s", json!({"payload": {}}), every(1.0)), "`append`: `type` is missing"),
        (schedule("s", json!("due"), every(1.0)), "`append`: an event must be a JSON object"),
        (
            schedule("s", json!({"type": "due", "createdAt": 1}), every(1.0)),
            "`append`: unknown key `createdAt`",
        ),
        (
            schedule("s", json!({"type": "stream/paused", "payload": {"why": 1}}), every(1.0)),
            "`append`: payload of stream/paused",
        ),
        (schedule("s", json!({"type": "stream/created"}), every(1.0)), "`append`: "),
        (
            schedule("s", schedule("t", json!({}), every(1.0)), every(1.0)),
            "`append`: payload of schedule/configured: `append`: `type` is missing",
        ),
        (
            json!({"type": "schedule/configured", "payload": {"slug": "s", "append": due}}),
            "`schedule` is missing",
        ),
        (
            json!({"type": "schedule/configured", "payload": {"slug": "s", "schedule": {"kind": "every", "intervalSeconds": 1}}}),
            "`append` is missing",
        ),
        (
            json!({"type": "schedule/configured", "payload": {"slug": "s", "append": due, "schedule": {"kind": "every", "intervalSeconds": 1}, "x": 1}}),
            "`x`",
        ),
        (json!({"type": "schedule/cancelled", "payload": {}}), "`slug` is missing"),
        (
            json!({"type": "schedule/fired", "payload": {"slug": "s", "outcome": "maybe", "nextRunAt": null}}),
            "`outcome` must be `succeeded` or `failed`",
        ),
        (json!({"type": "schedule/configured-again", "payload": {}}), "reserved"),
    ];
    let path = fresh("/invalid");
    for (input, words) in cases {
        let stored = millrace.append(&path, input.clone());
        assert_eq!(stored["type"], "stream/invalid-event-appended", "{input}");
        let error = stored["payload"]["error"].as_str().unwrap();
        assert!(error.contains(words), "{input}: {error}");
    }
    assert_eq!(schedules(&millrace, &path), json!({}));
}

#[test]
fn the_originals_spellings_have_the_same_effect() {
    let millrace = shared();
    let path = fresh("/original");
    let original = "https://events.iterate.com/events/stream";
    let every_second = json!({"kind": "every", "intervalSeconds": 1});
    millrace.append(&path, json!([
        {"type": format!("{original}/append-scheduled"), "payload": {"slug": "a", "append": {"type": "due-a"}, "schedule": {"kind": "once-in", "delaySeconds": 1}}},
        {"type": format!("{original}/schedule/configured"), "payload": {"slug": "b", "callback": "append", "payloadJson": "{\"type\":\"due-b\"}", "schedule": {"kind": "once-at", "at": "2030-01-01T00:00:00Z"}, "nextRunAt": 1_700_000_000}},
        {"type": format!("{original}/schedule/configured"), "payload": {"slug": "c", "callback": "append", "payloadJson": "{\"type\":\"due-c\"}", "schedule": every_second, "nextRunAt": 4_000_000_000u32}},
    ]));
    let waiting = schedules(&millrace, &path);
    assert_eq!(waiting["c"]["nextRunAt"], "2096-10-02T07:06:40.000Z");
    millrace
        .append(&path, json!({"type": format!("{original}/schedule/cancelled"), "payload": {"slug": "c"}}));
    let events = millrace.wait_for(&path, "both", |events| count(events, "schedule/fired") == 2);
    assert_eq!((count(&events, "due-a"), count(&events, "due-b")), (1, 1));
    assert_eq!(events[1]["type"], format!("{original}/append-scheduled"), "it keeps its name");
    assert_eq!(schedules(&millrace, &path), json!({}));
    let refused = [
        (
            json!({"slug": "b", "callback": "explode", "schedule": every_second, "nextRunAt": 1}),
            "`callback` is \"explode\"",
        ),
        (
            json!({"slug": "b", "callback": "append", "payloadJson": "{", "schedule": every_second, "nextRunAt": 1}),
            "`payloadJson`",
        ),
        (
            json!({"slug": "b", "callback": "append", "payloadJson": "{\"type\":\"x\"}", "schedule": every_second, "nextRunAt": -1}),
            "`nextRunAt`",
        ),
    ];
    for (payload, words) in refused {
        let stored = millrace
            .append(&path, json!({"type": format!("{original}/schedule/configured"), "payload": payload}));
        assert!(stored["payload"]["error"].as_str().is_some_and(|error| error.contains(words)), "{stored:#}");
    }
}

#[test]
fn what_is_cancelled_or_replaced_does_not_fire() {
    let millrace = shared();
    let path = fresh("/cancel");
    let cancelled = |slug: &str| json!({"type": "schedule/cancelled", "payload": {"slug": slug}});
    millrace.append(
        &path,
        json!([
            schedule("gone", json!({"type": "wrong"}), once_in(0.2)),
            schedule("other", json!({"type": "wrong"}), every(0.2)),
            cancelled("gone"),
            cancelled("unknown"),
            schedule("other", json!({"type": "right"}), once_in(0.3)),
            // Of what is due at once, nothing of the first two is there behind their end.
            schedule(
                "past",
                json!({"type": "wrong"}),
                json!({"kind": "once-at", "at": "2020-01-01T00:00:00Z"})
            ),
            cancelled("past"),
            schedule(
                "late",
                json!({"type": "wrong"}),
                json!({"kind": "once-at", "at": "2020-01-01T00:00:00Z"})
            ),
            schedule("late", json!({"type": "last"}), once_in(0.6)),
        ]),
    );
    let events = millrace.wait_for(&path, "the last", |events| count(events, "schedule/fired") == 2);
    let tail: Vec<&Value> = events[10..].iter().map(|event| &event["type"]).collect();
    assert_eq!(tail, ["right", "schedule/fired", "last", "schedule/fired"]);
}

#[test]
fn an_event_that_ends_its_own_schedule_wins_over_the_run() {
    let millrace = shared();
    let path = fresh("/own");
    millrace.append(
        &path,
        json!([
            schedule("once", json!({"type": "schedule/cancelled", "payload": {"slug": "once"}}), every(0.05)),
            schedule("turn", schedule("turn", json!({"type": "turned"}), once_in(0.05)), every(0.05)),
        ]),
    );
    let events = millrace.wait_for(&path, "the turn", |events| count(events, "turned") == 1);
    assert_eq!(schedules(&millrace, &path), json!({}), "{events:#?}");
    millrace.append(&path, schedule("end", json!({"type": "end"}), once_in(0.2)));
    let events = millrace.wait_for(&path, "the end", |events| count(events, "schedule/fired") == 4);
    let fired = of_type(&events, "schedule/fired");
    assert!(
        fired.iter().all(|event| event["payload"]["nextRunAt"].is_null()),
        "none comes again: {fired:#?}"
    );
    assert_eq!((count(&events, "schedule/cancelled"), count(&events, "turned")), (1, 1));
}

#[test]
fn a_run_that_the_stream_does_not_take_has_failed_and_the_next_comes_all_the_same() {
    let millrace = shared();
    let path = fresh("/failing");
    millrace.append(&path, schedule("s", json!({"type": "due", "offset": 5}), every(0.1)));
    let events = millrace.wait_for(&path, "three runs", |events| count(events, "schedule/fired") == 3);
    let outcomes: Vec<&Value> =
        of_type(&events, "schedule/fired").iter().map(|event| &event["payload"]["outcome"]).collect();
    // Its offset comes once: at 3 and 4 stand records of runs that were too early.
    assert_eq!(outcomes, ["failed", "failed", "succeeded"], "{events:#?}");
    assert_eq!(events[4]["type"], "due");
    assert_subset("the error", &events[2], &json!({"payload": {"error": "~next offset of stream"}}));
    // A key of the author's own makes an event that stands once, however often it is due.
    let path = fresh("/keyed");
    millrace.append(&path, schedule("s", json!({"type": "due", "idempotencyKey": "mine"}), every(0.05)));
    let events = millrace.wait_for(&path, "three runs", |events| count(events, "schedule/fired") >= 3);
    assert_eq!(count(&events, "due"), 1);
    assert!(
        of_type(&events, "schedule/fired").iter().all(|event| event["payload"]["outcome"] == "succeeded")
    );
}

#[test]
fn while_a_stream_is_paused_its_runs_wait_and_then_happen_once() {
    let millrace = Server::start(&[]);
    let millrace = millrace.client("p");
    let millrace = &millrace;
    let path = "/paused";
    millrace.append(
        path,
        json!([
            schedule("beat", json!({"type": "beat"}), every(0.05)),
            schedule("late", json!({"type": "late"}), once_in(0.05)),
            schedule("gone", json!({"type": "gone"}), once_in(0.05)),
            {"type": "stream/paused", "payload": {}},
        ]),
    );
    // Nothing rings for a stream that is paused: the timer of what waits there is put away (B3: "fired for ever").
    let (waiting, rung) = (metric(millrace, "schedules_streams"), metric(millrace, "schedules_wakes_total"));
    assert_eq!(waiting, 0);
    let clock = fresh("/clock");
    millrace.append(&clock, schedule("tick", json!({"type": "tick"}), every(0.1)));
    wait_runs(millrace, &clock, "tick", 5);
    millrace.append(&clock, json!({"type": "schedule/cancelled", "payload": {"slug": "tick"}}));
    let ticks = count(&millrace.read(&clock), "schedule/fired") as u64;
    // The last wake may have come behind the cancellation.
    let wakes = metric(millrace, "schedules_wakes_total") - rung;
    assert!((ticks..=ticks + 1).contains(&wakes), "{wakes} wakes for {ticks} runs");
    assert_eq!(millrace.read(path).len(), 5, "nothing has fired");
    let resumed = millrace.append(path, json!([{"type": "stream/resumed", "payload": {}}, {"type": "schedule/cancelled", "payload": {"slug": "gone"}}]));
    let events = millrace.wait_for(path, "what was late", |events| count(events, "beat") >= 3);
    assert_eq!((count(&events, "late"), count(&events, "gone")), (1, 0));
    let beats: Vec<i64> = of_type(&events, "beat").iter().map(|event| millis(&event["createdAt"])).collect();
    assert!(beats[0] >= millis(&resumed[0]["createdAt"]));
    // The second may have been late, by less than a period; a storm would have them all at once.
    assert!(beats.windows(3).all(|three| three[2] - three[0] >= 50), "no storm: {beats:?}");
}

#[test]
fn a_schedule_may_end_a_pause() {
    let millrace = shared();
    let path = fresh("/until");
    millrace.append(&path, json!([
        schedule("beat", json!({"type": "beat"}), once_in(0.01)),
        schedule("resume", json!({"type": "stream/resumed", "payload": {"reason": "it is time"}}), once_in(0.3)),
        {"type": "stream/paused", "payload": {}},
    ]));
    let events = millrace.wait_for(&path, "the beat", |events| count(events, "schedule/fired") == 2);
    let tail: Vec<&Value> = events[4..].iter().map(|event| &event["type"]).collect();
    assert_eq!(tail, ["stream/resumed", "schedule/fired", "beat", "schedule/fired"]);
    // The other way round: the record of a scheduled pause stands behind it.
    millrace.append(&path, schedule("pause", json!({"type": "stream/paused", "payload": {}}), once_in(0.05)));
    let events = millrace.wait_for(&path, "the pause", |events| count(events, "schedule/fired") == 3);
    let tail: Vec<&Value> = events[9..].iter().map(|event| &event["type"]).collect();
    assert_eq!(tail, ["stream/paused", "schedule/fired"]);
    assert_eq!(events[10]["payload"]["outcome"], "succeeded");
}

#[test]
fn runs_are_charged_to_the_circuit_breaker() {
    let millrace = shared();
    let path = fresh("/flood");
    millrace.append(&path, json!([
        {"type": "stream/circuit-breaker-configured", "payload": {"burstCapacity": 20, "refillRatePerMinute": 1}},
        schedule("s", json!({"type": "due"}), every(0.01)),
    ]));
    let paused = millrace.wait_type(&path, "stream/paused");
    let events = millrace.read(&path);
    assert_eq!(events.last(), Some(&paused), "nothing runs behind the pause");
    // Its own configuration is one, each run is two.
    assert_eq!(count(&events, "due"), 10);
    millrace.append(&path, json!({"type": "stream/resumed", "payload": {}}));
    millrace.wait_for(&path, "the next pause", |events| count(events, "stream/paused") == 2);
}

#[test]
fn a_recurring_schedule_is_no_chain_and_one_that_schedules_the_next_is() {
    let millrace = shared();
    let path = fresh("/steady");
    let depth = |most: u32| json!({"type": "stream/circuit-breaker-configured", "payload": {"burstCapacity": 100_000, "refillRatePerMinute": 100_000, "maxDepth": most}});
    millrace.append(&path, json!([depth(5), schedule("s", json!({"type": "due"}), every(0.01))]));
    let events = wait_runs(&millrace, &path, "due", 30);
    assert!(of_type(&events, "due").iter().all(|event| event["source"]["depth"] == 1));
    millrace.append(&path, json!({"type": "schedule/cancelled", "payload": {"slug": "s"}}));
    // By a processor that reacts to each run with the next, and by an event that schedules itself.
    let path = fresh("/chain");
    millrace.append(&path, depth(8));
    millrace.deploy(&path, "again", "export default { async afterAppend({ event, append }) {
        if (event.type !== 'due') return;
        await append({ type: 'schedule/configured', payload: { slug: 'next', append: { type: 'due' }, schedule: { kind: 'once-in', delaySeconds: 0.01 } } });
    } };");
    millrace.append(&path, json!({"type": "due"}));
    let events = millrace.wait_for(&path, "the end", |events| count(events, "stream/paused") == 1);
    let depths: Vec<u64> =
        of_type(&events, "due").iter().map(|event| event["source"]["depth"].as_u64().unwrap()).collect();
    assert_eq!(
        depths,
        [0, 2, 4, 6, 8],
        "each is a reaction to the configuration, and that to the one before"
    );
    let reason = events.last().unwrap()["payload"]["reason"].as_str().unwrap();
    assert!(reason.contains("processor `again`") && reason.contains("schedule `next`"), "{reason}");
}

#[test]
fn nothing_comes_behind_a_cancellation_however_close_it_is() {
    let millrace = shared();
    let base = fresh("/close");
    for n in 0..100 {
        let path = format!("{base}/{n}");
        millrace.append(&path, schedule("s", json!({"type": "due"}), once_in(0.012)));
        std::thread::sleep(std::time::Duration::from_millis(6 + n % 8));
        let cancelled =
            millrace.append(&path, json!({"type": "schedule/cancelled", "payload": {"slug": "s"}}));
        // Both are there, in front of it, or neither: at offset 3, or 5.
        assert!(cancelled["offset"] == 3 || cancelled["offset"] == 5, "{cancelled}");
    }
    millrace.append(&base, schedule("s", json!({"type": "due"}), once_in(0.1)));
    wait_runs(&millrace, &base, "due", 1);
    let late = (0..100).filter(|n| {
        let events = millrace.read(&format!("{base}/{n}"));
        events.last().is_some_and(|last| last["type"] != "schedule/cancelled")
    });
    assert_eq!(late.collect::<Vec<_>>(), [0u64; 0]);
}
