//! What fails, hangs, dies or grows too large, and that nobody else suffers from it.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::{lines, options, plugin, request};
use crate::esbuild::service::{Death, start_as};
use crate::esbuild::{
    Binary, BoxFuture, BuildFailure, BuildRequest, Esbuild, EsbuildOptions, Loaded, Plugin,
};
use crate::package::Packages;
use crate::resolve::{Kind, ResolveProblem, Resolved};
use crate::testing;

/// What a file of the source does when it is loaded.
#[derive(Clone, Copy)]
enum Trap {
    Hang,
    Panic,
    Fail,
}

/// The file `trap.ts` is one; all others are `inner`'s.
struct Trapped {
    inner: Arc<dyn Plugin>,
    trap: Trap,
    /// When something waits in it.
    reached: Arc<Notify>,
    loads: AtomicUsize,
}

impl Plugin for Trapped {
    fn resolve<'a>(
        &'a self,
        importer: &'a str,
        specifier: &'a str,
        kind: Kind,
    ) -> BoxFuture<'a, Result<Resolved, ResolveProblem>> {
        self.inner.resolve(importer, specifier, kind)
    }

    fn load<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Loaded, String>> {
        if path != "/p/trap.ts" {
            return self.inner.load(path);
        }
        self.loads.fetch_add(1, Relaxed);
        self.reached.notify_one();
        match self.trap {
            Trap::Hang => Box::pin(pending()),
            Trap::Panic => Box::pin(async { panic!("a trap") }),
            Trap::Fail => Box::pin(async { Err("the disk is gone".to_owned()) }),
        }
    }

    fn shown(&self, path: &str) -> String {
        self.inner.shown(path)
    }
}

fn trapped(trap: Trap) -> (BuildRequest, Arc<Trapped>) {
    let files = [("main.ts", "import './trap';\nexport default 1;"), ("trap.ts", "")];
    let inner = plugin(&files, &Packages::default());
    let plugin = Arc::new(Trapped { inner, trap, reached: Arc::default(), loads: AtomicUsize::new(0) });
    (BuildRequest::new("/p/main.ts", plugin.clone()), plugin)
}

async fn still_builds(esbuild: &Esbuild) {
    esbuild.build(simple()).await.expect("the next build is no one else's business");
}

fn simple() -> BuildRequest {
    request(&[("main.ts", "export default 1;")], &Packages::default())
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_load_that_fails() {
    for (trap, expected) in [
        (Trap::Fail, "main.ts:1:8-16  the disk is gone"),
        (Trap::Panic, "main.ts:1:8-16  the linker's plugin panicked"),
    ] {
        let esbuild = Esbuild::new(options());
        assert_eq!(lines(esbuild.build(trapped(trap).0).await.unwrap_err()), [expected]);
        still_builds(&esbuild).await;
    }
}

#[tokio::test]
async fn a_load_that_hangs() {
    let mut options = options();
    options.bounds.callback_time = Duration::from_millis(100);
    let esbuild = Esbuild::new(options);
    let failure = esbuild.build(trapped(Trap::Hang).0).await.unwrap_err();
    assert_eq!(lines(failure), ["main.ts:1:8-16  `/p/trap.ts` took longer than 100 ms"]);
    still_builds(&esbuild).await;
}

#[tokio::test]
async fn a_build_that_takes_too_long() {
    let mut options = options();
    options.bounds.build_time = Duration::from_millis(100);
    let esbuild = Esbuild::new(options);
    let failure = esbuild.build(trapped(Trap::Hang).0).await.unwrap_err();
    assert_eq!(failure, BuildFailure::Timeout(Duration::from_millis(100)));
    still_builds(&esbuild).await;
}

#[tokio::test]
async fn cancelled() {
    let esbuild = Esbuild::new(options());
    let (mut request, plugin) = trapped(Trap::Hang);
    let reached = plugin.reached.clone();
    request.cancel = Box::pin(async move { reached.notified().await });
    let pid = {
        let building = esbuild.build(request);
        assert_eq!(building.await.unwrap_err(), BuildFailure::Cancelled);
        esbuild.pid().await
    };
    // Nothing had to be killed for it, and all turns are given back.
    for _ in 0..6 {
        still_builds(&esbuild).await;
    }
    assert_eq!(esbuild.pid().await, pid);
    esbuild.all_turns().await;
}

#[tokio::test]
async fn cancelled_before_its_turn() {
    let esbuild = Esbuild::new(options());
    let mut request = simple();
    request.cancel = Box::pin(async {});
    assert_eq!(esbuild.build(request).await.unwrap_err(), BuildFailure::Cancelled);
    assert_eq!(esbuild.pid().await, None);
}

#[tokio::test]
async fn dropped() {
    let esbuild = Esbuild::new(options());
    let (request, plugin) = trapped(Trap::Hang);
    tokio::select! {
        _ = esbuild.build(request) => panic!("it hangs"),
        () = plugin.reached.notified() => {}
    }
    esbuild.all_turns().await;
    still_builds(&esbuild).await;
}

#[tokio::test]
async fn killed_once() {
    let esbuild = Arc::new(Esbuild::new(options()));
    still_builds(&esbuild).await;
    let before = esbuild.pid().await.unwrap();
    let (request, plugin) = trapped(Trap::Hang);
    let hanging = tokio::spawn({
        let esbuild = esbuild.clone();
        async move { esbuild.build(request).await }
    });
    plugin.reached.notified().await;
    kill(before);
    let start = Instant::now();
    // It is tried again, and reaches the same place.
    plugin.reached.notified().await;
    still_builds(&esbuild).await;
    assert_ne!(esbuild.pid().await, Some(before));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert_eq!(plugin.loads.load(Relaxed), 2);
    hanging.abort();
    let _ = hanging.await;
    esbuild.all_turns().await;
}

#[tokio::test]
async fn killed_whenever_it_runs() {
    struct Deadly(Arc<dyn Plugin>, Arc<Notify>);
    impl Plugin for Deadly {
        fn resolve<'a>(
            &'a self,
            importer: &'a str,
            specifier: &'a str,
            kind: Kind,
        ) -> BoxFuture<'a, Result<Resolved, ResolveProblem>> {
            self.0.resolve(importer, specifier, kind)
        }
        fn load<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Loaded, String>> {
            for child in children() {
                kill(child);
            }
            self.1.notify_one();
            Box::pin(pending())
        }
        fn shown(&self, path: &str) -> String {
            self.0.shown(path)
        }
    }
    // Only this test's own: it runs in a process of its own, so that it kills no other test's.
    if std::env::var_os("MILLRACE_TEST_ALONE").is_none() {
        let name = "esbuild::tests::failing::killed_whenever_it_runs";
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact"])
            .env("MILLRACE_TEST_ALONE", "1")
            .stdout(std::process::Stdio::null())
            .status();
        assert!(status.unwrap().success());
        return;
    }
    let esbuild = Esbuild::new(options());
    let inner = plugin(&[("main.ts", "")], &Packages::default());
    let plugin = Arc::new(Deadly(inner, Arc::default()));
    let failure = esbuild.build(BuildRequest::new("/p/main.ts", plugin)).await.unwrap_err();
    let BuildFailure::Machinery(reason) = failure else { panic!("{failure:?}") };
    assert_eq!(reason, "esbuild ended (signal: 9 (SIGKILL))");
    still_builds(&esbuild).await;
}

/// The processes that this one has started.
fn children() -> Vec<u32> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let pids: Vec<u32> = lists
        .flat_map(|list| list.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>())
        .collect();
    assert!(!pids.is_empty());
    pids
}

#[tokio::test]
async fn too_large() {
    // The text of each member is twice that of the one before.
    let members: String = (1..34).map(|n| format!("m{n} = m{} + m{},\n", n - 1, n - 1)).collect();
    let bomb = format!("enum E {{ m0 = 'x',\n{members} }}\nexport default E.m33;");
    let long = format!("export default '{}';", "x".repeat(10_000));
    let cases: [(&str, &str, &str); 4] = [
        (&long, "code", "the bundle has "),
        (&long, "loaded", "the source and its packages have more than 9000 bytes of code"),
        ("import './a'; import './b';", "modules", "the source and its packages have more than 2 modules"),
        (&bomb, "memory", "the build takes more than 200000000 bytes of memory"),
    ];
    for (main, bound, expected) in cases {
        let mut options = options();
        match bound {
            "code" => options.bounds.code_bytes = 9_000,
            "loaded" => options.bounds.loaded_bytes = 9_000,
            "modules" => options.bounds.modules = 2,
            _ => options.bounds.resident_bytes = 200_000_000,
        }
        let esbuild = Esbuild::new(options);
        let files = [("main.ts", main), ("a.ts", ""), ("b.ts", "")];
        let failure = esbuild.build(request(&files, &Packages::default())).await.unwrap_err();
        let BuildFailure::TooLarge(reason) = failure else { panic!("{bound}: {failure:?}") };
        assert!(reason.starts_with(expected), "{bound}: {reason}");
        still_builds(&esbuild).await;
    }
}

/// esbuild's own recursion ends at a gigabyte of stack; a lower bound on its memory ends it sooner.
#[tokio::test]
async fn nested_too_deeply() {
    let deep = format!("export default {}1{};", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let packages = crate::tree::tests::packages(
        &[("deep", "deep@1")],
        &[("deep@1", "deep", &[], &[("index.js", &deep)])],
    );
    let mut options = options();
    options.bounds.resident_bytes = 200_000_000;
    let esbuild = Esbuild::new(options);
    let failure =
        esbuild.build(request(&[("main.ts", "export * from 'deep';")], &packages)).await.unwrap_err();
    assert!(matches!(failure, BuildFailure::TooLarge(_)), "{failure:?}");
    still_builds(&esbuild).await;
}

#[test]
fn the_end_of_a_stack_is_told_in_other_words() {
    let words = "runtime: goroutine stack exceeds 1000000000-byte limit\nfatal error: stack overflow";
    let failure = Death::of(format!("esbuild ended (exit status: 2): {words}"), 1).failure();
    assert_eq!(failure, BuildFailure::TooLarge("the code is nested too deeply for esbuild".into()));
}

#[tokio::test]
async fn idle() {
    let mut options = options();
    options.bounds.idle_time = Duration::from_millis(200);
    let esbuild = Esbuild::new(options);
    still_builds(&esbuild).await;
    while esbuild.pid().await.is_some() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    still_builds(&esbuild).await;
}

#[tokio::test]
async fn a_killer_dies_alone() {
    let mut options = options();
    options.bounds.resident_bytes = 200_000_000;
    let esbuild = Esbuild::new(options);
    let members: String = (1..34).map(|n| format!("m{n} = m{} + m{},\n", n - 1, n - 1)).collect();
    let bomb = format!("import './trap';\nenum E {{ m0 = 'x',\n{members} }}\nexport default E.m33;");
    let files = [("main.ts", bomb.as_str()), ("trap.ts", "")];
    let bomb = request(&files, &Packages::default());
    let (innocent, _) = trapped(Trap::Hang);
    tokio::select! {
        killer = esbuild.build(bomb) => assert!(matches!(killer, Err(BuildFailure::TooLarge(_))), "{killer:?}"),
        innocent = esbuild.build(innocent) => panic!("it hangs by itself, and is not to blame: {innocent:?}"),
    }
    still_builds(&esbuild).await;
}

#[tokio::test]
async fn programs_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let script = |name: &str, text: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let text = script("text", "not a program");
    let missing = folder.path().join("missing");
    for (path, expected) in
        [(&missing, "does not start: No such file"), (&text, "does not start: Exec format error")]
    {
        let esbuild = Esbuild::new(EsbuildOptions::new(Binary::At(path.clone())));
        let failure = esbuild.build(simple()).await.unwrap_err();
        let BuildFailure::Machinery(reason) = failure else { panic!("{failure:?}") };
        assert!(reason.contains(expected) && reason.contains(&path.display().to_string()), "{reason}");
    }
    let failing = Arc::new(|| -> BoxFuture<'static, Result<std::path::PathBuf, String>> {
        Box::pin(async { Err("the registry does not answer".to_owned()) })
    });
    let esbuild = Esbuild::new(EsbuildOptions::new(Binary::From(failing)));
    let failure = esbuild.build(simple()).await.unwrap_err();
    assert_eq!(failure, BuildFailure::Machinery("the registry does not answer".into()));
}

#[tokio::test]
async fn another_version() {
    for (version, expected) in [("0.1.0", r#"does not match binary version "0.28.2""#), ("", "esbuild")] {
        let program = testing::esbuild().await;
        let Err(reason) = start_as(program, version, options().bounds).await else { panic!("it started") };
        assert!(reason.contains(expected), "{reason}");
    }
}
