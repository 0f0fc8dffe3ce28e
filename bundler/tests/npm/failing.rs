//! What cannot be installed: which code, about which dependency, in which words, and that nothing is kept of it.

use millrace_bundler::npm::{InstallError, InstallProblem, Requirements};
use serde_json::{Value, json};

use crate::registry::{Registry, Reply, integrity, tarball};
use crate::world::{World, only_problem};

fn needs(dependencies: Value) -> Value {
    json!({ "dependencies": dependencies })
}

#[track_caller]
fn assert_problem(problem: &InstallProblem, code: &str, dependency: &str, message: &[&str], hint: &[&str]) {
    assert_eq!(problem.code.as_str(), code, "{problem:?}");
    assert_eq!(problem.dependency.as_deref(), Some(dependency), "{problem:?}");
    for part in message {
        assert!(problem.message.contains(part), "no {part:?} in {:?}", problem.message);
    }
    for part in hint {
        let hint = problem.hint.as_deref().unwrap_or_default();
        assert!(hint.contains(part), "no {part:?} in {hint:?}");
    }
}

#[tokio::test]
async fn what_is_not_there() {
    let world = World::new();
    let versions = ["3.8.0", "3.9.1", "4.0.0", "4.0.1", "4.0.2", "4.1.0", "4.2.0", "5.0.0-beta.1", "4.3.0"];
    world.registry.publish("b", &versions.map(|version| (version, json!({}))));
    world.registry.publish("a", &[("1.0.0", needs(json!({"b": "^9", "c": "1"})))]);
    world.registry.publish("top", &[("2.0.0", needs(json!({"a": "1"})))]);
    world.registry.publish("lost", &[("1.0.0", needs(json!({"missing": "1"})))]);
    world.registry.publish("c", &[("1.0.0", json!({}))]);
    world.registry.publish("empty", &[]);

    let offer = ["4.3.0, 4.2.0, 4.1.0, 4.0.2, 4.0.1", "latest 4.3.0"];
    let problem = world.problem(json!({"b": "^3.99"})).await;
    assert_problem(&problem, "version-not-found", "b", &["no version of `b` satisfies `^3.99`"], &offer);
    assert!(problem.hint.unwrap().contains("the nearest is 3.9.1"));
    let problem = world.problem(json!({"b": "nightly"})).await;
    assert_problem(&problem, "version-not-found", "b", &["`b` has no dist-tag `nightly`"], &offer);
    let problem = world.problem(json!({"top": "*"})).await;
    let chain = ["no version of `b` satisfies `^9`", "(asked for by `top@2.0.0` → `a@1.0.0`)"];
    assert_problem(&problem, "version-not-found", "top", &chain, &offer);
    let problem = world.problem(json!({"empty": "*"})).await;
    assert_problem(&problem, "version-not-found", "empty", &["no version of `empty`"], &["taken back"]);

    let host = format!("127.0.0.1:{}", world.registry.port);
    let problem = world.problem(json!({"missing": "1"})).await;
    assert_problem(&problem, "package-not-found", "missing", &["no package `missing`", &host], &["spelling"]);
    let problem = world.problem(json!({"@s/missing": "1"})).await;
    let key = format!("//{host}/npm/:_authToken");
    assert_problem(
        &problem,
        "package-not-found",
        "@s/missing",
        &["no package `@s/missing`"],
        &["private", &key],
    );
    let problem = world.problem(json!({"lost": "1"})).await;
    assert_problem(&problem, "package-not-found", "lost", &["`missing`", "(asked for by `lost@1.0.0`)"], &[]);

    // Several at the root: all of them.
    let Err(InstallError::Problems(problems)) =
        world.install(needs(json!({"b": "^9", "missing": "1"}))).await
    else {
        panic!("it cannot be installed");
    };
    assert_eq!(problems.len(), 2);
    assert!(world.kept("packages").is_empty());
}

#[tokio::test]
async fn what_is_refused_deep_in_the_tree() {
    let world = World::new();
    let cases = [
        ("git+ssh://git@x/y.git", "unsupported-dependency", "git repository"),
        ("git://x/y", "unsupported-dependency", "git repository"),
        ("github:x/y", "unsupported-dependency", "git repository"),
        ("x/y", "unsupported-dependency", "git repository"),
        ("gitlab:x/y", "unsupported-dependency", "git repository"),
        ("https://x/y.tgz", "unsupported-dependency", "is a URL"),
        ("file:../x", "unsupported-dependency", "is a path"),
        ("link:../x", "unsupported-dependency", "is a path"),
        ("workspace:*", "unsupported-dependency", "workspace"),
        ("what is this", "invalid-version-range", "no version range"),
    ];
    for (number, (value, code, reason)) in cases.iter().enumerate() {
        let deep = format!("deep{number}");
        let top = format!("top{number}");
        world.registry.publish(&deep, &[("1.0.0", needs(json!({"x": value})))]);
        world.registry.publish(&top, &[("1.0.0", needs(json!({ &deep: "1" })))]);
        let problem = world.problem(json!({ &top: "1" })).await;
        let who = format!("`x`, which `{deep}@1.0.0` asks for");
        assert_problem(&problem, code, &top, &[&who, value, reason], &["another version"]);
    }
    world.registry.publish("odd", &[("1.0.0", needs(json!({"../../etc/passwd": "1"})))]);
    let problem = world.problem(json!({"odd": "1"})).await;
    assert_problem(&problem, "invalid-package-name", "odd", &["`../../etc/passwd`", "`odd@1.0.0`"], &[]);
    assert!(!world.registry.paths().iter().any(|path| path.contains("etc")));
    assert!(world.kept("packages").is_empty());
}

#[tokio::test]
async fn a_registry_in_trouble() {
    let world = World::new();
    let metadata = Registry::metadata_path("a");
    let host = format!("127.0.0.1:{}", world.registry.port);
    let cases = [
        (Reply::status(500), "registry-unavailable", "answers 500", 3),
        (Reply::status(503), "registry-unavailable", "answers 503", 3),
        (Reply::HangUp, "registry-unavailable", "does not answer", 3),
        (Reply::Silence, "registry-unavailable", "took too long", 3),
        (Reply::Half(b"{\"name\": \"a\"}".to_vec()), "registry-unavailable", "does not answer", 3),
        (Reply::status(401), "registry-denied", "refuses the metadata of `a`", 1),
        (Reply::status(403), "registry-denied", "refuses the metadata of `a`", 1),
        (Reply::status(418), "registry-answer", "answers 418", 1),
        (Reply::ok(b"<html>".to_vec()), "registry-answer", "no metadata", 1),
        (Reply::ok(vec![0xff, 0xfe]), "registry-answer", "no metadata", 1),
    ];
    for (reply, code, message, tries) in cases {
        world.registry.forget();
        world.registry.reply(&metadata, reply);
        let problem = world.problem(json!({"a": "1"})).await;
        assert_problem(&problem, code, "a", &[message, &host], &[""]);
        assert_eq!(world.registry.asked().len(), tries, "{message}");
        if code == "registry-denied" {
            assert!(problem.hint.unwrap().contains(&format!("//{host}/npm/:_authToken")));
        }
    }
    // A second try helps.
    for reply in [429, 502] {
        let release = world.registry.release("a", "1.0.0", &json!({}));
        let good = Reply::json(&json!({"name": "a", "dist-tags": {}, "versions": {"1.0.0": release}}));
        world.registry.reply(&metadata, Reply::First { times: 2, status: reply, then: Box::new(good) });
        assert_eq!(world.tree(json!({"a": "1"})).await, [": a@1.0.0", "a@1.0.0"]);
    }
}

#[tokio::test]
async fn nobody_there() {
    let world = World::new();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let npm = world.client(&format!("http://{closed}/"), false);
    let problem = only_problem(crate::world::install(&npm, needs(json!({"a": "1"})), None).await);
    assert_problem(
        &problem,
        "registry-unavailable",
        "a",
        &[&closed.to_string(), "refused"],
        &["`registry` in the server's .npmrc"],
    );
}

/// What came is not what was promised: refused, with both, and nothing of it on disk.
#[tokio::test]
async fn another_content_than_promised() {
    let world = World::new();
    let promised = integrity(b"something else");
    let other = json!({"tarball": format!("{}a/-/a-1.0.0.tgz", world.registry.url()), "integrity": promised});
    world.registry.publish("a", &[("1.0.0", json!({"dist": other}))]);
    world.registry.publish("top", &[("1.0.0", needs(json!({"a": "1"})))]);
    for root in ["a", "top"] {
        let problem = world.problem(json!({ root: "1" })).await;
        let message = ["`a@1.0.0`", &promised, "got sha512-"];
        assert_problem(&problem, "integrity-mismatch", root, &message, &["do not use"]);
        assert!(root == "top" || world.kept("packages").is_empty());
    }

    for dist in
        [json!({"tarball": "x"}), json!({"integrity": "md5-abc"}), json!({"shasum": "abc"}), json!(null)]
    {
        // A store of its own: what was installed before may still be written to the other one.
        let world = World::new();
        world.registry.publish("none", &[("1.0.0", json!({ "dist": dist }))]);
        let problem = world.problem(json!({"none": "1"})).await;
        assert_problem(&problem, "integrity-missing", "none", &["`none@1.0.0`"], &["another version"]);
    }
}

/// From before there was another.
#[tokio::test]
async fn a_shasum_alone_suffices() {
    use sha1::Digest;
    let world = World::new();
    let tarball = tarball(&[("package.json", "{}")]);
    let shasum: String = sha1::Sha1::digest(&tarball).iter().map(|byte| format!("{byte:02x}")).collect();
    world.registry.publish("a", &[("1.0.0", json!({"dist": {"shasum": shasum}}))]);
    world.registry.reply(&Registry::tarball_path("a", "1.0.0"), Reply::ok(tarball));
    let installed = world.install(needs(json!({"a": "1"}))).await.unwrap();
    let package = installed.packages.packages.values().next().unwrap();
    assert!(package.integrity.starts_with("sha1-"));
    assert_eq!(&package.files.read("package.json").unwrap()[..], b"{}");
}

#[tokio::test]
async fn tarballs_that_are_none() {
    let world = World::new();
    let cases: [(&str, Vec<u8>); 3] = [
        ("text", b"this is no archive, but long enough to be taken for one".repeat(20)),
        ("gzip", [&[0x1f, 0x8b][..], &[7; 600]].concat()),
        ("cut", tarball(&[("index.js", &"x".repeat(100_000))])[..150].to_vec()),
    ];
    for (name, bytes) in cases {
        let dist = json!({"integrity": integrity(&bytes)});
        world.registry.publish(name, &[("1.0.0", json!({ "dist": dist }))]);
        world.registry.reply(&Registry::tarball_path(name, "1.0.0"), Reply::ok(bytes));
        let problem = world.problem(json!({ name: "1" })).await;
        assert_problem(&problem, "package-unreadable", name, &["cannot be installed", "@1.0.0`"], &[]);
    }
    world.registry.publish("gone", &[("1.0.0", json!({}))]);
    world.registry.reply(&Registry::tarball_path("gone", "1.0.0"), Reply::status(404));
    let problem = world.problem(json!({"gone": "1"})).await;
    assert_problem(&problem, "package-not-found", "gone", &["no tarball of `gone@1.0.0`"], &["taken back"]);
    assert!(world.kept("packages").is_empty() && world.kept("work").len() <= 1);
}

/// A package whose dependencies never end.
#[tokio::test]
async fn a_tree_without_end() {
    let world = World::new();
    let integrity = integrity(b"");
    let releases = (0..6_000).map(|number| {
        let dependencies = json!({"a": format!("{}.0.0", number + 1)});
        let dist = json!({"integrity": integrity});
        (format!("{number}.0.0"), json!({"dependencies": dependencies, "dist": dist}))
    });
    let releases: serde_json::Map<String, Value> = releases.collect();
    let metadata = json!({"name": "a", "dist-tags": {"latest": "0.0.0"}, "versions": releases});
    world.registry.reply(&Registry::metadata_path("a"), Reply::json(&metadata));
    let problem = only_problem(world.install(needs(json!({"a": "0.0.0"}))).await);
    assert_eq!(problem.code.as_str(), "too-many-packages", "{problem:?}");
}

#[test]
fn what_a_package_json_says_wrong() {
    let problems =
        Requirements::of(&json!({"dependencies": {"x": "git+https://x/y.git", "Ü": "1", "z": "?!"}}));
    let problems = problems.unwrap_err();
    assert_problem(&problems[0], "unsupported-dependency", "x", &["`git+https://x/y.git`"], &["publish it"]);
    assert_problem(&problems[1], "invalid-package-name", "Ü", &["`Ü`"], &[]);
    assert_problem(&problems[2], "invalid-version-range", "z", &["`?!`"], &["latest"]);
}
