//! A script and events as data: what the stream holds after the configuration, once all has been acted on.

use serde_json::{Value, json};

use super::{Client, assert_subset, fresh};

pub struct Scenario<'a> {
    pub name: &'a str,
    pub script: &'a str,
    /// In the stream before the processor.
    pub before: Value,
    /// Appended one after the other, each when the one before has been acted on.
    pub after: Value,
    /// All events behind `processor/configured`.
    pub holds: Value,
}

impl Scenario<'_> {
    pub fn play(&self, client: &Client) {
        let path = fresh("/scenario");
        if self.before.as_array().is_some_and(|events| !events.is_empty()) {
            client.append(&path, self.before.clone());
        }
        let configured = client.deploy(&path, "s", self.script);
        client.settle(&path);
        for event in self.after.as_array().into_iter().flatten() {
            client.append(&path, event.clone());
            client.settle(&path);
        }
        let events = client.read_with(&path, &format!("afterOffset={}", configured["offset"]));
        assert_subset(self.name, &Value::Array(events), &self.holds);
    }
}

impl Client {
    /// Configures a processor and waits until that configuration is active; the configuring event.
    pub fn deploy(&self, path: &str, slug: &str, script: &str) -> Value {
        self.deploy_with(path, json!({"slug": slug, "script": script}))
    }

    pub fn deploy_with(&self, path: &str, payload: Value) -> Value {
        let configured = self.append(path, json!({"type": "processor/configured", "payload": payload}));
        assert_eq!(configured["type"], "processor/configured", "{configured:#}");
        let activated = |event: &Value| {
            event["type"] == "processor/activated"
                && event["payload"]["configuredOffset"] == configured["offset"]
        };
        self.wait_for(path, "processor/activated", |events| events.iter().any(activated));
        configured
    }
}
