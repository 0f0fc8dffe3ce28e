//! What to do about a finding, where the compiler's own advice does not fit or says nothing.

/// Of a code and the first line of its message.
pub fn hint(code: u32, message: &str) -> Option<String> {
    let name = || message.split('\'').nth(1);
    match code {
        // Cannot find module.
        2307 | 2792 => Some(missing_module(name()?)),
        // Could not find a declaration file for module.
        7016 => Some(untyped_module(name()?)),
        // Cannot find name, do you need types for node?
        2580 | 2591 => Some(node_name(name()?)),
        // Cannot find name, do you need the dom library?
        2584 => Some(format!("a processor runs in no browser: there is no `{}`", name()?)),
        // Argument of type … is not assignable to parameter of type.
        2345 if message.ends_with("parameter of type 'AppendInput'.") => Some(
            "append takes an event, `{ type, payload }`, or, for another stream, `{ event, path }`"
                .to_owned(),
        ),
        2322 if message.contains("=> Promise<") && message.contains("'(context: ReduceContext<") => {
            Some("`reduce` is synchronous: wait in `afterAppend`, and append the result".to_owned())
        }
        // JSX needs a module of types that is not there.
        2875 => Some("add the package that your JSX is for, and its types, to package.json".to_owned()),
        _ => None,
    }
}

fn missing_module(specifier: &str) -> String {
    if specifier.starts_with('.') || specifier.starts_with('/') {
        return "the path is relative to this file, and must name one of the source's own files".to_owned();
    }
    if let Some(builtin) = specifier.strip_prefix("node:") {
        return format!(
            "processors have no `node:{builtin}`: what needs files, processes or sockets is the host's"
        );
    }
    let package = package_of(specifier);
    format!("add `{package}` to the `dependencies` in package.json, or see whether it exports `{specifier}`")
}

fn untyped_module(specifier: &str) -> String {
    let package = package_of(specifier);
    let types = match package.strip_prefix('@').and_then(|scoped| scoped.split_once('/')) {
        Some((scope, name)) => format!("@types/{scope}__{name}"),
        None => format!("@types/{package}"),
    };
    format!(
        "`{package}` brings no types: add `{types}` to the `devDependencies` in package.json if it exists, \
         or a file `{package}.d.ts` with `declare module \"{specifier}\";`",
        package = package.rsplit('/').next().unwrap_or(package),
    )
}

fn node_name(name: &str) -> String {
    match name {
        "require" | "module" => "a processor is an ES module: use `import` and `export`".to_owned(),
        "Buffer" => "write `import { Buffer } from \"node:buffer\"`".to_owned(),
        other => format!("processors have no `{other}` as Node has it"),
    }
}

/// Without a path inside of the package.
fn package_of(specifier: &str) -> &str {
    let parts = if specifier.starts_with('@') { 2 } else { 1 };
    let end = specifier.match_indices('/').nth(parts - 1).map_or(specifier.len(), |(at, _)| at);
    &specifier[..end]
}

#[cfg(test)]
mod tests {
    use super::hint;

    #[test]
    fn hints_name_the_package() {
        let cases = [
            (2307, "Cannot find module '@a/b/c' or its", Some("add `@a/b` to the `dependencies`")),
            (2307, "Cannot find module './b.ts' or its", Some("relative to this file")),
            (2307, "Cannot find module 'node:fs' or its", Some("processors have no `node:fs`")),
            (7016, "Could not find a declaration file for module 'lodash/fp'.", Some("add `@types/lodash`")),
            (7016, "Could not find a declaration file for module '@a/b'.", Some("add `@types/a__b`")),
            (2580, "Cannot find name 'Buffer'. Do you", Some("node:buffer")),
            (
                2345,
                "Argument of type 'string' is not assignable to parameter of type 'AppendInput'.",
                Some("event, path"),
            ),
            (
                2322,
                "Type '() => Promise<1>' is not assignable to type '(context: ReduceContext<1>) => void | 1'.",
                Some("synchronous"),
            ),
            (2322, "Type 'a' is not assignable to 'b'", None),
            (2307, "no quotes", None),
        ];
        for (code, message, expected) in cases {
            let found = hint(code, message);
            match expected {
                Some(part) => assert!(found.as_deref().is_some_and(|text| text.contains(part)), "{found:?}"),
                None => assert_eq!(found, None),
            }
        }
    }
}
