//! A worker that tries what no worker may: it is confined as the others are, by the same steps, and then plays the
//! script that has taken its process over. It writes one line for each attempt, `name: errno`, or `name: done`.

use std::io::Write as _;
use std::os::unix::net::UnixStream;

use rustix::io::Errno;

use super::Sandbox;

/// With all layers; without the last, to see what is left when the filter is missing; with none, to see that the
/// attempts are possible at all.
const CONFINED: &str = "confined";
const UNFILTERED: &str = "unfiltered";

type Attempt = (&'static str, libc::c_long, [usize; 6]);

pub fn run(mut socket: UnixStream, how: &str) -> std::io::Result<()> {
    // Before the filter, which would not even tell who the host is.
    let attempts = attempts();
    match how {
        CONFINED => {
            Sandbox::enter().close();
        }
        UNFILTERED => {
            Sandbox::enter();
        }
        _ => {}
    }
    let mut report = String::new();
    for (name, call, arguments) in attempts {
        report.push_str(&format!("{name}: {}\n", outcome(call, arguments)));
    }
    socket.write_all(report.as_bytes())
}

#[allow(unsafe_code)]
fn outcome(call: libc::c_long, [a, b, c, d, e, f]: [usize; 6]) -> String {
    // SAFETY: the attempts below pass null, small numbers, or the addresses of constants.
    let result = unsafe { libc::syscall(call, a, b, c, d, e, f) };
    if result != -1 {
        return "done".into();
    }
    match Errno::from_io_error(&std::io::Error::last_os_error()) {
        Some(Errno::PERM) => "EPERM".into(),
        Some(Errno::ACCESS) => "EACCES".into(),
        Some(Errno::NOENT) => "ENOENT".into(),
        Some(other) => format!("{other:?}"),
        None => "an unknown error".into(),
    }
}

/// None of them does harm where it is allowed.
fn attempts() -> Vec<Attempt> {
    let text = |text: &'static std::ffi::CStr| text.as_ptr() as usize;
    let here = libc::AT_FDCWD as usize;
    let parent = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get() as usize);
    let inet = [libc::AF_INET as usize, libc::SOCK_STREAM as usize, 0, 0, 0, 0];
    let unix = [libc::AF_UNIX as usize, libc::SOCK_STREAM as usize, 0, 0, 0, 0];
    let run = (libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC) as usize;
    let map = [0, 4096, run, (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize, usize::MAX, 0];
    let session_keyring = [0, (-3_isize).cast_unsigned(), 0, 0, 0, 0];
    vec![
        ("open a file", libc::SYS_openat, [here, text(c"/etc/passwd"), 0, 0, 0, 0]),
        ("open the root", libc::SYS_openat, [here, text(c"/"), libc::O_PATH as usize, 0, 0, 0]),
        ("open /proc", libc::SYS_openat, [here, text(c"/proc/self/maps"), 0, 0, 0, 0]),
        ("make a socket", libc::SYS_socket, inet),
        ("make a local socket", libc::SYS_socket, unix),
        ("run a program", libc::SYS_execve, [text(c"/no/such/program"), 0, 0, 0, 0, 0]),
        ("fork", libc::SYS_clone, [usize::MAX, 0, 0, 0, 0, 0]),
        ("signal the host", libc::SYS_kill, [parent, 0, 0, 0, 0, 0]),
        ("trace the host", libc::SYS_ptrace, [libc::PTRACE_SEIZE as usize, parent, 0, 0, 0, 0]),
        ("read the host's memory", libc::SYS_process_vm_readv, [parent, 0, 0, 0, 0, 0]),
        ("load a filter", libc::SYS_bpf, [0; 6]),
        ("use keys", libc::SYS_keyctl, session_keyring),
        ("make code", libc::SYS_mmap, map),
        ("mount", libc::SYS_mount, [0; 6]),
        ("leave the name spaces", libc::SYS_unshare, [0; 6]),
        ("become root", libc::SYS_setresuid, [0; 6]),
        ("use io_uring", libc::SYS_io_uring_setup, [1, 0, 0, 0, 0, 0]),
        ("make a file of memory", libc::SYS_memfd_create, [text(c"x"), 0, 0, 0, 0, 0]),
        ("raise a limit", libc::SYS_prlimit64, [0, libc::RLIMIT_NOFILE as usize, 0, 0, 0, 0]),
        ("type for the terminal", libc::SYS_ioctl, [2, libc::TIOCSTI as usize, 0, 0, 0, 0]),
    ]
}
