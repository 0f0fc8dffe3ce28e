//! A folder of this process's own beside the store's finished things: what lies in it is half done, and goes
//! when the process goes. What dead processes left is cleared by the next that comes.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FlockOperation, flock};

pub(super) struct Workplace {
    folder: PathBuf,
    /// Locked as long as the process lives, in whatever container: a process number would not say so much.
    lock: PathBuf,
    _held: File,
    next: AtomicU64,
}

const LOCK: &str = "lock";

impl Workplace {
    /// Below `folder`, which is made if need be.
    pub(super) fn open(folder: &Path) -> io::Result<Workplace> {
        fs::create_dir_all(folder)?;
        clear_leftovers(folder)?;
        loop {
            let own = tempfile::Builder::new().prefix("").rand_bytes(12).tempdir_in(folder)?;
            let lock = own.path().with_extension(LOCK);
            let held = OpenOptions::new().write(true).create_new(true).open(&lock)?;
            // Who clears leftovers just now may have taken it for one, before it was locked.
            if flock(&held, FlockOperation::NonBlockingLockExclusive).is_ok()
                && is_at(&held, &lock)
                && own.path().exists()
            {
                return Ok(Workplace { folder: own.keep(), lock, _held: held, next: AtomicU64::new(0) });
            }
        }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A path that nothing has yet.
    pub(super) fn fresh(&self) -> PathBuf {
        self.folder.join(self.next.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// All or nothing, also for readers in other processes.
    pub(super) fn write(&self, target: &Path, bytes: &[u8]) -> io::Result<()> {
        let fresh = self.fresh();
        fs::write(&fresh, bytes)?;
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::rename(&fresh, target)
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        // What cannot be removed now, the next process removes.
        let _ = fs::remove_dir_all(&self.folder);
        let _ = fs::remove_file(&self.lock);
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    let place = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    file.metadata().is_ok_and(|own| fs::metadata(path).is_ok_and(|there| place(own) == place(there)))
}

fn clear_leftovers(folder: &Path) -> io::Result<()> {
    let locks = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    for lock in locks.filter(|path| path.extension().is_some_and(|extension| extension == LOCK)) {
        let Ok(file) = OpenOptions::new().write(true).open(&lock) else { continue };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = fs::remove_dir_all(lock.with_extension(""));
            let _ = fs::remove_file(&lock);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Workplace;

    #[test]
    fn leftovers_go_and_the_living_stay() {
        let folder = tempfile::tempdir().unwrap();
        let living = Workplace::open(folder.path()).unwrap();
        fs::write(living.fresh(), "half").unwrap();
        fs::create_dir(folder.path().join("dead")).unwrap();
        fs::write(folder.path().join("dead/half"), "half").unwrap();
        fs::write(folder.path().join("dead.lock"), "").unwrap();

        let second = Workplace::open(folder.path()).unwrap();
        assert!(!folder.path().join("dead").exists() && !folder.path().join("dead.lock").exists());
        assert!(living.folder.join("0").exists());

        drop((living, second));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn writing_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let workplace = Workplace::open(&folder.path().join("work")).unwrap();
        let target = folder.path().join("a/b/c");
        for text in ["one", "two"] {
            workplace.write(&target, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&target).unwrap(), text);
        }
    }
}
