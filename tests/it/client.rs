//! `millrace::client`, as a program in Rust uses it.

use millrace::client::{Client, Error, Query, Received};
use millrace::event::{Project, Slug, StreamPath};
use serde_json::{Value, json};

use crate::harness::shared;
use crate::processors::PONG;

fn types(events: &[Received]) -> Vec<&str> {
    events.iter().map(|event| event.event_type.as_str()).collect()
}

#[test]
fn appends_reads_follows_deploys_and_simulates() {
    let shared = shared();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let project = Project::parse(&shared.project).unwrap();
        let client = Client::new(&format!("http://{}", shared.address), Some(project)).unwrap();
        let path = StreamPath::parse("/client").unwrap();
        let absent = client.read(&path, &Query::default()).await.err().unwrap();
        assert!(absent.is_not_found() && absent.to_string().contains("/client"), "{absent}");

        let stored = client.append(&path, &json!([{"type": "one", "payload": {"n": 1}}, {"kind": "hogwash"}])).await.unwrap();
        assert_eq!(types(&stored), ["one", "stream/invalid-event-appended"]);
        assert_eq!((stored[0].offset, stored[0].payload_as::<Value>()), (2, Some(json!({"n": 1}))));
        let mut read = client.read(&path, &Query { types: vec!["one".into()], ..Query::default() }).await.unwrap();
        assert_eq!(types(&read.next().await.unwrap().unwrap()), ["one"]);
        assert!(read.next().await.unwrap().is_none(), "a finite read ends");

        let mut events = client.follow(&path, Query { types: vec!["processor/activated".into(), "pong".into()], ..Query::default() }).await.unwrap();
        let slug = Slug::parse("ponger").unwrap();
        let files = json!({"processor.js": PONG});
        client.deploy(&path, &slug, &files).await.unwrap();
        assert_eq!(types(&events.next().await.unwrap()), ["processor/activated"]);
        client.append(&path, &json!({"type": "ping"})).await.unwrap();
        assert_eq!(types(&events.next().await.unwrap()), ["pong"]);
        let refused = client.deploy(&path, &slug, &json!({})).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid(_)), "{refused}");

        let state: Value = serde_json::from_str(&client.state(&path).await.unwrap()).unwrap();
        assert_eq!(state["path"], "/client");
        let body = json!({"slug": "ponger", "script": "export default { async afterAppend({ event, append }) { if (event.type === 'one') await append({ type: 'two' }); } };"});
        let simulated: Value = serde_json::from_str(&client.simulate(&path, body.to_string()).await.unwrap()).unwrap();
        assert_eq!((&simulated["outcome"], &simulated["counts"]["appends"]), (&json!("completed"), &json!(1)), "{simulated:#}");
        let wrong = client.simulate(&path, "[]".into()).await.unwrap_err();
        assert!(matches!(wrong, Error::Refused { status: 400, .. }), "{wrong}");
    });
}
