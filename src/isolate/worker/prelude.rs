//! Our own JavaScript, which runs in an isolate before the author's: compiled once in each worker.

use std::cell::OnceCell;
use std::collections::HashMap;

use rquickjs::{Context, Module, Runtime, WriteOptions};

macro_rules! parts {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../runtime-js/prelude/", $name, ".js")))),*]
    };
}

const PARTS: [(&str, &str); 11] = parts![
    "core", "globals", "random", "inspect", "events", "url", "encoding", "clone", "headers", "crypto",
    "millrace",
];

/// Under which names an author can import our module.
const MODULES: [&str; 2] = ["millrace", "ai-engineer-workshop"];

thread_local! {
    static COMPILED: OnceCell<HashMap<&'static str, &'static [u8]>> = const { OnceCell::new() };
}

/// Compiles the prelude for this thread; it lives as long as the process.
pub fn compile() {
    COMPILED.with(|compiled| compiled.get_or_init(compile_parts).len());
}

pub fn part(name: &str) -> Option<&'static [u8]> {
    COMPILED.with(|compiled| compiled.get_or_init(compile_parts).get(name).copied())
}

pub fn is_module(name: &str) -> bool {
    MODULES.contains(&name)
}

pub fn module(name: &str) -> Option<&'static [u8]> {
    is_module(name).then(|| part("millrace")).flatten()
}

/// The source of our module, for the compile worker.
pub fn module_source(name: &str) -> Option<&'static str> {
    let (_, source) = PARTS.iter().find(|(part, _)| *part == "millrace")?;
    is_module(name).then_some(source)
}

fn compile_parts() -> HashMap<&'static str, &'static [u8]> {
    let compile = || {
        let runtime = Runtime::new()?;
        let context = Context::full(&runtime)?;
        context.with(|ctx| {
            PARTS
                .iter()
                .map(|(name, source)| {
                    let module = Module::declare(ctx.clone(), format!("millrace:{name}"), *source)?;
                    let options =
                        WriteOptions { strip_source: true, strip_debug: true, ..WriteOptions::default() };
                    Ok((*name, &*module.write(options)?.leak()))
                })
                .collect::<rquickjs::Result<_>>()
        })
    };
    compile().expect("the prelude compiles: its tests run it")
}
