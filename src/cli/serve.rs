//! `millrace serve`: a server from its first line to its graceful end.

use std::io::ErrorKind;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::failure::Failure;
use super::telemetry::Telemetry;
use super::terminal;
use crate::config::{self, Serve, Store};
use crate::egress::{self, EgressOptions};
use crate::host::HostOptions;
use crate::http::{self, HttpOptions, ListenError, ServeError, Server};
use crate::log::Engine;

pub fn serve(options: &Serve) -> Result<(), Failure> {
    run_server(async {
        let telemetry = start_log_and_traces("info");
        let outcome = serve_until_ended(options).await;
        if let Some(telemetry) = telemetry {
            telemetry.stop().await;
        }
        outcome
    })
}

async fn serve_until_ended(options: &Serve) -> Result<(), Failure> {
    let signals = Signals::start()?;
    let server = http::start(http_options(options), host_options(options)?).await.map_err(failed_to_start)?;
    let ready = format!(
        "millrace is listening on {} (data: {}, store: {})",
        server.url(),
        options.data.display(),
        server.engine()
    );
    until_ended(server, signals, async {
        if let Err(error) = terminal::print(&ready) {
            // Nobody reads the output, which is no reason to stop serving.
            tracing::warn!(%error, "cannot tell on stdout that the server is ready");
        }
        Ok(())
    })
    .await
}

/// Runs a server's future on all cores; what a second signal leaves behind is not waited for.
pub fn run_server(future: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start the asynchronous runtime: {error}")))?;
    let outcome = runtime.block_on(future);
    runtime.shutdown_background();
    outcome
}

/// Until a signal or the store's failure ends it, or what it does `meanwhile` fails; a second signal ends it
/// at once.
pub async fn until_ended(
    server: Server,
    mut signals: Signals,
    meanwhile: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let outcome = tokio::select! {
        () = signals.next() => Ok(()),
        why = server.failed() => return Err(Failure::failed(format!("the server stops: {why}"))),
        Err(failure) = meanwhile => Err(failure),
    };
    tracing::info!("shutting down: one more signal ends it at once");
    tokio::select! {
        () = server.shutdown() => outcome,
        () = signals.next() => Err(Failure::failed("ended at once, in the middle of the shutdown")),
    }
}

/// What asks a process to end.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From then on a signal no longer ends the process by itself.
    pub fn start() -> Result<Signals, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| Failure::failed(format!("cannot listen for signals: {error}")))
        };
        Ok(Signals {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The log of what the server does, on stderr.
pub fn start_log(default_filter: &str) {
    // Only fails when there is a log already.
    let _ = tracing_subscriber::registry().with(log_layer(default_filter)).try_init();
}

/// The same, and traces for a collector if the environment names one.
fn start_log_and_traces(default_filter: &str) -> Option<Telemetry> {
    let traces = match config::traces() {
        Ok(Some(traces)) => traces,
        Ok(None) => {
            start_log(default_filter);
            return None;
        }
        Err(why) => {
            start_log(default_filter);
            tracing::warn!(%why, "traces are not exported");
            return None;
        }
    };
    let (telemetry, layer) = Telemetry::start(traces);
    let _ = tracing_subscriber::registry().with(log_layer(default_filter)).with(layer).try_init();
    Some(telemetry)
}

fn log_layer<S>(default_filter: &str) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    let filter = config::log_filter().unwrap_or_else(|| default_filter.to_string());
    tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(terminal::colours_on_stderr())
        .with_filter(tracing_subscriber::EnvFilter::new(filter))
}

pub fn failed_to_start(error: ServeError) -> Failure {
    match &error {
        ServeError::Listen(ListenError::Public(_)) => Failure::usage(error.to_string()),
        ServeError::Listen(ListenError::Bind(address, cause)) if cause.kind() == ErrorKind::AddrInUse => {
            Failure::failed(format!(
                "{address} is taken, perhaps by another millrace: stop that one, or choose another address with --listen (port 0 picks a free one)"
            ))
        }
        _ => Failure::failed(error.to_string()),
    }
}

fn http_options(options: &Serve) -> HttpOptions {
    HttpOptions {
        listen: options.listen,
        insecure_public: options.insecure_public,
        allow_origins: options.allow_origin.clone(),
        allow_hosts: options.allow_host.clone(),
    }
}

fn host_options(options: &Serve) -> Result<HostOptions, Failure> {
    let file = options.outbound.roots.as_deref();
    if let Some(missing) = file.filter(|file| !file.exists()) {
        return Err(Failure::no_such_file(missing));
    }
    let roots = file.map(egress::read_roots).transpose();
    let roots = roots.map_err(|error| Failure::failed(error.to_string()))?.unwrap_or_default();
    Ok(HostOptions {
        data: options.data.clone(),
        engine: options.store.map(|store| match store {
            Store::Sled => Engine::Sled,
            Store::Fjall => Engine::Fjall,
        }),
        sled_cache_bytes: options.sled_cache_bytes(),
        workers: options.workers.and_then(|workers| usize::try_from(workers).ok()),
        hibernate_after: options.hibernate_after(),
        bundler: super::bundler::options(&options.packages, &options.data),
        egress: EgressOptions { allow: options.outbound.allow.clone(), roots, ..EgressOptions::default() },
        secret_key: config::secret_key(),
    })
}
