//! Words that no committed file may have.

use super::Complaint;
use super::files::File;

/// No panic on a path that a client or a damaged disk can reach, and nothing left for later.
pub fn no_shortcuts(files: &[File]) -> Vec<Complaint> {
    let product = files.iter().filter(|file| {
        file.is_rust()
            && (file.path.starts_with("src/") || file.path.starts_with("bundler/src/"))
            && !is_test(file)
    });
    let words = [
        concat!(".unw", "rap()"),
        concat!("to", "do!("),
        concat!("unimplem", "ented!("),
        concat!("TO", "DO"),
    ];
    let mut complaints = Vec::new();
    for file in product {
        for (number, line) in file.product_lines() {
            let found = words.iter().filter(|word| line.contains(**word));
            complaints.extend(found.map(|word| format!("{}:{number} has `{word}`", file.path)));
        }
    }
    complaints
}

/// Modules that only exist for tests: `src/log/tests.rs`, `src/processor/testing.rs` and what lies below.
fn is_test(file: &File) -> bool {
    file.path.ends_with("/tests.rs") || file.path.ends_with("/testing.rs") || file.path.contains("/tests/")
}

/// Nothing that only one machine has: home folders, this checkout, another registry than the public one.
pub fn nothing_local(files: &[File]) -> Vec<Complaint> {
    let checkout = super::root().to_string_lossy().into_owned();
    let homes = [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/Us", "ers/")];
    let mut complaints = Vec::new();
    for file in files {
        for (index, line) in file.text.lines().enumerate() {
            let number = index + 1;
            if line.contains(&checkout) || homes.iter().any(|home| line.contains(home)) {
                complaints.push(format!("{}:{number} names a folder of one machine", file.path));
            }
            if file.path == "Cargo.lock" && line.starts_with("source = ") && !line.contains(PUBLIC_REGISTRY) {
                complaints
                    .push(format!("Cargo.lock:{number} has a crate from elsewhere than crates.io: {line}"));
            }
            if file.path.ends_with(".cargo/config.toml") && line.contains("registr") {
                complaints.push(format!(
                    "{}:{number} configures a registry: that is the machine's affair",
                    file.path
                ));
            }
        }
    }
    complaints
}

const PUBLIC_REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";
