//! Failures told in the author's own files: a bundle's frames through its source map, and the code frame of the
//! first place that is the author's.

use millrace_bundler::{SourceMap, code_frame};

use crate::event::builtin::{Frame, ProcessorConfigured};
use crate::isolate::{ScriptFailure, stack_text};

/// Where the places of one configuration come from.
pub enum Positions {
    /// The code is the author's as it is.
    Plain(ProcessorConfigured),
    /// The code is a bundle: frames of this module are found in the map.
    Mapped { module: String, script: String, map: Box<SourceMap> },
}

impl Positions {
    pub fn of(configured: ProcessorConfigured) -> Positions {
        let map = configured.source_map.as_ref().and_then(|map| SourceMap::parse(map.as_str()));
        match (map, &configured.script, configured.entry()) {
            (Some(map), Some(script), Some(module)) => {
                Positions::Mapped { module: module.into(), script: script.clone(), map: Box::new(map) }
            }
            _ => Positions::Plain(configured),
        }
    }

    /// The failure as its author should read it.
    pub fn tell(&self, mut failure: ScriptFailure) -> ScriptFailure {
        if failure.error.message.ends_with("eval is not supported") {
            failure.error.message += ": configure the processor with `limits: {\"codeGeneration\": true}` if it, or a package of its, must make code at run time";
        }
        if let Positions::Mapped { .. } = self {
            failure.error.frames =
                failure.error.frames.iter().filter_map(|frame| self.original(frame)).collect();
            failure.error.stack =
                stack_text(&failure.error.name, &failure.error.message, &failure.error.frames);
        }
        failure.error.snippet = failure.error.frames.iter().find_map(|frame| self.snippet(frame));
        failure
    }

    /// None for what the bundler has put there itself.
    fn original(&self, frame: &Frame) -> Option<Frame> {
        let Positions::Mapped { module, script, map } = self else { return Some(frame.clone()) };
        if frame.file != *module {
            return Some(frame.clone());
        }
        let column = utf16_column(script, frame.line, frame.column);
        let place = map.lookup(frame.line, column)?;
        Some(Frame {
            file: place.file,
            line: place.line,
            column: place.column,
            function: frame.function.clone(),
        })
    }

    /// Only the author's own files have their text here; a package's places have no code frame.
    fn snippet(&self, frame: &Frame) -> Option<String> {
        let shown = match self {
            Positions::Plain(configured) => {
                let modules = configured.modules.as_ref();
                let text = match modules {
                    Some(modules) => modules.get(&frame.file),
                    None => configured.script.as_ref(),
                };
                code_frame(text?, frame.line, frame.column)
            }
            Positions::Mapped { map, .. } => code_frame(map.text(&frame.file)?, frame.line, frame.column),
        };
        (!shown.is_empty()).then_some(shown)
    }
}

/// The engine counts characters, maps count UTF-16 units.
fn utf16_column(script: &str, line: u32, column: u32) -> u32 {
    let text = script.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default();
    let before = text.chars().take(column.saturating_sub(1) as usize);
    let wide = before.filter(|c| c.len_utf16() > 1).count() as u32;
    column + wide
}
