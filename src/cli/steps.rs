//! What a build is doing, told to whoever waits for it: one line that changes on a terminal, one line a step without.

use millrace_bundler::Step;

use super::terminal::{self, Progress};
use std::time::Instant;

pub struct Steps {
    what: String,
    progress: Progress,
    started: Instant,
    told: Option<Step>,
}

impl Steps {
    pub fn start(what: String) -> Steps {
        Steps { what, progress: Progress::start(), started: Instant::now(), told: None }
    }

    pub fn show(&mut self, step: Option<&Step>) {
        if self.progress.is_shown() {
            let doing = step.map_or("waiting".to_string(), sentence);
            let seconds = self.started.elapsed().as_secs();
            return self.progress.update(&format!("{}: {doing} … {seconds} s", self.what));
        }
        let Some(step) = step else { return };
        let is_new = self
            .told
            .as_ref()
            .is_none_or(|told| std::mem::discriminant(told) != std::mem::discriminant(step));
        if is_new {
            terminal::remark(&format!("{}: {}", self.what, sentence(step)));
            self.told = Some(step.clone());
        }
    }
}

fn sentence(step: &Step) -> String {
    match step {
        Step::Resolving => "resolving the dependencies".into(),
        Step::Downloading { done, total } => format!("downloading {done} of {total} packages"),
        Step::Linking => "linking".into(),
        Step::Checking => "checking the types".into(),
    }
}
