//! What of a page of events is delivered, and as what: those of the wanted types that the filter takes, each as it is or
//! as the transform makes it.

use std::sync::Arc;

use bytes::Bytes;

use crate::event::builtin::SubscriptionConfigured;
use crate::event::{Event, Offset};
use crate::jsonata::{EvaluatorError, Evaluators, Failure, Outcome, Program};

#[derive(Clone)]
pub struct Parcel {
    pub event: Arc<Event>,
    /// JSON.
    pub body: Bytes,
}

/// What has become of an event of a wanted type; one that does not match is none of them.
pub enum Packed {
    Parcel(Parcel),
    /// An expression has no value for it.
    Failed(Arc<Event>, Failure),
}

pub struct Packer {
    program: Option<Program>,
    transforms: bool,
}

impl Packer {
    pub fn of(config: &SubscriptionConfigured) -> Packer {
        let (filter, transform) = (config.jsonata_filter.clone(), config.jsonata_transform.clone());
        let transforms = transform.is_some();
        let program = (filter.is_some() || transforms).then(|| Program::new(filter, transform));
        Packer { program, transforms }
    }

    /// What is to be done in order, and the offset up to which the page is done with then: mostly all of it.
    pub async fn pack(
        &self,
        evaluators: &Evaluators,
        config: &SubscriptionConfigured,
        page: &[Arc<Event>],
    ) -> Result<(Vec<Packed>, Offset), EvaluatorError> {
        let end = page.last().map_or(Offset::START, |last| last.offset);
        let admitted: Vec<&Arc<Event>> = page.iter().filter(|event| config.admits(event)).collect();
        let as_it_is = |event: &Arc<Event>| Parcel { event: event.clone(), body: event.wire().clone() };
        let Some(program) = self.program.as_ref().filter(|_| !admitted.is_empty()) else {
            return Ok((admitted.into_iter().map(|event| Packed::Parcel(as_it_is(event))).collect(), end));
        };
        let wires: Vec<Bytes> = admitted.iter().map(|event| event.wire().clone()).collect();
        let outcomes = evaluators.run(program, &wires).await?;
        let answered = outcomes.len();
        let packed = admitted.iter().zip(outcomes).filter_map(|(event, outcome)| match outcome {
            Outcome::Skipped => None,
            Outcome::Matched(Some(value)) => {
                let body = Bytes::copy_from_slice(value.as_str().as_bytes());
                Some(Packed::Parcel(Parcel { event: Arc::clone(event), body }))
            }
            // A transform without a value has nothing to deliver.
            Outcome::Matched(None) if self.transforms => None,
            Outcome::Matched(None) => Some(Packed::Parcel(as_it_is(event))),
            Outcome::Failed(failure) => Some(Packed::Failed(Arc::clone(event), failure)),
        });
        let packed = packed.collect();
        let done = if answered == admitted.len() { end } else { admitted[answered.max(1) - 1].offset };
        Ok((packed, done))
    }
}
