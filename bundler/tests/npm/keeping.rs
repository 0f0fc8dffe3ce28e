//! The store: shared, and right again after whatever happened to it.

use std::fs;

use serde_json::{Value, json};

use crate::registry::Registry;
use crate::world::{World, install, only_problem, tree};

fn needs(dependencies: Value) -> Value {
    json!({ "dependencies": dependencies })
}

/// A world in which `a` is installed.
async fn with_a() -> World {
    let world = World::new();
    world.registry.publish("a", &[("1.0.0", json!({}))]);
    world.install(needs(json!({"a": "1"}))).await.unwrap();
    world.registry.forget();
    world
}

#[tokio::test]
async fn what_is_damaged_is_fetched_again() {
    type Damage = fn(&std::path::Path);
    let damages: [(&str, Damage); 5] = [
        ("gone", |pack| fs::remove_file(pack).unwrap()),
        ("empty", |pack| fs::write(pack, "").unwrap()),
        ("cut", |pack| {
            let bytes = fs::read(pack).unwrap();
            fs::write(pack, &bytes[..bytes.len() - 5]).unwrap();
        }),
        ("garbage", |pack| fs::write(pack, "x".repeat(2000)).unwrap()),
        ("a lie about its size", |pack| {
            let mut bytes = fs::read(pack).unwrap();
            let length = bytes.len();
            bytes[length - 16..length - 8].copy_from_slice(&u64::MAX.to_le_bytes());
            fs::write(pack, bytes).unwrap();
        }),
    ];
    for (what, damage) in damages {
        let world = with_a().await;
        let npm = world.npm();
        let first = install(&npm, needs(json!({"a": "1"})), None).await.unwrap();
        assert_eq!(world.registry.asked().len(), 0);
        let packs = world.kept("packages");
        damage(&packs[0]);

        // Offline it is said; otherwise it is mended, also in a process that knew it whole.
        let problem = only_problem(install(&world.offline(), needs(json!({"a": "1"})), None).await);
        assert_eq!(problem.code.as_str(), "offline", "{what}");
        assert!(problem.message.contains("`a@1.0.0`") && problem.hint.unwrap().contains("without --offline"));
        let again = install(&npm, needs(json!({"a": "1"})), None).await.unwrap();
        assert_eq!(world.registry.paths(), [Registry::tarball_path("a", "1.0.0")], "{what}");
        let content = |installed: &millrace_bundler::npm::Installed| {
            installed.packages.packages.values().next().unwrap().files.read("index.js").unwrap()
        };
        assert_eq!(content(&again), "export default 1;\n");
        assert_eq!(again.lock, first.lock);
        assert_eq!(world.kept("packages"), packs);
    }
}

/// What looks whole and is not shows when it is read, and is fetched the next time.
#[tokio::test]
async fn what_is_garbled_is_not_read() {
    let world = with_a().await;
    let pack = &world.kept("packages")[0];
    let mut bytes = fs::read(pack).unwrap();
    let at = bytes.windows(6).position(|window| window == b"export").unwrap();
    bytes[at] = b'E';
    fs::write(pack, bytes).unwrap();
    let read = |installed: millrace_bundler::npm::Installed| {
        installed.packages.packages.values().next().unwrap().files.read("index.js")
    };
    let error = read(world.install(needs(json!({"a": "1"}))).await.unwrap()).unwrap_err();
    assert!(error.to_string().contains("damaged"), "{error}");
    assert_eq!(read(world.install(needs(json!({"a": "1"}))).await.unwrap()).unwrap(), "export default 1;\n");
}

/// A client that has seen the package whole, and reads it in vain, has it fetched when it is asked again.
#[tokio::test]
async fn the_same_client_asks_again() {
    let world = World::new();
    world.registry.publish("a", &[("1.0.0", json!({}))]);
    let npm = world.npm();
    let read = async || {
        let installed = install(&npm, needs(json!({"a": "1"})), None).await.unwrap();
        installed.packages.packages.values().next().unwrap().files.read("index.js")
    };
    assert_eq!(read().await.unwrap(), "export default 1;\n");
    for _ in 0..2 {
        let pack = &world.kept("packages")[0];
        let modified = fs::metadata(pack).unwrap().modified().unwrap();
        let mut bytes = fs::read(pack).unwrap();
        let at = bytes.windows(6).position(|window| window == b"export").unwrap();
        bytes[at] = b'E';
        fs::write(pack, bytes).unwrap();
        // As when a disk forgets: nothing shows from outside.
        fs::File::options().write(true).open(pack).unwrap().set_modified(modified).unwrap();
        world.registry.forget();
        assert!(read().await.unwrap_err().to_string().contains("damaged"));
        assert_eq!(world.registry.paths(), [""; 0]);
        assert_eq!(read().await.unwrap(), "export default 1;\n");
        assert_eq!(world.registry.paths(), [Registry::tarball_path("a", "1.0.0")]);
    }
    // And of metadata that was damaged, once its time has come.
    for file in world.kept("metadata") {
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace("\"versions\"", "\"verzions\"")).unwrap();
    }
    world.registry.forget();
    let other = install(&npm, needs(json!({"b": "npm:a@*"})), None).await.unwrap();
    assert_eq!(tree(&other), [": b=a@1.0.0", "a@1.0.0"]);
    assert_eq!(world.registry.paths(), [Registry::metadata_path("a")]);
}

#[tokio::test]
async fn notes_that_are_damaged_are_made_again() {
    let world = with_a().await;
    for folder in ["metadata", "resolutions"] {
        for file in world.kept(folder) {
            let bytes = fs::read(&file).unwrap();
            for damaged in
                [&b""[..], b"{}", &bytes[..bytes.len() / 2], b"{\"a\":1}\n{\"versions\":{\"1.0.0\":1}}"]
            {
                fs::write(&file, damaged).unwrap();
                assert_eq!(world.tree(json!({"a": "1"})).await, [": a@1.0.0", "a@1.0.0"]);
            }
        }
    }
    // A single bit in what the resolver would rely on.
    for file in world.kept("metadata") {
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace("\"versions\"", "\"verzions\"")).unwrap();
    }
    for file in world.kept("resolutions") {
        fs::remove_file(file).unwrap();
    }
    assert_eq!(world.tree(json!({"a": "1"})).await, [": a@1.0.0", "a@1.0.0"]);
}

/// A program is whole or fetched again, too.
#[tokio::test]
async fn programs() {
    let world = World::new();
    let tool = crate::registry::tarball(&[("bin/tool", "#!/bin/sh\n"), ("lib/a", "a")]);
    let integrity = crate::registry::integrity(&tool);
    let path = Registry::tarball_path("tool", "1.0.0");
    world.registry.reply(&path, crate::registry::Reply::ok(tool));
    let folder = {
        let files = world.npm().pinned("tool", "1.0.0", &integrity, &|_| {}).await.unwrap();
        files.folder().unwrap().to_owned()
    };
    for (file, content) in
        [("bin/tool", None), ("lib/a", Some("ab")), ("../index.json", Some("{\"files\":{\"../../x\":1}}"))]
    {
        match content {
            Some(content) => fs::write(folder.join(file), content).unwrap(),
            None => fs::remove_file(folder.join(file)).unwrap(),
        }
        let files = world.npm().pinned("tool", "1.0.0", &integrity, &|_| {}).await.unwrap();
        assert_eq!(files.paths().collect::<Vec<_>>(), ["bin/tool", "lib/a"]);
        assert_eq!(files.read("lib/a").unwrap(), "a");
        assert!(folder.join("bin/tool").exists());
    }
    assert_eq!(world.registry.paths().len(), 4);
}

/// As other processes would: clients that share nothing but the folder.
#[tokio::test]
async fn several_processes() {
    let world = World::new();
    for name in ["a", "b", "c", "d", "e"] {
        world.registry.publish(name, &[("1.0.0", json!({}))]);
    }
    let tool = crate::registry::tarball(&[("bin/tool", "#!/bin/sh\n")]);
    let integrity = crate::registry::integrity(&tool);
    world.registry.reply(&Registry::tarball_path("tool", "1.0.0"), crate::registry::Reply::ok(tool));
    let all = needs(json!({"a": "1", "b": "1", "c": "1", "d": "1", "e": "1"}));
    let builds: Vec<_> = (0..6)
        .map(|_| {
            let (npm, all, integrity) = (world.npm(), all.clone(), integrity.clone());
            tokio::spawn(async move {
                let tool = npm.pinned("tool", "1.0.0", &integrity, &|_| {}).await.unwrap();
                let installed = install(&npm, all, None).await.unwrap();
                let read =
                    |package: &millrace_bundler::package::Package| package.files.read("index.js").unwrap();
                assert!(
                    installed
                        .packages
                        .packages
                        .values()
                        .map(read)
                        .all(|content| content == "export default 1;\n")
                );
                assert!(tool.folder().unwrap().join("bin/tool").exists());
                tree(&installed)
            })
        })
        .collect();
    for build in builds {
        assert_eq!(build.await.unwrap().len(), 6);
    }
    assert_eq!(world.kept("packages").len(), 5);
    assert!(world.kept("work").is_empty(), "{:?}", world.kept("work"));
}

#[tokio::test]
async fn leftovers_of_the_dead_are_cleared() {
    let world = with_a().await;
    let work = world.store().join("1/work");
    fs::create_dir_all(work.join("dead/0/files")).unwrap();
    fs::write(work.join("dead/0/files/half"), "half").unwrap();
    fs::write(work.join("dead.lock"), "").unwrap();
    world.registry.publish("b", &[("1.0.0", json!({}))]);
    world.install(needs(json!({"b": "1"}))).await.unwrap();
    assert!(world.kept("work").is_empty(), "{:?}", world.kept("work"));
}

#[tokio::test]
async fn offline_says_what_is_missing() {
    let world = with_a().await;
    world.age();
    assert_eq!(
        tree(&install(&world.offline(), needs(json!({"a": "1"})), None).await.unwrap()),
        [": a@1.0.0", "a@1.0.0"]
    );
    // Another question, from the same metadata.
    let other = install(&world.offline(), needs(json!({"b": "npm:a@*"})), None).await.unwrap();
    assert_eq!(tree(&other), [": b=a@1.0.0", "a@1.0.0"]);
    let problem = only_problem(install(&world.offline(), needs(json!({"zod": "1"})), None).await);
    assert_eq!((problem.code.as_str(), problem.dependency.as_deref()), ("offline", Some("zod")));
    assert!(problem.message.contains("the metadata of `zod`"), "{}", problem.message);
    let problem =
        world.offline().pinned("tool", "1.0.0", &crate::registry::integrity(b""), &|_| {}).await.unwrap_err();
    assert!(problem.to_string().contains("`tool@1.0.0` is not in the store"), "{problem}");
    assert_eq!(world.registry.paths(), [""; 0]);
}

/// A disk that cannot be written is this machine's trouble, not the author's.
#[tokio::test]
async fn a_store_that_cannot_be() {
    let world = World::new();
    world.registry.publish("a", &[("1.0.0", json!({}))]);
    fs::write(world.store(), "a file").unwrap();
    let error = world.install(needs(json!({"a": "1"}))).await.unwrap_err();
    assert!(matches!(error, millrace_bundler::npm::InstallError::Machinery(_)), "{error:?}");
}
