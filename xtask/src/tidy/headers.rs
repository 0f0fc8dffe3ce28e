//! Each file says what it is for, and each bound says why it is as it is.

use super::Complaint;
use super::files::File;

const FOLDERS: &[&str] = &["src/", "bundler/src/", "xtask/src/", "tests/"];

/// Every Rust file of ours opens with its purpose.
pub fn check(files: &[File]) -> Vec<Complaint> {
    files
        .iter()
        .filter(|file| file.is_rust() && FOLDERS.iter().any(|folder| file.path.starts_with(folder)))
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| format!("{} must open with a `//!` sentence on its purpose", file.path))
        .collect()
}

/// Every constant of limits.rs has its reason above it.
pub fn bounds(files: &[File]) -> Vec<Complaint> {
    let limits = files.iter().find(|file| file.path == "src/limits.rs");
    let Some(limits) = limits else {
        return vec!["src/limits.rs is missing".into()];
    };
    let mut above = "";
    let mut complaints = Vec::new();
    for (number, line) in limits.product_lines() {
        if line.starts_with("pub const") && !above.starts_with("///") {
            complaints
                .push(format!("src/limits.rs:{number} has a bound without its reason (`///` above it)"));
        }
        above = line;
    }
    complaints
}
