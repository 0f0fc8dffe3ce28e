//! `baseUrl`, which the compiler no longer knows and authors still write: what it means, said with `paths`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::files::AUTHOR;

/// What stands for the `baseUrl` and the `paths` of an author's compiler options; none without a base.
pub fn as_paths(options: &Map<String, Value>) -> Option<Map<String, Value>> {
    let base = absolute(AUTHOR, options.get("baseUrl")?.as_str()?);
    // What is not relative is looked for there, too, before the packages.
    let mut paths = BTreeMap::from([("*", vec![format!("{base}/*")])]);
    for (pattern, places) in options.get("paths").and_then(Value::as_object).into_iter().flatten() {
        let places = places.as_array().into_iter().flatten().filter_map(Value::as_str);
        paths.insert(pattern, places.map(|place| absolute(&base, place)).collect());
    }
    Some(Map::from_iter([("baseUrl".to_owned(), Value::Null), ("paths".to_owned(), json!(paths))]))
}

fn absolute(folder: &str, path: &str) -> String {
    if path.starts_with('/') {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_the_base() {
        let cases = [
            (json!({"strict": true}), None),
            (json!({"baseUrl": "."}), Some(json!({"*": ["/p/*"]}))),
            (
                json!({"baseUrl": "./src", "paths": {"@/*": ["lib/*", "../other/*", 1], "*": ["./x/*"], "a": 1}}),
                Some(json!({"*": ["/p/src/x/*"], "@/*": ["/p/src/lib/*", "/p/other/*"], "a": []})),
            ),
        ];
        for (options, expected) in cases {
            let found = as_paths(options.as_object().unwrap());
            assert_eq!(found.map(|found| found["paths"].clone()), expected, "{options}");
        }
    }
}
