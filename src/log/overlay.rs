//! An engine as it will be with some batches applied, for who may only look.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow, Range};
use std::sync::Arc;

use super::kv::{Batch, Kv, KvError, KvStats, Visit};

pub(super) struct Overlay {
    below: Arc<dyn Kv>,
    /// None: the key goes.
    writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Overlay {
    /// The later of two writes to a key counts.
    pub fn new<'a>(below: Arc<dyn Kv>, batches: impl Iterator<Item = &'a Batch>) -> Overlay {
        let writes = batches.flat_map(Batch::writes);
        let writes = writes.map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec))).collect();
        Overlay { below, writes }
    }
}

impl Kv for Overlay {
    fn write(&self, _: &Batch) -> Result<(), KvError> {
        Err(KvError::Io("this is only to be looked at".into()))
    }

    fn sync(&self) -> Result<(), KvError> {
        Ok(())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        match self.writes.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.below.get(key),
        }
    }

    fn scan(&self, keys: Range<&[u8]>, reverse: bool, visit: &mut Visit) -> Result<(), KvError> {
        if keys.start >= keys.end {
            return Ok(());
        }
        let bounds = (Bound::Included(keys.start), Bound::Excluded(keys.end));
        let written = self.writes.range::<[u8], _>(bounds);
        let mut written: Box<dyn Iterator<Item = _>> =
            if reverse { Box::new(written.rev()) } else { Box::new(written) };
        let mut next = written.next();
        let mut ended = ControlFlow::Continue(());
        self.below.scan(keys, reverse, &mut |key, value| {
            while let Some((other, value)) = next
                && (if reverse { other.as_slice() > key } else { other.as_slice() < key })
            {
                ended = show(other, value.as_deref(), visit);
                if ended.is_break() {
                    return ended;
                }
                next = written.next();
            }
            // A key that is written here too is shown above or at the end.
            let hidden = next.is_some_and(|(other, _)| other.as_slice() == key);
            if !hidden {
                ended = visit(key, value);
            }
            ended
        })?;
        while let (ControlFlow::Continue(()), Some((key, value))) = (ended, next) {
            ended = show(key, value.as_deref(), visit);
            next = written.next();
        }
        Ok(())
    }

    fn stats(&self) -> Result<KvStats, KvError> {
        self.below.stats()
    }
}

fn show(key: &[u8], value: Option<&[u8]>, visit: &mut Visit) -> ControlFlow<()> {
    value.map_or(ControlFlow::Continue(()), |value| visit(key, value))
}

#[cfg(test)]
mod tests {
    use std::sync::RwLock;

    use super::*;

    /// The simplest engine.
    #[derive(Default)]
    struct Memory(RwLock<BTreeMap<Vec<u8>, Vec<u8>>>);

    impl Kv for Memory {
        fn write(&self, batch: &Batch) -> Result<(), KvError> {
            let mut map = self.0.write().unwrap();
            for (key, value) in batch.writes() {
                match value {
                    Some(value) => drop(map.insert(key.to_vec(), value.to_vec())),
                    None => drop(map.remove(key)),
                }
            }
            Ok(())
        }

        fn sync(&self) -> Result<(), KvError> {
            Ok(())
        }

        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
            Ok(self.0.read().unwrap().get(key).cloned())
        }

        fn scan(&self, keys: Range<&[u8]>, reverse: bool, visit: &mut Visit) -> Result<(), KvError> {
            let map = self.0.read().unwrap();
            let mut entries: Vec<_> =
                map.range::<[u8], _>((Bound::Included(keys.start), Bound::Excluded(keys.end))).collect();
            if reverse {
                entries.reverse();
            }
            let _ = entries.into_iter().try_for_each(|(key, value)| visit(key, value));
            Ok(())
        }

        fn stats(&self) -> Result<KvStats, KvError> {
            Ok(KvStats::default())
        }
    }

    #[test]
    fn it_reads_like_an_engine_that_has_the_batches() {
        for seed in 0..200 {
            let mut random = fastrand::Rng::with_seed(seed);
            let (below, applied) = (Arc::new(Memory::default()), Memory::default());
            let mut batches = Vec::new();
            for n in 0..4 {
                let mut batch = Batch::default();
                for _ in 0..random.usize(..6) {
                    let key = [random.u8(..12)];
                    if random.bool() { batch.put_raw(&key, &[n]) } else { batch.delete(&key) }
                }
                applied.write(&batch).unwrap();
                if n < 2 { below.write(&batch).unwrap() } else { batches.push(batch) }
            }
            let overlay = Overlay::new(below, batches.iter());
            for key in 0..12 {
                assert_eq!(overlay.get(&[key]), applied.get(&[key]), "seed {seed}");
            }
            let (start, end) = ([random.u8(..12)], [random.u8(..13)]);
            let limit = random.usize(1..8);
            for reverse in [false, true] {
                let shown = |kv: &dyn Kv| {
                    let mut shown = Vec::new();
                    kv.scan(&start..&end, reverse, &mut |key, value| {
                        shown.push((key.to_vec(), value.to_vec()));
                        if shown.len() < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                    })
                    .unwrap();
                    shown
                };
                if start < end {
                    assert_eq!(shown(&overlay), shown(&applied), "seed {seed}");
                }
            }
        }
    }
}
