//! For whoever runs the server: is it alive, and how much does it do.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::App;
use super::error::Problem;
use crate::limits::SOCKETS_MAX;

/// Whether the server is alive and its store accepts appends.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, body = Object), (status = 503)))]
pub async fn health(State(app): State<App>) -> Result<axum::Json<serde_json::Value>, Problem> {
    if let Some(failure) = app.host.log().failure() {
        return Err(Problem::unavailable(failure));
    }
    let version = env!("CARGO_PKG_VERSION");
    Ok(axum::Json(json!({ "ok": true, "version": version, "store": app.host.log().engine().to_string() })))
}

/// Counters and gauges in the Prometheus text format.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = 200, content_type = "text/plain", body = String)))]
pub async fn metrics(State(app): State<App>) -> Response {
    let log = app.host.log().stats();
    let isolates = app.host.isolates().stats();
    let mut text = String::new();
    let mut line = |name: &str, kind: &str, help: &str, value: u64| {
        text.push_str(&format!(
            "# HELP millrace_{name} {help}\n# TYPE millrace_{name} {kind}\nmillrace_{name} {value}\n"
        ));
    };
    line("events_committed_total", "counter", "events made durable since the start", log.events);
    line("commits_total", "counter", "group commits since the start", log.commits);
    line("syncs_total", "counter", "syncs of the store's files since the start", log.syncs);
    line("store_disk_bytes", "gauge", "bytes of the store on disk", log.disk_bytes);
    line(
        "streams_running",
        "gauge",
        "streams with an actor in memory",
        app.host.streams().running_count() as u64,
    );
    line("followers_running", "gauge", "processors at work", app.host.supervisor().followers_count() as u64);
    let alarms = app.host.alarms().stats();
    line("schedules_streams", "gauge", "streams that wait for a scheduled time", alarms.waiting);
    line("schedules_wakes_total", "counter", "times that one was woken for what is due", alarms.rung);
    let egress = app.host.egress().stats();
    line(
        "egress_requests_total",
        "counter",
        "requests and WebSockets that scripts asked for",
        egress.requests,
    );
    line(
        "egress_refusals_total",
        "counter",
        "those that the policy or a secret's hosts refused",
        egress.refusals,
    );
    line("egress_failures_total", "counter", "those that failed for another reason", egress.failures);
    line("egress_connections_total", "counter", "connections made for them", egress.connections);
    line("egress_sent_bytes_total", "counter", "bytes sent over these", egress.sent_bytes);
    line("egress_received_bytes_total", "counter", "bytes received over these", egress.received_bytes);
    line("egress_requests_open", "gauge", "requests and WebSockets under way", egress.open);
    let used = app.host.supervisor().usage();
    line("processor_events_total", "counter", "events that processors have acted on", used.events);
    line("processor_failures_total", "counter", "failures of processors that were recorded", used.failures);
    line("processor_appends_total", "counter", "appends that processors have asked for", used.appends);
    line("processor_fetches_total", "counter", "requests and sockets of processors", used.fetches);
    line("processor_log_lines_dropped_total", "counter", "log lines that came too fast", used.dropped_lines);
    line("processor_cpu_ms_total", "counter", "processor time of the isolates' turns", used.cpu_ms as u64);
    line("processor_wall_ms_total", "counter", "time that events were under way", used.wall_ms as u64);
    let builds = app.host.bundling().stats();
    line("builds_running", "gauge", "sources that are being built or checked", builds.running);
    line("bundles_total", "counter", "sources that became a processor since the start", builds.built);
    line("compile_failures_total", "counter", "sources that did not since the start", builds.failed);
    let sockets = SOCKETS_MAX - app.sockets.available_permits();
    line("sockets_open", "gauge", "WebSockets that clients have opened", sockets as u64);
    line("sockets_slow_total", "counter", "those that were closed because nobody read", app.slow_sockets());
    let deliveries = app.host.deliveries().stats();
    line("deliveries_running", "gauge", "subscriptions that are being served", deliveries.running);
    line("deliveries_total", "counter", "events that receivers have acknowledged", deliveries.delivered);
    line("delivery_failures_total", "counter", "attempts that came to nothing", deliveries.failed);
    line(
        "isolates",
        "gauge",
        "isolates alive in the workers",
        isolates.workers.iter().map(|worker| worker.isolates as u64).sum(),
    );
    line("workers", "gauge", "worker processes", isolates.workers.len() as u64);
    let confined = isolates.workers.iter().filter(|worker| worker.confinement.holds()).count();
    line("workers_confined", "gauge", "worker processes that the kernel confines", confined as u64);
    line("worker_restarts_total", "counter", "worker processes replaced since the start", isolates.restarts);
    line(
        "worker_kills_total",
        "counter",
        "worker processes killed for a stuck or bloated script",
        isolates.kills,
    );
    let transformers = app.host.transforming().followers_count();
    line("transformers_running", "gauge", "transformers at work", transformers as u64);
    let expressions = app.host.evaluators().stats();
    line(
        "expressions_evaluated_total",
        "counter",
        "events that expressions looked at",
        expressions.evaluated,
    );
    line("evaluators_ended_total", "counter", "processes that an expression brought down", expressions.ended);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
