//! `millrace bundle`: files into one module, on this machine and without a server.

use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;

use millrace_bundler::{Bundle, BundleError, Bundler, Diagnostic, Failure as Refused, Severity, Stage};
use serde_json::json;

use super::diagnosis;
use super::failure::Failure;
use super::sources::Sources;
use super::steps::Steps;
use super::terminal::{self, Paint, Style};
use crate::config::{self, Remote, Typecheck};

pub async fn bundle(remote: &Remote, options: &config::Bundle) -> Result<(), Failure> {
    let sources = Sources::open(&options.file)?;
    // Without a home there is nowhere to keep packages: they are fetched for this once, into a folder that is nobody
    // else's to prepare, for programs are run from there.
    let temporary = tempfile::tempdir()
        .map_err(|error| Failure::failed(format!("cannot make a temporary folder: {error}")))?;
    let bundler = Bundler::new(super::bundler::options(&options.packages, temporary.path()));
    let steps = Mutex::new(Steps::start(options.file.display().to_string()));
    let show = |step| {
        let mut steps = steps.lock().expect("nothing panics while it shows a step");
        steps.show(Some(&step));
    };
    let project = Arc::new(sources.project());
    let built = bundler.build(&project, &show).await;
    let errors = match (&built, options.typecheck) {
        (Ok(_), Typecheck::Report | Typecheck::Require) => {
            let found = bundler.check(&project, &show).await;
            found.map(|found| found.into_iter().filter(|it| it.severity == Severity::Error).collect())
        }
        _ => Ok(Vec::new()),
    };
    bundler.shutdown().await;
    drop(steps);
    let bundle = built.map_err(|error| refused(remote, &sources, error))?;
    tell_all(&sources, &bundle.warnings);
    match (errors, options.typecheck) {
        (Ok(errors), Typecheck::Require) if !errors.is_empty() => {
            let failure = Refused { stage: Stage::Typecheck, diagnostics: errors };
            return Err(refused(remote, &sources, BundleError::Failed(failure)));
        }
        (Err(error), Typecheck::Require) => return Err(refused(remote, &sources, error)),
        (Ok(errors), _) => tell_all(&sources, &errors),
        (Err(error), _) => terminal::remark(&format!("the types are not checked: {error}")),
    }
    match &options.out {
        Some(out) => write(remote, out, &bundle),
        None if remote.json => Ok(terminal::print(&described(&bundle, true))?),
        None => Ok(terminal::print(bundle.script.trim_end())?),
    }
}

fn refused(remote: &Remote, sources: &Sources, error: BundleError) -> Failure {
    let failure = match error {
        BundleError::Machinery(message) => return Failure::failed(message),
        BundleError::Failed(failure) => failure,
    };
    if remote.json {
        let _ = terminal::print(&json!(failure).to_string());
    }
    tell_all(sources, &failure.diagnostics);
    let stage = json!(failure.stage);
    let count = failure.diagnostics.len();
    Failure::failed(format!(
        "no bundle: {count} error{} at the stage `{}`",
        if count == 1 { "" } else { "s" },
        stage.as_str().unwrap_or_default()
    ))
}

fn tell_all(sources: &Sources, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        terminal::remark(&diagnosis::of_diagnostic(diagnostic, sources, Paint::stderr()));
    }
}

/// The script, and its source map beside it.
fn write(remote: &Remote, out: &Path, bundle: &Bundle) -> Result<(), Failure> {
    let mut map = out.as_os_str().to_owned();
    map.push(".map");
    let unwritable =
        |error: std::io::Error| Failure::failed(format!("cannot write {}: {error}", out.display()));
    std::fs::write(out, &bundle.script).map_err(unwritable)?;
    std::fs::write(Path::new(&map), &bundle.source_map).map_err(unwritable)?;
    if remote.json {
        return Ok(terminal::print(&described(bundle, false))?);
    }
    let packages: Vec<String> =
        bundle.dependencies.iter().map(|(name, version)| format!("{name}@{version}")).collect();
    let with = if packages.is_empty() { String::new() } else { format!(", with {}", packages.join(", ")) };
    Ok(terminal::print(&format!(
        "{} {} ({} bytes{with})",
        Paint::stdout().paint(Style::Good, "ok"),
        out.display(),
        bundle.script.len()
    ))?)
}

fn described(bundle: &Bundle, whole: bool) -> String {
    let mut described = json!({
        "sha256": bundle.sha256,
        "bytes": bundle.script.len(),
        "dependencies": bundle.dependencies,
        "lock": bundle.lock,
        "warnings": bundle.warnings,
    });
    if whole {
        described["script"] = bundle.script.as_str().into();
        described["sourceMap"] = serde_json::from_str(&bundle.source_map).unwrap_or_default();
    }
    described.to_string()
}
