//! How many requests are under way at once: in the whole server, and for each processor. A place is held until
//! the answer's body has ended or is dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{Caller, EgressError};
use crate::event::{Project, Slug, StreamPath};
use crate::limits::EGRESS_PLACE_WAIT;

type Who = (Project, StreamPath, Slug);

pub struct Places {
    all: Arc<Semaphore>,
    count: usize,
    each: usize,
    /// Only processors that have a request under way or wait for one.
    own: Arc<Mutex<HashMap<Who, Arc<Semaphore>>>>,
}

/// Given back when it is dropped.
pub struct Place {
    _all: OwnedSemaphorePermit,
    own: Option<OwnedSemaphorePermit>,
    who: Who,
    register: Arc<Mutex<HashMap<Who, Arc<Semaphore>>>>,
}

impl Places {
    pub fn new(count: usize, each: usize) -> Places {
        Places { all: Arc::new(Semaphore::new(count)), count, each, own: Arc::default() }
    }

    pub fn taken(&self) -> usize {
        self.count.saturating_sub(self.all.available_permits())
    }

    /// Waits a while when all of the processor's places are taken.
    pub async fn take(&self, caller: &Caller) -> Result<Place, EgressError> {
        let who = (caller.project.clone(), caller.stream.clone(), caller.slug.clone());
        let semaphore = {
            let mut register = self.own.lock().expect("nothing panics while it holds the register of places");
            register.entry(who.clone()).or_insert_with(|| Arc::new(Semaphore::new(self.each))).clone()
        };
        let taking = async {
            let own = semaphore.acquire_owned().await;
            (own, self.all.clone().acquire_owned().await)
        };
        match timeout(EGRESS_PLACE_WAIT, taking).await {
            Ok((Ok(own), Ok(all))) => {
                Ok(Place { _all: all, own: Some(own), who, register: self.own.clone() })
            }
            _ => Err(EgressError::new(
                EgressError::TOO_MANY,
                format!(
                    "processor `{}` waited too long for one of its {} requests under way to end: read their bodies, or cancel them",
                    caller.slug, self.each
                ),
            )),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(self.own.take());
        let mut register =
            self.register.lock().expect("nothing panics while it holds the register of places");
        // The register's own handle is the last: nobody holds or waits for a place.
        if register.get(&self.who).is_some_and(|own| Arc::strong_count(own) == 1) {
            register.remove(&self.who);
        }
    }
}
