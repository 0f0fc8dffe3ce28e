//! The fixer, from the command line to the repaired processor, before a model of ours that plays its part from the cases'
//! own answers: right ones, wrong ones, and all that models and their servers do instead of answering. Which repair is
//! right is known to that model only; the verdicts are the fixer's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::server::{program, run};
use crate::harness::{Answering, Asked, Client, Origin, Server, post};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fixer/bench")
}

/// What the model knows of a case.
#[derive(Clone, Debug, Default)]
struct Script {
    right: BTreeMap<String, String>,
    wrong: BTreeMap<String, String>,
    /// What the right one says that it changes.
    changes: Option<String>,
}

/// By the case's name, which is the slug of its processor.
fn scripts() -> BTreeMap<String, Script> {
    let mut scripts: BTreeMap<String, Script> = BTreeMap::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let mut name = String::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(heading) = line.strip_prefix("## ") {
                name = heading.to_string();
                scripts.insert(name.clone(), Script::default());
            }
            let Some(head) = line.strip_prefix("```") else { continue };
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let script = scripts.entry(name.clone()).or_default();
            match head.split_whitespace().collect::<Vec<_>>()[..] {
                [_, "right", path] => script.right.insert(path.into(), body.join("\n") + "\n"),
                [_, "wrong", path] => script.wrong.insert(path.into(), body.join("\n") + "\n"),
                [_, "changes"] => script.changes.replace(body.join(" ")),
                _ => None,
            };
        }
    }
    scripts
}

/// What is answered in place of a repair.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    None,
    TooMany,
    Down,
    Malformed,
    Refusal,
    Cut,
    Chatter,
}

const TROUBLES: [Trouble; 8] = [
    Trouble::None,
    Trouble::TooMany,
    Trouble::Malformed,
    Trouble::None,
    Trouble::Down,
    Trouble::Refusal,
    Trouble::Cut,
    Trouble::Chatter,
];

fn repair(files: &BTreeMap<String, String>, changes: Option<&str>, dressed: bool) -> String {
    let answer = json!({"files": files, "reason": "as it says", "confidence": 0.8, "changes": changes});
    if dressed {
        format!("Here is the repair:\n\n```json\n{answer}\n```\n\nGood luck!")
    } else {
        answer.to_string()
    }
}

fn say(asked: &Asked, content: &str, to: &mut Answering) {
    let usage = json!({"prompt_tokens": 90, "completion_tokens": 10, "total_tokens": 100});
    let whole = match asked.path() {
        "/v1/messages" => {
            json!({"content": [{"type": "text", "text": content}], "stop_reason": "end_turn", "usage": {"input_tokens": 90, "output_tokens": 10}})
        }
        _ => {
            json!({"choices": [{"message": {"role": "assistant", "content": content}, "finish_reason": "stop"}], "usage": usage})
        }
    };
    to.json("200 OK", &whole);
}

fn make_trouble(trouble: Trouble, asked: &Asked, to: &mut Answering) {
    match trouble {
        Trouble::None => unreachable!("it is left out"),
        Trouble::TooMany => to.whole("429 Too Many Requests", &[("retry-after", "0.05")], b"{\"error\":{}}"),
        Trouble::Down => to.whole("503 Service Unavailable", &[("retry-after", "0.05")], b"no"),
        Trouble::Malformed => say(asked, "{\"files\": {\"processor.js\": \"export", to),
        Trouble::Refusal => say(asked, "I am sorry, but I cannot help with that.", to),
        Trouble::Cut => {
            to.begin("application/json", &[]);
            to.chunk(b"{\"choices\": [{\"mess");
            to.raw(b"zz\r\n");
        }
        Trouble::Chatter => {
            to.begin("application/json", &[]);
            // Longer than any answer may be; whoever listens hangs up before.
            for _ in 0..200 {
                to.chunk(&[b' '; 16 * 1024]);
            }
            to.end();
        }
    }
}

/// Which processor is asked about.
fn slug(asked: &Asked) -> String {
    let body = asked.json();
    let question = body["messages"].as_array().and_then(|it| it.last()).map(|it| it["content"].to_string());
    let question = question.expect("a question");
    question.split('`').nth(1).unwrap_or_else(|| panic!("no processor in {question}")).to_string()
}

/// Each case has its trouble first, then the wrong repair where there is one, then the right one.
fn model(scripts: BTreeMap<String, Script>) -> Origin {
    let turns: Mutex<BTreeMap<String, usize>> = Mutex::default();
    Origin::start(move |asked, to| {
        let slug = slug(asked);
        let number = scripts.keys().position(|name| *name == slug).expect("a case");
        let script = &scripts[&slug];
        let turn = {
            let mut turns = turns.lock().unwrap();
            let turn = turns.entry(slug).or_default();
            *turn += 1;
            *turn - 1
        };
        let trouble = TROUBLES[number % TROUBLES.len()];
        let has_trouble = usize::from(!matches!(trouble, Trouble::None));
        let has_wrong = usize::from(!script.wrong.is_empty());
        match turn {
            0 if has_trouble == 1 => make_trouble(trouble, asked, to),
            turn if has_wrong == 1 && turn == has_trouble => {
                say(asked, &repair(&script.wrong, None, false), to)
            }
            _ => say(asked, &repair(&script.right, script.changes.as_deref(), number % 2 == 1), to),
        }
    })
}

#[test]
fn every_case_with_a_right_answer_ends_repaired() {
    let scripts = scripts();
    assert!(scripts.len() >= 60, "{} cases", scripts.len());
    let server = Server::start(&["--egress-allow", "127.0.0.1"]);
    let model = model(scripts.clone());
    let url = format!("http://{}", server.address);
    let mut bench = program(&["fixer", "bench", folder().to_str().unwrap(), "--server", &url, "--json"]);
    bench.args([
        "--base-url",
        &model.url("/v1"),
        "--model",
        "ours",
        "--project",
        "bench",
        "--max-tokens",
        "2000",
    ]);
    bench.args(["--patience", "40", "--at-once", "6"]);
    let output = bench.output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let reports: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed: Vec<&Value> = reports.iter().filter(|report| report["verdict"] != "repaired").collect();
    assert!(failed.is_empty(), "{failed:#?}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(reports.len(), scripts.len(), "{}", String::from_utf8_lossy(&output.stderr));
    // Each wrong repair was seen through: what was applied is the right one, at the last attempt and once.
    let client = server.client("bench");
    for report in &reports {
        let (name, path) = (report["case"].as_str().unwrap(), report["stream"].as_str().unwrap());
        let applied: Vec<Value> =
            client.read(path).into_iter().filter(|it| it["metadata"]["fixes"].is_u64()).collect();
        assert_eq!(applied.len(), 1, "{name}: {applied:#?}");
        let expected = 1 + usize::from(!scripts[name].wrong.is_empty());
        assert!(report["attempts"].as_u64().unwrap() as usize >= expected, "{report}");
    }
}

const GREETER: &str = "export default { async afterAppend({ event, append }) { if (event.type === 'asked') await append({ type: 'answered', payload: { text: event.payload.user.name } }); } };";

/// A stream with a fixer by the command, and the processor above.
fn enable(server: &Server, path: &str, base_url: &str, flags: &[&str]) -> Client {
    let url = format!("http://{}", server.address);
    let mut args =
        vec!["fixer", "enable", path, "--server", &url, "--project", "fixer", "--base-url", base_url];
    args.extend(["--model", "ours"]);
    args.extend(flags);
    let output = run(&args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let client = server.client("fixer");
    client.append(path, json!({"type": "processor/configured", "payload": {"slug": "greeter", "script": GREETER, "includeChildren": flags.contains(&"--include-children")}}));
    wait_active(&client, path, 1);
    client
}

fn wait_active(client: &Client, path: &str, times: usize) -> Vec<Value> {
    client.wait_for(path, "an activation", |events| {
        let active = |it: &&Value| it["type"] == "processor/activated" && it["payload"]["slug"] == "greeter";
        events.iter().filter(active).count() == times
    })
}

fn always(content: impl Fn(usize) -> String + Send + Sync + 'static) -> Origin {
    let turns = Mutex::new(0);
    Origin::start(move |asked, to| {
        let turn = {
            let mut turns = turns.lock().unwrap();
            *turns += 1;
            *turns - 1
        };
        say(asked, &content(turn), to);
    })
}

fn with(change: (&str, &str)) -> String {
    assert!(GREETER.contains(change.0));
    repair(&BTreeMap::from([("processor.js".to_string(), GREETER.replace(change.0, change.1))]), None, false)
}

const RIGHT: (&str, &str) = ("event.payload.user.name", "event.payload.user?.name ?? 'guest'");

#[test]
fn a_proposal_waits_for_somebody_to_approve_it() {
    let server = Server::start(&["--egress-allow", "127.0.0.1"]);
    let model = always(|_| with(RIGHT));
    let secret = json!({"name": "MODEL_KEY", "value": "k-123"});
    server.client("fixer").run([post("/api/secrets", secret)]);
    let flags = ["--mode", "propose", "--api", "anthropic", "--secret", "MODEL_KEY"];
    let client = enable(&server, "/propose", &model.url("/v1"), &flags);
    client.append("/propose", json!([{"type": "asked"}, {"type": "asked"}]));
    let proposed = client.wait_type("/propose", "fixer/proposed");
    assert!(proposed["payload"]["diff"].as_str().unwrap().contains("+export default"), "{proposed:#}");
    client.append("/propose", json!({"type": "fixer/approved", "payload": {"offset": proposed["offset"]}}));
    client.wait_for("/propose", "the work that had failed", |events| {
        events.iter().filter(|it| it["type"] == "answered" && it["payload"]["text"] == "guest").count() == 2
    });
    assert_eq!(model.asked().len(), 1);
    assert_eq!(model.asked()[0].path(), "/v1/messages");
    assert_eq!(model.asked()[0].header("x-api-key"), Some("k-123"));
    client.append("/propose", json!({"type": "fixer/approved", "payload": {"offset": proposed["offset"]}}));
    client.wait_type("/propose", "fixer/approval-ignored");
    let url = format!("http://{}", server.address);
    let status = run(&["fixer", "status", "/propose", "--server", &url, "--project", "fixer"]);
    assert!(String::from_utf8_lossy(&status.stdout).contains("fixer/proposed"));
}

#[test]
fn it_gives_up_and_does_not_begin_again() {
    let server = Server::start(&["--egress-allow", "127.0.0.1"]);
    let model = always(|_| with(("asked", "never-asked")));
    let client = enable(&server, "/give-up", &model.url("/v1"), &["--max-attempts", "2"]);
    client.append(
        "/give-up",
        json!([{"type": "asked", "payload": {"user": {"name": "ann"}}}, {"type": "asked"}]),
    );
    let gave_up = client.wait_type("/give-up", "fixer/gave-up");
    assert_eq!(gave_up["payload"]["attempts"], 2);
    client.append("/give-up", json!({"type": "asked"}));
    client.settle("/give-up");
    // The second answer was the first one again, and nothing was asked for the later failure.
    assert_eq!(model.asked().len(), 2);
    let events = client.read("/give-up");
    let why: Vec<&str> = events
        .iter()
        .filter(|it| it["type"] == "fixer/attempted")
        .filter_map(|it| it["payload"]["reason"].as_str())
        .collect();
    assert!(why[0].contains("in reaction to event") && why[1].contains("tried already"), "{why:?}");
}

#[test]
fn what_fails_on_a_child_is_repaired_where_it_is_configured() {
    let server = Server::start(&["--egress-allow", "127.0.0.1"]);
    let model = always(|_| with(RIGHT));
    let client = enable(&server, "/tree", &model.url("/v1"), &["--include-children"]);
    client.append("/tree/one", json!({"type": "asked"}));
    client.append("/tree/two", json!({"type": "asked"}));
    for child in ["/tree/one", "/tree/two"] {
        client.wait_type(child, "answered");
    }
    let repairs = client.read("/tree").into_iter().filter(|it| it["metadata"]["fixes"].is_u64()).count();
    assert_eq!((repairs, model.asked().len()), (1, 1));
}

#[test]
fn a_repair_that_does_worse_is_taken_back() {
    let server = Server::start(&["--egress-allow", "127.0.0.1"]);
    let later = "(event.offset > 30 ? event.payload.user.nobody.name : event.payload.user?.name ?? 'guest')";
    let model = always(move |turn| with(if turn == 0 { ("event.payload.user.name", later) } else { RIGHT }));
    let client = enable(&server, "/worse", &model.url("/v1"), &[]);
    let ann = json!({"type": "asked", "payload": {"user": {"name": "ann"}}});
    client.append("/worse", json!([ann, ann, ann, ann, ann, {"type": "asked"}]));
    wait_active(&client, "/worse", 2);
    client.append(
        "/worse",
        json!([{"type": "noted"}, {"type": "noted"}, {"type": "noted"}, {"type": "noted"}]),
    );
    client.append("/worse", ann.clone());
    client.wait_type("/worse", "fixer/rolled-back");
    wait_active(&client, "/worse", 3);
    client.append("/worse", json!({"type": "asked"}));
    let events = wait_active(&client, "/worse", 4);
    assert_eq!(events.iter().rfind(|it| it["metadata"]["fixes"].is_u64()).unwrap()["metadata"]["attempt"], 2);
}

#[test]
fn the_next_repair_of_a_processor_waits_until_it_has_cooled_down() {
    let server = Server::start(&["--egress-allow", "127.0.0.1"]);
    let half = "(event.payload.loud ? event.payload.loud.text.trim() : event.payload.user?.name ?? 'guest')";
    let model = always(move |turn| with(if turn == 0 { ("event.payload.user.name", half) } else { RIGHT }));
    let client = enable(&server, "/cool", &model.url("/v1"), &["--cooldown-seconds", "1"]);
    client.append("/cool", json!([{"type": "asked"}, {"type": "asked"}, {"type": "asked"}]));
    wait_active(&client, "/cool", 2);
    client.append("/cool", json!({"type": "asked", "payload": {"loud": {}}}));
    let events = wait_active(&client, "/cool", 3);
    let at = |name: &str| events.iter().rposition(|it| it["type"] == name);
    assert!(at("fixer/cooled-down").is_some() && at("fixer/cooled-down") < at("fixer/asked"), "{events:#?}");
}

/// A processor that had failed before there was a fixer.
#[test]
fn what_has_failed_already_is_repaired_too() {
    let server = Server::start(&["--egress-allow", "127.0.0.1"]);
    let model = always(|_| with(RIGHT));
    let client = server.client("fixer");
    let source =
        json!({"slug": "early", "files": {"processor.js": GREETER.replace("} };", "}")}, "typecheck": "off"});
    client.append("/early", json!({"type": "processor/source-configured", "payload": source}));
    client.wait_type("/early", "processor/compile-failed");
    enable(&server, "/early", &model.url("/v1"), &[]);
    let repaired = |it: &Value| it["type"] == "processor/activated" && it["payload"]["slug"] == "early";
    client.wait_for("/early", "the repair", |events| events.iter().any(repaired));
}

/// Of a crash between the question and the answer: it is asked again, once, and applied once.
#[test]
fn a_crash_in_the_middle_repairs_once() {
    let mut server = Server::start(&["--egress-allow", "127.0.0.1"]);
    let model = Origin::start(|asked, to| {
        to.hold();
        say(asked, &with(RIGHT), to);
    });
    let client = enable(&server, "/crash", &model.url("/v1"), &[]);
    client.append("/crash", json!({"type": "asked"}));
    model.wait_asked();
    server.kill();
    let server = server.restart();
    let client = Client { address: server.address, ..client };
    model.wait_asked_until("the second question", |asked| asked.len() == 2);
    model.release();
    client.wait_type("/crash", "answered");
    let events = client.read("/crash");
    let count = |name: &str| events.iter().filter(|it| it["type"] == name).count();
    assert_eq!((count("fixer/asked"), count("fixer/answered"), count("answered")), (1, 1, 1));
    assert_eq!(model.asked().len(), 2);
}

/// From the failure to the version that has done the work, with a model that answers at once.
#[test]
fn a_repair_is_quick() {
    let server = Server::start(&["--egress-allow", "127.0.0.1"]);
    let model = always(|_| with(RIGHT));
    let client = enable(&server, "/quick", &model.url("/v1"), &[]);
    client.append("/quick", json!({"type": "asked"}));
    let events = wait_active(&client, "/quick", 2);
    let at = |event: &Value| {
        let time = event["createdAt"].as_str().unwrap();
        let seconds: f64 = time[17..23].parse().unwrap();
        let minutes: f64 = time[14..16].parse().unwrap();
        Duration::from_secs_f64(minutes * 60.0 + seconds)
    };
    let failed = events.iter().find(|it| it["type"] == "processor/failed").unwrap();
    let took = at(events.last().unwrap()).saturating_sub(at(failed));
    // A debug build beside other tests; the release build's figure is far below.
    assert!(took < Duration::from_secs(10), "{took:?}");
}
