//! A module in the place of one of Node's that no isolate has, for packages that import it. Most never use it where
//! they run here; what does use it is told so then, by name.

mod names;

use serde_json::json;

use crate::resolve::bare;

/// Any name is an export; a member can be passed on, extended and made, and refuses when it is called.
const MEMBERS: &str = r#"function member(path) {
  const known = new Map();
  const within = (target, name, path) => {
    if (typeof name === "symbol" || name === "then" || name === "__esModule" || name in target) return target[name];
    if (!known.has(path)) known.set(path, member(path));
    return known.get(path);
  };
  const lacking = function () { return refuse(path); };
  lacking.prototype = new Proxy({}, { get: (target, name) => within(target, name, `${path}.prototype.${String(name)}`) });
  return new Proxy(lacking, {
    get: (target, name) => within(target, name, `${path}.${String(name)}`),
    apply: () => refuse(path),
    construct: (target, given, made) => Reflect.construct(Object, [], made),
  });
}
const known = new Map();
const get = (target, name) => {
  if (typeof name === "symbol" || name === "then" || name === "__esModule" || name in target) return target[name];
  if (!known.has(name)) known.set(name, member(`${module}.${name}`));
  return known.get(name);
};
exports = Object.create(new Proxy({}, { get }));
for (const name of names) {
  const set = (value) => Object.defineProperty(exports, name, { value, writable: true, enumerable: true, configurable: true });
  Object.defineProperty(exports, name, { get: () => get({}, name), set, enumerable: true, configurable: true });
}"#;

/// Questions that have an answer where there are no files and no terminals; many packages ask them first.
const ANSWERS: [(&str, &str, &str); 2] =
    [("fs", "existsSync", "() => false"), ("tty", "isatty", "() => false")];

/// CommonJS, whose exports are looked up when they are used.
pub(super) fn module(name: &str) -> String {
    let known = names::EXPORTS.iter().find(|(module, _)| *module == bare(name));
    let names: Vec<&str> =
        known.map_or("", |(_, names)| names).split(' ').filter(|name| !name.is_empty()).collect();
    let names = json!(names);
    let answers = ANSWERS.iter().filter(|(module, ..)| *module == bare(name));
    let answers: String =
        answers.map(|(_, export, answer)| format!("exports.{export} = {answer};\n")).collect();
    let (name, told) =
        (json!(name), json!(format!("the built-in module `{name}` is not available in an isolate")));
    format!(
        r#"module.exports = (function (module) {{
const refuse = (path) => {{
  throw Object.assign(new Error(`${{path}} cannot be used: ` + {told}), {{ code: "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM" }});
}};
const names = {names};
let exports;
{MEMBERS}
{answers}return exports;
}})({name});"#
    )
}

#[cfg(test)]
mod tests {
    use rquickjs::{Context, Runtime};

    fn outcome(expression: &str) -> String {
        let script = format!(
            "(() => {{ const module = {{}};\n{}\nconst fs = module.exports;\ntry {{ return String({expression}); }} catch (e) {{ return `${{e.name}} ${{e.code}}: ${{e.message}}`; }} }})()",
            super::module("node:fs")
        );
        let context = Context::full(&Runtime::new().unwrap()).unwrap();
        context.with(|ctx| ctx.eval(script)).unwrap()
    }

    #[test]
    fn refused_when_it_is_used() {
        let refused = |member: &str| {
            format!(
                "Error ERR_FEATURE_UNAVAILABLE_ON_PLATFORM: node:fs.{member} cannot be used: the built-in module `node:fs` is not available in an isolate"
            )
        };
        for (expression, member) in [
            ("fs.readFileSync('a')", "readFileSync"),
            ("(({ promises }) => promises.readFile('a'))(fs)", "promises.readFile"),
            ("fs.readFile.bind(fs)('a')", "readFile"),
            ("new fs.Agent().destroy()", "Agent.prototype.destroy"),
            (
                "new (class extends fs.Agent { x() { return this.destroy() } })().x()",
                "Agent.prototype.destroy",
            ),
            ("fs.METHODS.map((it) => it)", "METHODS.map"),
        ] {
            assert_eq!(outcome(expression), refused(member), "{expression}");
        }
    }

    #[test]
    fn passed_on() {
        for (expression, expected) in [
            ("typeof fs.readFile + typeof fs.promises", "functionfunction"),
            ("fs.readFile === fs.readFile", "true"),
            ("[fs.then, fs.__esModule, fs[Symbol.iterator]].join()", ",,"),
            ("new (class extends fs.Agent { x() { return 1 } })().x()", "1"),
            ("{} instanceof fs.Stats", "false"),
            ("(fs.extra = 1, fs.extra)", "1"),
            // As compilers of TypeScript copy what they import as a whole.
            ("typeof Object.fromEntries(Object.entries(fs)).readFileSync", "function"),
            ("(fs.watch = 2, fs.watch)", "2"),
            ("fs.existsSync('a')", "false"),
        ] {
            assert_eq!(outcome(expression), expected, "{expression}");
        }
    }
}
