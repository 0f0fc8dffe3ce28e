//! What a confined program can see and do, as the kernel tells it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use super::{Program, landlock, linux};
use crate::testing;

const SECRET: &str = "a secret of this machine";

/// Of a running program that has been given these variables and no more.
pub fn assert_confined(pid: u32, variables: &[&str]) {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap();
    let status = read("status");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(field("NoNewPrivs:"), ["1"]);
    assert_eq!(field("NSsid:")[0], pid.to_string(), "it leads a session of its own");
    assert_eq!(field("CapEff:"), ["0000000000000000"]);
    let limits = read("limits");
    let limit =
        |name: &str| limits.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    assert!(limit("Max file size").starts_with("0 ") && limit("Max core file size").starts_with("0 "));
    let open: Vec<_> =
        fs::read_dir(format!("/proc/{pid}/fd")).unwrap().map(|it| it.unwrap().path()).collect();
    // Three pipes, and what Go's runtime opens to wait on them.
    assert!(open.len() <= 5, "{open:?}");
    let environment = read("environ");
    let entries = environment.split('\0').filter(|entry| !entry.is_empty());
    let names: Vec<_> = entries.filter_map(|entry| entry.split('=').next()).collect();
    assert_eq!(names, variables);
    if rustix::process::geteuid().is_root() {
        assert_eq!(field("Uid:"), ["65534"; 4]);
        assert_eq!(field("Gid:"), ["65534"; 4]);
        assert!(field("Groups:").is_empty());
        // Its room is gone, with all that was in it.
        let root = fs::read_link(format!("/proc/{pid}/root")).unwrap();
        assert!(root.to_string_lossy().ends_with(" (deleted)"), "{}", root.display());
        assert!(!root.exists());
    }
}

pub async fn until_gone(path: &Path) {
    for _ in 0..400 {
        if !path.exists() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{} is still there", path.display());
}

/// esbuild, as a program that prints the file that it is told to read.
fn print(program: &Path, file: &Path, confined_as_root: Option<bool>) -> Output {
    let arguments = vec![file.display().to_string()];
    let mut command = Command::new(program);
    command.args(&arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let program = Program { path: program.to_owned(), arguments, environment: Vec::new(), beside: &[] };
    let _room = confined_as_root.map(|is_root| linux::confine(&mut command, &program, is_root).unwrap());
    command.spawn().unwrap().wait_with_output().unwrap()
}

#[tokio::test]
async fn no_file_of_this_machine_is_readable() {
    let esbuild = testing::esbuild().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret.js");
    fs::write(&file, format!("export default '{SECRET}';")).unwrap();
    testing::open_to_all(folder.path());

    let output = print(&esbuild, &file, None);
    assert!(String::from_utf8_lossy(&output.stdout).contains(SECRET), "{output:?}");
    // Root has a room; everybody has Landlock, where the kernel has it.
    let has_landlock = landlock::only_run(&fs::File::open(&esbuild).unwrap()).is_some();
    let ways = [rustix::process::geteuid().is_root().then_some(true), has_landlock.then_some(false)];
    assert!(ways.iter().any(Option::is_some), "this kernel offers no way to hide files");
    for way in ways.into_iter().flatten() {
        let output = print(&esbuild, &file, Some(way));
        let (told, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!told.contains(SECRET) && !output.status.success(), "{told}{said}");
        assert!(said.contains("Could not read from file") || said.contains("Could not resolve"), "{said}");
    }
}
