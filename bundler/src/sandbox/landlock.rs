//! Landlock: a process gives up all files and the network for good, without being root. Linux has it since 5.13.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};

// From the kernel's landlock.h.
const CREATE_RULESET_VERSION: usize = 1;
const RULE_PATH_BENEATH: usize = 1;
const ACCESS_EXECUTE: u64 = 1;
const ACCESS_READ_FILE: u64 = 1 << 2;

/// What a process of this domain must be allowed to do; what is not named stays allowed.
#[repr(C)]
struct Ruleset {
    files: u64,
    network: u64,
    scopes: u64,
}

#[repr(C, packed)]
struct PathBeneath {
    allowed: u64,
    parent: RawFd,
}

/// Rules that leave nothing at all but what is open already. None when the kernel has no Landlock.
pub fn nothing() -> Option<OwnedFd> {
    let version = call(libc::SYS_landlock_create_ruleset, &[0, 0, CREATE_RULESET_VERSION]).ok()?;
    let (ruleset, bytes) = all_of(version);
    let address = &raw const ruleset as usize;
    let rules = call(libc::SYS_landlock_create_ruleset, &[address, bytes, 0]).ok()?;
    // Safe: the kernel has just given this descriptor to us.
    #[allow(unsafe_code)]
    Some(unsafe { OwnedFd::from_raw_fd(RawFd::try_from(rules).ok()?) })
}

/// Rules that leave only one thing: to run this program. None when the kernel has no Landlock.
pub fn only_run(program: &File) -> Option<OwnedFd> {
    let rules = nothing()?;
    let beneath = PathBeneath { allowed: ACCESS_EXECUTE | ACCESS_READ_FILE, parent: program.as_raw_fd() };
    let address = &raw const beneath as usize;
    let rule = [descriptor(&rules), RULE_PATH_BENEATH, address, 0];
    call(libc::SYS_landlock_add_rule, &rule).ok()?;
    Some(rules)
}

/// From here on, and in all that this process becomes.
pub fn restrict(rules: &OwnedFd) -> io::Result<()> {
    call(libc::SYS_landlock_restrict_self, &[descriptor(rules), 0]).map(drop)
}

/// Everything that a version of the interface can forbid, and how many bytes of it that version knows.
fn all_of(version: i64) -> (Ruleset, usize) {
    let files = match version {
        ..=1 => (1 << 13) - 1,
        2 => (1 << 14) - 1,
        3 | 4 => (1 << 15) - 1,
        5.. => (1 << 16) - 1,
    };
    let (network, scopes) = (if version >= 4 { 0b11 } else { 0 }, if version >= 6 { 0b11 } else { 0 });
    let bytes = match version {
        ..=3 => 8,
        4 | 5 => 16,
        6.. => 24,
    };
    (Ruleset { files, network, scopes }, bytes)
}

fn descriptor(rules: &OwnedFd) -> usize {
    rules.as_raw_fd() as usize
}

/// Safe for the calls of this file: they only read the structures that they are given for as long as they take.
#[allow(unsafe_code)]
fn call(number: libc::c_long, arguments: &[usize]) -> io::Result<i64> {
    let argument = |index: usize| arguments.get(index).copied().unwrap_or(0);
    let result = unsafe { libc::syscall(number, argument(0), argument(1), argument(2), argument(3)) };
    match result {
        -1 => Err(io::Error::last_os_error()),
        result => Ok(result),
    }
}
