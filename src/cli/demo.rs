//! `millrace demo`: the main ideas once, on a server whose data vanish with it. Everything goes over HTTP, as
//! it would from anywhere else.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{self, Client, Follow, Query};
use super::diagnosis;
use super::failure::Failure;
use super::serve::{Signals, failed_to_start, run_server, start_log, until_ended};
use super::sources::Sources;
use super::terminal::{self, Paint, Style};
use super::wire::Received;
use crate::config::{self, Remote};
use crate::egress::EgressOptions;
use crate::event::builtin::ProcessorFailed;
use crate::event::{Kind, StreamPath};
use crate::host::HostOptions;
use crate::http::{self, HttpOptions};

const PING: &str = include_str!("demo/ping.ts");
const BROKEN: &str = include_str!("demo/broken.ts");
const REPAIRED: &str = include_str!("demo/repaired.ts");
const PACKAGED: &str = include_str!("demo/packaged.ts");
/// What is deployed is one file of this name.
const FILE: &str = "ping.ts";

/// Time to read a step before the next one appears; none where nobody watches.
const PAUSE: Duration = Duration::from_millis(900);
/// Everything shown takes milliseconds, but for what is downloaded; longer than this means that it will not come.
const PATIENCE: Duration = Duration::from_secs(120);
/// The demo is small, and so is its cache.
const CACHE_BYTES: u64 = 64 * 1024 * 1024;

pub fn demo(options: &config::Demo) -> Result<(), Failure> {
    start_log("warn");
    run_server(async {
        let signals = Signals::start()?;
        let folder = tempfile::Builder::new()
            .prefix("millrace-demo-")
            .tempdir()
            .map_err(|error| Failure::failed(format!("cannot make a temporary folder: {error}")))?;
        let listen = address(options)?;
        let http = HttpOptions {
            listen,
            insecure_public: false,
            allow_origins: Vec::new(),
            allow_hosts: Vec::new(),
        };
        let host = HostOptions {
            data: folder.path().join("data"),
            engine: None,
            sled_cache_bytes: CACHE_BYTES,
            workers: None,
            hibernate_after: None,
            bundler: super::bundler::options(&options.packages, folder.path()),
            egress: EgressOptions::default(),
            secret_key: None,
        };
        let server = http::start(http, host).await.map_err(failed_to_start)?;
        let url = server.url();
        until_ended(server, signals, async {
            match tour(&url).await {
                // Whoever watched has seen enough, which is no reason to stop serving.
                Err(Failure::OutputClosed) => Ok(()),
                toured => toured,
            }
        })
        .await
    })
}

/// The usual address, or any free port when somebody is there already.
fn address(options: &config::Demo) -> Result<SocketAddr, Failure> {
    if let Some(listen) = options.listen {
        if !listen.ip().is_loopback() {
            return Err(Failure::usage(format!(
                "the demo listens on this machine only, and {listen} can be reached from others"
            )));
        }
        return Ok(listen);
    }
    let usual: SocketAddr = config::DEFAULT_LISTEN.parse().expect("the default address is an address");
    if TcpListener::bind(usual).is_ok() {
        return Ok(usual);
    }
    terminal::remark(&format!("port {} is taken, so the demo takes a free one", usual.port()));
    Ok(SocketAddr::new(usual.ip(), 0))
}

async fn tour(url: &str) -> Result<(), Failure> {
    let mut tour = Tour::start(url).await?;
    tour.a_stream_is_a_url().await?;
    tour.code_is_an_event().await?;
    tour.failures_are_events().await?;
    tour.a_fix_resumes_the_work().await?;
    tour.packages_come_from_npm().await?;
    tour.what_to_try(url)
}

struct Tour {
    client: Client,
    path: StreamPath,
    events: Follow,
    arrived: std::collections::VecDeque<Received>,
    paint: Paint,
    watched: bool,
}

impl Tour {
    async fn start(url: &str) -> Result<Tour, Failure> {
        let paint = Paint::stdout();
        terminal::print(&format!(
            "{} is listening on {}, on a temporary folder",
            paint.paint(Style::Strong, "millrace"),
            paint.paint(Style::Name, url)
        ))?;
        let server = url.parse().map_err(|_| Failure::failed(format!("{url} is no URL")))?;
        let client = client::connect(&Remote { server, project: None, json: false })?;
        let path = StreamPath::parse("/demo").expect("a valid path");
        let everything = Query { live: true, ..Query::default() };
        let events = client::follow(&client, &path, everything).await?;
        let watched = terminal::is_watched();
        Ok(Tour { client, path, events, arrived: Default::default(), paint, watched })
    }

    async fn a_stream_is_a_url(&mut self) -> Result<(), Failure> {
        self.heading("A stream is a URL: the first event makes it").await?;
        self.append(json!({ "type": "hello-world" })).await?;
        self.until("hello-world").await?;
        Ok(())
    }

    async fn code_is_an_event(&mut self) -> Result<(), Failure> {
        self.heading("Code is an event: append a processor in TypeScript, and the server runs it").await?;
        self.configure(PING, json!({})).await?;
        self.until(Kind::ProcessorActivated.name()).await?;
        self.heading("It reacts to what comes after it").await?;
        self.append(json!({ "type": "ping" })).await?;
        self.until("pong").await?;
        Ok(())
    }

    async fn failures_are_events(&mut self) -> Result<(), Failure> {
        self.heading("A new version, with a mistake in it").await?;
        self.configure(BROKEN, json!({})).await?;
        self.until(Kind::ProcessorActivated.name()).await?;
        self.append(json!({ "type": "ping" })).await?;
        let event = self.until(Kind::ProcessorFailed.name()).await?;
        let failed: ProcessorFailed = event.payload_as().ok_or_else(|| {
            Failure::failed("the server told of a failure in a form that is not known here")
        })?;
        self.heading("Its failure is an event that says where and why").await?;
        let sources = Sources::of_project(FILE, BROKEN, None);
        self.block(&format!("\n{}", diagnosis::of_failure(&failed, &sources, self.paint).trim_end()))
    }

    async fn a_fix_resumes_the_work(&mut self) -> Result<(), Failure> {
        self.heading("The repair, with `redeliverFailed`: what had failed is done now").await?;
        self.configure(REPAIRED, json!({ "redeliverFailed": true })).await?;
        self.until("pong").await?;
        self.append(json!({ "type": "ping", "payload": { "from": { "name": "Ada" } } })).await?;
        self.until("pong").await?;
        Ok(())
    }

    async fn packages_come_from_npm(&mut self) -> Result<(), Failure> {
        self.heading("A package that nobody has declared: what does not compile is an event, too").await?;
        self.configure(PACKAGED, json!({})).await?;
        let event = self.until(Kind::ProcessorCompileFailed.name()).await?;
        self.diagnostics(&event, None)?;
        self.heading("Declared in packageJson, it is fetched from npm and bundled").await?;
        let package_json = json!({ "dependencies": { "zod": "^4" } });
        self.append(configuration(PACKAGED, json!({ "packageJson": package_json }))).await?;
        let activated = Kind::ProcessorActivated.name();
        let event = self.until_either(activated, Kind::ProcessorCompileFailed.name()).await?;
        if event.event_type != activated {
            self.diagnostics(&event, Some(&package_json.to_string()))?;
            return self.block(
                "\nNo registry is in reach, so that was the end of it; ping.ts as it was before still runs.",
            );
        }
        self.append(json!({ "type": "ping", "payload": { "from": { "name": "Grace" } } })).await?;
        self.until("pong").await?;
        self.append(json!({ "type": "ping", "payload": { "from": "nobody" } })).await?;
        self.until("ping-rejected").await?;
        Ok(())
    }

    fn diagnostics(&self, event: &Received, package_json: Option<&str>) -> Result<(), Failure> {
        let sources = Sources::of_project(FILE, PACKAGED, package_json);
        let failed: Option<diagnosis::CompileFailed> = event.payload_as();
        for diagnostic in failed.iter().flat_map(|failed| &failed.diagnostics) {
            let shown = diagnosis::of_diagnostic(diagnostic, &sources, self.paint);
            self.block(&format!("\n{}", shown.trim_end()))?;
        }
        Ok(())
    }

    fn what_to_try(&self, url: &str) -> Result<(), Failure> {
        let server = if url.ends_with(":4777") { String::new() } else { format!(" --server {url}") };
        self.block("")?;
        self.block(&self.paint.paint(Style::Strong, "Now you. In another terminal:"))?;
        self.block(&format!(
            "\n  curl --json '{{\"type\":\"ping\"}}' {url}/api/streams/demo\n  \
             curl -N '{url}/api/streams/demo?live=true'\n  \
             millrace tail /demo --follow{server}\n  \
             millrace processors /demo{server}\n\n  \
             {url}/docs/events    the built-in event types\n  \
             {url}/api/docs       the HTTP API\n\n\
             Ctrl-C ends the server and removes its folder."
        ))
    }

    /// Appends `processor/source-configured`, and shows the code as people write it.
    async fn configure(&mut self, source: &str, more: Value) -> Result<(), Failure> {
        self.block("")?;
        for (number, line) in (1..).zip(source.lines()) {
            let number = self.paint.paint(Style::Faint, &format!("{number:>4} |"));
            self.block(&format!("{number} {line}"))?;
        }
        self.append(configuration(source, more)).await
    }

    async fn append(&mut self, event: Value) -> Result<(), Failure> {
        self.pause().await;
        let mut shown = event.clone();
        if let Some(script) = shown.pointer_mut(&format!("/payload/files/{FILE}")) {
            *script = Value::String("…".into());
        }
        let line = format!("POST /api/streams{}  {shown}", self.path);
        self.block(&format!("\n  {}", self.paint.paint(Style::Warning, &line)))?;
        self.client.append(&self.path, &event).await?;
        Ok(())
    }

    /// Shows the events as they arrive, up to the first one of a type.
    async fn until(&mut self, event_type: &str) -> Result<Received, Failure> {
        self.until_either(event_type, event_type).await
    }

    async fn until_either(&mut self, event_type: &str, other: &str) -> Result<Received, Failure> {
        let troubles = [Kind::ProcessorFailed, Kind::ProcessorCompileFailed].map(Kind::name);
        loop {
            while let Some(event) = self.arrived.pop_front() {
                self.block(&event.describe(self.paint, Some(terminal::width().unwrap_or(110))))?;
                if event.event_type == event_type || event.event_type == other {
                    return Ok(event);
                }
                if troubles.contains(&event.event_type.as_str()) {
                    return Err(Failure::failed(format!(
                        "the demo's own processor failed before {event_type} came: {}",
                        event.payload.get()
                    )));
                }
            }
            let batch = tokio::time::timeout(PATIENCE, self.events.next()).await.map_err(|_| {
                Failure::failed(format!("{event_type} did not arrive within {} s", PATIENCE.as_secs()))
            })??;
            self.arrived.extend(batch);
        }
    }

    async fn heading(&mut self, text: &str) -> Result<(), Failure> {
        self.pause().await;
        self.block(&format!("\n{}", self.paint.paint(Style::Strong, &format!("— {text}"))))
    }

    async fn pause(&self) {
        if self.watched {
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn block(&self, text: &str) -> Result<(), Failure> {
        Ok(terminal::print(text)?)
    }
}

fn configuration(source: &str, more: Value) -> Value {
    let mut payload = json!({ "slug": "ping", "files": { FILE: source } });
    if let (Some(payload), Value::Object(more)) = (payload.as_object_mut(), more) {
        payload.extend(more);
    }
    json!({ "type": Kind::ProcessorSourceConfigured.name(), "payload": payload })
}
