//! The cases of the repair benchmark, from Markdown: a file is a class, a second heading a case, and fenced blocks hold
//! what the case consists of, each named by the word behind its language.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use crate::cli::failure::Failure;

/// A processor with a fault, the history that shows it, and what must come of it when it is repaired.
#[derive(Debug, Default)]
pub struct Case {
    pub class: String,
    pub name: String,
    /// The broken processor: texts by path.
    pub files: BTreeMap<String, String>,
    /// Further members of the configuring event.
    pub configuration: Map<String, Value>,
    /// Appended before anything is repaired.
    pub history: Vec<Value>,
    /// Appended behind the repair: nobody who repairs has seen them.
    pub hidden: Vec<Value>,
    /// Events that must be in the stream in the end, in this order, each as a subset.
    pub expected: Vec<Value>,
}

pub fn open(folder: &Path) -> Result<Vec<Case>, Failure> {
    let unreadable =
        |error: std::io::Error| Failure::failed(format!("cannot read {}: {error}", folder.display()));
    let mut paths: Vec<_> = fs::read_dir(folder)
        .map_err(unreadable)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
    paths.retain(|path| path.extension().is_some_and(|it| it == "md"));
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let class = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let text = fs::read_to_string(&path).map_err(unreadable)?;
        cases.extend(
            parse(&class, &text).map_err(|why| Failure::failed(format!("{}: {why}", path.display())))?,
        );
    }
    Ok(cases)
}

/// The error is a sentence with the line.
fn parse(class: &str, text: &str) -> Result<Vec<Case>, String> {
    let mut cases: Vec<Case> = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(name) = line.strip_prefix("## ") {
            cases.push(Case { class: class.into(), name: name.trim().into(), ..Case::default() });
        }
        let Some(head) = line.strip_prefix("```") else { continue };
        let body: Vec<&str> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        let wrong = |why: String| format!("line {}: {why}", number + 1);
        let case = cases.last_mut().ok_or_else(|| wrong("a block before the first case".into()))?;
        case.add(&head.split_whitespace().collect::<Vec<_>>(), &body).map_err(wrong)?;
    }
    Ok(cases)
}

impl Case {
    fn add(&mut self, head: &[&str], body: &[&str]) -> Result<(), String> {
        let json = |error: serde_json::Error| error.to_string();
        let events = || {
            body.iter().map(|line| serde_json::from_str(line)).collect::<Result<Vec<_>, _>>().map_err(json)
        };
        match head {
            [_, "broken", path] => {
                self.files.insert((*path).to_string(), body.join("\n") + "\n");
            }
            [_, "configuration"] => {
                self.configuration = serde_json::from_str(&body.join("\n")).map_err(json)?
            }
            [_, "history"] => self.history = events()?,
            [_, "hidden"] => self.hidden = events()?,
            [_, "expected"] => self.expected = events()?,
            // Answers for a model that only plays one.
            [_, "right" | "wrong" | "changes", ..] => {}
            other => {
                return Err(format!("a block is called {:?}, which is nothing of a case", other.join(" ")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_become_a_case() {
        let text = "# c\n\n## one\n\n```js broken processor.js\na\nb\n```\n\n```jsonl history\n{\"type\":\"x\"}\n```\n```js wrong\n```\n## two\n";
        let cases = parse("c", text).unwrap();
        assert_eq!((cases.len(), cases[0].name.as_str(), cases[1].name.as_str()), (2, "one", "two"));
        assert_eq!(cases[0].files["processor.js"], "a\nb\n");
        assert_eq!(cases[0].history, [serde_json::json!({"type": "x"})]);
        assert!(parse("c", "## one\n```js other\n```").unwrap_err().contains("line 2"));
    }
}
