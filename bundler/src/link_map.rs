//! The linker's source map, made fit to be kept: sources under the names that people know them by, and the text of
//! the author's files only. Packages are published elsewhere, and their text is most of a map.

use serde::{Deserialize, Serialize};

use crate::tree::Tree;

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Map {
    version: u32,
    sources: Vec<Option<String>>,
    #[serde(default)]
    sources_content: Vec<Option<String>>,
    #[serde(default)]
    names: Vec<String>,
    mappings: String,
}

/// `map` has sources relative to `/p`, the author's folder. None when it is no map.
pub fn tidy(map: &str, tree: &Tree) -> Option<String> {
    let mut map: Map = serde_json::from_str(map).ok()?;
    map.sources_content.resize(map.sources.len(), None);
    for (source, content) in map.sources.iter_mut().zip(&mut map.sources_content) {
        let Some(name) = source else { continue };
        let path = absolute(name);
        if !tree.is_authors(&path) {
            *content = None;
        }
        *name = tree.shown(&path);
    }
    serde_json::to_string(&map).ok()
}

fn absolute(source: &str) -> String {
    let mut segments = vec!["p"];
    for segment in source.split('/') {
        match segment {
            "" if segments == ["p"] => segments.clear(),
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    format!("/{}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::package::Packages;

    #[test]
    fn authors_keep_their_text() {
        let files = [("a.ts".to_string(), Bytes::from("x"))];
        let tree = Tree::new(files, &Packages::default());
        let map = r#"{"version":3,"sources":["a.ts","../s/zod@4/node_modules/zod/index.js"],"sourcesContent":["x","y"],"names":[],"mappings":"AAAA"}"#;
        let tidied: serde_json::Value = serde_json::from_str(&tidy(map, &tree).unwrap()).unwrap();
        assert_eq!(tidied["sources"][0], "a.ts");
        assert_eq!(tidied["sourcesContent"], serde_json::json!(["x", null]));
    }

    #[test]
    fn sources_are_absolute() {
        let cases = [("a.ts", "/p/a.ts"), ("../s/x/b.js", "/s/x/b.js"), ("./lib/../c.ts", "/p/c.ts"), ("/s/d.js", "/s/d.js")];
        for (source, expected) in cases {
            assert_eq!(absolute(source), expected, "{source}");
        }
    }
}
