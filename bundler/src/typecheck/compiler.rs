//! The compiler's process: what it is asked, and the answers to its questions about files. Everything here blocks; a
//! process that is killed meanwhile ends it with an error.

use std::collections::BTreeMap;
use std::io::{self, BufReader, BufWriter};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::files::{Library, View};
use super::framing::{self, Message, Request, Response};
use crate::limits::COMPILER_HEAP_SOFT_MAX;
use crate::sandbox::Room;
use crate::subprocess::{self, Handle, Program, Subprocess};

pub struct Compiler {
    process: Subprocess,
    /// Until it has answered.
    room: Option<Room>,
    stdin: BufWriter<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    library: Library,
    last_request: u64,
    open: Option<Open>,
}

/// The program that the compiler holds from the question before.
struct Open {
    config: String,
    snapshot: u64,
    packages: Option<String>,
    files: BTreeMap<String, String>,
}

/// A diagnostic as the compiler has it: positions are UTF-16 offsets from the start of the file, or -1.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    pub file_name: Option<String>,
    pub pos: i64,
    pub end: i64,
    pub code: u32,
    pub category: u32,
    pub text: String,
    #[serde(default)]
    pub message_chain: Vec<Finding>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Can the files be parsed?
    Syntax,
    /// And do their types agree?
    Types,
}

/// What is asked of a program that parses.
const TYPES: [&str; 4] = [
    "getConfigFileParsingDiagnostics",
    "getProgramDiagnostics",
    "getGlobalDiagnostics",
    "getSemanticDiagnostics",
];

#[derive(Deserialize)]
struct Snapshot {
    snapshot: u64,
    projects: Vec<Project>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Project {
    id: String,
    config_file_name: String,
}

impl Compiler {
    pub async fn start(binary: PathBuf) -> io::Result<Compiler> {
        let library = Library::beside(&binary)?;
        let callbacks = "--callbacks=readFile,fileExists,directoryExists,getAccessibleEntries,realpath";
        let arguments = ["--api", "--async", "--cwd", super::files::AUTHOR, callbacks];
        let program = Program {
            path: binary,
            arguments: arguments.map(str::to_owned).into(),
            environment: vec![("GOMEMLIMIT", COMPILER_HEAP_SOFT_MAX.to_owned())],
            beside: &["lib.d.ts"],
        };
        let (process, pipes) = subprocess::start(program).await?;
        Ok(Compiler {
            process,
            room: pipes.room,
            stdin: BufWriter::new(pipes.stdin),
            stdout: BufReader::new(pipes.stdout),
            library,
            last_request: 0,
            open: None,
        })
    }

    pub fn process(&self) -> Handle {
        self.process.handle()
    }

    /// Whether it can go on with this program. It keeps configurations, its own reading of them and of those that they
    /// extend, so a program that is configured otherwise is for another process.
    pub fn fits(&self, view: &View) -> bool {
        let configurations = |files: &BTreeMap<String, String>| -> Vec<(String, String)> {
            let json = files.iter().filter(|(path, _)| path.ends_with(".json"));
            json.map(|(path, text)| (path.clone(), text.clone())).collect()
        };
        self.open.as_ref().is_none_or(|open| configurations(&open.files) == configurations(&view.own_files()))
    }

    /// Of the program that a configuration in the view describes.
    pub fn findings(&mut self, view: &View, config: &str, question: Question) -> io::Result<Vec<Finding>> {
        if self.last_request == 0 {
            self.ask::<Value>(view, "initialize", Value::Null)?;
            self.room = None;
        }
        let (snapshot, project) = self.open(view, config)?;
        let about = json!({"snapshot": snapshot, "project": project});
        let mut found = self.list(view, "getSyntacticDiagnostics", &about)?;
        // What does not parse has no types worth telling.
        if question == Question::Types && found.is_empty() {
            for method in TYPES {
                found.extend(self.list(view, method, &about)?);
            }
        }
        Ok(found)
    }

    /// Lets the compiler take in what is new since the last question.
    fn open(&mut self, view: &View, config: &str) -> io::Result<(u64, String)> {
        let files = view.own_files();
        let packages = view.packages_key();
        let before = self.open.take();
        let mut update = json!({});
        if let Some(open) = &before {
            let same_packages = packages.is_some() && packages == open.packages;
            update["fileChanges"] =
                if same_packages { changes(&open.files, &files) } else { json!({"invalidateAll": true}) };
        }
        if before.as_ref().is_none_or(|open| open.config != config) {
            update["openProjects"] = json!([config]);
            update["closeProjects"] = before.iter().map(|open| open.config.as_str()).collect();
        }
        let taken: Snapshot = self.ask(view, "updateSnapshot", &update)?;
        if let Some(open) = before {
            // Only what is released can be forgotten.
            self.ask::<Value>(view, "release", json!({"snapshot": open.snapshot}))?;
        }
        let missing = || io::Error::other(format!("the compiler did not open {config}"));
        let project = taken.projects.into_iter().find(|project| project.config_file_name == config);
        let project = project.ok_or_else(missing)?;
        self.open = Some(Open { config: config.to_owned(), snapshot: taken.snapshot, packages, files });
        Ok((taken.snapshot, project.id))
    }

    fn list(&mut self, view: &View, method: &str, about: &Value) -> io::Result<Vec<Finding>> {
        Ok(self.ask::<Option<Vec<Finding>>>(view, method, about)?.unwrap_or_default())
    }

    fn ask<R: DeserializeOwned>(
        &mut self,
        view: &View,
        method: &str,
        params: impl Serialize,
    ) -> io::Result<R> {
        self.last_request += 1;
        let id = self.last_request.to_string();
        framing::write(&mut self.stdin, &Request::new(self.last_request, method, params))?;
        loop {
            let message: Message = framing::read(&mut self.stdout)?;
            match (message.method, message.id) {
                (Some(asked), Some(id)) => self.answer(view, &asked, message.params.as_deref(), &id)?,
                // A notification: there is nothing to answer.
                (Some(_), None) => {}
                (None, Some(found)) if found.get() == id => {
                    if let Some(error) = message.error {
                        return Err(io::Error::other(format!("{method}: {}", error.message)));
                    }
                    let result = message.result.as_deref().map_or("null", RawValue::get);
                    return Ok(serde_json::from_str(result)?);
                }
                (None, _) => return Err(io::Error::other("an answer to a question that was not asked")),
            }
        }
    }

    /// Never with what would let the compiler look at the disk by itself, which is `null` for some questions.
    fn answer(
        &mut self,
        view: &View,
        method: &str,
        params: Option<&RawValue>,
        id: &RawValue,
    ) -> io::Result<()> {
        let path: String = serde_json::from_str(params.map_or("\"\"", RawValue::get))?;
        let result = match method {
            "readFile" => json!({"content": self.read(view, &path)}),
            "fileExists" => json!(view.is_file(&path) || self.library.find(&path).is_some()),
            "directoryExists" => json!(view.is_dir(&path)),
            "getAccessibleEntries" => {
                let (files, directories) = view.entries(&path);
                json!({"files": files, "directories": directories})
            }
            "realpath" => json!(view.real_path(&path).unwrap_or(path)),
            other => return Err(io::Error::other(format!("the compiler asks for {other}"))),
        };
        framing::write(&mut self.stdin, &Response::new(id, result))
    }

    fn read(&self, view: &View, path: &str) -> Option<String> {
        match self.library.find(path) {
            Some(library) => std::fs::read_to_string(library).ok(),
            None => view.read(path),
        }
    }
}

fn changes(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Value {
    let created: Vec<_> = now.keys().filter(|path| !before.contains_key(*path)).collect();
    let deleted: Vec<_> = before.keys().filter(|path| !now.contains_key(*path)).collect();
    let differs = |path: &&String| before.get(*path).is_some_and(|text| Some(text) != now.get(*path));
    let changed: Vec<_> = now.keys().filter(differs).collect();
    json!({"changed": changed, "created": created, "deleted": deleted})
}
