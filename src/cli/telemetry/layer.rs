//! What becomes of the program's spans: each is noted when it begins, and queued when it has ended. A full queue drops it:
//! nobody waits for a collector.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tracing::Subscriber;
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context as Spans;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::export::Queue;
use super::recent::Recent;
use super::span::{Context, Fields, SpanRecord};
use crate::event::Timestamp;

pub struct SpanLayer {
    queue: Queue,
    recent: Mutex<Recent>,
    /// The same moment on both clocks: the one for people knows only milliseconds, and may jump.
    began: (u64, Instant),
}

impl SpanLayer {
    pub fn new(queue: Queue) -> SpanLayer {
        let millis = u64::try_from(Timestamp::now().as_millis()).unwrap_or_default();
        SpanLayer { queue, recent: Mutex::default(), began: (millis * 1_000_000, Instant::now()) }
    }

    fn now(&self) -> u64 {
        let (nanos, at) = self.began;
        nanos + u64::try_from(at.elapsed().as_nanos()).unwrap_or_default()
    }

    /// The span that led to this one: the one around it, the client's, or for a reaction the commit of its event.
    fn parent<S: for<'a> LookupSpan<'a>>(&self, span: &SpanRef<'_, S>, fields: &Fields) -> Option<Context> {
        if let Some(parent) = span.parent()
            && let Some(record) = parent.extensions().get::<SpanRecord>()
        {
            return Some(record.context);
        }
        if fields.remote.is_some() || span.name() != "react" {
            return fields.remote;
        }
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.of(&stream_of(fields)?, fields.number("offset")?)
    }
}

fn stream_of(fields: &Fields) -> Option<String> {
    Some(format!("{} {}", fields.text("project")?, fields.text("stream")?))
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for SpanLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, spans: Spans<'_, S>) {
        let Some(span) = spans.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let parent = self.parent(&span, &fields);
        let context = Context::fresh(parent);
        // Known before the commit is durable: nobody can react before it is.
        if span.name() == "commit"
            && let (Some(stream), Some(first), Some(last)) =
                (stream_of(&fields), fields.number("first"), fields.number("last"))
        {
            self.recent.lock().unwrap_or_else(PoisonError::into_inner).add(stream, first, last, context);
        }
        span.extensions_mut().insert(SpanRecord {
            name: span.name(),
            context,
            parent: parent.map(|parent| parent.span),
            links: Vec::new(),
            started: self.now(),
            ended: 0,
            fields,
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, spans: Spans<'_, S>) {
        if let Some(span) = spans.span(id)
            && let Some(record) = span.extensions_mut().get_mut::<SpanRecord>()
        {
            values.record(&mut record.fields);
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, spans: Spans<'_, S>) {
        let context = |id: &Id| spans.span(id)?.extensions().get::<SpanRecord>().map(|record| record.context);
        let Some(followed) = context(follows) else { return };
        if let Some(span) = spans.span(id)
            && let Some(record) = span.extensions_mut().get_mut::<SpanRecord>()
        {
            record.links.push(followed);
        }
    }

    fn on_close(&self, id: Id, spans: Spans<'_, S>) {
        let Some(span) = spans.span(&id) else { return };
        let Some(mut record) = span.extensions_mut().remove::<SpanRecord>() else { return };
        record.ended = self.now();
        self.queue.push(record);
    }
}
