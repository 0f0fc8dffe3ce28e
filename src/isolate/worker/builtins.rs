//! Modules that are there without being bundled: ours, and those of Node's that processors have.

use super::natives::bare;
use rquickjs::module::{Declarations, Exports, ModuleDef};
use rquickjs::{Ctx, Error, Exception, Function, JsLifetime, Module, Object, Result};

/// The names of Node's modules, without `node:`, that a processor can import and require.
pub const NODE_MODULES: &[&str] = &[
    "assert",
    "assert/strict",
    "buffer",
    "crypto",
    "events",
    "os",
    "path",
    "path/posix",
    "path/win32",
    "process",
    "querystring",
    "stream",
    "stream/consumers",
    "stream/promises",
    "stream/web",
    "string_decoder",
    "timers",
    "timers/promises",
    "url",
    "util",
    "util/types",
    "zlib",
];

/// Under which names an author can import our own module.
pub const OWN_MODULES: [&str; 2] = ["millrace", "ai-engineer-workshop"];

/// The name in Node of a module that processors have, whichever way it is written.
pub fn node_module(specifier: &str) -> Option<&'static str> {
    let name = specifier.strip_prefix("node:").unwrap_or(specifier);
    NODE_MODULES.iter().copied().find(|module| *module == name)
}

/// The one name under which an isolate keeps a built-in module.
pub fn resolve(specifier: &str) -> Option<String> {
    if OWN_MODULES.contains(&specifier) {
        return Some(specifier.into());
    }
    node_module(specifier).map(|name| format!("node:{name}"))
}

/// The function of the prelude that makes a module by its name, once.
#[derive(JsLifetime)]
struct Maker<'js>(Function<'js>);

pub fn group<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let native = bare(ctx)?;
    let is_builtin = |name: String| NODE_MODULES.contains(&name.as_str());
    native.set("isBuiltin", Function::new(ctx.clone(), is_builtin)?)?;
    Ok(native)
}

pub fn set_maker<'js>(ctx: Ctx<'js>, make: Function<'js>) -> Result<()> {
    ctx.store_userdata(Maker(make)).map(drop).map_err(|_| Error::Unknown)
}

/// Declares the module of that name, `node:<name>`.
pub fn declare<'js>(ctx: &Ctx<'js>, name: &str) -> Result<Module<'js>> {
    Module::declare_def::<NodeModule, _>(ctx.clone(), name)
}

/// Lets our own module come to the rest of it, which is loaded when it is first asked for.
pub fn provide_sdk<'js>(module: &Module<'js>) -> Result<()> {
    let sdk = |ctx: Ctx<'js>| -> Result<Object<'js>> {
        let maker = ctx.userdata::<Maker>().map(|maker| maker.0.clone());
        maker.ok_or(Error::Unknown)?.call(("millrace/sdk",))
    };
    module.meta()?.set("sdk", Function::new(module.ctx().clone(), sdk)?)
}

/// One of Node's modules: what `require` gives is its default export, and the members of that are its names.
struct NodeModule;

impl NodeModule {
    fn made<'js, T>(module: &Module<'js, T>) -> Result<Object<'js>> {
        let ctx = module.ctx();
        let name: String = module.name()?;
        let name = name.strip_prefix("node:").unwrap_or(&name).to_string();
        let maker = ctx.userdata::<Maker>().map(|maker| maker.0.clone());
        let maker =
            maker.ok_or_else(|| Exception::throw_message(ctx, "the prelude has no built-in modules"))?;
        maker.call((name,))
    }
}

impl ModuleDef for NodeModule {
    fn declare(declarations: &Declarations<'_>) -> Result<()> {
        declarations.declare("default")?;
        for name in Self::made(declarations.module())?.keys::<String>() {
            let name = name?;
            if name != "default" {
                declarations.declare(name)?;
            }
        }
        Ok(())
    }

    fn evaluate<'js>(_: &Ctx<'js>, exports: &Exports<'js>) -> Result<()> {
        let made = Self::made(exports.module())?;
        for name in made.keys::<String>() {
            let name = name?;
            if name != "default" {
                let value: rquickjs::Value<'js> = made.get(name.as_str())?;
                exports.export(name, value)?;
            }
        }
        exports.export("default", made)?;
        Ok(())
    }
}
