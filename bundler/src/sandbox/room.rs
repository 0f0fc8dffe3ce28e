//! The folder that is all a confined program of root's can see: empty but for what it asks about itself.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use tempfile::TempDir;

use super::{INSIDE, Program};

/// Gone when it is dropped: whoever is still inside has nothing at all.
pub struct Room(TempDir);

impl Room {
    pub fn for_program(program: &Program) -> io::Result<Room> {
        let room = Room(tempfile::Builder::new().prefix("millrace-room-").tempdir()?);
        if !program.beside.is_empty() {
            room.furnish(program)?;
        }
        // For whoever runs in there, who is nobody's user; there is nothing to be kept from others.
        fs::set_permissions(room.0.path(), fs::Permissions::from_mode(0o755))?;
        Ok(room)
    }

    /// A program that looks beside itself asks the system where it stands, and then whether the files are there.
    fn furnish(&self, program: &Program) -> io::Result<()> {
        let inside = self.0.path().join(INSIDE.trim_start_matches('/'));
        fs::create_dir(&inside)?;
        let own = program.path.file_name().unwrap_or_default();
        fs::write(inside.join(own), "")?;
        for name in program.beside {
            fs::write(inside.join(name), "")?;
        }
        let process = self.0.path().join("proc/self");
        fs::create_dir_all(&process)?;
        symlink(Path::new(INSIDE).join(own), process.join("exe"))
    }

    pub fn path(&self) -> io::Result<CString> {
        Ok(CString::new(self.0.path().as_os_str().as_bytes())?)
    }
}
