//! The compiler sees nothing of this machine.

use super::*;
#[cfg(target_os = "linux")]
use crate::sandbox::tests::assert_confined;

#[tokio::test]
async fn nothing_of_the_disk_is_found() {
    let checker = checker();
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret.ts");
    std::fs::write(&secret, "export const secret = 'hunter2'; export const n: number = 'hunter2';").unwrap();
    std::fs::write(folder.path().join("tsconfig.json"), r#"{"compilerOptions": {"strict": "hunter2"}}"#)
        .unwrap();
    let folder = folder.path().to_str().unwrap();
    let library = testing::tsc().await.canonicalize().unwrap();
    let library = library.parent().unwrap().to_str().unwrap().to_owned();
    let sources = [
        format!("import '{folder}/secret.ts';"),
        format!("import * as s from '{folder}/secret'; export const x: 1 = s;"),
        format!("import '../../../../../../..{folder}/secret.ts';"),
        format!("/// <reference path='{folder}/secret.ts' />\nexport {{}};"),
        "/// <reference path='/etc/hostname' />\nexport {};".to_owned(),
        "import x from '/etc/passwd'; export { x };".to_owned(),
        "import x from '/proc/self/environ'; export { x };".to_owned(),
        format!("import x from '{library}/../package.json'; export {{ x }};"),
        format!("import x from '{library}/../package.json' with {{ type: 'json' }}; export {{ x }};"),
        "/// <reference types='../../../etc' />\nexport {};".to_owned(),
    ];
    for source in &sources {
        let found = checker.check(&program(&[("main.ts", source)])).await.unwrap();
        assert!(!found.is_empty(), "{source}");
        let text = format!("{found:?}");
        assert!(!text.contains("hunter2") && !text.contains("root:"), "{text}");
        assert!(found.iter().all(|one| one.file == "main.ts"), "{text}");
    }
}

#[tokio::test]
async fn configurations_do_not_lead_out() {
    let checker = checker();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.json"), r#"{"compilerOptions": {"noImplicitReturns": true}}"#)
        .unwrap();
    std::fs::create_dir_all(folder.path().join("stolen")).unwrap();
    std::fs::write(folder.path().join("stolen/index.d.ts"), "declare const stolen: number;").unwrap();
    let folder = folder.path().to_str().unwrap();
    let configurations = [
        format!(r#"{{"extends": "{folder}/a.json"}}"#),
        format!(r#"{{"extends": "../../../../..{folder}/a.json"}}"#),
        format!(r#"{{"include": ["{folder}/**/*"], "files": ["{folder}/stolen/index.d.ts"]}}"#),
        format!(r#"{{"compilerOptions": {{"typeRoots": ["{folder}"], "types": ["stolen"]}}}}"#),
        format!(r#"{{"compilerOptions": {{"paths": {{"stolen": ["{folder}/stolen/index.d.ts"]}}}}}}"#),
        format!(
            r#"{{"compilerOptions": {{"rootDirs": ["{folder}", "."], "outDir": "{folder}", "baseUrl": "{folder}"}}}}"#
        ),
        format!(
            r#"{{"references": [{{"path": "{folder}"}}], "compilerOptions": {{"plugins": [{{"name": "{folder}/p.js"}}], "incremental": true, "tsBuildInfoFile": "{folder}/x"}}}}"#
        ),
    ];
    let main = "function f(a: boolean) { if (a) return 1; }\nf(true);\nstolen;\nexport {};";
    for text in &configurations {
        let found = checker.check(&program(&[("main.ts", main), ("tsconfig.json", text)])).await.unwrap();
        let of_main: Vec<_> = found.iter().filter(|one| one.file == "main.ts").cloned().collect();
        // Only `stolen` is unknown: what lies outside neither declares it nor makes `f` return.
        assert!(of_main.is_empty() || places(&of_main) == ["TS2304 main.ts:3:1"], "{text}\n{found:#?}");
        assert!(!found.is_empty(), "{text}");
    }
    assert!(std::fs::read_dir(folder).unwrap().count() == 2, "something was written");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_process_has_nothing() {
    let checker = checker();
    checker.check(&program(&[("main.ts", "")])).await.unwrap();
    let process = checker.0.running.lock().await.compiler.as_ref().map(Compiler::process);
    assert_confined(process.unwrap().pid().unwrap(), &["GOMEMLIMIT"]);
}
