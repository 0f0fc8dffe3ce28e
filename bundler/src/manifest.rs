//! The author's package.json: its value, and where each part of it stands in the text that the author sees.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::{Diagnostic, Project};

/// What diagnostics call it, also when it was no file.
pub const FILE: &str = "package.json";

pub struct Manifest {
    pub text: String,
    pub value: Value,
}

impl Manifest {
    /// None when the source has none.
    pub fn of(project: &Project) -> Result<Option<Manifest>, Diagnostic> {
        let text = match &project.package_json {
            Some(json) => match serde_json::from_str::<Value>(json) {
                Ok(Value::String(text)) => text,
                Ok(Value::Null) => return Ok(None),
                // As people write it, for the code frames.
                Ok(value) => serde_json::to_string_pretty(&value).unwrap_or_else(|_| json.clone()),
                Err(_) => json.clone(),
            },
            None => match project.files.get(FILE) {
                Some(text) => text.clone(),
                None => return Ok(None),
            },
        };
        // Some editors begin a file with a byte order mark.
        let text = text.trim_start_matches('\u{feff}').to_string();
        match serde_json::from_str::<Value>(&text) {
            Ok(value @ Value::Object(_)) => Ok(Some(Manifest { text, value })),
            Ok(_) => Err(Diagnostic::error(
                "bad-package-json",
                "package.json must be a JSON object",
                FILE,
                &text,
                (1, 1),
            )),
            Err(error) => Err(syntax_error(&text, &error)),
        }
    }

    /// Where a dependency is declared, as line and column; the beginning when it is not.
    pub fn position_of(&self, dependency: &str) -> (u32, u32) {
        const SECTIONS: [&str; 4] =
            ["dependencies", "optionalDependencies", "peerDependencies", "devDependencies"];
        let found = SECTIONS.iter().find_map(|section| {
            let section = member(&self.text, section)?;
            Some(member(section, dependency)?.as_ptr() as usize - self.text.as_ptr() as usize)
        });
        found.map_or((1, 1), |at| position(&self.text, at))
    }

    /// A diagnostic about one dependency.
    pub fn diagnostic(&self, code: &str, message: impl Into<String>, dependency: Option<&str>) -> Diagnostic {
        let place = dependency.map_or((1, 1), |dependency| self.position_of(dependency));
        Diagnostic::error(code, message, FILE, &self.text, place)
    }
}

/// The text of an object's member, a part of the object's own text.
fn member<'a>(object: &'a str, name: &str) -> Option<&'a str> {
    let members: BTreeMap<Cow<'_, str>, &'a RawValue> = serde_json::from_str(object).ok()?;
    members.get(name).map(|value| value.get())
}

/// Line and column, from 1, of a byte; the column in UTF-16 units.
fn position(text: &str, at: usize) -> (u32, u32) {
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() as u32 + 1;
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (line, before[start..].encode_utf16().count() as u32 + 1)
}

fn syntax_error(text: &str, error: &serde_json::Error) -> Diagnostic {
    let message = error.to_string();
    let message = message.rfind(" at line ").map_or(message.as_str(), |at| &message[..at]);
    let line = error.line().max(1);
    let line_text = text.split('\n').nth(line - 1).unwrap_or_default();
    // The error's column counts bytes.
    let mut column = error.column().saturating_sub(1).min(line_text.len());
    while !line_text.is_char_boundary(column) {
        column -= 1;
    }
    let column = line_text[..column].encode_utf16().count() as u32 + 1;
    Diagnostic::error(
        "json-syntax",
        format!("package.json is not valid JSON: {message}"),
        FILE,
        text,
        (line as u32, column),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(text: &str) -> Result<Option<Manifest>, Diagnostic> {
        let files = BTreeMap::from([(FILE.to_string(), text.to_string())]);
        Manifest::of(&Project { files, ..Project::default() })
    }

    #[test]
    fn dependencies_are_found_in_the_text() {
        let text =
            "{\n  \"name\": \"zod\",\n  \"dependencies\": {\n    \"zöd\": \"1\", \"zod\": \"^4\"\n  }\n}\n";
        let manifest = manifest(text).unwrap().unwrap();
        assert_eq!(manifest.position_of("zod"), (4, 24));
        assert_eq!(manifest.position_of("zöd"), (4, 12));
        assert_eq!(manifest.position_of("nothing"), (1, 1));
    }

    #[test]
    fn syntax_errors_have_their_place() {
        let error = manifest("{\n  \"a\": 1,\n  \"b\": é\n}").err().unwrap();
        assert_eq!((error.code.as_str(), error.line, error.column), ("json-syntax", 3, 8));
        assert!(manifest("[]").err().unwrap().message.contains("object"));
    }

    #[test]
    fn an_object_is_shown_as_people_write_it() {
        let package_json = Some(r#"{"dependencies":{"zod":"^4"}}"#.to_string());
        let manifest = Manifest::of(&Project { package_json, ..Project::default() }).unwrap().unwrap();
        assert_eq!(manifest.position_of("zod"), (3, 12));
    }
}
