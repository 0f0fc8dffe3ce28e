//! How an isolate finds modules: the author's by name among the compiled ones, and ours.

use std::collections::HashMap;
use std::rc::{Rc, Weak};

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::{Ctx, Error, Module, Result};

use super::super::protocol::{IsolateId, LoadSpec};
use super::{builtins, prelude};

/// One processor's compiled modules, shared by the isolates of this worker that run it.
pub struct Code {
    pub entry: String,
    modules: HashMap<String, Vec<u8>>,
}

impl Code {
    pub fn has(&self, name: &str) -> bool {
        self.modules.contains_key(name)
    }
}

/// The codes of this worker. The host counts the same way, and sends a code again when no isolate of it is left.
#[derive(Default)]
pub struct Codes {
    by_digest: HashMap<String, (Rc<Code>, usize)>,
    holders: HashMap<IsolateId, String>,
}

impl Codes {
    pub fn hold(&mut self, isolate: IsolateId, spec: &LoadSpec, body: &[u8]) -> Rc<Code> {
        self.holders.insert(isolate, spec.digest.clone());
        let (code, holders) =
            self.by_digest.entry(spec.digest.clone()).or_insert_with(|| (Rc::new(decode(spec, body)), 0));
        *holders += 1;
        code.clone()
    }

    pub fn release(&mut self, isolate: IsolateId) {
        let Some(digest) = self.holders.remove(&isolate) else { return };
        if let Some((_, holders)) = self.by_digest.get_mut(&digest) {
            *holders -= 1;
            if *holders == 0 {
                self.by_digest.remove(&digest);
            }
        }
    }
}

fn decode(spec: &LoadSpec, body: &[u8]) -> Code {
    let mut at = spec.state_bytes.unwrap_or(0);
    let modules = spec.modules.iter().map(|(name, length)| {
        let code = body.get(at..at + length).unwrap_or_default().to_vec();
        at += length;
        (name.clone(), code)
    });
    Code { entry: spec.entry.clone(), modules: modules.collect() }
}

/// The name in a processor that `specifier` in module `base` stands for.
pub fn resolve(base: &str, specifier: &str) -> String {
    if !(specifier.starts_with("./") || specifier.starts_with("../")) {
        return specifier.strip_prefix('/').unwrap_or(specifier).to_string();
    }
    let mut segments: Vec<&str> = base.split('/').collect();
    segments.pop();
    for step in specifier.split('/') {
        match step {
            "." | "" => {}
            ".." => drop(segments.pop()),
            name => segments.push(name),
        }
    }
    segments.join("/")
}

/// What an author reads who imports something that is not there.
pub fn unknown_module(base: &str, specifier: &str) -> String {
    if specifier.starts_with('.') || specifier.starts_with('/') {
        return format!(
            "cannot find module {specifier:?}, imported by {base}: the processor has no module `{}`; add it to `modules`",
            resolve(base, specifier)
        );
    }
    if let Some(name) = specifier.strip_prefix("node:") {
        let offered = builtins::NODE_MODULES.join(", ");
        return format!(
            "cannot find module {specifier:?}, imported by {base}: processors have no `{name}`; of Node's modules they have {offered}"
        );
    }
    format!(
        "cannot find module {specifier:?}, imported by {base}: packages are not available at run time; bundle it into the script, for example with esbuild --bundle --format=esm"
    )
}

/// Weak, because an engine that is given up never lets go of its loader.
pub struct ModuleNames(pub Weak<Code>);

impl Resolver for ModuleNames {
    fn resolve<'js>(
        &mut self,
        _: &Ctx<'js>,
        base: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        let resolved = resolve(base, name);
        if self.0.upgrade().is_some_and(|code| code.has(&resolved)) {
            return Ok(resolved);
        }
        builtins::resolve(name)
            .ok_or_else(|| Error::new_resolving_message(base, name, unknown_module(base, name)))
    }
}

pub struct Modules(pub Weak<Code>);

impl Loader for Modules {
    #[allow(unsafe_code)]
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js>> {
        let processor = self.0.upgrade();
        let authors = processor.as_ref().and_then(|code| code.modules.get(name));
        if authors.is_none() && name.starts_with("node:") {
            return builtins::declare(ctx, name);
        }
        let code = match authors {
            Some(code) => code.as_slice(),
            None => prelude::own_module().ok_or_else(|| Error::new_loading(name))?,
        };
        // SAFETY: compiled by this binary's own compile worker, and never seen by a user.
        let module = unsafe { Module::load(ctx.clone(), code) }?;
        if authors.is_none() {
            builtins::provide_sdk(&module)?;
        }
        Ok(module)
    }
}
