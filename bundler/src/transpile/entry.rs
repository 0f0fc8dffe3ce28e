//! Whether an entry exports a processor, as far as its text shows.

use super::exports::{Export, Value};
use super::names::nearest;
use super::source::{Place, Source};
use crate::Diagnostic;

const SHAPE: &str = "export default { initialState: {}, reduce({ event, state }) { … }, async afterAppend({ event, append }) { … } }";

/// Where the export stands that is the processor, or could be it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessorExport {
    /// `default`, `processor`, or whatever the only one is called that `defineProcessor` gave.
    pub name: String,
    pub place: Place,
    /// The keys of its object, if the file shows them.
    pub keys: Option<Vec<String>>,
}

/// None: the file exports none. It may still come with an `export *`.
pub fn processor(exports: &[Export]) -> Option<ProcessorExport> {
    let export = named(exports).or_else(|| only(exports))?;
    let keys = match &export.value {
        Value::Object(keys) => Some(keys.clone()),
        _ => None,
    };
    Some(ProcessorExport { name: export.name.clone(), place: export.place, keys })
}

/// By one of the two names that count.
fn named(exports: &[Export]) -> Option<&Export> {
    let named = |name: &str| exports.iter().find(|export| export.name == name);
    // The default export goes first, whatever it is.
    named("default").or_else(|| named("processor"))
}

/// Under another name, where no other can be meant.
fn only(exports: &[Export]) -> Option<&Export> {
    let mut defined = exports.iter().filter(|export| export.is_defined);
    defined.next().filter(|_| defined.next().is_none())
}

/// What an entry needs to be said in addition: its only processor under the name that counts.
pub fn naming(exports: &[Export]) -> Option<String> {
    let unnamed = only(exports).filter(|_| named(exports).is_none())?;
    Some(format!("\nexport {{ {} as processor }};\n", unnamed.name))
}

/// Complains when no export of the entry can be a processor.
pub fn check(source: &Source<'_>, exports: &[Export]) -> Option<Diagnostic> {
    let found = named(exports).or_else(|| only(exports));
    let has_more = exports.iter().any(|export| export.name == "*");
    let (message, place) = match found.map(|export| (export, &export.value)) {
        Some((export, Value::Other(what))) => {
            (format!("the {} is {what}, not a processor", spoken(&export.name)), Some(export.place))
        }
        Some((export, Value::Class)) => {
            (format!("the {} is a class, not a processor", spoken(&export.name)), Some(export.place))
        }
        Some(_) => return None,
        None if has_more => return None,
        None => absent(source, exports),
    };
    let mut diagnostic = source.diagnostic(0, 0, "no-processor-export", message);
    if let Some(place) = place {
        diagnostic.line = place.line;
        diagnostic.column = place.column;
        diagnostic.end_line = Some(place.end_line);
        diagnostic.end_column = Some(place.end_column);
        diagnostic.snippet = crate::code_frame(source.text, place.line, place.column);
    }
    let meant = nearest("processor", exports.iter().map(|export| export.name.as_str()));
    diagnostic.hint = Some(match meant {
        Some(name) => format!("did you mean `{name}` to be named `processor`? or write {SHAPE}"),
        None => format!("write {SHAPE}"),
    });
    Some(diagnostic)
}

fn spoken(name: &str) -> String {
    if name == "default" { "default export".to_owned() } else { format!("export `{name}`") }
}

fn absent(source: &Source<'_>, exports: &[Export]) -> (String, Option<Place>) {
    if exports.is_empty() {
        return (format!("`{}` exports nothing, so it has no processor", source.name), None);
    }
    let quoted = |export: &Export| format!("`{}`", export.name);
    let defined: Vec<&Export> = exports.iter().filter(|export| export.is_defined).collect();
    if let [.., second] = defined[..] {
        let names: Vec<String> = defined.iter().copied().map(quoted).collect();
        let message = format!(
            "`{}` exports several processors, {}, and none of them is the default export or named `processor`",
            source.name,
            names.join(", ")
        );
        return (message, Some(second.place));
    }
    let names: Vec<String> = exports.iter().map(quoted).collect();
    let message = format!(
        "`{}` has no default export and none named `processor`; it exports {}",
        source.name,
        names.join(", ")
    );
    (message, exports.first().map(|export| export.place))
}
