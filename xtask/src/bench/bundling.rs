//! Sources: how soon one runs, warm and cold, beside what people use otherwise for the same files in the same run:
//! `npm install`, and esbuild's command line on what that has installed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::machine;
use super::server::{Client, Server, scratch};
use super::table::{Row, median, percentile};

/// The linker that is measured beside ours: the very version that the server uses.
const ESBUILD: &str = "0.28.2";

struct Case {
    name: &'static str,
    dependencies: &'static [(&'static str, &'static str)],
    source: &'static str,
    rounds: usize,
    /// Of a warm build, where one was promised beside being quicker than esbuild alone.
    warm: Option<Duration>,
}

const CASES: &[Case] = &[
    Case {
        name: "TypeScript alone",
        dependencies: &[],
        source: "interface A { n: number }\nconst a: A = { n: 1 };\nexport default { initialState: a, reduce: ({ state }: { state: A }): A => ({ n: state.n + NUMBER }) };\n",
        rounds: 60,
        warm: None,
    },
    Case {
        name: "zod",
        dependencies: &[("zod", "^4")],
        source: "import { z } from 'zod';\nconst P = z.object({ n: z.number() });\nexport default { initialState: NUMBER, reduce: ({ event, state }: any) => P.safeParse(event.payload).data?.n ?? state };\n",
        rounds: 25,
        warm: Some(Duration::from_millis(100)),
    },
    Case {
        name: "openai",
        dependencies: &[("openai", "^6")],
        source: "import OpenAI from 'openai';\nconst client = new OpenAI({ apiKey: 'NUMBER' });\nexport default { async afterAppend() { client.baseURL; } };\n",
        rounds: 15,
        warm: None,
    },
    Case {
        name: "@tanstack/ai, -openai and zod",
        dependencies: &[("@tanstack/ai", "*"), ("@tanstack/ai-openai", "*"), ("zod", "^4")],
        source: "import { chat, toolDefinition } from '@tanstack/ai';\nimport { openaiText } from '@tanstack/ai-openai';\nimport { z } from 'zod';\nconst tool = toolDefinition({ name: 't', description: 'NUMBER', inputSchema: z.object({}) });\nexport default { async afterAppend() { void [chat, openaiText, tool]; } };\n",
        rounds: 9,
        warm: None,
    },
    Case {
        name: "just-bash",
        dependencies: &[("just-bash", "^3")],
        source: "import { Bash } from 'just-bash';\nconst bash = new Bash();\nexport default { async afterAppend() { await bash.exec('echo NUMBER'); } };\n",
        rounds: 9,
        warm: Some(Duration::from_millis(250)),
    },
];

pub fn run() -> io::Result<Vec<Row>> {
    let npm = Npm::find()?;
    let store = scratch("packages")?;
    let flag = store.display().to_string();
    let server = Server::start(&["--packages", &flag])?;
    let mut client = server.connect()?;
    let syncs = machine::sync_time()? * 3;
    let mut rows = Vec::new();
    for (number, case) in CASES.iter().enumerate() {
        println!("  {} ...", case.name);
        rows.extend(case.rows(number, &mut client, &npm, syncs)?);
    }
    rows.push(type_check(&mut client)?);
    drop(server);
    fs::remove_dir_all(store)?;
    fs::remove_dir_all(npm.folder)?;
    Ok(rows)
}

impl Case {
    fn rows(&self, number: usize, client: &mut Client, npm: &Npm, syncs: Duration) -> io::Result<Vec<Row>> {
        let path = format!("/bundling/{number}");
        let mut rows = Vec::new();
        let project = npm.project(self)?;
        if !self.dependencies.is_empty() {
            rows.push(self.cold(npm, &project)?);
        }
        client.append(&path, &json!({"type": "x"}))?;
        client.lift_breaker(&path)?;
        self.activate(client, &path, 0)?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        // In pairs, so that what disturbs the machine disturbs both.
        for round in 1..=self.rounds {
            ours.push(self.activate(client, &path, round)?);
            theirs.push(npm.bundle(&project)?);
        }
        let target = match (self.warm, self.dependencies) {
            (_, []) => syncs + Duration::from_millis(15),
            (Some(promised), _) => promised,
            (None, _) => median(&theirs),
        };
        let limit = (median(&theirs), "esbuild alone");
        let figure = format!("{}, warm: source to activated, p50", self.name);
        rows.push(Row::time(figure, median(&ours), limit, Some(target)));
        let figure = format!("{}, warm, p90", self.name);
        rows.push(Row::time(figure, percentile(&ours, 0.9), limit, None));
        Ok(rows)
    }

    /// Nothing is there: no package, no linker, no metadata.
    fn cold(&self, npm: &Npm, project: &Path) -> io::Result<Row> {
        const ROUNDS: usize = 3;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let store = scratch("cold-packages")?;
            let server = Server::start(&["--packages", &store.display().to_string()])?;
            let mut client = server.connect()?;
            client.append("/cold", &json!({"type": "x"}))?;
            ours.push(self.activate(&mut client, "/cold", round)?);
            drop(server);
            fs::remove_dir_all(store)?;
            theirs.push(npm.install(project)? + npm.bundle(project)?);
        }
        let figure = format!("{}, cold: source to activated", self.name);
        let limit = (median(&theirs), "npm install + esbuild");
        Ok(Row::time(figure, median(&ours), limit, Some(median(&theirs))))
    }

    /// Another text each time: nothing of it was built before.
    fn activate(&self, client: &mut Client, path: &str, round: usize) -> io::Result<Duration> {
        let source = self.source.replace("NUMBER", &round.to_string());
        let types = "end&types=processor/activated,processor/compile-failed,processor/failed";
        let mut follow = client.follow(path, types)?;
        let started = Instant::now();
        client.append(path, &configured(&source, self.dependencies, "off"))?;
        let event = follow.next_event()?;
        if !event.contains("processor/activated") {
            return Err(io::Error::other(format!("{}: {event}", self.name)));
        }
        Ok(started.elapsed())
    }
}

fn configured(source: &str, dependencies: &[(&str, &str)], typecheck: &str) -> Value {
    let dependencies: serde_json::Map<String, Value> =
        dependencies.iter().map(|(name, range)| (name.to_string(), json!(range))).collect();
    json!({"type": "processor/source-configured", "payload": {"slug": "bench", "typecheck": typecheck, "files": {"processor.ts": source}, "packageJson": {"dependencies": dependencies}}})
}

/// From a source with a type error to the event that tells of it.
fn type_check(client: &mut Client) -> io::Result<Row> {
    const ROUNDS: usize = 9;
    let path = "/bundling/types";
    client.append(path, &json!({"type": "x"}))?;
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let source = format!(
            "import {{ z }} from 'zod';\nconst P = z.object({{ n: z.number() }});\nexport default {{ async afterAppend() {{ P.parse({round}).m; }} }};\n"
        );
        let mut follow =
            client.follow(path, "end&types=processor/type-errors-found,processor/compile-failed")?;
        let started = Instant::now();
        client.append(path, &configured(&source, &[("zod", "^4")], "report"))?;
        follow.next_event()?;
        times.push(started.elapsed());
    }
    // The first one also starts the compiler, and may have to fetch it.
    let limit = (percentile(&times, 1.0), "the first one");
    Ok(Row::time(
        "zod: source to type-errors-found, p50",
        median(&times[1..]),
        limit,
        Some(Duration::from_secs(1)),
    ))
}

/// What people use otherwise.
struct Npm {
    folder: PathBuf,
}

impl Npm {
    fn find() -> io::Result<Npm> {
        let found = Command::new("npm").arg("--version").stdout(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            return Err(io::Error::other("npm is needed for comparison only, and is not installed"));
        }
        Ok(Npm { folder: scratch("npm")? })
    }

    /// The same files in a folder, installed.
    fn project(&self, case: &Case) -> io::Result<PathBuf> {
        let folder = self.folder.join(case.name.replace(['/', ' ', ','], "-"));
        fs::create_dir_all(&folder)?;
        let mut dependencies: serde_json::Map<String, Value> =
            case.dependencies.iter().map(|(name, range)| (name.to_string(), json!(range))).collect();
        dependencies.insert("esbuild".into(), json!(ESBUILD));
        fs::write(folder.join("package.json"), json!({"dependencies": dependencies}).to_string())?;
        fs::write(folder.join("processor.ts"), case.source.replace("NUMBER", "1"))?;
        self.install(&folder)?;
        Ok(folder)
    }

    /// From nothing: no cache, no lock.
    fn install(&self, project: &Path) -> io::Result<Duration> {
        let cache = scratch("npm-cache")?;
        let _ = fs::remove_dir_all(project.join("node_modules"));
        let _ = fs::remove_file(project.join("package-lock.json"));
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", "--cache"])
            .arg(&cache);
        let time = timed(npm.current_dir(project))?;
        fs::remove_dir_all(cache)?;
        Ok(time)
    }

    fn bundle(&self, project: &Path) -> io::Result<Duration> {
        let system = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
        let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
        let binary = project.join(format!("node_modules/@esbuild/{system}-{machine}/bin/esbuild"));
        let mut esbuild = Command::new(binary);
        esbuild.args(["processor.ts", "--bundle", "--format=esm", "--platform=browser", "--target=es2023"]);
        esbuild.args(["--sourcemap", "--external:node:*", "--outfile=out.js", "--log-level=error"]);
        timed(esbuild.current_dir(project))
    }
}

fn timed(command: &mut Command) -> io::Result<Duration> {
    let started = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    if !status.success() {
        return Err(io::Error::other(format!("{command:?} failed: {status}")));
    }
    Ok(started.elapsed())
}
