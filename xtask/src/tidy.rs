//! The rules of the code base as checks: what the compiler and clippy do not know. Each rule takes the
//! files and returns complaints; a complaint names the file, the line and what to do.

mod files;
mod headers;
mod layers;
mod lengths;
mod text;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use files::File;

/// What breaks a rule, as one line for a person.
type Complaint = String;

type Rule = fn(&[File]) -> Vec<Complaint>;

const RULES: &[(&str, Rule)] = &[
    ("top level", files::top_level),
    ("headers", headers::check),
    ("bounds with reasons", headers::bounds),
    ("layers", layers::order),
    ("names kept to one module", layers::confined),
    ("file lengths", lengths::check),
    ("no unwrap, no todo", text::no_shortcuts),
    ("no machine or registry", text::nothing_local),
];

pub fn run() -> ExitCode {
    let complaints = complaints();
    for complaint in &complaints {
        eprintln!("tidy: {complaint}");
    }
    if complaints.is_empty() {
        println!("tidy: {} rules hold", RULES.len());
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The top of the checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the checkout").to_path_buf()
}

fn complaints() -> Vec<Complaint> {
    let files = files::committed(&root());
    RULES
        .iter()
        .flat_map(|(name, rule)| {
            rule(&files).into_iter().map(move |complaint| format!("{name}: {complaint}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_code_base_is_tidy() {
        let complaints = super::complaints();
        assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    }
}
