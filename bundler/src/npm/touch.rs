//! How old a kept file is, by its own clock on disk: nothing else here needs to know the time.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, futimens};

/// A file from the future is not: its clock was wrong.
pub(super) fn is_fresh(file: &Path, within: Duration) -> bool {
    let modified = fs::metadata(file).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age < within))
}

/// As new as if it were written now.
pub(super) fn touch(file: &Path) -> io::Result<()> {
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let opened = File::options().write(true).open(file)?;
    futimens(&opened, &Timestamps { last_access: now, last_modification: now })?;
    Ok(())
}
