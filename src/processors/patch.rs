//! What has changed between two JSON values, as a JSON Patch (RFC 6902): applied to the first it gives the second.

use serde::Serialize;
use serde_json::{Map, Value};

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Change {
    Add { path: String, value: Value },
    Remove { path: String },
    Replace { path: String, value: Value },
}

pub fn diff(from: &Value, to: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    compare("", from, to, &mut changes);
    changes
}

fn compare(path: &str, from: &Value, to: &Value, changes: &mut Vec<Change>) {
    match (from, to) {
        _ if from == to => {}
        (Value::Object(from), Value::Object(to)) => compare_members(path, from, to, changes),
        (Value::Array(from), Value::Array(to)) => compare_elements(path, from, to, changes),
        _ => changes.push(Change::Replace { path: path.to_string(), value: to.clone() }),
    }
}

fn compare_members(
    path: &str,
    from: &Map<String, Value>,
    to: &Map<String, Value>,
    changes: &mut Vec<Change>,
) {
    for (name, value) in from {
        let below = below(path, name);
        match to.get(name) {
            Some(other) => compare(&below, value, other, changes),
            None => changes.push(Change::Remove { path: below }),
        }
    }
    for (name, value) in to.iter().filter(|(name, _)| !from.contains_key(*name)) {
        changes.push(Change::Add { path: below(path, name), value: value.clone() });
    }
}

/// What is the same at both ends stays; in between, elements are compared by their place. Most lists of states grow at
/// their end or lose their beginning.
fn compare_elements(path: &str, from: &[Value], to: &[Value], changes: &mut Vec<Change>) {
    let start = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    let rest = from.len().min(to.len()) - start;
    let end = from.iter().rev().zip(to.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let (old, new) = (&from[start..from.len() - end], &to[start..to.len() - end]);
    for (at, (a, b)) in old.iter().zip(new).enumerate() {
        compare(&format!("{path}/{}", start + at), a, b, changes);
    }
    // From behind, so that the places in front of them stay what they are.
    for at in (new.len()..old.len()).rev() {
        changes.push(Change::Remove { path: format!("{path}/{}", start + at) });
    }
    for (at, value) in new.iter().enumerate().skip(old.len()) {
        changes.push(Change::Add { path: format!("{path}/{}", start + at), value: value.clone() });
    }
}

fn below(path: &str, name: &str) -> String {
    format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// As RFC 6902 says, for the three operations that are used here.
    fn apply(document: &mut Value, change: &Change) {
        let (Change::Add { path, .. } | Change::Remove { path } | Change::Replace { path, .. }) = change;
        let Some((parent, last)) = path.rsplit_once('/') else {
            if let Change::Replace { value, .. } = change {
                *document = value.clone();
            }
            return;
        };
        let last = last.replace("~1", "/").replace("~0", "~");
        match (document.pointer_mut(parent).unwrap(), change) {
            (Value::Object(members), Change::Add { value, .. }) => {
                assert!(members.insert(last, value.clone()).is_none());
            }
            (Value::Object(members), Change::Replace { value, .. }) => {
                assert!(members.insert(last, value.clone()).is_some());
            }
            (Value::Object(members), Change::Remove { .. }) => {
                assert!(members.remove(&last).is_some());
            }
            (Value::Array(elements), Change::Add { value, .. }) => {
                elements.insert(last.parse().unwrap(), value.clone());
            }
            (Value::Array(elements), Change::Replace { value, .. }) => {
                elements[last.parse::<usize>().unwrap()] = value.clone();
            }
            (Value::Array(elements), Change::Remove { .. }) => {
                elements.remove(last.parse().unwrap());
            }
            (other, change) => panic!("{change:?} on {other}"),
        }
    }

    #[test]
    fn patches() {
        let cases = [
            (json!({"n": 1}), json!({"n": 1}), json!([])),
            (json!({"n": 1}), json!({"n": 2}), json!([{"op": "replace", "path": "/n", "value": 2}])),
            (
                json!({"a/b": 1, "m~n": {"x": null}}),
                json!({"m~n": {"x": 1}, "new": []}),
                json!([
                    {"op": "remove", "path": "/a~1b"},
                    {"op": "replace", "path": "/m~0n/x", "value": 1},
                    {"op": "add", "path": "/new", "value": []},
                ]),
            ),
            (
                json!({"l": [1, 2]}),
                json!({"l": [1, 2, 3]}),
                json!([{"op": "add", "path": "/l/2", "value": 3}]),
            ),
            (
                json!({"l": [1, 2, 3]}),
                json!({"l": [3]}),
                json!([{"op": "remove", "path": "/l/1"}, {"op": "remove", "path": "/l/0"}]),
            ),
            (
                json!({"l": [1, 2, 3]}),
                json!({"l": [1, 9, 3]}),
                json!([{"op": "replace", "path": "/l/1", "value": 9}]),
            ),
            (json!({}), json!([]), json!([{"op": "replace", "path": "", "value": []}])),
        ];
        for (from, to, expected) in cases {
            assert_eq!(json!(diff(&from, &to)), expected, "{from} to {to}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..4i32).prop_map(Value::from),
            "[a~/]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a~/]{0,2}", inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_patch_leads_from_one_to_the_other(from in value(), to in value()) {
            let mut patched = from.clone();
            for change in diff(&from, &to) {
                apply(&mut patched, &change);
            }
            prop_assert_eq!(patched, to);
        }
    }
}
