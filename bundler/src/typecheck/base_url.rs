//! `baseUrl`, which the compiler no longer knows and authors still write: what it means, said with `paths`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::files::AUTHOR;

/// The options that stand for the `baseUrl` and the `paths` of an author's `tsconfig.json`; none without one.
pub fn as_paths(tsconfig: &str) -> Option<Map<String, Value>> {
    let mut text = tsconfig.to_owned();
    json_strip_comments::strip(&mut text).ok()?;
    let config: Value = serde_json::from_str(&text).ok()?;
    let options = config.get("compilerOptions")?;
    let base = absolute(AUTHOR, options.get("baseUrl")?.as_str()?);
    // What is not relative is looked for there, too, before the packages.
    let mut paths = BTreeMap::from([("*", vec![format!("{base}/*")])]);
    for (pattern, places) in options.get("paths").and_then(Value::as_object).into_iter().flatten() {
        let places = places.as_array().into_iter().flatten().filter_map(Value::as_str);
        paths.insert(pattern, places.map(|place| absolute(&base, place)).collect());
    }
    let options = json!({"baseUrl": null, "paths": paths});
    options.as_object().cloned()
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
            (r#"{"compilerOptions": {"strict": true}}"#, None),
            ("{", None),
            (r#"{"compilerOptions": {"baseUrl": "."}}"#, Some(json!({"*": ["/p/*"]}))),
            (
                r#"{ // the base
                    "compilerOptions": {"baseUrl": "./src", "paths": {"@/*": ["lib/*", "../other/*"], "*": ["./x/*"]},},
                }"#,
                Some(json!({"*": ["/p/src/x/*"], "@/*": ["/p/src/lib/*", "/p/other/*"]})),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(as_paths(text).map(|options| options["paths"].clone()), expected, "{text}");
        }
    }
}
