//! The declarations that every program is checked with: the processor's API, the isolate's globals, and the built-in
//! modules of Node that there are.

use serde_json::{Map, Value};

use super::files::{AUTHOR, FileTree};

const PROCESSOR: (&str, &str) = ("processor.d.ts", include_str!("../../../runtime-js/types/processor.d.ts"));
const SDK: (&str, &str) = ("sdk.d.ts", include_str!("../../../runtime-js/types/sdk.d.ts"));
const GLOBALS: (&str, &str) = ("globals.d.ts", include_str!("../../../runtime-js/types/globals.d.ts"));
const NODE: (&str, &str) = ("node.d.ts", include_str!("../../../runtime-js/types/node.d.ts"));

/// What the entry's own text is checked with.
const CONFORMITY: (&str, &str) =
    ("conformity.d.ts", include_str!("../../../runtime-js/types/conformity.d.ts"));

/// By name. An author who installed `@types/node` gets that one's instead of ours.
pub fn declarations(files: &dyn FileTree) -> Vec<(&'static str, &'static str)> {
    let ours = [PROCESSOR, SDK, CONFORMITY, GLOBALS].into_iter();
    ours.chain(installed(files).is_empty().then_some(NODE)).collect()
}

/// What an editor needs to see a processor as the checker does: by file name, text.
pub fn for_editors() -> Vec<(&'static str, &'static str)> {
    vec![PROCESSOR, SDK, GLOBALS, NODE]
}

/// The packages of types that are looked at though nothing imports them.
pub fn installed(files: &dyn FileTree) -> &'static [&'static str] {
    let has_node = files.is_dir(&format!("{AUTHOR}/node_modules/@types/node"));
    if has_node { &["node"] } else { &[] }
}

/// An author's `types` without `node`, where our declarations of it are the ones at hand; none if nothing changes.
pub fn at_hand(files: &dyn FileTree, options: &Map<String, Value>) -> Option<Value> {
    let wanted = options.get("types")?.as_array()?;
    let is_ours = |name: &&Value| name.as_str().is_some_and(|name| matches!(name, "node" | "@types/node"));
    let is_needless = installed(files).is_empty() && wanted.iter().any(|name| is_ours(&name));
    is_needless.then(|| wanted.iter().filter(|name| !is_ours(name)).cloned().collect())
}
