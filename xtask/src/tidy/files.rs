//! Which files a checkout has, and which entries its top level may have.

use std::path::Path;
use std::process::Command;

use super::Complaint;

pub struct File {
    /// Relative to the checkout, with `/`.
    pub path: String,
    pub text: String,
}

impl File {
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The lines in front of the file's own tests, numbered from 1.
    pub fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
        lines.enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// Every text file that is, or is about to be, committed.
pub fn committed(root: &Path) -> Vec<File> {
    let listed = git_files(root).unwrap_or_else(|| walked(root));
    let read = |path: String| {
        let text = std::fs::read_to_string(root.join(&path)).ok()?;
        Some(File { path, text })
    };
    listed.into_iter().filter_map(read).collect()
}

fn git_files(root: &Path) -> Option<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .ok()?;
    let listed = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !listed.is_empty()).then(|| listed.lines().map(str::to_string).collect())
}

/// Without git, as in an unpacked archive: what lies there, but for what building and running leave behind.
fn walked(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if name == ".git" || name == "target" || name == "millrace-data" || name == "node_modules" {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(relative) = path.strip_prefix(root) {
                found.push(relative.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

const TOP_LEVEL: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "bundler",
    "clippy.toml",
    "examples",
    "runtime-js",
    "rustfmt.toml",
    "src",
    "tests",
    "xtask",
];

/// A newcomer's first look is at the top level: it only has what was agreed, and dot-files.
pub fn top_level(files: &[File]) -> Vec<Complaint> {
    let mut strangers: Vec<&str> = files
        .iter()
        .filter_map(|file| file.path.split('/').next())
        .filter(|top| !top.starts_with('.') && !TOP_LEVEL.contains(top))
        .collect();
    strangers.dedup();
    strangers
        .into_iter()
        .map(|name| format!("{name} does not belong at the top level, which has {}", TOP_LEVEL.join(", ")))
        .collect()
}
