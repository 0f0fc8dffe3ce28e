//! Files that are no scripts, as modules: JSON, text and bytes.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use swc_core::common::{BytePos, DUMMY_SP, Mark, SyntaxContext};
use swc_core::ecma::ast::*;
use swc_core::ecma::utils::{ExprFactory, quote_ident};

use super::module::{Export, Module};
use crate::Diagnostic;
use crate::transpile::Source;

/// How the text of a file becomes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    Json,
    Text,
    Bytes,
    Nothing,
}

/// By the attribute's `type`, and without one by the ending.
pub fn format(name: &str, of_type: Option<&str>) -> Format {
    match of_type {
        Some("json") => return Format::Json,
        Some("text") => return Format::Text,
        Some("bytes") => return Format::Bytes,
        _ => {}
    }
    let base = name.rsplit('/').next().unwrap_or(name);
    let extension = base.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension.to_ascii_lowercase().as_str() {
        "json" => Format::Json,
        "txt" | "md" | "css" | "csv" | "graphql" | "gql" | "hbs" | "html" | "htm" | "jsonl" | "log"
        | "mdx" | "ndjson" | "njk" | "sql" | "svg" | "toml" | "tsv" | "xml" | "yaml" | "yml" => Format::Text,
        _ => Format::Bytes,
    }
}

pub fn module(name: &str, text: &str, format: Format, unresolved: Mark) -> Result<Module, Diagnostic> {
    let (value, keys) = value(name, text, format, SyntaxContext::empty().apply_mark(unresolved))?;
    let body = ModuleDecl::ExportDefaultExpr(ExportDefaultExpr { span: DUMMY_SP, expr: Box::new(value) });
    let mut module = Module::new(name, BytePos::DUMMY, Mark::new(), vec![body.into()]);
    module.is_data = true;
    module.has_any_key = format == Format::Nothing;
    for key in keys.into_iter().filter(|key| key != "default") {
        module.exports.insert(key.into(), Export::Key);
    }
    Ok(module)
}

fn value(
    name: &str,
    text: &str,
    format: Format,
    global: SyntaxContext,
) -> Result<(Expr, Vec<String>), Diagnostic> {
    let call = |object: &str, method: &str, argument: String| {
        let object = Ident::new(object.into(), DUMMY_SP, global);
        object.make_member(quote_ident!(method)).as_call(DUMMY_SP, vec![Expr::from(argument).as_arg()])
    };
    Ok(match format {
        Format::Json => {
            let keys = keys(&Source::new(name, text))?;
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            (call("JSON", "parse", text.to_owned()), keys)
        }
        Format::Text => (Expr::from(text), Vec::new()),
        Format::Bytes => (call("Uint8Array", "fromBase64", BASE64_STANDARD.encode(text)), Vec::new()),
        Format::Nothing => (ObjectLit::default().into(), Vec::new()),
    })
}

/// Of the object that a JSON file holds, if it holds one.
fn keys(source: &Source<'_>) -> Result<Vec<String>, Diagnostic> {
    let value: Value = serde_json::from_str(source.text).map_err(|error| {
        let lines = source.text.split_inclusive('\n').take(error.line().saturating_sub(1));
        let at = lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default();
        source.diagnostic(at, at + 1, "invalid-json", format!("`{}` is not JSON: {reason}", source.name))
    })?;
    Ok(match value {
        Value::Object(object) => object.into_iter().map(|(key, _)| key).collect(),
        _ => Vec::new(),
    })
}
