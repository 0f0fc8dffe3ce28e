//! Starts esbuild with as little as it needs: no environment of ours, no files, no network, no privileges, and no life
//! beyond ours. It parses whatever an author or a package brings, and has no business with anything else.
//!
//! What the machine's kernel does not offer is left out. What protects in any case: it is given every file by us.

#[cfg(target_os = "linux")]
mod landlock;
#[cfg(target_os = "linux")]
mod linux;

use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::limits::{ESBUILD_GARBAGE_PERCENT, ESBUILD_MEMORY_TARGET_BYTES};

/// Must be called on a thread that lives as long as the child: on Linux the child dies with it.
pub(super) fn spawn(program: &Path, arguments: &[String]) -> io::Result<Child> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(environment())
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    #[cfg(target_os = "linux")]
    let _kept_until_it_runs = linux::confine(&mut command, program, arguments, &environment())?;
    command.spawn()
}

fn environment() -> [(&'static str, String); 2] {
    [("GOGC", ESBUILD_GARBAGE_PERCENT.to_string()), ("GOMEMLIMIT", format!("{ESBUILD_MEMORY_TARGET_BYTES}B"))]
}
