//! From a tree to text and its source map.

use swc_core::common::source_map::SourceMapGenConfig;
use swc_core::common::sync::Lrc;
use swc_core::common::{BytePos, FileName, LineCol, SourceMap};
use swc_core::ecma::ast::Program;
use swc_core::ecma::codegen::text_writer::JsWriter;
use swc_core::ecma::codegen::{Config, Emitter, Node};

/// Code, and a source map as JSON text that holds the authors' files too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transpiled {
    pub code: String,
    pub map: String,
}

pub fn emit(program: &Program, map: &Lrc<SourceMap>) -> Result<Transpiled, String> {
    let mut code = Vec::new();
    let mut mappings: Vec<(BytePos, LineCol)> = Vec::new();
    let writer = JsWriter::new(map.clone(), "\n", &mut code, Some(&mut mappings));
    // Comments are left out: they are in the map, and a linker must not obey those of an author.
    let mut emitter = Emitter { cfg: Config::default(), cm: map.clone(), comments: None, wr: writer };
    program.emit_with(&mut emitter).map_err(|error| format!("cannot write the script: {error}"))?;
    let code = String::from_utf8(code).map_err(|_| "the script is not UTF-8".to_owned())?;
    let mut json = Vec::new();
    map.build_source_map(&mappings, None, AuthorsNames)
        .to_writer(&mut json)
        .map_err(|error| format!("cannot write the source map: {error}"))?;
    let map = String::from_utf8(json).map_err(|_| "the source map is not UTF-8".to_owned())?;
    Ok(Transpiled { code, map })
}

struct AuthorsNames;

impl SourceMapGenConfig for AuthorsNames {
    fn file_name_to_source(&self, name: &FileName) -> String {
        match name {
            FileName::Custom(name) => name.clone(),
            other => other.to_string(),
        }
    }

    fn inline_sources_content(&self, _: &FileName) -> bool {
        true
    }
}
