//! Isolates: what a cold one costs in processor time and memory, beside workerd's Worker Loader on the same
//! processors in the same run; and what one warm `reduce` costs.

mod peer;

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::processors::configured;
use super::server::{Client, Server, Usage, scratch};
use super::table::Row;
use peer::Workerd;

struct Case {
    name: &'static str,
    dependencies: &'static [(&'static str, &'static str)],
    source: &'static str,
    isolates: usize,
    cpu: Duration,
    bytes: f64,
}

const CASES: &[Case] = &[
    Case {
        name: "small",
        dependencies: &[],
        source: "export default { initialState: { count: 0 }, reduce: ({ state }) => ({ count: state.count + 1 }) };\n",
        isolates: 500,
        cpu: Duration::from_micros(500),
        bytes: 0.4 * 1024.0 * 1024.0,
    },
    Case {
        name: "openai",
        dependencies: &[("openai", "^6")],
        source: "import OpenAI from 'openai';\nconst client = new OpenAI({ apiKey: 'none' });\nexport default { initialState: { count: 0 }, reduce: ({ state }) => ({ count: state.count + (client.baseURL ? 1 : 0) }) };\n",
        isolates: 100,
        cpu: Duration::from_millis(3),
        bytes: 2.0 * 1024.0 * 1024.0,
    },
];

/// How much cheaper than the peer a cold isolate is to be, and how much smaller.
const CHEAPER: u32 = 4;
const SMALLER: f64 = 2.0;
const REPLAYED: usize = 100_000;

pub fn run() -> io::Result<Vec<Row>> {
    let folder = scratch("isolates")?;
    let workerd = Workerd::install(&folder)?;
    let mut rows = Vec::new();
    for case in CASES {
        println!("  {} ...", case.name);
        let script = case.bundle(&folder)?;
        rows.extend(case.rows(case.cold(&script)?, workerd.cold(&script, case.isolates)?));
    }
    rows.push(warm()?);
    fs::remove_dir_all(folder)?;
    Ok(rows)
}

impl Case {
    /// One module that needs nothing else, as both sides run it.
    fn bundle(&self, folder: &Path) -> io::Result<String> {
        let project = folder.join(self.name);
        fs::create_dir_all(&project)?;
        let dependencies: serde_json::Map<_, _> =
            self.dependencies.iter().map(|(name, range)| (name.to_string(), json!(range))).collect();
        fs::write(project.join("package.json"), json!({"dependencies": dependencies}).to_string())?;
        fs::write(project.join("processor.ts"), self.source)?;
        let out = project.join("bundle.js");
        let built = Command::new(crate::tidy::root().join("target/release/millrace"))
            .arg("bundle")
            .arg(&project)
            .arg("--out")
            .arg(&out)
            .arg("--packages")
            .arg(folder.join("packages"))
            .output()?;
        if !built.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&built.stderr).into_owned()));
        }
        fs::read_to_string(out)
    }

    /// What one of ours takes, from its configuration to `activated` with its history reduced. Compiling is done
    /// once for all of them, in another process.
    fn cold(&self, script: &str) -> io::Result<Usage> {
        let server = Server::start(&["--hibernate-after-ms", "3600000"])?;
        let mut client = server.connect()?;
        client.lift_breaker("/")?;
        client.lift_breaker("/cold")?;
        // So that every worker runs and has the code.
        for n in 0..8 {
            activate(&mut client, &format!("/warm/{n}"), script)?;
        }
        let before = server.worker_usage();
        for n in 0..self.isolates {
            activate(&mut client, &format!("/cold/{n}"), script)?;
        }
        Ok(server.worker_usage().since(before).each(self.isolates))
    }

    fn rows(&self, ours: Usage, peer: Usage) -> Vec<Row> {
        let beside = (peer.cpu, "workerd's Worker Loader");
        let target = self.cpu.min(peer.cpu / CHEAPER);
        let figure = format!("cold isolate, {}: processor time", self.name);
        let (megabytes, theirs) = (in_megabytes(ours.bytes), in_megabytes(peer.bytes));
        let allowed = in_megabytes(self.bytes).min(theirs / SMALLER);
        vec![
            Row::time(figure, ours.cpu, beside, Some(target)),
            Row {
                figure: format!("cold isolate, {}: memory", self.name),
                measured: format!("{megabytes:.2} MB"),
                limit: format!("{theirs:.2} MB workerd's Worker Loader"),
                ratio: format!("{:.2}", megabytes / theirs),
                target: format!("≤ {allowed:.2} MB"),
                met: megabytes <= allowed,
            },
        ]
    }
}

fn in_megabytes(bytes: f64) -> f64 {
    bytes / (1024.0 * 1024.0)
}

fn activate(client: &mut Client, path: &str, script: &str) -> io::Result<()> {
    let mut follow = client.follow(path, "start")?;
    client.append(path, &configured("cold", script))?;
    follow.wait_for("processor/activated")
}

/// The worker's processor time for each event of a long history.
fn warm() -> io::Result<Row> {
    let server = Server::start(&[])?;
    let mut client = server.connect()?;
    client.lift_breaker("/past")?;
    let batch: Vec<_> =
        (0..1_000).map(|n| json!({"type": "past", "payload": {"n": n, "text": "x".repeat(100)}})).collect();
    let batch = serde_json::Value::Array(batch);
    for _ in 0..REPLAYED / 1_000 {
        client.append("/past", &batch)?;
    }
    activate(&mut client, "/warm", CASES[0].source)?;
    let before = server.worker_usage();
    activate(&mut client, "/past", CASES[0].source)?;
    let each = server.worker_usage().since(before).each(REPLAYED).cpu;
    let micros = each.as_secs_f64() * 1e6;
    Ok(Row {
        figure: "warm reduce: processor time".into(),
        measured: format!("{micros:.2} µs"),
        limit: format!("{REPLAYED} events replayed"),
        ratio: "-".into(),
        target: "≤ 10 µs".into(),
        met: micros <= 10.0,
    })
}
