//! Locks: the same packages again, and nothing that they should not be able to do.

use millrace_bundler::npm::Lock;
use serde_json::{Value, json};

use crate::registry::{Registry, Reply, integrity, tarball};
use crate::world::{World, install, only_problem, tree};

fn needs(dependencies: Value) -> Value {
    json!({ "dependencies": dependencies })
}

/// `a` and `b` at 1.0.0, locked; then newer ones are published.
async fn locked() -> (World, Lock) {
    let world = World::new();
    world.registry.publish("a", &[("1.0.0", needs(json!({"b": "^1"})))]);
    world.registry.publish("b", &[("1.0.0", json!({}))]);
    let lock = world.install(needs(json!({"a": "^1"}))).await.unwrap().lock;
    let newer = needs(json!({"b": "^1"}));
    world.registry.publish("a", &[("1.0.0", newer.clone()), ("1.1.0", newer)]);
    world.registry.publish("b", &[("1.0.0", json!({})), ("1.1.0", json!({}))]);
    world.age();
    world.registry.forget();
    (world, lock)
}

#[tokio::test]
async fn the_same_again() {
    let (world, lock) = locked().await;
    let text = serde_json::to_string(&lock).unwrap();
    let lock: Lock = serde_json::from_str(&text).unwrap();
    let expected = [": a@1.0.0", "a@1.0.0: b@1.0.0", "b@1.0.0"];
    let again = install(&world.npm(), needs(json!({"a": "^1"})), Some(&lock)).await.unwrap();
    assert_eq!(tree(&again), expected);
    assert_eq!(serde_json::to_string(&again.lock).unwrap(), text);
    assert_eq!(world.registry.paths(), [""; 0], "everything is at hand");

    // On another machine: the tarballs, and no metadata.
    std::fs::remove_dir_all(world.store()).unwrap();
    let elsewhere = install(&world.npm(), needs(json!({"a": "^1"})), Some(&lock)).await.unwrap();
    assert_eq!(tree(&elsewhere), expected);
    let mut paths = world.registry.paths();
    paths.sort();
    assert_eq!(paths, [Registry::tarball_path("a", "1.0.0"), Registry::tarball_path("b", "1.0.0")]);

    // Without it, what is newest.
    assert_eq!(world.tree(json!({"a": "^1"})).await, [": a@1.1.0", "a@1.1.0: b@1.1.0", "b@1.1.0"]);
}

#[tokio::test]
async fn other_requirements_keep_what_still_satisfies() {
    let (world, lock) = locked().await;
    world.registry.publish("c", &[("1.0.0", needs(json!({"b": "^1"})))]);
    let cases = [
        (
            json!({"a": "^1", "c": "1"}),
            &[": a@1.0.0 c@1.0.0", "a@1.0.0: b@1.0.0", "b@1.0.0", "c@1.0.0: b@1.0.0"][..],
        ),
        (json!({"a": "~1.1"}), &[": a@1.1.0", "a@1.1.0: b@1.0.0", "b@1.0.0"]),
        (json!({"b": "1.1"}), &[": b@1.1.0", "b@1.1.0"]),
    ];
    for (dependencies, expected) in cases {
        let installed = install(&world.npm(), needs(dependencies.clone()), Some(&lock)).await.unwrap();
        assert_eq!(tree(&installed), expected, "{dependencies}");
        assert!(installed.warnings.is_empty());
    }
    // A locked version that is gone is no reason to fail.
    world.registry.publish("b", &[("1.2.0", json!({}))]);
    world.age();
    let installed = install(&world.npm(), needs(json!({"a": "*"})), Some(&lock)).await.unwrap();
    assert!(tree(&installed).contains(&"b@1.2.0".to_owned()), "{:?}", tree(&installed));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let (world, lock) = locked().await;
    let short = format!("sha512-{}==", "A".repeat(42));
    let changes = [
        ("name", "../../b"),
        ("version", "1.0.1"),
        ("integrity", "garbage"),
        ("integrity", ""),
        ("integrity", "md5-1B2M2Y8AsgTpgAmY7PhCfg=="),
        ("integrity", &short),
    ];
    for (field, value) in changes {
        let mut changed = serde_json::to_value(&lock).unwrap();
        changed["packages"]["b@1.0.0"][field] = json!(value);
        let changed: Lock = serde_json::from_value(changed).unwrap();
        // Whatever is asked for: the same, something else, and nothing.
        for dependencies in [json!({"a": "^1"}), json!({"b": "1.1"}), json!({})] {
            let problem =
                only_problem(install(&world.npm(), needs(dependencies.clone()), Some(&changed)).await);
            assert_eq!(problem.code.as_str(), "bad-lock", "{field} {value:?}, {dependencies}");
            assert!(problem.message.contains("`b@1.0.0`"), "{}", problem.message);
        }
    }
    assert_eq!(world.registry.paths(), [""; 0], "nobody is asked on its word");
}

/// A lock comes from outside: it cannot exchange a package's content, nor make the server ask someone else.
#[tokio::test]
async fn what_it_cannot_do() {
    let (world, lock) = locked().await;
    std::fs::remove_dir_all(world.store()).unwrap();
    let mut value = serde_json::to_value(&lock).unwrap();
    value["packages"]["b@1.0.0"]["integrity"] = json!(integrity(b"other"));
    let changed: Lock = serde_json::from_value(value).unwrap();
    let problem = only_problem(install(&world.npm(), needs(json!({"a": "^1"})), Some(&changed)).await);
    assert_eq!((problem.code.as_str(), problem.dependency.as_deref()), ("integrity-mismatch", Some("a")));

    let stranger = Registry::start();
    let mut value = serde_json::to_value(&lock).unwrap();
    value["packages"]["b@1.0.0"]["tarball"] = json!(format!("http://127.0.0.1:{}/admin", stranger.port));
    let changed: Lock = serde_json::from_value(value).unwrap();
    install(&world.npm(), needs(json!({"a": "^1"})), Some(&changed)).await.unwrap();
    assert!(stranger.asked().is_empty());
}

/// Where the registry itself keeps tarballs elsewhere, the lock says so, and works.
#[tokio::test]
async fn unusual_places() {
    let world = World::new();
    let storage = Registry::start();
    let packed = tarball(&[("package.json", "{}")]);
    storage.reply("/blob/1", Reply::ok(packed.clone()));
    let url = format!("http://127.0.0.1:{}/blob/1", storage.port);
    let dist = json!({"tarball": url, "integrity": integrity(&packed)});
    world.registry.publish("a", &[("1.0.0", json!({ "dist": dist }))]);
    let first = world.install(needs(json!({"a": "1"}))).await.unwrap();
    assert_eq!(serde_json::to_value(&first.lock).unwrap()["packages"]["a@1.0.0"]["tarball"], url);

    std::fs::remove_dir_all(world.store()).unwrap();
    let again = install(&world.npm(), needs(json!({"a": "1"})), Some(&first.lock)).await.unwrap();
    assert_eq!(again.lock, first.lock);
    assert_eq!(storage.asked().len(), 2);
}

/// What is in the store already is not fetched, and so not held against what a registry has under that name.
#[tokio::test]
async fn a_package_under_the_name_of_another() {
    let (world, lock) = locked().await;
    let value = serde_json::to_value(&lock).unwrap();
    let mut renamed = value.clone();
    renamed["packages"]["b@1.0.0"]["integrity"] = value["packages"]["a@1.0.0"]["integrity"].clone();
    let mut dated = value.clone();
    dated["packages"] = json!({
        "a@1.0.0": {"name": "a", "version": "1.0.0", "integrity": value["packages"]["a@1.0.0"]["integrity"], "dependencies": {"b": "b@1.1.0"}},
        "b@1.1.0": {"name": "b", "version": "1.1.0", "integrity": value["packages"]["b@1.0.0"]["integrity"]},
    });
    for (changed, called, calls_itself) in
        [(renamed, "`b@1.0.0`", "`a@1.0.0`"), (dated, "`b@1.1.0`", "`b@1.0.0`")]
    {
        let changed: Lock = serde_json::from_value(changed).unwrap();
        for npm in [world.npm(), world.offline()] {
            let problem = only_problem(install(&npm, needs(json!({"a": "^1"})), Some(&changed)).await);
            assert_eq!((problem.code.as_str(), problem.dependency.as_deref()), ("bad-lock", Some("a")));
            let expected = format!("the lock calls a package {called} that calls itself {calls_itself}");
            assert_eq!(problem.message, expected);
        }
    }
}

/// As npm does: the registry's word counts, also where the package itself says otherwise.
#[tokio::test]
async fn a_package_that_was_published_under_another_name() {
    let world = World::new();
    let packed = tarball(&[("package.json", r#"{"name": "other", "version": "9.9.9"}"#)]);
    let url = format!("{}odd.tgz", world.registry.url());
    world.registry.reply("/npm/odd.tgz", Reply::ok(packed.clone()));
    let dist = json!({"tarball": url, "integrity": integrity(&packed)});
    world.registry.publish("a", &[("1.0.0+build.5", json!({ "dist": dist }))]);
    let first = world.install(needs(json!({"a": "1"}))).await.unwrap();
    for npm in [world.npm(), world.offline()] {
        let again = install(&npm, needs(json!({"a": "1"})), Some(&first.lock)).await.unwrap();
        assert_eq!(tree(&again), tree(&first));
    }
    // On another machine, which has to ask.
    std::fs::remove_dir_all(world.store()).unwrap();
    let again = install(&world.npm(), needs(json!({"a": "1"})), Some(&first.lock)).await.unwrap();
    assert_eq!(tree(&again), tree(&first));
}
