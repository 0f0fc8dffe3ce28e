//! What names a stream in a URL, and what does not (contract §1).

use serde_json::json;

use crate::harness::{get, post, shared};

#[test]
fn every_spelling_of_a_path_is_the_same_stream() {
    let millrace = shared();
    let spellings = [
        ("team/inbox", "/team/inbox"),
        ("team%2Finbox", "/team/inbox"),
        ("team%2finbox", "/team/inbox"),
        ("%2Fteam%2Finbox", "/team/inbox"),
        ("/team/inbox", "/team/inbox"),
        ("%2Fteam/inbox", "/team/inbox"),
        ("%74eam/inbox", "/team/inbox"),
        ("a_b-c/0", "/a_b-c/0"),
        ("_logs/x", "/_logs/x"),
        ("a/__x", "/a/__x"),
    ];
    for (spelling, path) in spellings {
        millrace.run([
            post(&format!("/api/streams/{spelling}"), r#"{"type":"x"}"#)
                .answers(200, json!({"event": {"streamPath": path}})),
            get(&format!("/api/streams/{spelling}?live=false&limit=1"))
                .header("accept", "application/json")
                .answers(200, json!([{"type": "stream/created", "payload": {"path": path}}])),
        ]);
    }
}

#[test]
fn the_root_has_three_forms() {
    let millrace = shared();
    for root in ["/api/streams/", "/api/streams//", "/api/streams/%2F", "/api/streams/%2f"] {
        millrace.run([post(root, r#"{"type":"x"}"#).answers(200, json!({"event": {"streamPath": "/"}}))]);
    }
    assert_eq!(millrace.read("/").iter().filter(|event| event["type"] == "x").count(), 4);
    for route in ["__state/", "__state//", "__state/%2F"] {
        millrace.run([get(&format!("/api/streams/{route}")).answers(200, json!({"path": "/"}))]);
    }
    millrace.run([get("/api/streams/__children/").answers(200, json!("<any>"))]);
}

#[test]
fn a_bad_path_is_refused_and_never_fixed() {
    let long = "a".repeat(1_023);
    let bad = [
        "Upper",
        "a.b",
        "a%2Eb",
        "a//b",
        "a/",
        "team/inbox/",
        "a%20b",
        "a%2F%2Fb",
        "gr%C3%BC%C3%9Fe",
        "a%00",
        "%zz",
        "a%ff",
        "a+b",
        "a~b",
        "a:b",
        "__nothing",
        "%5F%5Fx",
        "/__x",
        "a%5Cb",
        "a%2F",
        "a%2F..%2Fb",
        &long,
    ];
    let millrace = shared();
    for path in bad {
        let target = format!("/api/streams/{path}");
        millrace.run([post(&target, r#"{"type":"x"}"#).is_refused(400, "bad-path", "path")]);
        let answer =
            millrace.send(crate::harness::http::Request::new("GET", &format!("{target}?live=false")));
        assert_eq!(answer.head.status, 400, "GET {target}");
    }
    millrace.run([get("/api/streams").answers(200, json!([]))]);
}

#[test]
fn a_path_may_have_1023_characters() {
    let path = "a".repeat(1_022);
    shared().run([post(&format!("/api/streams/{path}"), r#"{"type":"x"}"#)
        .answers(200, json!({"event": {"streamPath": format!("/{path}")}}))]);
}
