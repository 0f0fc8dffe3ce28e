//! What is asked of whom: as little as possible, and no secret of anyone else.

use std::sync::Arc;

use millrace_bundler::npm::{InstallError, Requirements};
use millrace_bundler::progress::Step;
use serde_json::{Value, json};

use crate::registry::{Registry, Reply, integrity, tarball};
use crate::world::{World, install, tree, watched};

fn needs(dependencies: Value) -> Value {
    json!({ "dependencies": dependencies })
}

#[tokio::test]
async fn what_is_known_is_not_asked_again() {
    let world = World::new();
    world.registry.publish("b", &[("1.0.0", json!({}))]);
    world.registry.publish("a", &[("1.0.0", needs(json!({"b": "1"})))]);
    let npm = world.npm();
    let (installed, steps) = watched(&npm, needs(json!({"a": "1"}))).await;
    let first = tree(&installed.unwrap());
    assert_eq!(
        world.registry.asked().len(),
        4,
        "two of metadata, two tarballs: {:?}",
        world.registry.paths()
    );
    let downloads = [0, 1, 2].map(|done| Step::Downloading { done, total: 2 });
    assert_eq!(steps, [&[Step::Resolving][..], &downloads].concat());
    let accept = &world.registry.asked()[0].headers["accept"];
    assert!(accept.starts_with("application/vnd.npm.install-v1+json"), "{accept}");

    world.registry.forget();
    for npm in [npm, world.npm(), world.offline()] {
        let (installed, steps) = watched(&npm, needs(json!({"a": "1"}))).await;
        assert_eq!(tree(&installed.unwrap()), first);
        assert_eq!(steps, []);
    }
    // Other requirements: the metadata is still new.
    let mut other = first.clone();
    other[0] = ": a@1.0.0 b@1.0.0".to_owned();
    assert_eq!(world.tree(json!({"a": "1", "b": "*"})).await, other);
    assert_eq!(world.registry.paths(), [""; 0]);
}

#[tokio::test]
async fn what_is_old_is_asked_for_by_its_mark() {
    let world = World::new();
    let release = world.registry.release("a", "1.0.0", &json!({}));
    let metadata = json!({"name": "a", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": release}});
    let tagged = |etag: &str, value: &Value| Reply::Tagged {
        etag: etag.to_owned(),
        body: value.to_string().into_bytes(),
    };
    world.registry.reply(&Registry::metadata_path("a"), tagged("\"1\"", &metadata));
    assert_eq!(world.tree(json!({"a": "*"})).await, [": a@1.0.0", "a@1.0.0"]);

    world.age();
    world.registry.forget();
    assert_eq!(world.tree(json!({"a": "*"})).await, [": a@1.0.0", "a@1.0.0"]);
    let asked = world.registry.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].headers["if-none-match"], "\"1\"");
    // Now it is new again, also for other questions.
    assert_eq!(world.tree(json!({"b": "npm:a@1"})).await, [": b=a@1.0.0", "a@1.0.0"]);
    assert_eq!(world.registry.asked().len(), 1);

    let mut newer = metadata.clone();
    newer["versions"]["2.0.0"] = world.registry.release("a", "2.0.0", &json!({}));
    newer["dist-tags"]["latest"] = json!("2.0.0");
    world.registry.reply(&Registry::metadata_path("a"), tagged("\"2\"", &newer));
    world.age();
    assert_eq!(world.tree(json!({"a": "*"})).await, [": a@2.0.0", "a@2.0.0"]);
}

/// Many builds at once that want the same.
#[tokio::test]
async fn each_package_is_fetched_once() {
    let world = World::new();
    for name in ["b", "c", "d"] {
        world.registry.publish(name, &[("1.0.0", json!({}))]);
    }
    world.registry.publish("a", &[("1.0.0", needs(json!({"b": "1", "c": "1", "d": "1"})))]);
    let npm = world.npm();
    let builds = (0..20).map(|number| {
        let npm = npm.clone();
        // Half of them ask the same question, half of them another one each.
        let package_json = match number % 2 {
            0 => needs(json!({"a": "1"})),
            _ => needs(json!({"a": "1", format!("alias{number}"): "npm:b@1"})),
        };
        tokio::spawn(async move { install(&npm, package_json, None).await.unwrap().packages.packages.len() })
    });
    for build in builds.collect::<Vec<_>>() {
        assert_eq!(build.await.unwrap(), 4);
    }
    let mut paths = world.registry.paths();
    paths.sort();
    assert_eq!(paths.len(), 8, "each package's metadata and tarball: {paths:?}");
    paths.dedup();
    assert_eq!(paths.len(), 8, "{paths:?}");
}

/// A client that is given up half-way leaves nothing in the way of the others.
#[tokio::test]
async fn cancelled_half_way() {
    let world = World::with("fetch-timeout=20000");
    world.registry.publish("a", &[("1.0.0", json!({}))]);
    let path = Registry::tarball_path("a", "1.0.0");
    world.registry.reply(&path, Reply::Silence);
    let npm = world.npm();
    let requirements = Requirements::of(&needs(json!({"a": "1"}))).unwrap();
    let asked = async {
        while !world.registry.paths().contains(&path) {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    tokio::select! {
        _ = npm.install(&requirements, None, &|_| {}) => panic!("nobody answers"),
        () = asked => {}
    }
    world.registry.release("a", "1.0.0", &json!({}));
    assert_eq!(tree(&npm.install(&requirements, None, &|_| {}).await.unwrap()), [": a@1.0.0", "a@1.0.0"]);
}

#[tokio::test]
async fn secrets_go_only_where_they_belong() {
    let world = World::with("//REGISTRY/npm/:_authToken=secret");
    let other = Registry::start();
    let tarball = tarball(&[("package.json", "{}")]);
    other.reply("/elsewhere.tgz", Reply::ok(tarball.clone()));
    let url = format!("http://127.0.0.1:{}/elsewhere.tgz", other.port);
    let dist = json!({"tarball": url, "integrity": integrity(&tarball)});
    let own = world.registry.release("own", "1.0.0", &json!({}));
    let secret =
        |reply: Reply| Reply::Secret { authorization: "Bearer secret".to_owned(), then: Box::new(reply) };
    for (name, release) in [("far", json!({"dist": dist})), ("own", own)] {
        let metadata =
            json!({"name": name, "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": release}});
        world.registry.reply(&Registry::metadata_path(name), secret(Reply::json(&metadata)));
    }
    let installed = world.install(needs(json!({"far": "1", "own": "1"}))).await.unwrap();
    assert_eq!(tree(&installed), [": far@1.0.0 own@1.0.0", "far@1.0.0", "own@1.0.0"]);
    assert!(world.registry.asked().iter().all(|asked| asked.headers["authorization"] == "Bearer secret"));
    assert_eq!(other.asked().len(), 1);
    assert_eq!(other.asked()[0].headers.get("authorization"), None);

    // Nor over a redirection.
    let world = World::with("//REGISTRY/npm/:_authToken=secret");
    world.registry.publish("moved", &[("1.0.0", json!({"dist": {"integrity": integrity(&tarball)}}))]);
    let headers = vec![("Location".to_owned(), url.replace("127.0.0.1", "localhost"))];
    let moved = Reply::Body { status: 302, headers, body: Vec::new() };
    world.registry.reply(&Registry::tarball_path("moved", "1.0.0"), moved);
    world.install(needs(json!({"moved": "1"}))).await.unwrap();
    assert_eq!(other.asked()[1].headers.get("authorization"), None);
}

/// Each scope may have a registry of its own.
#[tokio::test]
async fn registries_by_scope() {
    let company = Registry::start();
    company.publish("@company/a", &[("1.0.0", needs(json!({"b": "1"})))]);
    let world = World::with(&format!("@company:registry={}", company.url()));
    world.registry.publish("b", &[("1.0.0", json!({}))]);
    let expected = [": @company/a@1.0.0", "@company/a@1.0.0: b@1.0.0", "b@1.0.0"];
    assert_eq!(world.tree(json!({"@company/a": "1"})).await, expected);
    assert_eq!((company.asked().len(), world.registry.asked().len()), (2, 2));
}

/// A registry that is only reached through someone else, except for what is near.
#[tokio::test]
async fn through_a_proxy() {
    let world = World::with("proxy=http://REGISTRY/\nnoproxy=localhost");
    let release = world.registry.release("a", "1.0.0", &json!({"dist": {"integrity": integrity(b"")}}));
    let metadata = json!({"name": "a", "dist-tags": {}, "versions": {"1.0.0": release}});
    world.registry.reply("http://registry.example/a", Reply::json(&metadata));
    let npm = world.client("http://registry.example/", false);
    let _ = install(&npm, needs(json!({"a": "1"})), None).await;
    let expected = ["http://registry.example/a", "http://registry.example/a/-/a-1.0.0.tgz"];
    assert_eq!(world.registry.paths(), expected);

    let near = world.client(&format!("http://localhost:{}/npm/", world.registry.port), false);
    let _ = install(&near, needs(json!({"b": "1"})), None).await;
    assert_eq!(world.registry.paths()[2], "/npm/b");
}

/// A mirror's metadata names the public registry; the tarball comes from the mirror all the same.
#[tokio::test]
async fn tarballs_of_a_mirror() {
    let world = World::new();
    let mut release = world.registry.release("a", "1.0.0", &json!({}));
    release["dist"]["tarball"] = json!("https://registry.npmjs.org/a/-/a-1.0.0.tgz");
    world.registry.publish("a", &[("1.0.0", json!({"dist": release["dist"]}))]);
    world.registry.release("a", "1.0.0", &json!({}));
    let installed = world.install(needs(json!({"a": "1"}))).await.unwrap();
    assert!(!serde_json::to_string(&installed.lock).unwrap().contains("tarball"), "it is the usual place");
}

/// A program comes without resolving, from its usual place, and can be run.
#[tokio::test]
async fn a_program() {
    let world = World::new();
    let program = tarball(&[("bin/tool", "#!/bin/sh\necho hello\n"), ("package.json", "{}")]);
    let (path, promised) = (Registry::tarball_path("@s/tool", "1.0.0"), integrity(&program));
    world.registry.reply(&path, Reply::ok(program));
    let npm = world.npm();
    let files = npm.pinned("@s/tool", "1.0.0", &promised, &|_| {}).await.unwrap();
    let output = std::process::Command::new(files.folder().unwrap().join("bin/tool")).output().unwrap();
    assert_eq!(output.stdout, b"hello\n");
    assert_eq!(world.registry.paths(), [path]);

    let again = world.offline().pinned("@s/tool", "1.0.0", &promised, &|_| {}).await.unwrap();
    assert_eq!(again.folder(), files.folder());
    assert_eq!(world.registry.paths().len(), 1);

    let other = integrity(b"another program");
    let Err(InstallError::Problems(problems)) = npm.pinned("@s/tool", "1.0.0", &other, &|_| {}).await else {
        panic!("it is another program");
    };
    assert_eq!(problems[0].code.as_str(), "integrity-mismatch");
}

/// What was promised at compile time: it can be used from any task of any runtime.
#[tokio::test]
async fn it_can_be_sent() {
    fn sendable<T: Send>(value: T) -> T {
        value
    }
    let world = World::new();
    let npm = Arc::new(world.npm());
    let requirements = Requirements::default();
    let installed = sendable(npm.install(&requirements, None, &|_| {})).await.unwrap();
    assert!(installed.packages.packages.is_empty());
    assert!(!world.store().exists(), "nothing is made before it is needed");
}
