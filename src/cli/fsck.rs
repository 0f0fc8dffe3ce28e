//! `millrace fsck`: what the check of a data folder has found.

use serde_json::json;

use super::failure::Failure;
use super::terminal::{self, Paint, Progress, Style};
use crate::config::{Fsck, Remote};
use crate::log::{self, FsckReport};

pub fn fsck(remote: &Remote, options: &Fsck) -> Result<(), Failure> {
    if !options.data.exists() {
        return Err(Failure::no_such_file(&options.data));
    }
    let progress = Progress::start();
    progress.update(&format!("checking {} …", options.data.display()));
    let report = log::fsck(&options.data).map_err(|error| Failure::failed(error.to_string()))?;
    drop(progress);
    if remote.json {
        tell_machines(&report)?
    } else {
        tell_people(options, &report)?
    }
    if report.is_clean() { Ok(()) } else { Err(Failure::Reported) }
}

fn tell_machines(report: &FsckReport) -> Result<(), Failure> {
    let told = json!({
        "engine": report.engine.to_string(),
        "streams": report.streams,
        "events": report.events,
        "problemCount": report.problem_count,
        "problems": report.problems,
    });
    Ok(terminal::print(&told.to_string())?)
}

fn tell_people(options: &Fsck, report: &FsckReport) -> Result<(), Failure> {
    let paint = Paint::stdout();
    let folder = options.data.display();
    let counted = format!("{} events in {} streams, on {}", report.events, report.streams, report.engine);
    if report.is_clean() {
        return Ok(terminal::print(&format!(
            "{} {folder} is sound: {counted}",
            paint.paint(Style::Good, "ok")
        ))?);
    }
    for problem in &report.problems {
        terminal::print(&format!("{} {problem}", paint.paint(Style::Bad, "problem")))?;
    }
    let told = report.problems.len() as u64;
    if report.problem_count > told {
        terminal::print(&format!("and {} more", report.problem_count - told))?;
    }
    Ok(terminal::print(&format!(
        "{folder} is damaged ({} problems): {counted}. Keep a copy of it, and restore a backup",
        report.problem_count
    ))?)
}
