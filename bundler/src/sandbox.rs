//! Starts somebody else's program with as little as it needs: no environment of ours, no files, no network, no
//! privileges, and no life beyond ours. It parses whatever an author or a package brings, and has no business with
//! anything else: it is asked through its pipes, and every file that it wants to see is given to it there.
//!
//! What the machine's kernel does not offer is left out.

#[cfg(target_os = "linux")]
pub mod landlock;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod room;
#[cfg(test)]
pub mod tests;

use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

#[cfg(target_os = "linux")]
pub use room::Room;

/// Other systems have none.
#[cfg(not(target_os = "linux"))]
pub struct Room;

/// What is started, and what it gets.
pub struct Program {
    pub path: PathBuf,
    pub arguments: Vec<String>,
    /// All of its environment.
    pub environment: Vec<(&'static str, String)>,
    /// Names of files that it looks for beside itself: it only wants to know that they are there.
    pub beside: &'static [&'static str],
}

/// The folder in which a program finds itself when it has a room of its own.
pub const INSIDE: &str = "/program";

pub struct Started {
    pub child: Child,
    /// To be kept until the program has looked around, which is before its first answer.
    pub room: Option<Room>,
}

/// Must be called on a thread that lives as long as the child: on Linux the child dies with it.
pub fn spawn(program: &Program) -> io::Result<Started> {
    let mut command = Command::new(&program.path);
    command
        .args(&program.arguments)
        .env_clear()
        .envs(program.environment.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    started(command, program)
}

#[cfg(target_os = "linux")]
fn started(mut command: Command, program: &Program) -> io::Result<Started> {
    let room = linux::confine(&mut command, program, rustix::process::geteuid().is_root())?;
    Ok(Started { child: command.spawn()?, room })
}

#[cfg(not(target_os = "linux"))]
fn started(mut command: Command, _: &Program) -> io::Result<Started> {
    use std::os::unix::process::CommandExt as _;
    // A group of its own, so that all of it can be ended.
    command.process_group(0);
    Ok(Started { child: command.spawn()?, room: None })
}
