//! Destroying streams (contract §2).

use serde_json::json;

use crate::harness::{get, post, request, shared};

#[test]
fn a_destroyed_stream_is_gone_and_can_begin_again() {
    let millrace = shared();
    millrace.append("/a", json!([{"type": "x", "idempotencyKey": "k"}, {"type": "y"}]));
    millrace.run([
        request("DELETE", "/api/streams/a")
            .answers(200, json!({"destroyedStreamCount": 1, "finalStateByPath": {"/a": {"finalState": {"eventCount": 3, "path": "/a"}}}})),
        get("/api/streams/a?live=false").is_refused(404, "stream-not-found", "/a"),
        request("DELETE", "/api/streams/a").answers(200, json!({"destroyedStreamCount": 0, "finalStateByPath": {}})),
        post("/api/streams/a", r#"{"type":"z","idempotencyKey":"k"}"#).answers(200, json!({"event": {"offset": 2, "type": "z"}})),
    ]);
    millrace.holds("/a", json!([{"offset": 1, "type": "stream/created"}, {"offset": 2, "type": "z"}]));
}

#[test]
fn children_go_only_when_asked() {
    let millrace = shared();
    for path in ["/a", "/a/b", "/a/b/c", "/a/_logs/x", "/ab"] {
        millrace.append(path, json!({"type": "x"}));
    }
    millrace.wait_for("/a", "its children", |events| events.len() >= 4);
    millrace.wait_for("/a/b", "its child", |events| events.len() >= 3);
    let list = || {
        let list = millrace.run([get("/api/streams?system=true")]);
        let mut paths: Vec<String> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|stream| stream["path"].as_str().unwrap().to_string())
            .collect();
        paths.retain(|path| path != "/");
        paths.sort();
        paths
    };
    millrace.run([request("DELETE", "/api/streams/a/b?destroyChildren=false")
        .answers(200, json!({"destroyedStreamCount": 1}))]);
    assert_eq!(list(), ["/a", "/a/_logs/x", "/a/b/c", "/ab"]);
    millrace.append("/a/b", json!({"type": "x"}));
    millrace.run([request("DELETE", "/api/streams/a?destroyChildren=true").answers(
        200,
        json!({"destroyedStreamCount": "<any>", "finalStateByPath": {"/a": "<any>", "/a/b": "<any>", "/a/b/c": "<any>"}}),
    )]);
    assert_eq!(list(), ["/ab"]);
}

#[test]
fn a_live_reader_of_a_destroyed_stream_hears_of_its_next_life_or_its_end() {
    let millrace = shared();
    millrace.append("/a", json!([{"type": "x"}, {"type": "x"}]));
    let mut sse = millrace.follow("/a");
    sse.events(3);
    millrace.run([request("DELETE", "/api/streams/a")]);
    millrace.append("/a", json!({"type": "again"}));
    // Either the connection ends, or it goes on with the new stream's first event; never with a gap.
    if let Some(event) = sse.event() {
        assert_eq!(event["type"], "stream/created");
        assert_eq!(sse.event().unwrap()["type"], "again");
    }
}

#[test]
fn a_wrong_query_destroys_nothing() {
    let millrace = shared();
    millrace.append("/a", json!({"type": "x"}));
    millrace.run([
        request("DELETE", "/api/streams/a?destroyChildren=perhaps").is_refused(
            400,
            "<any>",
            "destroyChildren",
        ),
        request("DELETE", "/api/streams/a?nonsense=1").is_refused(400, "bad-query", "nonsense"),
    ]);
    assert_eq!(millrace.read("/a").len(), 2);
}
