//! The real binary as a child process. It dies with its handle, whatever the test does.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Client, DEADLINE};

pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// Of the first server on it; a second one on the same folder shares it.
    data: Arc<TempDir>,
    environment: Vec<(String, String)>,
    flags: Vec<String>,
}

impl Server {
    pub fn start(flags: &[&str]) -> Server {
        Server::start_with(&[], flags)
    }

    pub fn start_with(environment: &[(&str, &str)], flags: &[&str]) -> Server {
        let data = Arc::new(tempfile::tempdir().expect("a temporary folder"));
        let environment =
            environment.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        Server::spawned(data, environment, flags.iter().map(|flag| flag.to_string()).collect())
    }

    pub fn start_on(data: Arc<TempDir>, flags: &[&str]) -> Server {
        Server::spawned(data, Vec::new(), flags.iter().map(|flag| flag.to_string()).collect())
    }

    fn spawned(data: Arc<TempDir>, environment: Vec<(String, String)>, flags: Vec<String>) -> Server {
        let (child, address) = spawn(data.path(), &environment, &flags);
        Server { child, address, data, environment, flags }
    }

    /// A server on the same folder with the same flags, after this one has ended.
    pub fn restart(self) -> Server {
        Server::spawned(self.data.clone(), self.environment.clone(), self.flags.clone())
    }

    pub fn client(&self, project: &str) -> Client {
        Client { address: self.address, project: project.into() }
    }

    pub fn folder(&self) -> &Path {
        self.data.path()
    }

    pub fn data(&self) -> Arc<TempDir> {
        self.data.clone()
    }

    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, as when the power goes, but for what the kernel still writes.
    pub fn kill(&mut self) {
        self.child.kill().expect("the child is ours");
        self.child.wait().expect("the child is ours");
    }

    /// SIGTERM, and how the server ended.
    pub fn terminate(&mut self) -> ExitStatus {
        signal(self.child.id(), "TERM");
        wait(&mut self.child, DEADLINE).expect("the server ends after SIGTERM")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(log_file(self.data.path())).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let from = log.len().saturating_sub(4_000);
            eprintln!("--- the server's log ends ---\n{}", log.get(from..).unwrap_or(&log));
        }
    }
}

/// The program, with arguments, not yet started.
pub fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millrace"));
    command
        .args(args)
        .env_remove("MILLRACE_URL")
        .env_remove("MILLRACE_PROJECT")
        .env_remove("MILLRACE_LOG")
        .env_remove("RUST_LOG")
        .env_remove("OTEL_EXPORTER_OTLP_ENDPOINT")
        .env("MILLRACE_PACKAGES", package_store())
        .stdin(Stdio::null());
    command
}

/// All tests share what they download, from one run to the next.
pub fn package_store() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("packages")
}

/// Runs the program to its end, which must come before the deadline.
pub fn run(args: &[&str]) -> Output {
    run_command(program(args))
}

pub fn run_command(mut command: Command) -> Output {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = err.read_to_end(&mut bytes);
        bytes
    });
    let watched = Arc::new(Mutex::new(child));
    let watch = watched.clone();
    let (done, ended) = mpsc::channel::<()>();
    std::thread::spawn(move || {
        if ended.recv_timeout(DEADLINE) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _ = watch.lock().unwrap().kill();
        }
    });
    let mut stdout = Vec::new();
    let _ = out.read_to_end(&mut stdout);
    let stderr = reader.join().unwrap();
    let _ = done.send(());
    let status = watched.lock().unwrap().wait().expect("the child is ours");
    Output { status, stdout, stderr }
}

fn spawn(folder: &Path, environment: &[(String, String)], flags: &[String]) -> (Child, SocketAddr) {
    let folder_text = folder.join("data").to_string_lossy().into_owned();
    let log = File::options().create(true).append(true).open(log_file(folder)).expect("a log file");
    let mut child = program(&["serve", "--listen", "127.0.0.1:0", "--data", &folder_text])
        .args(flags)
        .envs(environment.iter().cloned())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("the server starts");
    let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    let (found, address) = mpsc::channel();
    std::thread::spawn(move || {
        // Reads on to the end, so that the server never finds its output closed.
        for line in stdout.lines().map_while(Result::ok) {
            if let Some(address) = address_in(&line) {
                let _ = found.send(address);
            }
        }
    });
    match address.recv_timeout(DEADLINE) {
        Ok(address) => (child, address),
        Err(_) => {
            let _ = child.kill();
            let _ = child.wait();
            let log = std::fs::read_to_string(log_file(folder)).unwrap_or_default();
            panic!("the server did not say that it is ready; its log: {log}");
        }
    }
}

/// Outside of the data folder, which belongs to the server.
fn log_file(folder: &Path) -> PathBuf {
    folder.join("server.log")
}

pub fn address_in(line: &str) -> Option<SocketAddr> {
    let port = line.split("http://127.0.0.1:").nth(1)?;
    let digits = port.find(|c: char| !c.is_ascii_digit()).unwrap_or(port.len());
    Some(SocketAddr::from(([127, 0, 0, 1], port[..digits].parse().ok()?)))
}

pub fn signal(process: u32, name: &str) {
    let status = Command::new("kill").arg(format!("-{name}")).arg(process.to_string()).status();
    assert!(status.is_ok_and(|status| status.success()), "kill -{name} {process}");
}

/// The processes that `process` has started, by what the kernel says.
pub fn children_of(process: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
    let parent = |id: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // `id (name) state parent …`, where the name may have spaces and parentheses.
        let parent: u32 = stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()?;
        (parent == process).then_some(())
    };
    ids.filter(|id| parent(id).is_some()).collect()
}

pub fn wait(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let started = Instant::now();
    while started.elapsed() < patience {
        if let Some(status) = child.try_wait().expect("the child is ours") {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    None
}

/// A project of its own on a server that several tests share.
pub struct Shared {
    client: Client,
    server: Arc<Server>,
}

impl Shared {
    /// Another project on the same server.
    pub fn project(&self, name: &str) -> Client {
        self.server.client(name)
    }
}

impl Deref for Shared {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// The shared server ends with the last test that holds it.
pub fn shared() -> Shared {
    static SERVER: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let mut known = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    let server = known.upgrade().unwrap_or_else(|| Arc::new(Server::start(&[])));
    *known = Arc::downgrade(&server);
    Shared { client: server.client(&fresh("test")), server }
}

/// A name that no other test uses.
pub fn fresh(name: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}
