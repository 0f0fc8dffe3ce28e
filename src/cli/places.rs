//! Where a project's files lie on this machine, and how they are called from there.

use std::path::{Component, Path, PathBuf};

/// The nearest file of a name in a folder or above it. Where a repository begins, a project does not reach farther up.
pub fn nearest(folder: &Path, name: &str) -> Option<PathBuf> {
    for folder in folder.ancestors() {
        let found = is_file(folder.join(name));
        if found.is_some() || folder.join(".git").exists() {
            return found;
        }
    }
    None
}

pub fn is_file(path: PathBuf) -> Option<PathBuf> {
    Some(path).filter(|path| path.is_file())
}

/// The innermost folder that holds both.
pub fn common<'a>(folder: &'a Path, file: &Path) -> &'a Path {
    folder.ancestors().find(|folder| file.starts_with(folder)).unwrap_or(folder)
}

/// With `/` on every machine.
pub fn name_below(folder: &Path, file: &Path) -> String {
    let below = file.strip_prefix(folder).unwrap_or(file);
    let parts: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

/// How files are shown: relative to where the command was given, as the one was that it names.
pub struct Shown {
    /// Where the one stands with its links followed, and as it was given.
    folder: PathBuf,
    given: PathBuf,
}

impl Shown {
    pub fn beside(given: &Path, followed: &Path) -> Shown {
        let folder = |path: &Path| path.parent().unwrap_or(Path::new("")).to_path_buf();
        Shown { folder: folder(followed), given: folder(given) }
    }

    pub fn of(&self, file: &Path) -> String {
        let common = common(&self.folder, file);
        let up = self.folder.strip_prefix(common).map_or(0, |below| below.components().count());
        let mut shown = self.given.clone();
        for _ in 0..up {
            // `a/..` is nothing, and `..` or nothing goes on upwards.
            if !matches!(shown.components().next_back(), Some(Component::Normal(_))) || !shown.pop() {
                shown.push("..");
            }
        }
        shown.join(file.strip_prefix(common).unwrap_or(file)).display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_shown_as_the_one_that_was_given() {
        let cases = [
            ("a.ts", "/p/a.ts", "/p/b.ts", "b.ts"),
            ("./x/a.ts", "/p/x/a.ts", "/p/package.json", "./package.json"),
            ("a.ts", "/p/x/a.ts", "/p/y/b.ts", "../y/b.ts"),
            ("../a.ts", "/p/x/a.ts", "/p/b.ts", "../../b.ts"),
            ("/tmp/l/a.ts", "/p/x/a.ts", "/p/x/y/b.ts", "/tmp/l/y/b.ts"),
        ];
        for (given, followed, file, expected) in cases {
            let shown = Shown::beside(Path::new(given), Path::new(followed)).of(Path::new(file));
            assert_eq!(shown, expected, "{given} {file}");
        }
    }
}
