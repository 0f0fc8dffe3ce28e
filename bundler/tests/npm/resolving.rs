//! Which versions, and who gets which.

use serde_json::{Value, json};

use crate::registry::{Registry, Reply};
use crate::world::{World, install, tree};

fn needs(dependencies: Value) -> Value {
    json!({ "dependencies": dependencies })
}

#[tokio::test]
async fn ranges_tags_and_aliases() {
    let world = World::new();
    let versions = ["1.0.0", "1.1.0", "2.0.0", "2.1.0-rc.1", "2.1.0-rc.2"];
    let releases: Vec<(&str, Value)> =
        versions.iter().map(|version| (*version, world.registry.release("a", version, &json!({})))).collect();
    let releases: serde_json::Map<String, Value> =
        releases.into_iter().map(|(version, release)| (version.to_owned(), release)).collect();
    let tags = json!({"latest": "2.0.0", "next": "2.1.0-rc.2", "old": "1.0.0"});
    let metadata = json!({"name": "a", "dist-tags": tags, "versions": releases});
    world.registry.reply(&Registry::metadata_path("a"), Reply::json(&metadata));
    let cases = [
        ("*", "2.0.0"),
        ("", "2.0.0"),
        ("latest", "2.0.0"),
        ("next", "2.1.0-rc.2"),
        ("old", "1.0.0"),
        ("^1", "1.1.0"),
        ("~1.0.0", "1.0.0"),
        ("1.0.0 - 1.0.9", "1.0.0"),
        ("1.x || ^3", "1.1.0"),
        ("<2", "1.1.0"),
        (">=2.1.0-rc.0 <2.2", "2.1.0-rc.2"),
        ("=2.1.0-rc.1", "2.1.0-rc.1"),
        ("npm:a@1.0.0", "1.0.0"),
        ("npm:a", "2.0.0"),
    ];
    for (range, version) in cases {
        let expected = [format!(": a@{version}"), format!("a@{version}")];
        assert_eq!(world.tree(json!({"a": range})).await, expected, "{range}");
    }
    let both = world.tree(json!({"a": "1", "b": "npm:a@next"})).await;
    assert_eq!(both, [": a@1.1.0 b=a@2.1.0-rc.2", "a@1.1.0", "a@2.1.0-rc.2"]);
}

#[tokio::test]
async fn scopes_circles_and_several_versions() {
    let world = World::new();
    world.registry.publish("@s/a", &[("1.0.0", needs(json!({"b": "1", "alias": "npm:c@1"})))]);
    world.registry.publish("b", &[("1.0.0", needs(json!({"@s/a": "*", "c": "2"})))]);
    world.registry.publish("c", &[("1.0.0", json!({})), ("2.0.0", json!({}))]);
    let expected = [
        ": @s/a@1.0.0",
        "@s/a@1.0.0: alias=c@1.0.0 b@1.0.0",
        "b@1.0.0: @s/a@1.0.0 c@2.0.0",
        "c@1.0.0",
        "c@2.0.0",
    ];
    assert_eq!(world.tree(json!({"@s/a": "1"})).await, expected);
}

#[tokio::test]
async fn peers() {
    let world = World::new();
    let plugin = |range: &str, optional: bool| json!({"peerDependencies": {"host": range}, "peerDependenciesMeta": {"host": {"optional": optional}}});
    world.registry.publish("host", &[("1.0.0", json!({})), ("2.0.0", json!({}))]);
    world.registry.publish("plugin", &[("1.0.0", plugin("^1", false))]);
    world.registry.publish("maybe", &[("1.0.0", plugin("^1", true))]);

    // Missing: installed. Shared with the author where there is one.
    assert_eq!(
        world.tree(json!({"plugin": "1"})).await,
        [": plugin@1.0.0", "host@1.0.0", "plugin@1.0.0: host@1.0.0"]
    );
    let shared = world.tree(json!({"plugin": "1", "host": "1"})).await;
    assert_eq!(shared, [": host@1.0.0 plugin@1.0.0", "host@1.0.0", "plugin@1.0.0: host@1.0.0"]);
    // Optional: only if it is there.
    assert_eq!(world.tree(json!({"maybe": "1"})).await, [": maybe@1.0.0", "maybe@1.0.0"]);
    let there = world.tree(json!({"maybe": "1", "host": "1"})).await;
    assert_eq!(there, [": host@1.0.0 maybe@1.0.0", "host@1.0.0", "maybe@1.0.0: host@1.0.0"]);

    // Another version than asked for: a warning, not a failure.
    let installed = world.install(needs(json!({"plugin": "1", "host": "2"}))).await.unwrap();
    assert_eq!(tree(&installed), [": host@2.0.0 plugin@1.0.0", "host@2.0.0", "plugin@1.0.0: host@2.0.0"]);
    let [warning] = &installed.warnings[..] else { panic!("{:?}", installed.warnings) };
    assert_eq!(warning.code.as_str(), "unmet-peer");
    assert_eq!(warning.dependency.as_deref(), Some("plugin"));
    assert_eq!(warning.message, "`plugin@1.0.0` asks for `host@^1` beside it, and gets 2.0.0");
    // Also when it is remembered.
    let again = world.install(needs(json!({"plugin": "1", "host": "2"}))).await.unwrap();
    assert_eq!(again.warnings, installed.warnings);
}

/// The same version with different peers appears twice.
#[tokio::test]
async fn variants() {
    let world = World::new();
    world.registry.publish("host", &[("1.0.0", json!({})), ("2.0.0", json!({}))]);
    world.registry.publish("plugin", &[("1.0.0", json!({"peerDependencies": {"host": "*"}}))]);
    for (name, host) in [("one", "1"), ("two", "2")] {
        world.registry.publish(name, &[("1.0.0", needs(json!({"plugin": "1", "host": host})))]);
    }
    let installed = world.install(needs(json!({"one": "1", "two": "1"}))).await.unwrap();
    let variants: Vec<_> =
        installed.packages.packages.iter().filter(|(_, package)| package.name == "plugin").collect();
    let hosts: Vec<&str> =
        variants.iter().map(|(_, package)| package.dependencies["host"].0.as_str()).collect();
    assert_eq!(variants.len(), 2, "{:?}", tree(&installed));
    assert!(hosts.contains(&"host@1.0.0") && hosts.contains(&"host@2.0.0"));
    assert!(variants.iter().all(|(id, _)| id.0.starts_with("plugin@1.0.0~")));

    let locked =
        install(&world.npm(), needs(json!({"one": "1", "two": "1"})), Some(&installed.lock)).await.unwrap();
    assert!(locked.warnings.is_empty(), "{:?}", locked.warnings);
    assert_eq!(locked.lock, installed.lock);
}

/// What is optional and cannot be had, for whatever reason, is left out, and with it what needs it.
#[tokio::test]
async fn optional_dependencies() {
    let world = World::new();
    let optional = |dependencies: Value| json!({"optionalDependencies": dependencies});
    world.registry.publish("b", &[("1.0.0", json!({}))]);
    world.registry.publish("needs-missing", &[("1.0.0", needs(json!({"missing": "1"})))]);
    world.registry.publish("needs-git", &[("1.0.0", needs(json!({"x": "github:x/x"})))]);
    world.registry.reply(&Registry::metadata_path("denied"), Reply::status(403));
    world.registry.publish(
        "a",
        &[(
            "1.0.0",
            optional(json!({
                "b": "1", "missing": "1", "b-too-new": "npm:b@9", "needs-missing": "1", "needs-git": "1",
                "denied": "1", "git": "git+ssh://x/y.git", "file": "file:../x", "odd": "npm:../../x@1"
            })),
        )],
    );
    assert_eq!(world.tree(json!({"a": "1"})).await, [": a@1.0.0", "a@1.0.0: b@1.0.0", "b@1.0.0"]);

    // At the root, too; but what is needed is needed.
    let package_json = json!({"optionalDependencies": {"b": "1", "missing": "1", "needs-missing": "1"}});
    assert_eq!(tree(&world.install(package_json).await.unwrap()), [": b@1.0.0", "b@1.0.0"]);
    let problem = world.problem(json!({"a": "1", "needs-missing": "1"})).await;
    assert_eq!(
        (problem.code.as_str(), problem.dependency.as_deref()),
        ("package-not-found", Some("needs-missing"))
    );
}

/// An isolate is no platform: what is for one is not even fetched where it is optional.
#[tokio::test]
async fn platforms() {
    let world = World::new();
    let platforms = [
        ("for-linux", json!({"os": ["linux"]})),
        ("for-x64", json!({"cpu": "x64"})),
        ("for-musl", json!({"libc": ["musl"]})),
        ("not-windows", json!({"os": ["!win32"]})),
        ("any", json!({"os": ["any"], "cpu": []})),
    ];
    for (name, platform) in &platforms {
        world.registry.publish(name, &[("1.0.0", platform.clone())]);
    }
    let all: serde_json::Map<String, Value> =
        platforms.iter().map(|(name, _)| (name.to_string(), json!("1"))).collect();
    world.registry.publish("a", &[("1.0.0", json!({"optionalDependencies": all}))]);
    let expected = [": a@1.0.0", "a@1.0.0: any@1.0.0 not-windows@1.0.0", "any@1.0.0", "not-windows@1.0.0"];
    assert_eq!(world.tree(json!({"a": "1"})).await, expected);
    assert!(!world.registry.paths().contains(&Registry::tarball_path("for-linux", "1.0.0")));
    // Who needs it gets it: whether it can be used shows when it is linked.
    assert_eq!(world.tree(json!({"for-linux": "1"})).await, [": for-linux@1.0.0", "for-linux@1.0.0"]);
}

#[tokio::test]
async fn bundled_dependencies_come_with_their_package() {
    let world = World::new();
    let release = json!({"dependencies": {"b": "1", "c": "file:vendor/c"}, "bundleDependencies": ["b", "c"]});
    world.registry.publish("a", &[("1.0.0", release)]);
    assert_eq!(world.tree(json!({"a": "1"})).await, [": a@1.0.0", "a@1.0.0"]);
}

#[tokio::test]
async fn overrides() {
    let world = World::new();
    world.registry.publish("a", &[("1.0.0", needs(json!({"b": "^1"})))]);
    world.registry.publish("c", &[("1.0.0", needs(json!({"b": "^1"})))]);
    world.registry.publish("b", &[("1.0.0", json!({})), ("1.1.0", json!({})), ("2.0.0", json!({}))]);
    let cases = [
        (json!({"b": "2.0.0"}), "b@2.0.0", "b@2.0.0"),
        (json!({"a": {"b": "2.0.0"}}), "b@2.0.0", "b@1.1.0"),
        (json!({"b@^1": "1.0.0"}), "b@1.0.0", "b@1.0.0"),
    ];
    for (overrides, for_a, for_c) in cases {
        let package_json = json!({"dependencies": {"a": "1", "c": "1"}, "overrides": overrides.clone()});
        let tree = tree(&world.install(package_json).await.unwrap());
        assert!(
            tree.contains(&format!("a@1.0.0: {for_a}")) && tree.contains(&format!("c@1.0.0: {for_c}")),
            "{overrides}: {tree:?}"
        );
    }
}

/// Whatever answers first: the same is decided.
#[tokio::test]
async fn the_same_every_time() {
    let mut locks = Vec::new();
    for _ in 0..8 {
        let world = World::new();
        for (name, dependencies) in [
            ("a", json!({"c": "*", "d": "^1", "e": "1"})),
            ("b", json!({"c": "1", "d": "*", "f": "*"})),
            ("c", json!({"d": "^1 || ^2", "e": "*"})),
            ("f", json!({"c": "^2", "e": "2"})),
        ] {
            let peers = json!({"dependencies": dependencies, "peerDependencies": {"e": "*"}});
            world.registry.publish(name, &[("1.0.0", peers.clone()), ("2.0.0", peers)]);
        }
        for name in ["d", "e"] {
            world.registry.publish(name, &[("1.0.0", json!({})), ("1.5.0", json!({})), ("2.0.0", json!({}))]);
        }
        let installed = world.install(needs(json!({"a": "1", "b": "*"}))).await.unwrap();
        locks.push(serde_json::to_string(&installed.lock).unwrap());
    }
    locks.dedup();
    // Tarballs are all at their usual places, so the port of each registry is not in the lock.
    assert_eq!(locks.len(), 1, "{locks:#?}");
}
