//! Which streams there are, and what one is like: the list, `__children`, `__state` (contract §2).

use serde_json::{Value, json};

use crate::harness::http::Request;
use crate::harness::{get, post, request, shared};

fn paths(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|stream| stream["path"].as_str().unwrap()).collect()
}

#[test]
fn the_list_shows_every_stream_newest_first() {
    let millrace = shared();
    for path in ["/b", "/a", "/b/c", "/b/_logs/x", "/bb"] {
        millrace.append(path, json!({"type": "x"}));
        // Creation times are in milliseconds; the order of the list is theirs.
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    millrace.wait_for("/", "all announcements", |events| events.len() >= 5);
    let list = |query: &str| millrace.run([get(&format!("/api/streams{query}"))]);
    let all = list("");
    let without_root: Vec<&str> = paths(&all).into_iter().filter(|path| *path != "/").collect();
    assert_eq!(without_root, ["/bb", "/b/c", "/a", "/b"]);
    crate::harness::assert_subset(
        "an entry",
        &all[0],
        &json!({"path": "<any>", "createdAt": "<time>", "tail": "<any>"}),
    );
    assert!(paths(&list("?system=true")).contains(&"/b/_logs/x"));
    let below = list("?prefix=/b");
    assert!(paths(&below).contains(&"/b/c") && !paths(&below).contains(&"/a"), "{below}");
    assert_eq!(paths(&list("?limit=2")), ["/bb", "/b/c"]);
}

#[test]
fn the_list_comes_in_pages() {
    let millrace = shared();
    for n in 0..7 {
        millrace.append(&format!("/s{n}"), json!({"type": "x"}));
    }
    millrace.wait_for("/", "all announcements", |events| events.len() >= 8);
    let whole = millrace.run([get("/api/streams")]);
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = millrace.send(Request::new("GET", &format!("/api/streams?limit=3{cursor}")));
        let page: Vec<Value> = serde_json::from_slice(&answer.body).unwrap();
        found.extend(page);
        match answer.head.header("x-millrace-next-cursor") {
            Some(next) if !next.is_empty() => cursor = format!("&cursor={next}"),
            _ => break,
        }
    }
    assert_eq!(Value::Array(found), whole, "each stream once, in the same order");
}

#[test]
fn a_wrong_list_query_is_refused() {
    let millrace = shared();
    for query in ["limit=x", "nonsense=1", "system=perhaps"] {
        let word = query.split('=').next().unwrap();
        millrace.run([get(&format!("/api/streams?{query}")).refused(400, "bad-query", word)]);
    }
}

#[test]
fn children_are_the_descendants_of_a_stream() {
    let millrace = shared();
    for path in ["/a/b", "/a/b/c", "/a/_logs/x", "/other"] {
        millrace.append(path, json!({"type": "x"}));
    }
    millrace.wait_for("/a", "its children", |events| events.len() >= 3);
    let children = millrace.run([get("/api/streams/__children/a")]);
    let mut found = paths(&children);
    found.sort();
    assert_eq!(found, ["/a/b", "/a/b/c"]);
    crate::harness::assert_subset("a child", &children[0], &json!({"path": "<any>", "createdAt": "<time>"}));
    assert_eq!(millrace.run([get("/api/streams/__children/other")]), json!([]));
    millrace.run([
        get("/api/streams/__children/absent").refused(404, "stream-not-found", "/absent"),
        request("DELETE", "/api/streams/absent").answers(200, json!({"destroyedStreamCount": 0})),
        request("DELETE", "/api/streams/a"),
    ]);
    // It is gone, and what is below it is not.
    assert_eq!(millrace.run([get("/api/streams/__children/a")]).as_array().unwrap().len(), 2);
    let empty = millrace
        .run([get("/api/streams/__children/").header("x-millrace-project", &crate::harness::fresh("empty"))]);
    assert_eq!(empty, json!([]), "a project without streams has a root without children");
}

#[test]
fn the_state_of_a_stream() {
    let millrace = shared();
    millrace.append("/a/b", json!({"type": "x"}));
    millrace.append("/a/c/d", json!({"type": "x"}));
    millrace.wait_for("/a", "its children", |events| events.len() >= 4);
    millrace.append(
        "/a",
        json!({"type": "stream/metadata-updated", "payload": {"metadata": {"title": "A", "gone": 1}}}),
    );
    millrace
        .append("/a", json!({"type": "stream/metadata-updated", "payload": {"metadata": {"title": "B"}}}));
    let tail = millrace.read("/a").len();
    let state = millrace.run([get("/api/streams/__state/a").answers(
        200,
        json!({
            "project": millrace.project, "path": "/a", "eventCount": tail, "metadata": {"title": "B", "gone": null},
            "paused": false, "processors": {"circuit-breaker": "<any>"},
        }),
    )]);
    let mut children: Vec<&str> =
        state["childPaths"].as_array().unwrap().iter().map(|path| path.as_str().unwrap()).collect();
    children.sort();
    assert_eq!(children, ["/a/b", "/a/c"], "immediate children");
    millrace.run([
        post("/api/streams/a", r#"{"type":"stream/paused","payload":{"reason":"r"}}"#),
        get("/api/streams/__state/a").answers(200, json!({"paused": true})),
        get("/api/streams/__state/absent").refused(404, "stream-not-found", "/absent"),
    ]);
}
