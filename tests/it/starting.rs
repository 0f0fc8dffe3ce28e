//! What comes while a processor starts or is being replaced: configurations, removals, variables and events right
//! behind each other. None is passed over, and none is answered twice (contract §4).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::http::{Connection, Request};
use crate::harness::server::{children_of, signal};
use crate::harness::{Client, DEADLINE, Server, assert_subset, get, shared};
use crate::hooks::count;
use crate::processors::PONG;

/// So many other events come between two that matter: each number meets another moment of a start.
const MOMENTS: [usize; 6] = [0, 1, 2, 4, 8, 16];

/// Does not load.
const BROKEN: &str = "export default {{{";

/// Tells that it has begun to catch up, and then waits far beyond the patience of any test.
const WAITS_AT_FIRST: &str = "export default { async onCaughtUp({ append }) {
    await append({ type: 'waiting' });
    await new Promise((done) => setTimeout(done, 60_000));
} };";

fn configured(script: &str) -> Value {
    json!({"type": "processor/configured", "payload": {"slug": "s", "script": script}})
}

fn ping() -> Value {
    json!({"type": "ping"})
}

/// Answers pings with events of this type.
fn answering(event_type: &str) -> String {
    PONG.replace("'pong'", &format!("'{event_type}'"))
}

/// A request for each event, one right behind the other on one connection, `between` others after each.
fn append_each(millrace: &Client, path: &str, between: usize, events: &[Value]) {
    let mut connection = Connection::open(millrace.address, DEADLINE).unwrap();
    let other = json!({"type": "other"});
    for event in events.iter().flat_map(|event| [event].into_iter().chain((0..between).map(|_| &other))) {
        let request = Request::new("POST", &format!("/api/streams{path}"))
            .header("x-millrace-project", &millrace.project)
            .body(event.to_string());
        let answer = connection.send(&request).unwrap();
        assert_eq!(answer.head.status, 200, "{event}: {}", String::from_utf8_lossy(&answer.body));
    }
}

fn of_type<'a>(events: &'a [Value], event_type: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["type"] == event_type).collect()
}

#[test]
fn of_two_versions_right_behind_each_other_the_later_one_runs() {
    let millrace = shared();
    for between in MOMENTS {
        let path = format!("/a/{between}");
        append_each(
            &millrace,
            &path,
            between,
            &[configured(&answering("old")), configured(&answering("new")), ping()],
        );
        millrace.wait_type(&path, "new");
        let processors = millrace.settle(&path);
        let events = millrace.read(&path);
        assert_eq!([count(&events, "old"), count(&events, "new")], [0, 1], "{events:#?}");
        let second = of_type(&events, "processor/configured")[1]["offset"].clone();
        let of_second = |event: &&Value| {
            event["type"] == "processor/activated" && event["payload"]["configuredOffset"] == second
        };
        let activated: Vec<&Value> = events.iter().filter(of_second).collect();
        assert_eq!(activated.len(), 1, "{events:#?}");
        let version = &activated[0]["payload"]["version"];
        let expected = json!([{"slug": "s", "status": "active", "configuredOffset": second, "version": version, "activeVersion": version, "lastError": null}]);
        assert_subset(&path, &processors, &expected);
        assert_eq!(of_type(&events, "processor/activated").last(), activated.first(), "{events:#?}");
    }
}

#[test]
fn a_broken_version_right_behind_a_good_one_is_recorded() {
    let millrace = shared();
    for between in MOMENTS {
        let path = format!("/a/{between}");
        append_each(&millrace, &path, between, &[configured(PONG), configured(BROKEN)]);
        let failed = millrace.wait_type(&path, "processor/failed");
        let second = of_type(&millrace.read(&path), "processor/configured")[1].clone();
        let cause = json!({"streamPath": path, "offset": second["offset"]});
        assert_subset(&path, &failed["payload"], &json!({"slug": "s", "phase": "load", "cause": cause}));
        // Whether the first one had been activated by then is decided; if so, it goes on.
        let went_on = count(&millrace.read(&path), "processor/activated") == 1;
        let active = if went_on { json!("<any>") } else { Value::Null };
        let processors = millrace.run([get(&format!("/api/processors{path}"))]);
        assert_subset(&path, &processors, &json!([{"status": "failed", "activeVersion": active}]));
        millrace.append(&path, ping());
        if went_on {
            millrace.wait_type(&path, "pong");
        }
        millrace.deploy(&path, "s", &answering("repaired"));
        millrace.append(&path, ping());
        millrace.wait_type(&path, "repaired");
        assert_eq!(count(&millrace.read(&path), "processor/failed"), 1);
    }
}

#[test]
fn a_broken_version_in_one_batch_with_a_good_one_is_recorded() {
    let millrace = shared();
    millrace.append("/a", json!([configured(PONG), configured(BROKEN)]));
    let failed = millrace.wait_type("/a", "processor/failed");
    let cause = json!({"streamPath": "/a", "offset": 3});
    assert_subset("the failure", &failed["payload"], &json!({"slug": "s", "phase": "load", "cause": cause}));
    millrace.deploy("/a", "s", &answering("repaired"));
    millrace.append("/a", ping());
    millrace.wait_type("/a", "repaired");
}

#[test]
fn one_that_is_removed_while_it_starts_never_acts() {
    let millrace = shared();
    let removed = json!({"type": "processor/removed", "payload": {"slug": "s"}});
    for between in MOMENTS {
        let path = format!("/a/{between}");
        append_each(&millrace, &path, between, &[configured(PONG), removed.clone(), ping()]);
        millrace.run([get(&format!("/api/processors{path}")).answers(200, json!([]))]);
        // The next one of the same slug starts when the first is over and done with.
        millrace.deploy(&path, "s", &answering("marker"));
        millrace.append(&path, ping());
        millrace.wait_type(&path, "marker");
        millrace.settle(&path);
        let events = millrace.read(&path);
        assert_eq!([count(&events, "pong"), count(&events, "marker")], [0, 1], "{events:#?}");
    }
}

#[test]
fn a_variable_that_is_set_while_it_starts_is_there_for_what_comes_behind() {
    let script = "export default { async afterAppend({ append, event }) {
        if (event.type === 'ping') await append({ type: 'env', payload: { K: process.env.K ?? null } });
    } };";
    let set = json!({"type": "processor/env-var-set", "payload": {"key": "K", "value": "1"}});
    let millrace = shared();
    for between in MOMENTS {
        let path = format!("/a/{between}");
        append_each(&millrace, &path, between, &[configured(script), set.clone(), ping()]);
        assert_eq!(millrace.wait_type(&path, "env")["payload"], json!({"K": "1"}), "{between} in between");
    }
}

#[test]
fn a_swap_under_traffic_answers_each_event_once() {
    let millrace = shared();
    let client: &Client = &millrace;
    for round in 0..3 {
        let path = &format!("/a/{round}");
        client.deploy(path, "s", &answering("old"));
        let posted = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        client.append(path, ping());
                        posted.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            scope.spawn(|| {
                while posted.load(Ordering::Relaxed) < 10 {
                    thread::yield_now();
                }
                client.append(path, configured(&answering("new")));
            });
        });
        client.wait_for(path, "thirty answers", |events| count(events, "old") + count(events, "new") >= 30);
        client.settle(path);
        let events = client.read(path);
        let mut answered: Vec<&Value> = events
            .iter()
            .filter(|event| event["type"] == "old" || event["type"] == "new")
            .map(|event| &event["payload"]["to"])
            .collect();
        answered.sort_by_key(|offset| offset.as_u64());
        let pings: Vec<&Value> = of_type(&events, "ping").into_iter().map(|ping| &ping["offset"]).collect();
        assert_eq!(answered, pings, "{events:#?}");
        // All that came behind its configuration is the new version's.
        let swap = of_type(&events, "processor/configured")[1]["offset"].as_u64();
        let late = of_type(&events, "old").into_iter().find(|old| old["payload"]["to"].as_u64() > swap);
        assert_eq!(late, None, "{events:#?}");
    }
}

#[test]
fn versions_configured_right_after_a_crash_are_taken() {
    let mut server = Server::start(&[]);
    let millrace = server.client("p");
    let paths: Vec<String> = (0..20).map(|n| format!("/a/{n}")).collect();
    for path in &paths {
        // Code of its own for each, so that nothing of it is in a cache.
        let old = answering(&format!("old{}", path.replace('/', "-")));
        millrace.append(path, json!([configured(&old), ping()]));
    }
    for path in &paths {
        millrace.wait_type(path, &format!("old{}", path.replace('/', "-")));
    }
    server.kill();
    let server = server.restart();
    let millrace = &server.client("p");
    thread::scope(|scope| {
        for path in &paths {
            scope.spawn(move || {
                let new = answering(&format!("new{}", path.replace('/', "-")));
                append_each(millrace, path, 0, &[configured(&new), ping()]);
            });
        }
    });
    for path in &paths {
        millrace.wait_type(path, &format!("new{}", path.replace('/', "-")));
    }
}

#[test]
fn one_that_never_catches_up_gives_way_to_its_removal() {
    let millrace = shared();
    millrace.append("/a", configured(WAITS_AT_FIRST));
    millrace.wait_type("/a", "waiting");
    millrace.append("/a", json!({"type": "processor/removed", "payload": {"slug": "s"}}));
    millrace.run([get("/api/processors/a").answers(200, json!([]))]);
    millrace.deploy("/a", "s", PONG);
    millrace.append("/a", ping());
    millrace.wait_type("/a", "pong");
    assert_eq!(count(&millrace.read("/a"), "processor/activated"), 1);
}

#[test]
fn one_that_never_catches_up_does_not_hold_up_the_end_of_the_server() {
    let mut server = Server::start(&[]);
    let millrace = server.client("p");
    millrace.append("/a", configured(WAITS_AT_FIRST));
    millrace.wait_type("/a", "waiting");
    let started = Instant::now();
    assert_eq!(server.terminate().code(), Some(0), "{}", server.log());
    assert!(started.elapsed() < Duration::from_secs(12), "{:?}", started.elapsed());
}

#[test]
fn a_killed_compiler_is_replaced() {
    let server = Server::start(&[]);
    let millrace = server.client("p");
    millrace.deploy("/a", "s", PONG);
    let compiles = |id: &u32| {
        let words = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&words).replace('\0', " ").contains("__worker compile")
    };
    for round in 0..3 {
        let compilers: Vec<u32> = children_of(server.process_id()).into_iter().filter(compiles).collect();
        assert!(!compilers.is_empty(), "what was deployed was compiled in a process of its own");
        for compiler in compilers {
            signal(compiler, "KILL");
        }
        let answer = format!("pong-{round}");
        millrace.deploy("/a", "s", &answering(&answer));
        millrace.append("/a", ping());
        millrace.wait_type("/a", &answer);
    }
    assert_eq!(count(&millrace.read("/a"), "processor/failed"), 0);
}
