//! Source maps on their way into esbuild and out of it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::Plugin;
use super::callbacks::{is_made_up, unmarked};
use crate::tree::AUTHOR;

/// What is not looked at stays as it is.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Map<'a> {
    version: u32,
    sources: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sources_content: Vec<Option<String>>,
    #[serde(borrow)]
    mappings: &'a RawValue,
    #[serde(borrow)]
    names: &'a RawValue,
    /// The sources that are not the author's, which debuggers step over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ignore_list: Vec<usize>,
}

/// What a name may hold in a URL.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// A module's map with the module itself as its source, however it was called, and the text of that.
pub(super) fn of_module(map: &str, path: &str) -> serde_json::Result<(String, Option<String>)> {
    let mut map: Map<'_> = serde_json::from_str(map)?;
    let text = map.sources_content.into_iter().next().flatten();
    let name = path.rsplit('/').next().unwrap_or(path);
    map.sources = vec![utf8_percent_encode(name, NAME).to_string()];
    map.sources_content = Vec::new();
    Ok((serde_json::to_string(&map)?, text))
}

/// The bundle's map, with its sources named as the author knows them, and the texts of those that are given. Packages
/// are published elsewhere, and their texts would be half of the map.
pub(super) fn of_bundle(
    map: &[u8],
    plugin: &dyn Plugin,
    mut text_of: impl FnMut(&str) -> Option<String>,
) -> serde_json::Result<String> {
    let mut map: Map<'_> = serde_json::from_slice(map)?;
    let sources = std::mem::take(&mut map.sources);
    map.sources_content = Vec::with_capacity(sources.len());
    for (index, source) in sources.into_iter().enumerate() {
        // Sources are URLs.
        let source = percent_decode_str(&source).decode_utf8_lossy().into_owned();
        let source = unmarked(&source).to_owned();
        let path = if is_made_up(&source) { None } else { Some(path_of(&source)) };
        if !path.as_ref().is_some_and(|path| inside(path, AUTHOR)) {
            map.ignore_list.push(index);
        }
        map.sources_content.push(path.as_ref().and_then(|path| text_of(path)));
        map.sources.push(path.map_or(source, |path| plugin.shown(&path)));
    }
    serde_json::to_string(&map)
}

pub(super) fn inside(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// A source is relative to the bundle, which stands among the author's files.
fn path_of(source: &str) -> String {
    let mut parts: Vec<&str> = vec![&AUTHOR[1..]];
    for part in source.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{of_module, path_of};

    #[test]
    fn modules() {
        let map = r#"{"version":3,"sources":["lib/a b.ts"],"sourcesContent":["text"],"names":["x"],"mappings":"AAAA"}"#;
        let (map, text) = of_module(map, "/p/lib/a b.ts").unwrap();
        assert_eq!(map, r#"{"version":3,"sources":["a%20b.ts"],"mappings":"AAAA","names":["x"]}"#);
        assert_eq!(text.as_deref(), Some("text"));
        assert!(of_module("{}", "/p/a.ts").is_err());
    }

    #[test]
    fn paths() {
        for (source, path) in
            [("lib/a.ts", "/p/lib/a.ts"), ("../s/x@1/node_modules/x/i.js", "/s/x@1/node_modules/x/i.js")]
        {
            assert_eq!(path_of(source), path);
        }
    }
}
