//! Runs scripts and sets of modules in QuickJS, and tells what they logged, threw and exported.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use rquickjs::loader::{Loader, Resolver};
use rquickjs::{
    CatchResultExt, CaughtError, Context, Ctx, Error, Function, Module, Object, Promise, Runtime, Value,
};

/// Lines of `log(…)`, then `exports: …` or `error: …`.
pub fn run(entry: &str, modules: &BTreeMap<String, String>) -> Vec<String> {
    let runtime = Runtime::new().unwrap();
    runtime.set_max_stack_size(4 * 1024 * 1024);
    runtime.set_loader(Relative(modules.keys().cloned().collect()), Sources(modules.clone()));
    let context = Context::full(&runtime).unwrap();
    let lines: Rc<RefCell<Vec<String>>> = Rc::default();
    let log = lines.clone();
    let settled = context.with(|ctx| {
        let line = move |line: String| log.borrow_mut().push(line);
        ctx.globals().set("line", Function::new(ctx.clone(), line).unwrap()).unwrap();
        ctx.eval::<(), _>(PRELUDE).unwrap();
        start(&ctx, entry, &modules[entry])
    });
    if let Err(message) = settled {
        lines.borrow_mut().push(format!("error: {message}"));
    }
    let settle = || {
        while runtime.is_job_pending() {
            if let Err(exception) = runtime.execute_pending_job() {
                exception.0.with(|ctx| lines.borrow_mut().push(format!("job failed: {:?}", ctx.catch())));
            }
        }
    };
    settle();
    // What a case wants done once everything is loaded.
    context.with(|ctx| ctx.eval::<(), _>("globalThis.after?.().catch(failed); undefined").unwrap());
    settle();
    drop(context);
    lines.take()
}

/// Shows what is exported, and turns what is thrown into a line.
const PRELUDE: &str = r#"
globalThis.show = (value) => {
  if (typeof value === "function") return `function ${value.name}`;
  if (typeof value === "string" || value === undefined || typeof value === "symbol") return String(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return JSON.stringify(value);
};
globalThis.log = (...values) => line(values.map(show).join(" "));
globalThis.report = (namespace) => {
  const parts = Object.keys(namespace).sort().map((name) => `${name}=${show(namespace[name])}`);
  line(`exports: ${parts.join(", ")}`);
};
globalThis.failed = (error) => line(`error: ${error?.name}: ${error?.message}`);
"#;

fn start(ctx: &Ctx<'_>, entry: &str, source: &str) -> Result<(), String> {
    let begun = || -> rquickjs::Result<()> {
        let module = Module::declare(ctx.clone(), entry, source)?;
        let (module, promise) = module.eval()?;
        let namespace: Object<'_> = module.namespace()?;
        let then: Function<'_> = promise.get("then")?;
        let report: Function<'_> = ctx.globals().get("report")?;
        let failed: Value<'_> = ctx.globals().get("failed")?;
        let report = report.bind((Value::new_undefined(ctx.clone()), namespace))?;
        then.call::<_, Promise<'_>>((rquickjs::function::This(promise), report, failed))?;
        Ok(())
    };
    begun().catch(ctx).map_err(|error| match error {
        CaughtError::Exception(exception) => exception.message().unwrap_or_default(),
        other => other.to_string(),
    })
}

/// Extends what rquickjs offers: `bind` of JavaScript.
trait Bind<'js> {
    fn bind(&self, arguments: (Value<'js>, Object<'js>)) -> rquickjs::Result<Function<'js>>;
}

impl<'js> Bind<'js> for Function<'js> {
    fn bind(&self, arguments: (Value<'js>, Object<'js>)) -> rquickjs::Result<Function<'js>> {
        let bind: Function<'js> = self.get("bind")?;
        bind.call((rquickjs::function::This(self.clone()), arguments.0, arguments.1))
    }
}

struct Relative(Vec<String>);

impl Resolver for Relative {
    fn resolve(
        &mut self,
        _: &Ctx<'_>,
        base: &str,
        name: &str,
        _: Option<rquickjs::loader::ImportAttributes<'_>>,
    ) -> rquickjs::Result<String> {
        find(base, name, &self.0).ok_or_else(|| Error::new_resolving(base, name))
    }
}

/// As the tests' files import one another: relative, with or without an ending; other names are the host's.
pub fn find(base: &str, name: &str, files: &[String]) -> Option<String> {
    if !name.starts_with('.') {
        return Some(name.to_owned());
    }
    let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    let typescript = path.replace(".js", ".ts");
    let candidates =
        [path.clone(), format!("{path}.ts"), format!("{path}.js"), format!("{path}.tsx"), typescript];
    candidates.into_iter().find(|candidate| files.contains(candidate))
}

struct Sources(BTreeMap<String, String>);

impl Loader for Sources {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<rquickjs::loader::ImportAttributes<'js>>,
    ) -> rquickjs::Result<Module<'js, rquickjs::module::Declared>> {
        let host = HOST.iter().find(|(module, _)| *module == name).map(|(_, source)| (*source).to_owned());
        let source = self.0.get(name).cloned().or(host).ok_or_else(|| Error::new_loading(name))?;
        Module::declare(ctx.clone(), name, source)
    }
}

/// Modules of the host.
pub const HOST: [(&str, &str); 3] = [
    (
        "host/jsx-runtime",
        "export const jsx = (tag, props, key) => ({tag, props, key}); export const jsxs = (...a) => ['s', ...a]; export const Fragment = 'frag';",
    ),
    (
        "millrace",
        "export const defineProcessor = (make) => make(); export const version = 1; export default 'millrace itself';",
    ),
    ("node:path", "export const join = (...parts) => parts.join('/'); export default { join };"),
];
