//! Traces for a collector: the spans from an append to the reactions to it, in OTLP over HTTP, as JSON. Of our own making
//! because OpenTelemetry's crates bring sixteen more with them, a gRPC stack among these, for what is one JSON document.
//! Which spans there are, say the places that make them.

mod export;
mod layer;
mod recent;
mod span;
mod wire;

use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use self::export::Exporter;
use self::layer::SpanLayer;
use crate::config::Traces;

/// Takes the spans that end, until it is told to stop.
pub struct Telemetry(Exporter);

impl Telemetry {
    /// Needs a tokio runtime. The layer sees the spans of this program, and nothing of the libraries'.
    pub fn start<S>(traces: Traces) -> (Telemetry, impl Layer<S>)
    where
        S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    {
        let (exporter, queue) = Exporter::start(traces);
        let ours = filter_fn(|metadata| {
            metadata.target().split("::").next() == Some(env!("CARGO_CRATE_NAME"))
                && !metadata.target().contains("telemetry")
        });
        (Telemetry(exporter), SpanLayer::new(queue).with_filter(ours))
    }

    /// Sends what is there; a collector that does not answer is not waited for.
    pub async fn stop(self) {
        self.0.stop().await;
    }
}
