//! The peer: workerd's Worker Loader, from npm, which loads a module from text into an isolate of its own.

use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::super::http::{Connection, Request};
use super::super::server::Usage;

const VERSION: &str = "1.20261117.1";
const PATIENCE: Duration = Duration::from_secs(120);
/// Isolates that are loaded before it is measured.
const WARM: usize = 8;

const CONFIG: &str = r#"using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "loading", worker = .loading)],
  sockets = [(name = "http", address = "ADDRESS", http = (), service = "loading")],
);
const loading :Workerd.Worker = (
  modules = [(name = "loading.js", esModule = embed "loading.js"), (name = "processor.txt", text = embed "processor.js")],
  compatibilityDate = "2026-11-01",
  compatibilityFlags = ["experimental"],
  bindings = [(name = "LOADER", workerLoader = (id = "isolates"))],
);
"#;

/// Loads as many isolates as it is asked for, has each reduce one event, and keeps them.
const LOADING: &str = r#"import processor from "processor.txt";
const runner = `import processor from "./processor.js";
let state = processor.initialState;
const event = { type: "x", payload: {}, offset: 1 };
export default { fetch: () => Response.json((state = processor.reduce({ event, state }) ?? state)) };`;
const modules = { "runner.js": runner, "processor.js": processor };
const kept = [];
export default {
  async fetch(request, env) {
    for (let wanted = Number(new URL(request.url).searchParams.get("count")); wanted > 0; wanted--) {
      const code = { compatibilityDate: "2026-11-01", mainModule: "runner.js", modules };
      const isolate = env.LOADER.get(`isolate-${kept.length}`, () => code);
      const answer = await isolate.getEntrypoint().fetch("http://isolate/");
      if (!answer.ok) return answer;
      await answer.text();
      kept.push(isolate);
    }
    return new Response(String(kept.length));
  },
};
"#;

pub struct Workerd {
    folder: PathBuf,
    program: PathBuf,
}

impl Workerd {
    pub fn install(folder: &Path) -> io::Result<Workerd> {
        let folder = folder.join("workerd");
        fs::create_dir_all(&folder)?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", "--prefix"])
            .arg(&folder);
        let status = npm.arg(format!("workerd@{VERSION}")).stdout(Stdio::null()).status();
        if !status.is_ok_and(|status| status.success()) {
            return Err(io::Error::other(
                "workerd is needed for comparison only, and npm could not install it",
            ));
        }
        let system = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
        let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "64" };
        let program = folder.join(format!("node_modules/@cloudflare/workerd-{system}-{machine}/bin/workerd"));
        Ok(Workerd { folder, program })
    }

    /// What one isolate takes, its first `reduce` included.
    pub fn cold(&self, script: &str, isolates: usize) -> io::Result<Usage> {
        // Free now; a bench can live with the small chance that another program takes it.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        fs::write(self.folder.join("processor.js"), script)?;
        fs::write(self.folder.join("loading.js"), LOADING)?;
        fs::write(self.folder.join("config.capnp"), CONFIG.replace("ADDRESS", &address.to_string()))?;
        let running = Running(
            Command::new(&self.program)
                .args(["serve", "--experimental", "config.capnp"])
                .current_dir(&self.folder)
                .stdout(Stdio::null())
                .stderr(File::create(self.folder.join("workerd.log"))?)
                .spawn()?,
        );
        let mut connection = connect(address)?;
        load(&mut connection, WARM)?;
        let before = Usage::of(running.0.id());
        load(&mut connection, isolates)?;
        Ok(Usage::of(running.0.id()).since(before).each(isolates))
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn connect(address: SocketAddr) -> io::Result<Connection> {
    let started = Instant::now();
    loop {
        match Connection::open(address, PATIENCE) {
            Err(error) if started.elapsed() > Duration::from_secs(10) => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
            open => return open,
        }
    }
}

fn load(connection: &mut Connection, isolates: usize) -> io::Result<()> {
    let answer = connection.send(&Request::new("GET", &format!("/?count={isolates}")))?;
    match answer.head.status {
        200 => Ok(()),
        status => {
            Err(io::Error::other(format!("workerd: {status} {}", String::from_utf8_lossy(&answer.body))))
        }
    }
}
