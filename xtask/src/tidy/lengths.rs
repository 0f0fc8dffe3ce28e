//! A ratchet on file lengths: a file that outgrows the maximum is split, or listed here with its own.
//! A listed file that has become short again leaves the list.

use super::Complaint;
use super::files::File;

/// Lines of one Rust file, its tests included.
const LINES_MAX: usize = 500;

/// The files that are longer for now, and how long each may be.
const LONGER: &[(&str, usize)] = &[];

pub fn check(files: &[File]) -> Vec<Complaint> {
    let rust = files.iter().filter(|file| file.is_rust());
    let too_long = rust.filter_map(|file| complaint(&file.path, file.text.lines().count()));
    let gone = LONGER
        .iter()
        .filter(|(path, _)| !files.iter().any(|file| file.path == *path))
        .map(|(path, _)| format!("{path} is listed in lengths.rs and does not exist: take it off the list"));
    too_long.chain(gone).collect()
}

fn complaint(path: &str, lines: usize) -> Option<Complaint> {
    match LONGER.iter().find(|(listed, _)| *listed == path) {
        None if lines > LINES_MAX => {
            Some(format!("{path} has {lines} lines, more than {LINES_MAX}: split it"))
        }
        Some((_, max)) if lines > *max => {
            Some(format!("{path} has {lines} lines, more than its {max}: split it"))
        }
        Some(_) if lines <= LINES_MAX => {
            Some(format!("{path} has only {lines} lines now: take it off the list in lengths.rs"))
        }
        _ => None,
    }
}
