//! The bundle's source map, with its sources named as the author knows them, and the text of the author's files only:
//! packages are published elsewhere, and their text is half of a map.

use percent_encoding::percent_decode_str;
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
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    sources_content: Option<Vec<Option<&'a RawValue>>>,
    #[serde(borrow)]
    mappings: &'a RawValue,
    #[serde(borrow)]
    names: &'a RawValue,
    /// The sources that are not the author's, which debuggers step over.
    #[serde(default)]
    ignore_list: Vec<usize>,
}

pub(super) fn with_shown_sources(map: &[u8], plugin: &dyn Plugin) -> serde_json::Result<String> {
    let mut map: Map<'_> = serde_json::from_slice(map)?;
    let sources = std::mem::take(&mut map.sources);
    for (index, source) in sources.into_iter().enumerate() {
        // Sources are URLs.
        let source = percent_decode_str(&source).decode_utf8_lossy().into_owned();
        let source = unmarked(&source).to_owned();
        let path = if is_made_up(&source) { None } else { Some(path_of(&source)) };
        if !path.as_ref().is_some_and(|path| inside(path, AUTHOR)) {
            map.ignore_list.push(index);
            if let Some(text) = map.sources_content.as_mut().and_then(|texts| texts.get_mut(index)) {
                *text = None;
            }
        }
        map.sources.push(path.map_or(source, |path| plugin.shown(&path)));
    }
    serde_json::to_string(&map)
}

fn inside(path: &str, folder: &str) -> bool {
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
