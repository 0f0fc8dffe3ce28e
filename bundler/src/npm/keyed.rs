//! One at a time for each key: what several want at once is fetched by one of them, and the others find it
//! done. Who is cancelled leaves the turn to the next.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

pub(super) struct Keyed<K>(Mutex<HashMap<K, Weak<tokio::sync::Mutex<()>>>>);

impl<K> Default for Keyed<K> {
    fn default() -> Keyed<K> {
        Keyed(Mutex::default())
    }
}

impl<K: Eq + Hash> Keyed<K> {
    pub(super) async fn turn(&self, key: K) -> OwnedMutexGuard<()> {
        let mutex = {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.retain(|_, mutex| mutex.strong_count() > 0);
            let known = waiting.get(&key).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let mutex = Arc::new(tokio::sync::Mutex::new(()));
                waiting.insert(key, Arc::downgrade(&mutex));
                mutex
            })
        };
        mutex.lock_owned().await
    }
}
