//! The filter on system calls: what a worker needs while scripts run in it, and nothing else. Whatever is not named
//! here fails with EPERM, so that a library which asks for more than it needs finds another way.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// Whatever their arguments are.
const FREE: &[libc::c_long] = &[
    // The socket to the host, and the last words on standard error.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_sendto,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_close,
    // Memory; `mmap` and `mprotect` stand below.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // The two threads, which wait for each other.
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_restart_syscall,
    // Time and randomness.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    // Its own end, in order or not.
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_getpid,
    libc::SYS_gettid,
];

const PROTECTION: u8 = 2;
const COMMAND: u8 = 1;
const PROCESS: u8 = 0;

/// False where the kernel has no such filter, or nobody knows this processor's system calls.
pub fn allow_only_a_workers() -> bool {
    program().is_ok_and(|program| seccompiler::apply_filter_all_threads(&program).is_ok())
}

fn program() -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = FREE.iter().map(|call| (*call, Vec::new())).collect();
    // Memory that can be written is never run: the engine makes no machine code.
    let not_run = SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64);
    rules.insert(libc::SYS_mmap, only_if(PROTECTION, not_run.clone(), 0)?);
    rules.insert(libc::SYS_mprotect, only_if(PROTECTION, not_run, 0)?);
    // The standard library looks whether a descriptor is open before it closes it.
    rules.insert(libc::SYS_fcntl, only_if(COMMAND, SeccompCmpOp::Eq, libc::F_GETFD as u64)?);
    // To abort.
    rules.insert(libc::SYS_tgkill, only_if(PROCESS, SeccompCmpOp::Eq, std::process::id().into())?);
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let processor = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, refuse, SeccompAction::Allow, processor)?.try_into()
}

fn only_if(argument: u8, compares: SeccompCmpOp, value: u64) -> Result<Vec<SeccompRule>, BackendError> {
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, compares, value)?;
    Ok(vec![SeccompRule::new(vec![condition])?])
}
