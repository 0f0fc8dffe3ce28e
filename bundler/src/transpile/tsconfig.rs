//! An author's `tsconfig.json`: its compiler options with those it extends, and what we make of them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::jsonc;
use super::options::{Decorators, Jsx, Options};
use super::source::Source;
use crate::limits::TSCONFIG_EXTENDS_MAX;
use crate::{Diagnostic, Severity};

#[derive(Clone, Debug, Default)]
pub struct TsConfig {
    /// As written, those of extended files below.
    pub compiler_options: Map<String, Value>,
    /// What was left aside.
    pub warnings: Vec<Diagnostic>,
    pub options: Options,
}

impl TsConfig {
    /// `name` is one of the author's files; one that is not there has no options.
    pub fn read(files: &BTreeMap<String, String>, name: &str) -> Result<TsConfig, Vec<Diagnostic>> {
        let mut config = TsConfig::default();
        config.take(files, name, TSCONFIG_EXTENDS_MAX)?;
        if let Some(text) = files.get(name) {
            config.decide(&Source::new(name, text))?;
        }
        Ok(config)
    }

    fn take(
        &mut self,
        files: &BTreeMap<String, String>,
        name: &str,
        depth: usize,
    ) -> Result<(), Vec<Diagnostic>> {
        let Some(text) = files.get(name) else { return Ok(()) };
        let source = Source::new(name, text);
        let value = jsonc::parse(&source, "tsconfig").map_err(|diagnostic| vec![diagnostic])?;
        let bases: Vec<&str> = match value.get("extends") {
            Some(Value::String(base)) => vec![base],
            Some(Value::Array(bases)) => bases.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        for base in bases {
            self.extend(files, &source, base, depth)?;
        }
        if let Some(Value::Object(options)) = value.get("compilerOptions") {
            self.compiler_options.extend(options.clone());
        }
        Ok(())
    }

    fn extend(
        &mut self,
        files: &BTreeMap<String, String>,
        source: &Source<'_>,
        base: &str,
        depth: usize,
    ) -> Result<(), Vec<Diagnostic>> {
        if !base.starts_with('.') {
            let message = format!("`{base}` is not one of the files, so what it holds is left aside");
            let hint = "copy the options that matter into this file";
            self.warn(source, base, "tsconfig-extends-ignored", message, hint);
            return Ok(());
        }
        let path = joined(source.name, base);
        let found = [path.clone(), format!("{path}.json")].into_iter().find(|path| files.contains_key(path));
        match found {
            Some(_) if depth == 0 => {
                let message = format!("the files that `{}` extends extend each other", source.name);
                Err(vec![at_word(source, base, "invalid-tsconfig", message)])
            }
            Some(path) => self.take(files, &path, depth - 1),
            None => {
                let message = format!("`{}` extends `{base}`, which is not among the files", source.name);
                Err(vec![at_word(source, base, "invalid-tsconfig", message)])
            }
        }
    }

    fn decide(&mut self, source: &Source<'_>) -> Result<(), Vec<Diagnostic>> {
        let text = |key: &str| self.compiler_options.get(key).and_then(Value::as_str).map(str::to_owned);
        let flag = |key: &str| self.compiler_options.get(key).and_then(Value::as_bool);
        let is_set = |key: &str| flag(key).unwrap_or(false);
        let mut options =
            Options { verbatim_module_syntax: is_set("verbatimModuleSyntax"), ..Options::default() };
        if is_set("experimentalDecorators") {
            options.decorators = Decorators::Experimental { metadata: is_set("emitDecoratorMetadata") };
        }
        let automatic = matches!(text("jsx").as_deref(), Some("react-jsx" | "react-jsxdev"));
        let import_source = text("jsxImportSource");
        options.jsx = if automatic || import_source.is_some() {
            let development = text("jsx").as_deref() == Some("react-jsxdev");
            Jsx::Automatic { source: import_source.unwrap_or_else(|| "react".to_owned()), development }
        } else {
            let factory = text("jsxFactory").unwrap_or_else(|| "React.createElement".to_owned());
            let fragment = text("jsxFragmentFactory").unwrap_or_else(|| "React.Fragment".to_owned());
            if let Some(wrong) = [&factory, &fragment].into_iter().find(|name| !is_path(name)) {
                let message = format!("`{wrong}` is not a name such as `h` or `React.createElement`");
                return Err(vec![at_word(source, wrong, "invalid-tsconfig", message)]);
            }
            Jsx::Classic { factory, fragment }
        };
        let assigns_fields = flag("useDefineForClassFields") == Some(false);
        self.options = options;
        if assigns_fields {
            let message = "`useDefineForClassFields: false` is left aside: class fields are defined, as ECMAScript says";
            self.warn(
                source,
                "useDefineForClassFields",
                "tsconfig-option-ignored",
                message.to_owned(),
                "remove it",
            );
        }
        Ok(())
    }

    fn warn(&mut self, source: &Source<'_>, word: &str, code: &str, message: String, hint: &str) {
        let mut diagnostic = at_word(source, word, code, message);
        diagnostic.severity = Severity::Warning;
        diagnostic.hint = Some(hint.to_owned());
        self.warnings.push(diagnostic);
    }
}

fn at_word(source: &Source<'_>, word: &str, code: &str, message: String) -> Diagnostic {
    let at = source.text.find(word).unwrap_or(0);
    source.diagnostic(at, at + word.len(), code, message)
}

/// `a` or `a.b.c`, as the compiler takes it for a factory.
fn is_path(name: &str) -> bool {
    name == "null"
        || name.split('.').all(|part| {
            let mut characters = part.chars();
            characters.next().is_some_and(|c| c.is_alphabetic() || c == '_' || c == '$')
                && characters.all(|c| c.is_alphanumeric() || c == '_' || c == '$')
        })
}

/// A relative path as seen from a file; it cannot lead above the files.
fn joined(from: &str, relative: &str) -> String {
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Decorators, Jsx, TsConfig};
    use crate::Diagnostic;
    use crate::transpile::Options;

    fn read(files: &[(&str, &str)]) -> Result<TsConfig, Vec<Diagnostic>> {
        let files: BTreeMap<String, String> =
            files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        TsConfig::read(&files, "tsconfig.json")
    }

    fn automatic(source: &str) -> Jsx {
        Jsx::Automatic { source: source.to_owned(), development: false }
    }

    #[test]
    fn options() {
        let plain = Options::default();
        let cases = [
            (vec![], plain.clone()),
            (vec![("tsconfig.json", "{}")], plain.clone()),
            (
                vec![("tsconfig.json", "{\"compilerOptions\": {\"jsx\": \"react-jsx\", // c\n},}")],
                Options { jsx: automatic("react"), ..plain.clone() },
            ),
            (
                vec![
                    (
                        "tsconfig.json",
                        r#"{"extends": ["./etc/base"], "compilerOptions": {"jsxImportSource": "preact"}}"#,
                    ),
                    (
                        "etc/base.json",
                        r#"{"extends": "../root.json", "compilerOptions": {"jsxImportSource": "x"}}"#,
                    ),
                    (
                        "root.json",
                        r#"{"compilerOptions": {"experimentalDecorators": true, "verbatimModuleSyntax": true}}"#,
                    ),
                ],
                Options {
                    jsx: automatic("preact"),
                    decorators: Decorators::Experimental { metadata: false },
                    verbatim_module_syntax: true,
                },
            ),
            (
                vec![(
                    "tsconfig.json",
                    r#"{"compilerOptions": {"jsxFactory": "h", "jsxFragmentFactory": "a.F"}}"#,
                )],
                Options {
                    jsx: Jsx::Classic { factory: "h".to_owned(), fragment: "a.F".to_owned() },
                    ..plain
                },
            ),
        ];
        for (files, expected) in cases {
            assert_eq!(read(&files).unwrap().options, expected, "{files:?}");
        }
    }

    #[test]
    fn what_is_wrong() {
        let cases = [
            (r#"{"extends": "./gone"}"#, "1:14 invalid-tsconfig"),
            (r#"{"extends": "./tsconfig.json"}"#, "1:14 invalid-tsconfig"),
            (r#"{"compilerOptions": {"jsxFactory": "h("}}"#, "1:37 invalid-tsconfig"),
            ("{\n\"extends\" 1}", "2:11 invalid-json"),
        ];
        for (text, expected) in cases {
            let found = read(&[("tsconfig.json", text)]).unwrap_err();
            let found = found.iter().map(|d| format!("{}:{} {}", d.line, d.column, d.code));
            assert_eq!(found.collect::<Vec<_>>(), [expected], "{text}");
        }
        let warnings =
            read(&[("tsconfig.json", r#"{"extends": "@tsconfig/node20/tsconfig.json"}"#)]).unwrap().warnings;
        assert_eq!(warnings[0].code, "tsconfig-extends-ignored");
    }
}
