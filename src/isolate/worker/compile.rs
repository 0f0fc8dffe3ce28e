//! The process that compiles authors' sources. It stands apart because QuickJS may crash when it runs out
//! of memory while it parses, and because a parser is the larger target: it can die without harming an isolate.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::{CatchResultExt, CaughtError, Context, Ctx, Error, Module, Result, Runtime, WriteOptions};

use super::super::ScriptFailure;
use super::super::bytecode::CompiledModule;
use super::super::failure::{author_frames, stack_text};
use super::super::protocol::{Frame, FromWorker, ToWorker, encode};
use super::intake::Intake;
use super::{builtins, loader, prelude};
use crate::event::builtin::{self, FailureReason, Phase};
use crate::limits;

/// Deeply nested expressions need stack to be parsed; four times what the engine is allowed.
pub const THREAD_STACK_BYTES: usize = 4 * STACK_BYTES;
const STACK_BYTES: usize = 4 * 1024 * 1024;

type SourceModules = Rc<BTreeMap<String, String>>;

/// To be called before the process is confined, which takes this away, too.
pub fn bound_memory() {
    let limit = Some(limits::COMPILE_MEMORY_BYTES);
    let bound = rustix::process::Rlimit { current: limit, maximum: limit };
    let _ = rustix::process::setrlimit(rustix::process::Resource::As, bound);
}

pub fn run(intake: &mut Intake, mut socket: UnixStream) {
    while let Ok(Some(Frame { message, body })) = intake.wait(None) {
        let ToWorker::Compile { call, entry, modules } = message else { continue };
        let sources = Rc::new(decode(&modules, &body));
        let answer = match compile(&entry, &sources) {
            Ok(compiled) => {
                let lengths = compiled.iter().map(|m| (m.name.clone(), m.code.len())).collect();
                let parts: Vec<&[u8]> = compiled.iter().map(|module| &*module.code).collect();
                encode(&FromWorker::Compiled { call, modules: lengths }, &parts).unwrap_or_else(|bytes| {
                    let failure = failed("Error", &format!("the compiled modules have {bytes} bytes"));
                    refusal(call, failure)
                })
            }
            Err(failure) => refusal(call, failure),
        };
        if socket.write_all(&answer).is_err() {
            return;
        }
    }
}

fn refusal(call: u64, failure: ScriptFailure) -> Vec<u8> {
    encode(&FromWorker::NotCompiled { call, failure: Box::new(failure) }, &[])
        .expect("a failure is smaller than a frame")
}

fn failed(name: &str, message: &str) -> ScriptFailure {
    ScriptFailure::new(Phase::Load, FailureReason::Exception, name, message)
}

fn decode(modules: &[(String, usize)], body: &[u8]) -> BTreeMap<String, String> {
    let mut at = 0;
    let texts = modules.iter().map(|(name, length)| {
        let text = String::from_utf8_lossy(body.get(at..at + length).unwrap_or_default()).into_owned();
        at += length;
        (name.clone(), text)
    });
    texts.collect()
}

fn compile(entry: &str, sources: &SourceModules) -> std::result::Result<Vec<CompiledModule>, ScriptFailure> {
    let out_of_memory = |_| failed("Error", "the processor is too large to compile");
    let runtime = Runtime::new().map_err(out_of_memory)?;
    runtime.set_max_stack_size(STACK_BYTES);
    let context = Context::full(&runtime).map_err(out_of_memory)?;
    let missing = Rc::new(RefCell::new(None));
    let written = Rc::new(RefCell::new(Vec::new()));
    runtime.set_loader(
        SourceNames { sources: sources.clone(), missing: missing.clone() },
        SourceLoader { sources: sources.clone(), written: written.clone() },
    );
    context.with(|ctx| {
        let mut loader = SourceLoader { sources: sources.clone(), written: written.clone() };
        if let Err(error) = loader.load(&ctx, entry, None).catch(&ctx) {
            return Err(missing.take().unwrap_or_else(|| describe(&error, sources)));
        }
        // What no import statement names may still be imported at run time; there it fails, if it must.
        for name in sources.keys() {
            if !written.borrow().iter().any(|module: &CompiledModule| module.name == *name) {
                let _ = loader.load(&ctx, name, None).catch(&ctx);
            }
        }
        Ok(())
    })?;
    Ok(written.take())
}

fn describe(error: &CaughtError<'_>, sources: &SourceModules) -> ScriptFailure {
    let CaughtError::Exception(exception) = error else {
        return failed("Error", &error.to_string());
    };
    let message = exception.message().unwrap_or_default();
    let name = exception.as_object().get::<_, String>("name").unwrap_or_else(|_| "SyntaxError".into());
    let frames = author_frames(&exception.stack().unwrap_or_default(), |file| sources.contains_key(file));
    let stack = stack_text(&name, &message, &frames);
    ScriptFailure {
        error: builtin::ScriptError { name, message, stack, frames, snippet: None },
        ..failed("", "")
    }
}

struct SourceNames {
    sources: SourceModules,
    missing: Rc<RefCell<Option<ScriptFailure>>>,
}

impl Resolver for SourceNames {
    fn resolve<'js>(
        &mut self,
        _: &Ctx<'js>,
        base: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        let resolved = loader::resolve(base, name);
        if self.sources.contains_key(&resolved) {
            return Ok(resolved);
        }
        if let Some(builtin) = builtins::resolve(name) {
            return Ok(builtin);
        }
        let message = loader::unknown_module(base, name);
        let mut failure = failed("ModuleNotFound", &message);
        failure.error.frames =
            self.sources.get(base).and_then(|text| import_of(base, text, name)).into_iter().collect();
        failure.error.stack = stack_text("ModuleNotFound", &message, &failure.error.frames);
        self.missing.borrow_mut().get_or_insert(failure);
        Err(Error::new_resolving_message(base, name, message))
    }
}

/// Where `text` imports `specifier`: the first quoted occurrence behind `from` or `import`.
fn import_of(file: &str, text: &str, specifier: &str) -> Option<builtin::Frame> {
    let at = text.match_indices(specifier).map(|(at, _)| at).find(|at| {
        let before = text[..*at].trim_end_matches(['"', '\'']).trim_end();
        before.len() < *at && (before.ends_with("from") || before.ends_with("import"))
    })?;
    let line = text[..at].matches('\n').count() as u32 + 1;
    let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    // The column of the quote in front of the specifier, counted from 1.
    let column = text[line_start..at].chars().count() as u32;
    Some(builtin::Frame { file: file.into(), line, column, function: None })
}

struct SourceLoader {
    sources: SourceModules,
    written: Rc<RefCell<Vec<CompiledModule>>>,
}

impl Loader for SourceLoader {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js>> {
        let Some(text) = self.sources.get(name) else {
            let source = prelude::source_of(name).ok_or_else(|| Error::new_loading(name))?;
            return Module::declare(ctx.clone(), name, source);
        };
        let source = if name.ends_with(".json") { json_module(text) } else { text.clone() };
        let module = Module::declare(ctx.clone(), name, source)?;
        let options = WriteOptions { strip_source: true, ..WriteOptions::default() };
        let code = module.write(options)?;
        self.written.borrow_mut().push(CompiledModule { name: name.into(), code });
        Ok(module)
    }
}

fn json_module(text: &str) -> String {
    let literal = serde_json::to_string(text).expect("a string has a JSON form");
    format!("export default JSON.parse({literal});")
}
