//! The few functions that a linked script brings along, each only if it is used.

use std::cell::RefCell;
use std::collections::BTreeSet;

use swc_core::common::sync::Lrc;
use swc_core::common::{DUMMY_SP, FileName, Mark, SourceMap, SyntaxContext};
use swc_core::ecma::ast::*;
use swc_core::ecma::parser::{EsSyntax, Syntax, parse_file_as_script};
use swc_core::ecma::transforms::base::resolver;
use swc_core::ecma::utils::{DropSpan, ExprFactory};
use swc_core::ecma::visit::VisitMutWith;

const SOURCE: &str = r#"
function namespace(exports, ...others) {
  const all = new Map(Object.entries(exports));
  for (const other of others) {
    for (const name of Object.keys(other)) {
      if (name !== "default" && !all.has(name)) all.set(name, () => other[name]);
    }
  }
  const object = Object.create(null, { [Symbol.toStringTag]: { value: "Module" } });
  for (const name of [...all.keys()].sort()) Object.defineProperty(object, name, { enumerable: true, get: all.get(name) });
  return Object.preventExtensions(object);
}
function named(value, name) {
  return Object.defineProperty(value, "name", { value: name, configurable: true });
}
function lazy(body) {
  let running;
  let outcome;
  const link = () => {
    if (running !== undefined) return;
    running = body();
    running.next();
  };
  const run = () => {
    if (outcome === undefined) {
      try {
        outcome = { value: running.next() };
      } catch (error) {
        outcome = { error };
      }
    }
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  };
  return { link, run };
}
async function load(modules, namespace) {
  await undefined;
  for (const module of modules) module.link();
  for (const module of modules) {
    const running = module.run();
    if (running instanceof Promise) await running;
  }
  return namespace();
}
function evaluation() {
  let end;
  const ended = new Promise((resolve) => {
    end = resolve;
  });
  return { ended, end };
}
function commonjs(run) {
  const module = { exports: {} };
  run.call(module.exports, module.exports, module);
  return module.exports;
}
"#;

pub struct Runtime {
    /// Of the names of these functions.
    context: Mark,
    unresolved: Mark,
    used: RefCell<BTreeSet<&'static str>>,
}

impl Runtime {
    pub fn new(unresolved: Mark) -> Runtime {
        Runtime { context: Mark::new(), unresolved, used: RefCell::default() }
    }

    /// A reference to one of the functions, which makes it part of the script.
    fn function(&self, name: &'static str) -> Ident {
        self.used.borrow_mut().insert(name);
        Ident::new(name.into(), DUMMY_SP, SyntaxContext::empty().apply_mark(self.context))
    }

    pub fn call(&self, name: &'static str, arguments: Vec<Expr>) -> Expr {
        self.function(name).as_call(DUMMY_SP, arguments.into_iter().map(ExprFactory::as_arg).collect())
    }

    /// A CommonJS file as the value of its `module.exports`.
    pub fn commonjs(&self, statements: Vec<Stmt>) -> Expr {
        let global = SyntaxContext::empty().apply_mark(self.unresolved);
        let parameter = |name: &str| Param::from(Pat::from(Ident::new(name.into(), DUMMY_SP, global)));
        let function = Function {
            params: vec![parameter("exports"), parameter("module")],
            body: Some(FunctionBody { span: DUMMY_SP, stmts: statements }),
            ..Function::default()
        };
        self.call("commonjs", vec![FnExpr { ident: None, function: Box::new(function) }.into()])
    }

    /// The functions that are used.
    pub fn statements(&self) -> Vec<Stmt> {
        let used = self.used.borrow();
        if used.is_empty() {
            return Vec::new();
        }
        let map: Lrc<SourceMap> = Lrc::default();
        let file = map.new_source_file(Lrc::new(FileName::Internal("runtime".into())), SOURCE);
        let syntax = Syntax::Es(EsSyntax::default());
        let script = parse_file_as_script(&file, syntax, EsVersion::latest(), None, &mut Vec::new())
            .expect("the runtime's source is a constant that parses");
        let mut program = Program::Script(script);
        program.mutate(resolver(self.unresolved, self.context, false));
        program.visit_mut_with(&mut DropSpan);
        let Program::Script(script) = program else { return Vec::new() };
        let is_used = |statement: &Stmt| {
            let function = statement.as_decl().and_then(|declaration| declaration.as_fn_decl());
            function.is_some_and(|function| used.contains(&*function.ident.sym))
        };
        script.body.into_iter().filter(is_used).collect()
    }
}
