//! One program, made ready for the compiler: its files with ours laid over them, and the way back from the positions
//! that the compiler reports to those of the author.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::base_url;
use super::compiler::{Finding, Question};
use super::config;
use super::edits::Edited;
use super::entry::entry;
use super::files::{AUTHOR, FileTree, View};
use super::position::utf16_offset;
use super::types;
use crate::transpile::TsConfig;

/// What is to be checked.
#[derive(Clone)]
pub struct Program {
    pub files: Arc<dyn FileTree>,
    /// The module that exports the processor, relative to the source.
    pub entry: String,
    /// The author's files that are checked even if nothing imports them, relative to the source.
    pub sources: Vec<String>,
}

/// A program as the compiler sees it.
pub struct Prepared {
    pub view: View,
    pub config: String,
    /// The author's file that stands for the program as a whole.
    whole: String,
    /// The entry, if its text was changed or its export is checked.
    entry: Option<EditedEntry>,
}

struct EditedEntry {
    path: String,
    edited: Edited,
    /// The UTF-16 offsets of what stands for the export.
    export: (u32, u32),
}

const CHECKING: &str = "tsconfig.json";
const DEFAULTS: &str = "defaults.json";
const BASE: &str = "base.json";
const PARSING: &str = "syntax.json";
/// Takes what the entry exports for a processor.
const CONFORMITY: &str = "conformity.ts";

impl Program {
    pub fn prepare(&self, question: Question) -> Prepared {
        match question {
            Question::Syntax => self.to_parse(),
            Question::Types => self.to_check(),
        }
    }

    fn to_parse(&self) -> Prepared {
        let config = config::path_of(PARSING);
        let files = self.roots(is_source);
        let overlay = BTreeMap::from([(config.clone(), config::parsing(&files).to_string())]);
        let whole = self.path(&self.entry);
        Prepared { view: View::new(self.files.clone(), overlay), config, whole, entry: None }
    }

    fn to_check(&self) -> Prepared {
        let config = config::path_of(CHECKING);
        let mut overlay = BTreeMap::new();
        let mut files = self.roots(is_typescript);
        for (name, text) in types::declarations(&*self.files) {
            files.push(config::path_of(name));
            overlay.insert(config::path_of(name), text.to_owned());
        }
        let mut extends = vec![config::path_of(DEFAULTS)];
        overlay
            .insert(config::path_of(DEFAULTS), config::defaults(types::installed(&*self.files)).to_string());
        let authors = format!("{AUTHOR}/tsconfig.json");
        let mut whole = self.path(&self.entry);
        if self.files.is_file(&authors) {
            extends.push(authors.clone());
            let options = self.compiler_options();
            let mut instead = base_url::as_paths(&options).unwrap_or_default();
            instead.extend(types::at_hand(&*self.files, &options).map(|types| ("types".to_owned(), types)));
            if !instead.is_empty() {
                overlay.insert(config::path_of(BASE), json!({"compilerOptions": instead}).to_string());
                extends.push(config::path_of(BASE));
            }
            whole = authors;
        }
        let entry = self.edited_entry();
        if let Some((entry, name)) = &entry {
            let binding =
                if *name == "default" { "exported".to_owned() } else { format!("{{ {name} as exported }}") };
            let text = format!("import {binding} from {:?};\nmillraceConforms(exported);\n", entry.path);
            overlay.insert(config::path_of(CONFORMITY), text);
            overlay.insert(entry.path.clone(), entry.edited.text.clone());
            files.push(config::path_of(CONFORMITY));
        }
        overlay.insert(config.clone(), config::checking(&files, &extends).to_string());
        let view = View::new(self.files.clone(), overlay);
        Prepared { view, config, whole, entry: entry.map(|(entry, _)| entry) }
    }

    fn edited_entry(&self) -> Option<(EditedEntry, &'static str)> {
        let path = self.path(&self.entry);
        let text = self.read(&path)?;
        let found = is_typescript(&path).then(|| entry(&path, &text))?;
        let (name, start, end) = found.export?;
        let export = (utf16_offset(&text, start), utf16_offset(&text, end));
        Some((EditedEntry { path, edited: Edited::new(text, found.insertions), export }, name))
    }

    /// Those of the author, as written.
    fn compiler_options(&self) -> serde_json::Map<String, serde_json::Value> {
        let files = View::new(self.files.clone(), BTreeMap::new()).own_files().into_iter();
        let json = files.filter_map(|(path, text)| {
            let name = path.strip_prefix(AUTHOR)?.strip_prefix('/')?;
            name.ends_with(".json").then(|| (name.to_owned(), text))
        });
        let read = TsConfig::read(&json.collect(), "tsconfig.json");
        read.map(|config| config.compiler_options).unwrap_or_default()
    }

    fn read(&self, path: &str) -> Option<String> {
        View::new(self.files.clone(), BTreeMap::new()).read(path)
    }

    fn roots(&self, belongs: fn(&str) -> bool) -> Vec<String> {
        let named = self.sources.iter().chain([&self.entry]).filter(|file| belongs(file));
        let mut files: Vec<String> = named.map(|file| self.path(file)).collect();
        files.sort();
        files.dedup();
        files
    }

    fn path(&self, file: &str) -> String {
        format!("{AUTHOR}/{}", file.trim_start_matches("./"))
    }
}

impl Prepared {
    /// Where a finding stands for the author: the file and the UTF-16 offsets there. None: in what is not his.
    pub fn place(&self, finding: &Finding) -> Option<(String, u32, u32)> {
        let (start, end) = (offset(finding.pos), offset(finding.end));
        // What is about the program as a whole has no file, or ours.
        let Some(file) = finding.file_name.as_ref().filter(|file| **file != self.config) else {
            return Some((self.whole.clone(), 0, 0));
        };
        match &self.entry {
            Some(entry) if *file == entry.path => {
                Some((file.clone(), entry.edited.start(start)?, entry.edited.end(end)))
            }
            Some(entry) if *file == config::path_of(CONFORMITY) => {
                Some((entry.path.clone(), entry.export.0, entry.export.1))
            }
            _ => Some((file.clone(), start, end)),
        }
    }

    /// The text as the author wrote it.
    pub fn original(&self, path: &str) -> Option<String> {
        match &self.entry {
            Some(entry) if path == entry.path => Some(entry.edited.original.clone()),
            _ => self.view.read(path),
        }
    }
}

fn offset(position: i64) -> u32 {
    u32::try_from(position).unwrap_or_default()
}

fn is_typescript(file: &str) -> bool {
    [".ts", ".tsx", ".mts", ".cts"].iter().any(|end| file.ends_with(end))
}

fn is_source(file: &str) -> bool {
    is_typescript(file) || [".js", ".jsx", ".mjs", ".cjs"].iter().any(|end| file.ends_with(end))
}
