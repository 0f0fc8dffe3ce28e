//! `millrace deploy --wait`: what became of a configuration, as a person sees it and as an exit code.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::harness::server::{program, run, run_command};
use crate::harness::{Shared, shared};

const ECHO: &str = "export default {\n  async afterAppend({ event, append }) {\n    if (event.type === 'ping') await append({ type: 'pong' });\n  },\n};\n";

/// Deploys `file` on `/a`; the exit code, stdout and stderr.
fn deploy(server: &Shared, file: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let file = file.to_string_lossy();
    let mut command = program(&["deploy", &file, "--stream", "/a", "--wait"]);
    command
        .args(more)
        .env("MILLRACE_URL", format!("http://{}", server.address))
        .env("MILLRACE_PROJECT", &server.project);
    let output = run_command(command);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_same_code_again_is_told_and_is_no_failure() {
    let (server, folder) = (shared(), tempfile::tempdir().unwrap());
    let file = folder.path().join("echo.js");
    fs::write(&file, ECHO).unwrap();
    let (code, out, _) = deploy(&server, &file, &[]);
    assert!(code == Some(0) && out.contains("`echo` is active on /a"), "{out}");
    let (code, out, _) = deploy(&server, &file, &[]);
    assert!(code == Some(0) && out.contains("nothing changed"), "{out}");
    let (code, out, _) = deploy(&server, &file, &["--json"]);
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(code == Some(0) && told["unchanged"] == true, "{out}");
}

#[test]
fn a_mistake_is_shown_where_it_is() {
    let (server, folder) = (shared(), tempfile::tempdir().unwrap());
    let cases = [
        ("const a = 1;\nexport default { reduce( { };\n", "error[load]: SyntaxError", ":2:"),
        (
            "const a = 1;\n\n  nowhere();\nexport default {};\n",
            "error[load]: ReferenceError: nowhere",
            ":3:3",
        ),
        ("export const other = 1;\n", "error[load]", ""),
    ];
    for (text, headline, place) in cases {
        let file = folder.path().join("wrong.js");
        fs::write(&file, text).unwrap();
        let (code, _, err) = deploy(&server, &file, &[]);
        assert_eq!(code, Some(1), "{err}");
        assert!(err.contains(headline), "{err}");
        if !place.is_empty() {
            assert!(err.contains(&format!("{}{place}", file.display())) && err.contains("> "), "{err}");
        }
    }
    let file = folder.path().join("right.js");
    fs::write(&file, ECHO).unwrap();
    let (code, out, err) = deploy(&server, &file, &["--slug", "wrong"]);
    assert_eq!(code, Some(0), "the repair is taken: {out}{err}");
}

#[test]
fn a_folder_of_javascript_is_its_modules() {
    let (server, folder) = (shared(), tempfile::tempdir().unwrap());
    let agent = folder.path().join("agent");
    fs::create_dir_all(agent.join("lib")).unwrap();
    fs::write(agent.join("lib/answer.js"), "export const answer = () => ({ type: 'pong' });\n").unwrap();
    let entry = ECHO.replace("{ type: 'pong' }", "answer()");
    fs::write(agent.join("processor.js"), format!("import {{ answer }} from './lib/answer.js';\n{entry}"))
        .unwrap();
    let (code, out, err) = deploy(&server, &agent, &[]);
    assert!(code == Some(0) && out.contains("`agent`"), "{out}{err}");
    server.append("/a", json!({"type": "ping"}));
    server.wait_type("/a", "pong");
}

#[test]
fn typescript_is_built_and_told_of_in_the_files_as_they_are_called_here() {
    let (server, folder) = (shared(), tempfile::tempdir().unwrap());
    let file = folder.path().join("echo.ts");
    fs::write(&file, ECHO).unwrap();
    let (code, out, err) = deploy(&server, &file, &["--typecheck", "off"]);
    assert!(code == Some(0) && out.contains("`echo` is active"), "{out}{err}");
    let (code, out, err) = deploy(&server, &file, &["--typecheck", "off"]);
    assert!(code == Some(0) && out.contains("nothing changed"), "{out}{err}");
    fs::write(&file, format!("import * as z from 'zod';\nz.string();\n{ECHO}")).unwrap();
    let (code, _, err) = deploy(&server, &file, &["--typecheck", "off"]);
    let place = format!("--> {}:1:20", file.display());
    for part in ["error[undeclared-dependency]", &place, "> 1 | import * as z from 'zod';", "hint:"] {
        assert!(code == Some(1) && err.contains(part), "{part}: {err}");
    }
    server.append("/a", json!({"type": "ping"}));
    server.wait_type("/a", "pong");
}

#[test]
fn a_bundle_is_made_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("echo.ts"), folder.path().join("out.js"));
    fs::write(&file, ECHO).unwrap();
    let paths = [&file, &out].map(|path| path.display().to_string());
    let done = run(&["bundle", &paths[0], "--out", &paths[1], "--typecheck", "off"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(fs::read_to_string(&out).unwrap().contains("afterAppend"));
    let map = fs::read_to_string(folder.path().join("out.js.map")).unwrap();
    assert!(map.contains("echo.ts"), "{map}");
    fs::write(&file, "export default {").unwrap();
    let failed = run(&["bundle", &paths[0], "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&failed.stdout).unwrap();
    assert_eq!((failed.status.code(), &told["stage"]), (Some(1), &json!("parse")));
}

#[test]
fn a_repair_with_redelivery_does_what_had_failed() {
    let (server, folder) = (shared(), tempfile::tempdir().unwrap());
    let file = folder.path().join("echo.js");
    fs::write(&file, ECHO.replace("await append", "missing(); await append")).unwrap();
    assert_eq!(deploy(&server, &file, &[]).0, Some(0));
    server.append("/a", json!({"type": "ping"}));
    server.wait_type("/a", "processor/failed");
    fs::write(&file, ECHO).unwrap();
    assert_eq!(deploy(&server, &file, &["--redeliver-failed"]).0, Some(0));
    server.wait_type("/a", "pong");
}

#[test]
fn what_is_left_aside_is_a_warning_and_no_failure() {
    let (server, folder) = (shared(), tempfile::tempdir().unwrap());
    fs::write(folder.path().join("processor.ts"), ECHO).unwrap();
    let config = folder.path().join("tsconfig.json");
    fs::write(&config, "{\n  \"compilerOptions\": { \"useDefineForClassFields\": false }\n}\n").unwrap();
    let (code, _, deployed) = deploy(&server, folder.path(), &["--slug", "p"]);
    assert_eq!(code, Some(0), "{deployed}");
    let configured = server.wait_type("/a", "processor/configured");
    let warning = &configured["payload"]["bundle"]["warnings"][0];
    assert_eq!(
        (&warning["code"], &warning["file"], &warning["line"], &warning["hint"]),
        (&json!("tsconfig-option-ignored"), &json!("tsconfig.json"), &json!(2), &json!("remove it")),
        "{configured:#}"
    );

    let bundled = run(&["bundle", &folder.path().display().to_string(), "--typecheck", "off"]);
    assert_eq!(bundled.status.code(), Some(0));
    let bundled = String::from_utf8_lossy(&bundled.stderr);
    let place = format!("{}:2:", config.display());
    for told in [deployed.as_str(), &bundled] {
        for part in ["warning[tsconfig-option-ignored]", &place, "> 2 | ", "hint: remove it"] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
}
