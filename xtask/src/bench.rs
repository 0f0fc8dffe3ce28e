//! `cargo xtask bench`: the figures that the project promises, each beside what this machine can do at all,
//! measured in the same run. Starts the real server, in release; the load runs on the same cores.

mod appends;
mod bundling;
mod children;
mod fetch;
mod http;
mod isolates;
mod load;
mod machine;
mod memory;
mod neighbours;
mod processors;
mod readers;
mod restart;
mod schedules;
mod server;
mod table;
mod transformers;
mod travel;
mod webhooks;

use std::io;
use std::process::{Command, ExitCode};

use table::Row;

/// Measures, and gives its lines of the table.
type Figure = fn() -> io::Result<Vec<Row>>;

const FIGURES: &[(&str, &str, Figure)] = &[
    ("appends", "durable appends a second over HTTP, on each engine", appends::run),
    ("pong", "from an append to the pong that a processor appends", processors::pong),
    ("cold", "from processor/configured to processor/activated", processors::cold),
    ("bundling", "from processor/source-configured to processor/activated, warm and cold", bundling::run),
    ("isolates", "processor time and memory of a cold isolate, beside workerd's", isolates::run),
    ("neighbours", "the pong of one processor beside another that loops without an end", neighbours::run),
    ("fetch", "a script's requests beside a bare client's, and streamed chunks as events", fetch::run),
    ("webhooks", "deliveries a second over a hundred subscriptions, and beside a dead one", webhooks::run),
    ("replay", "events a second that a new processor reduces", processors::replay),
    ("memory", "memory of an idle processor, awake and hibernated", memory::run),
    ("children", "a processor on 100,000 streams below its own (CHILDREN=N: on N)", children::run),
    ("restart", "from a start after kill -9 to the first answer", restart::run),
    ("schedules", "how late scheduled events come, and a start with 10,000 that wait", schedules::run),
    ("schedules-one", "how late 10,000 scheduled events of one stream come", schedules::one_stream),
    ("transformers", "events a second through one matcher", transformers::run),
    ("travel", "a state, a simulation and a fork of the past of a million events", travel::run),
    ("readers", "delay of an event at 500 readers of one stream", readers::run),
];

pub fn help() -> String {
    let lines = FIGURES.iter().map(|(name, what, _)| format!("    {name:<13} {what}\n"));
    lines.collect()
}

pub fn run(names: &[&str]) -> ExitCode {
    if let Some(unknown) = names.iter().find(|name| !FIGURES.iter().any(|(known, _, _)| known == *name)) {
        eprintln!("there is no figure `{unknown}`; there are\n{}", help());
        return ExitCode::from(2);
    }
    if let Some(program) = server::given_program() {
        println!("measuring {} ...", program.display());
    } else if !is_built() {
        return ExitCode::FAILURE;
    }
    warn_of_company();
    let chosen = FIGURES.iter().filter(|(name, _, _)| names.is_empty() || names.contains(name));
    let mut rows = Vec::new();
    let mut outcome = ExitCode::SUCCESS;
    for (name, what, figure) in chosen {
        println!("{name}: {what} ...");
        match figure() {
            Ok(measured) => rows.extend(measured),
            Err(error) => {
                eprintln!("{name}: {error}");
                outcome = ExitCode::FAILURE;
            }
        }
    }
    table::print(&rows);
    outcome
}

fn is_built() -> bool {
    println!("building the server in release ...");
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--quiet", "--package", "millrace"])
        .current_dir(crate::tidy::root())
        .status();
    built.is_ok_and(|status| status.success())
}

/// What else runs takes cores from the server, and gives each sync a scheduler's tick to wait for.
fn warn_of_company() {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: f64 = load.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default();
    if load > 1.0 {
        println!(
            "the load average is {load} before the first measurement: expect worse figures than on an idle machine"
        );
    }
}
