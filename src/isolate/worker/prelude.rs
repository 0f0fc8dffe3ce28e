//! Our own JavaScript, which runs in an isolate before and beside the author's. Each part is compiled once
//! in a worker, when an isolate first asks for it.

use std::cell::RefCell;
use std::collections::HashMap;

use rquickjs::{Context, Ctx, Error, Module, Runtime, Value, WriteOptions};

macro_rules! parts {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../runtime-js/prelude/", $name, ".js")))),*]
    };
}

const PARTS: &[(&str, &str)] = parts![
    "core",
    "globals",
    "hooks",
    "abort",
    "blob",
    "clock",
    "clone",
    "compression",
    "console",
    "crypto",
    "definition",
    "encoding",
    "events",
    "engine/exceptions",
    "engine/made",
    "failures",
    "fetch/body",
    "fetch/data",
    "fetch/fetch",
    "fetch/form",
    "fetch/headers",
    "fetch/mime",
    "fetch/network",
    "fetch/multipart",
    "fetch/request",
    "fetch/response",
    "fetch/source",
    "fetch/socket",
    "idl",
    "inspect",
    "intl",
    "intl/dates",
    "intl/locales",
    "intl/methods",
    "intl/numbers",
    "intl/words",
    "intl/zones",
    "logging",
    "messages",
    "navigator",
    "node/assert",
    "node/assert/strict",
    "node/buffer",
    "node/crypto",
    "node/crypto/agreement",
    "node/crypto/ciphers",
    "node/crypto/common",
    "node/crypto/derivations",
    "node/crypto/key_object",
    "node/crypto/keys",
    "node/crypto/signatures",
    "node/encodings",
    "node/equality",
    "node/errors",
    "node/events",
    "node/members",
    "node/numbers",
    "node/os",
    "node/path",
    "node/path/posix",
    "node/path/win32",
    "node/process",
    "node/querystring",
    "node/refusing",
    "node/stream",
    "node/stream/consumers",
    "node/stream/promises",
    "node/stream/web",
    "node/streams/common",
    "node/streams/duplex",
    "node/streams/ending",
    "node/streams/iterables",
    "node/streams/piping",
    "node/streams/readable",
    "node/streams/web",
    "node/streams/writable",
    "node/string_decoder",
    "node/timers",
    "node/timers/promises",
    "node/url",
    "node/util",
    "node/util/types",
    "node/zlib",
    "oddities",
    "performance",
    "process",
    "random",
    "require",
    "scope",
    "sdk",
    "streams/buffers",
    "streams/bytes",
    "streams/common",
    "streams/default",
    "streams/pipe",
    "streams/readable",
    "streams/sink",
    "streams/state",
    "streams/tee",
    "streams/text",
    "streams/transform",
    "streams/writable",
    "subtle",
    "subtle/aes",
    "subtle/common",
    "subtle/elliptic",
    "subtle/jwk",
    "subtle/rsa",
    "subtle/secrets",
    "timers",
    "uncaught",
    "url",
    "urlpattern",
    "urlpattern/address",
    "urlpattern/canonical",
    "urlpattern/expressions",
    "urlpattern/parts",
    "urlpattern/tokens",
    "millrace",
];

/// What every isolate needs at once, and most of them soon.
const FIRST: [&str; 3] = ["core", "globals", "hooks"];

thread_local! {
    static COMPILED: RefCell<HashMap<&'static str, &'static [u8]>> = RefCell::default();
}

/// Compiles that before there is an isolate, so that the first one does not wait for it.
pub fn compile() {
    for name in FIRST {
        part(name);
    }
}

/// What a part exports, made in this isolate.
#[allow(unsafe_code)]
pub fn exported<'js>(ctx: &Ctx<'js>, name: &str) -> rquickjs::Result<Value<'js>> {
    let code = part(name).ok_or_else(|| Error::new_loading(name))?;
    // SAFETY: this process compiled it from its own text.
    let module = unsafe { Module::load(ctx.clone(), code) }?;
    let (module, _) = module.eval()?;
    module.get("default")
}

/// The bytecode of a part; it lives as long as the process.
fn part(name: &str) -> Option<&'static [u8]> {
    if let Some(code) = COMPILED.with_borrow(|compiled| compiled.get(name).copied()) {
        return Some(code);
    }
    let (name, source) = PARTS.iter().find(|(part, _)| *part == name)?;
    let code = compile_part(name, source).expect("the prelude compiles: its tests run it");
    COMPILED.with_borrow_mut(|compiled| compiled.insert(name, code));
    Some(code)
}

/// The bytecode of our module, as authors import it.
pub fn own_module() -> Option<&'static [u8]> {
    part("millrace")
}

/// The source of a built-in module, for the compile worker. What Node's modules export is only known where they run.
pub fn source_of(module: &str) -> Option<&'static str> {
    let (_, source) = PARTS.iter().find(|(part, _)| *part == "millrace")?;
    Some(if module.starts_with("node:") { "" } else { source })
}

fn compile_part(name: &str, source: &str) -> rquickjs::Result<&'static [u8]> {
    let runtime = Runtime::new()?;
    let context = Context::full(&runtime)?;
    context.with(|ctx| {
        let module = Module::declare(ctx.clone(), format!("millrace:{name}"), source)?;
        // Our own module asks for its `import.meta`, which the engine finds by the name in the debug information.
        let strip_debug = name != "millrace";
        let options = WriteOptions { strip_source: true, strip_debug, ..WriteOptions::default() };
        Ok(&*module.write(options)?.leak())
    })
}

#[cfg(test)]
mod tests {
    use super::{PARTS, compile_part};

    #[test]
    fn every_part_compiles() {
        for (name, source) in PARTS {
            assert!(compile_part(name, source).is_ok(), "{name}");
        }
    }
}
