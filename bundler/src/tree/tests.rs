//! Paths of the tree, one in a line, and packages for other tests.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use oxc_resolver::FileSystem as _;
use serde_json::json;

use super::{Tree, TreeFileSystem, split_name};
use crate::npm::Installed;
use crate::package::{Package, PackageFiles, PackageId, Packages};

/// Packages as `id`, own name, dependencies, files.
type Given<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [(&'a str, &'a str)]);

/// As if they had been fetched for a source whose lock nobody looks at.
pub(crate) fn installed(packages: Packages) -> Installed {
    let lock = json!({"version": 1, "requirements": {"dependencies": {}}, "roots": {}, "packages": {}});
    Installed { packages, lock: serde_json::from_value(lock).unwrap(), warnings: Vec::new() }
}

pub(crate) fn packages(roots: &[(&str, &str)], given: &[Given<'_>]) -> Packages {
    let ids = |pairs: &[(&str, &str)]| -> BTreeMap<String, PackageId> {
        pairs.iter().map(|(name, id)| (name.to_string(), PackageId(id.to_string()))).collect()
    };
    let package = |(id, name, dependencies, files): &Given<'_>| {
        let files = files.iter().map(|(path, text)| (path.to_string(), Bytes::from(text.to_string())));
        let package = Package {
            name: name.to_string(),
            version: "1.0.0".into(),
            integrity: "sha512-".into(),
            dependencies: ids(dependencies),
            files: Arc::new(PackageFiles::in_memory(files)),
        };
        (PackageId(id.to_string()), package)
    };
    Packages { roots: ids(roots), packages: given.iter().map(package).collect() }
}

fn tree() -> Tree {
    let packages = packages(
        &[("a", "a@1.0.0"), ("@scope/b", "@scope/b@2.0.0"), ("alias", "a@1.0.0")],
        &[
            (
                "a@1.0.0",
                "a",
                &[("@scope/b", "@scope/b@2.0.0"), ("a", "a@1.0.0"), ("gone", "gone@1.0.0")],
                &[("index.js", "a"), ("lib/x.js", "x"), ("lib.js", "l"), ("node_modules/own/o.js", "o")],
            ),
            ("@scope/b@2.0.0", "@scope/b", &[], &[("package.json", "{}")]),
        ],
    );
    let files = [("main.ts", "m"), ("lib/a.ts", "a"), ("lib-b.ts", "b"), ("node_modules/mine/m.js", "mine")];
    Tree::new(files.map(|(path, text)| (path.to_owned(), Bytes::from(text))), &packages)
}

const A: &str = "/s/a@1.0.0/node_modules/a";
const B: &str = "/s/%40scope%2Fb@2.0.0/node_modules/@scope/b";

#[test]
fn paths() {
    // The path, where it really is, and what it is there.
    let b = B.replace("%40", "@");
    let cases: &[(&str, Option<&str>, bool)] = &[
        ("/", Some("/"), false),
        ("/p", Some("/p"), false),
        ("/p/main.ts", Some("/p/main.ts"), true),
        ("/p/lib", Some("/p/lib"), false),
        ("/p/lib/a.ts", Some("/p/lib/a.ts"), true),
        ("/p/./lib//../lib/a.ts", Some("/p/lib/a.ts"), true),
        ("/p/main.ts/x", None, false),
        ("/p/lib-b", None, false),
        ("/p/li", None, false),
        ("/px", None, false),
        ("/p/node_modules", Some("/p/node_modules"), false),
        ("/p/node_modules/a", Some(A), false),
        ("/p/node_modules/a/lib/x.js", Some("/s/a@1.0.0/node_modules/a/lib/x.js"), true),
        ("/p/node_modules/alias/lib", Some("/s/a@1.0.0/node_modules/a/lib"), false),
        ("/p/node_modules/@scope", Some("/p/node_modules/@scope"), false),
        ("/p/node_modules/@scope/b", Some(&b), false),
        ("/p/node_modules/@scope/c", None, false),
        ("/p/node_modules/mine/m.js", Some("/p/node_modules/mine/m.js"), true),
        ("/s", Some("/s"), false),
        ("/s/a@1.0.0", Some("/s/a@1.0.0"), false),
        ("/s/a@1.0.0/node_modules", Some("/s/a@1.0.0/node_modules"), false),
        ("/s/a@1.0.0/node_modules/@scope", Some("/s/a@1.0.0/node_modules/@scope"), false),
        ("/s/a@1.0.0/node_modules/@scope/b", Some(&b), false),
        (
            "/s/a@1.0.0/node_modules/a/node_modules/own/o.js",
            Some("/s/a@1.0.0/node_modules/a/node_modules/own/o.js"),
            true,
        ),
        ("/s/a@1.0.0/node_modules/gone", None, false),
        ("/s/a@1.0.0/package.json", None, false),
        ("/s/@scope%2Fb@2.0.0/node_modules/@scope", Some("/s/@scope%2Fb@2.0.0/node_modules/@scope"), false),
        ("/etc/passwd", None, false),
        ("/p/../etc/passwd", None, false),
        ("/p/../../../etc/passwd", None, false),
    ];
    let tree = tree();
    for (path, real, is_file) in cases {
        assert_eq!(tree.real_path(path).as_deref(), *real, "{path}");
        assert_eq!(tree.is_file(path), *is_file, "{path} is a file");
        assert_eq!(tree.is_dir(path), real.is_some() && !is_file, "{path} is a folder");
        assert_eq!(tree.read(path).is_ok(), *is_file, "{path} is readable");
        let seen = TreeFileSystem(Arc::new(Tree::new([], &Packages::default())));
        assert!(seen.read(Path::new(path)).is_err(), "{path} in an empty tree");
    }
}

#[test]
fn entries() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("/", &[], &["p", "s"]),
        ("/p", &["lib-b.ts", "main.ts"], &["lib", "node_modules"]),
        ("/p/node_modules", &[], &["@scope", "a", "alias", "mine"]),
        ("/p/node_modules/@scope", &[], &["b"]),
        ("/p/node_modules/a", &["index.js", "lib.js"], &["lib", "node_modules"]),
        ("/s", &[], &["@scope%2Fb@2.0.0", "a@1.0.0"]),
        ("/s/a@1.0.0", &[], &["node_modules"]),
        ("/s/a@1.0.0/node_modules", &[], &["@scope", "a"]),
        ("/s/a@1.0.0/node_modules/@scope", &[], &["b"]),
        ("/nowhere", &[], &[]),
    ];
    let tree = tree();
    for (path, files, folders) in cases {
        let (found_files, mut found_folders) = tree.entries(path);
        found_folders.sort();
        assert_eq!(found_files, *files, "files of {path}");
        assert_eq!(found_folders, *folders, "folders of {path}");
    }
}

#[test]
fn names() {
    let tree = tree();
    for (path, shown) in [
        ("/p/lib/a.ts", "lib/a.ts"),
        ("/s/a@1.0.0/node_modules/a/lib/x.js", "a/lib/x.js"),
        ("/p/node_modules/alias/lib/x.js", "a/lib/x.js"),
        ("/s/@scope%2Fb@2.0.0/node_modules/@scope/b/package.json", "@scope/b/package.json"),
        ("/elsewhere", "/elsewhere"),
    ] {
        assert_eq!(tree.shown(path), shown);
    }
    assert!(tree.is_authors("/p/main.ts") && !tree.is_authors("/p/node_modules/a/index.js"));
    assert_eq!(tree.folder_of("/p/node_modules/alias/lib/x.js").as_deref(), Some(A));
    assert_eq!(tree.package_folder(&PackageId("a@1.0.0".into())).as_deref(), Some(A));
    for (path, split) in [
        ("a", ("a", "")),
        ("a/b/c", ("a", "b/c")),
        ("@a/b", ("@a/b", "")),
        ("@a/b/c/d", ("@a/b", "c/d")),
        ("@a", ("@a", "")),
    ] {
        assert_eq!(split_name(path), split);
    }
}

#[test]
fn links() {
    let files = TreeFileSystem(Arc::new(tree()));
    let link = Path::new("/p/node_modules/alias");
    assert!(files.symlink_metadata(link).unwrap().is_symlink());
    assert!(files.metadata(link).unwrap().is_dir());
    assert_eq!(files.read_link(link).unwrap(), Path::new(A));
    assert!(files.symlink_metadata(&link.join("index.js")).unwrap().is_file());
    assert!(files.read_link(Path::new("/p/main.ts")).is_err());
}
