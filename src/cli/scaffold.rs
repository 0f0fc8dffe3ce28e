//! `millrace new`: a folder with all that a processor's author begins with. The texts are in `scaffold/`; the agent is that of
//! `examples/`, so that there is one of it.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::json;

use super::failure::Failure;
use super::terminal::{self, Paint, Style};
use crate::config::{New, Remote, Template};
use crate::event::Slug;
use crate::http::docs;

/// What stands in the texts for the processor's name.
const NAME: &str = "NAME";

/// What is the same for every template: path below the folder, and text.
const BOTH: [(&str, &str); 4] = [
    (".gitignore", include_str!("scaffold/both/gitignore")),
    (".millrace/testing.mjs", include_str!("scaffold/both/testing.mjs")),
    ("package.json", include_str!("scaffold/both/package.json")),
    ("tsconfig.json", include_str!("scaffold/both/tsconfig.json")),
];

const PING: [(&str, &str); 4] = [
    ("README.md", include_str!("scaffold/ping/README.md")),
    ("input.jsonl", include_str!("scaffold/ping/input.jsonl")),
    ("processor.test.mjs", include_str!("scaffold/ping/processor.test.mjs")),
    ("processor.ts", include_str!("scaffold/ping/processor.ts")),
];

const AGENT: [(&str, &str); 5] = [
    ("README.md", include_str!("scaffold/agent/README.md")),
    ("input.jsonl", include_str!("../../examples/agent/input.jsonl")),
    ("model.ts", include_str!("../../examples/agent/model.ts")),
    ("processor.test.mjs", include_str!("scaffold/agent/processor.test.mjs")),
    ("processor.ts", include_str!("../../examples/agent/processor.ts")),
];

pub fn scaffold(remote: &Remote, options: &New) -> Result<(), Failure> {
    let folder = &options.folder;
    let slug = slug_of(folder)?;
    make(folder)?;
    let files = files(options.template, &slug);
    for (name, text) in &files {
        write(&folder.join(name), text)?;
    }
    if remote.json {
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        return Ok(terminal::print(
            &json!({ "folder": folder, "slug": slug.as_str(), "files": names }).to_string(),
        )?);
    }
    tell(folder, &slug, &files)
}

fn slug_of(folder: &Path) -> Result<Slug, Failure> {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Slug::parse(&name).map_err(|error| {
        Failure::usage(format!(
            "{name:?} cannot be a processor's name: {error}; choose one such as `order-intake`"
        ))
    })
}

/// A folder that is there and empty is as good as a new one.
fn make(folder: &Path) -> Result<(), Failure> {
    let unusable =
        |error: std::io::Error| Failure::failed(format!("cannot make {}: {error}", folder.display()));
    match fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::failed(format!(
            "{} is there already and not empty: nothing was written; choose another name",
            folder.display()
        ))),
        Err(error) if error.kind() == ErrorKind::NotFound => fs::create_dir_all(folder).map_err(unusable),
        Err(error) => Err(unusable(error)),
    }
}

fn files(template: Template, slug: &Slug) -> Vec<(String, String)> {
    let own: &[(&str, &str)] = match template {
        Template::Ping => &PING,
        Template::Agent => &AGENT,
    };
    let texts = BOTH.iter().chain(own).map(|(name, text)| (name.to_string(), named(text, slug)));
    let types = millrace_bundler::typecheck::for_editors()
        .into_iter()
        .map(|(name, text)| (format!(".millrace/types/{name}"), text.to_string()));
    let agents = (
        "AGENTS.md".to_string(),
        format!("{}\n{}", named(include_str!("scaffold/both/AGENTS.md"), slug), docs::llms()),
    );
    texts.chain(types).chain([agents]).collect()
}

fn named(text: &str, slug: &Slug) -> String {
    // The agent speaks of itself as the example that it is.
    text.replace("< examples/agent/", "< ")
        .replace("deploy examples/agent ", "deploy . ")
        .replace("/examples/agent", &format!("/{slug}"))
        .replace("// agent: ", &format!("// {slug}: "))
        .replace(NAME, slug.as_str())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let unwritable =
        |error: std::io::Error| Failure::failed(format!("cannot write {}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(unwritable)?;
    }
    // Never over what somebody else has put there meanwhile.
    let mut file = fs::File::create_new(path).map_err(unwritable)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(unwritable)
}

fn tell(folder: &Path, slug: &Slug, files: &[(String, String)]) -> Result<(), Failure> {
    let paint = Paint::stdout();
    let shown: Vec<&str> =
        files.iter().map(|(name, _)| name.as_str()).filter(|name| !name.starts_with('.')).collect();
    terminal::print(&format!(
        "{} {}: {}",
        paint.paint(Style::Good, "made"),
        folder.display(),
        shown.join(", ")
    ))?;
    Ok(terminal::print(&format!(
        "\nNext, with `millrace serve` in another terminal:\n  \
           cd {}\n  \
           millrace deploy . --stream /{slug} --wait\n  \
           millrace append /{slug} - < input.jsonl\n  \
           millrace tail /{slug} --follow\n\n\
         README.md says what to expect; `node --test` runs the test, where there is Node 20 or newer.",
        folder.display()
    ))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_left_with_a_place_for_the_name() {
        let slug = Slug::parse("greeter").unwrap();
        for template in [Template::Ping, Template::Agent] {
            for (name, text) in
                files(template, &slug).iter().filter(|(name, _)| !name.starts_with(".millrace/types"))
            {
                assert!(!text.contains("examples/agent "), "{name}");
                assert!(name == "AGENTS.md" || !text.contains(NAME), "{name}");
            }
        }
    }
}
