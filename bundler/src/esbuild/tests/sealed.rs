//! Nothing of this machine reaches a build, whatever an author or a package writes.

use super::{build, esbuild, lines, request};
use crate::package::Packages;
#[cfg(target_os = "linux")]
use crate::sandbox::tests::{assert_confined, until_gone};
use crate::testing;
use crate::tree::tests::packages;

const SECRET: &str = "a secret of this machine";

/// A real folder with a real source map in it, and a real module.
fn bait() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let map = format!(
        r#"{{"version":3,"sources":["s.ts"],"sourcesContent":["{SECRET}"],"names":[],"mappings":"AAAA"}}"#
    );
    std::fs::write(folder.path().join("real.map"), map).unwrap();
    std::fs::write(folder.path().join("real.js"), format!("export default '{SECRET}';")).unwrap();
    testing::open_to_all(folder.path());
    folder
}

#[tokio::test]
async fn source_maps_of_this_machine_stay_there() {
    let bait = bait();
    let path = bait.path().join("real.map");
    let path = path.display();
    let up = "../".repeat(20);
    let empty_map = format!(r#"{{"version":3,"sources":["file://{path}"],"names":[],"mappings":"AAAA"}}"#);
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, empty_map);
    for comment in [
        format!("//# sourceMappingURL={path}"),
        format!("//# sourceMappingURL=file://{path}"),
        format!("//# sourceMappingURL={up}{path}"),
        format!("//@ sourceMappingURL={path}"),
        format!("/*# sourceMappingURL={path} */"),
        format!("/*@ sourceMappingURL=file://{path}*/ /* more */"),
        format!("//# sourceMappingURL={path}\n// more"),
        format!("//# sourceMappingURL=data:application/json;base64,{base64}"),
    ] {
        let package = [("index.js", format!("export const b = 2;\n{comment}"))];
        let package = [("index.js", package[0].1.as_str())];
        let packages = packages(&[("dep", "dep@1")], &[("dep@1", "dep", &[], &package)]);
        let main = format!("import {{ b }} from 'dep';\nexport default 1 + b;\n{comment}");
        let output = build(&[("main.ts", &main)], &packages).await.unwrap();
        assert!(!output.map.contains(SECRET) && !output.map.contains("s.ts"), "{comment}: {}", output.map);
        assert!(output.map.contains("export default 1 + b"), "{comment}: {}", output.map);
    }
}

#[tokio::test]
async fn what_looks_like_such_a_comment_stays() {
    let text = "export default `\n//# sourceMappingURL=${1}`;\nexport const s = '//# sourceMappingURL=';\n";
    let code = build(&[("main.ts", text)], &Packages::default()).await.unwrap().code;
    assert!(
        code.contains("`\n//# sourceMappingURL=${1}`") && code.contains("\"//# sourceMappingURL=\""),
        "{code}"
    );
}

#[tokio::test]
async fn files_of_this_machine_cannot_be_imported() {
    let bait = bait();
    let path = bait.path().join("real");
    let up = "../".repeat(20);
    for import in [
        format!("import x from '{}.js'; x;", path.display()),
        format!("import x from '{up}{}.js'; x;", path.display()),
        format!("import x from 'file://{}.js'; x;", path.display()),
        format!("import('{}.js');", path.display()),
        format!("require('{up}{}.js');", path.display()),
    ] {
        let failure = build(&[("main.ts", &import)], &Packages::default()).await.unwrap_err();
        assert_eq!(lines(failure).len(), 1, "{import}");
    }
    // Names are looked up when the code runs; nothing of the disk is found by pattern.
    for import in [
        format!("import('{up}{}/' + x);", bait.path().display()),
        format!("require(`{up}{}/${{x}}.js`);", bait.path().display()),
    ] {
        match build(&[("main.ts", &import)], &Packages::default()).await {
            Ok(output) => assert!(!output.code.contains("real"), "{import}: {}", output.code),
            Err(failure) => assert!(!format!("{failure:?}").contains("real.js"), "{import}: {failure:?}"),
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_process_has_nothing() {
    let esbuild = esbuild();
    esbuild.build(request(&[("main.ts", "")], &Packages::default())).await.unwrap();
    assert_confined(esbuild.pid().await.unwrap(), &["GOGC", "GOMEMLIMIT"]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_process_ends_with_its_owner() {
    let esbuild = esbuild();
    esbuild.build(request(&[("main.ts", "")], &Packages::default())).await.unwrap();
    let pid = esbuild.pid().await.unwrap();
    drop(esbuild);
    until_gone(format!("/proc/{pid}").as_ref()).await;
}
