//! Failures told in the author's own files: a bundle's frames through its source map, and the code frame of the
//! first place that is the author's.

use std::borrow::Cow;
use std::collections::BTreeMap;

use millrace_bundler::places::{Happened, place};
use millrace_bundler::{SourceMap, code_frame};

use crate::event::builtin::{FailureReason, Frame, ProcessorConfigured};
use crate::isolate::{ScriptFailure, frame, frame_text, stack_text};

/// Where the places of one configuration come from.
pub enum Positions {
    /// The code is the author's as it is, by the names of its modules.
    Plain(BTreeMap<String, String>),
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
            _ => Positions::Plain(configured.sources()),
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
        }
        self.put_where_it_happened(&mut failure);
        failure.error.stack = stack_text(&failure.error.name, &failure.error.message, &failure.error.frames);
        failure.error.snippet = failure.error.frames.iter().find_map(|frame| self.snippet(frame));
        failure
    }

    /// A text that may hold stacks, as scripts log them. What is not the author's own, or a package's, leaves them.
    pub fn tell_text(&self, text: &str) -> String {
        let lines = text.split('\n').filter_map(|line| match (frame(line), self) {
            _ if !line.starts_with("    at ") => Some(Cow::Borrowed(line)),
            (Some(frame), Positions::Mapped { module, .. }) if frame.file == *module => {
                self.original(&frame).map(|frame| Cow::Owned(frame_text(&frame)))
            }
            (Some(frame), _) if frame.file.starts_with('<') => None,
            (None, _) if line.ends_with(" (native)") => None,
            _ => Some(Cow::Borrowed(line)),
        });
        lines.collect::<Vec<_>>().join("\n")
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
            function: frame.function.clone().filter(|name| !is_path(name)),
        })
    }

    /// From what the engine evaluated last to what its author would point at: the call, the `new`, the loop.
    fn put_where_it_happened(&self, failure: &mut ScriptFailure) {
        let error = &mut failure.error;
        let functions: Vec<Option<String>> =
            error.frames.iter().map(|frame| frame.function.clone()).collect();
        for (number, frame) in error.frames.iter_mut().enumerate() {
            let Some(text) = self.text(&frame.file) else { continue };
            let happened = match (number.checked_sub(1), failure.reason) {
                (Some(callee), _) => Happened::Called { function: functions[callee].as_deref() },
                (None, FailureReason::Exception) => {
                    Happened::Threw { name: &error.name, message: &error.message }
                }
                (None, FailureReason::Timeout) => Happened::Stopped,
                (None, _) => continue,
            };
            let column = match self {
                Positions::Plain(_) => utf16_column(text, frame.line, frame.column),
                Positions::Mapped { .. } => frame.column,
            };
            if let Some((line, column)) = place(&frame.file, text, (frame.line, column), happened) {
                (frame.line, frame.column) = (line, column);
            }
        }
    }

    /// Only the author's own files have their text here; a package's places have no code frame.
    fn snippet(&self, frame: &Frame) -> Option<String> {
        let shown = code_frame(self.text(&frame.file)?, frame.line, frame.column);
        (!shown.is_empty()).then_some(shown)
    }

    fn text(&self, file: &str) -> Option<&str> {
        match self {
            Positions::Plain(modules) => modules.get(file).map(String::as_str),
            Positions::Mapped { map, .. } => map.text(file),
        }
    }
}

/// esbuild calls the function around a CommonJS module by the module's path.
fn is_path(function: &str) -> bool {
    function.contains('/')
        || [".js", ".cjs", ".ts", ".cts", ".json"].iter().any(|end| function.ends_with(end))
}

/// The engine counts characters, maps count UTF-16 units.
fn utf16_column(script: &str, line: u32, column: u32) -> u32 {
    let text = script.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default();
    let before = text.chars().take(column.saturating_sub(1) as usize);
    let wide = before.filter(|c| c.len_utf16() > 1).count() as u32;
    column + wide
}
