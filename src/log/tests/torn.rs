//! sled's file as a crash may leave it: written up to some place behind the last sync, and old beyond it. What
//! sled shows then is a beginning of what it was given, and the batches since the sync make it whole.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::super::kv::KvError;
use super::super::sled::SledKv;
use super::*;
use crate::limits::SLED_SYNCS_PER_SEGMENT;

const SEGMENT_BYTES: usize = 64 * 1024;
const NUMBER: &[u8] = b"zz";

type Shown = BTreeMap<Vec<u8>, Vec<u8>>;

/// Some writes to few keys, and last of all the batch's own number.
fn random_batch(random: &mut fastrand::Rng, number: u64) -> Batch {
    let mut batch = Batch::default();
    let keys: HashSet<u8> = (0..random.usize(1..12)).map(|_| random.u8(..120)).collect();
    for key in keys {
        if random.u8(..4) == 0 {
            batch.delete(&[key]);
        } else {
            batch.put_raw(&[key], &vec![random.u8(..); random.usize(..400)]);
        }
    }
    batch.put_raw(NUMBER, &number.to_be_bytes());
    batch
}

fn apply(shown: &mut Shown, key: &[u8], value: Option<&[u8]>) {
    match value {
        Some(value) => drop(shown.insert(key.to_vec(), value.to_vec())),
        None => drop(shown.remove(key)),
    }
}

fn shown_by(kv: &dyn Kv) -> Shown {
    let mut shown = Shown::new();
    kv.scan(b""..b"\xff", false, &mut |key, value| {
        shown.insert(key.to_vec(), value.to_vec());
        ControlFlow::Continue(())
    })
    .unwrap();
    shown
}

fn open_sled(folder: &Path) -> Result<SledKv, KvError> {
    SledKv::open(folder, SEGMENT_BYTES, 1 << 24)
}

#[test]
fn a_crash_leaves_a_beginning_and_the_journal_brings_the_rest() {
    let mut partial = 0;
    for seed in 0..24 {
        let mut random = fastrand::Rng::with_seed(seed);
        let folder = tempfile::tempdir().unwrap();
        let kv = open_sled(folder.path()).unwrap();
        let mut synced = Shown::new();
        let batches: Vec<Batch> = (1..random.u64(20..60)).map(|n| random_batch(&mut random, n)).collect();
        let kept = random.usize(1..batches.len());
        for batch in &batches[..kept] {
            kv.write(batch).unwrap();
            batch.writes().for_each(|(key, value)| apply(&mut synced, key, value));
        }
        kv.sync().unwrap();
        let old = copy_of(folder.path());
        for batch in &batches[kept..] {
            kv.write(batch).unwrap();
        }
        kv.sync().unwrap();
        let new = copy_of(folder.path());
        drop(kv);
        let [old_bytes, new_bytes] = [&old, &new].map(|copy| fs::read(copy.path().join("db")).unwrap());
        // What sled may show: the state after each single write since the sync.
        let mut beginnings = vec![(synced.clone(), true)];
        let mut state = synced;
        for batch in &batches[kept..] {
            for (n, (key, value)) in batch.writes().enumerate() {
                apply(&mut state, key, value);
                beginnings.push((state.clone(), n + 1 == batch.len()));
            }
        }
        for _ in 0..8 {
            let cut = random.usize(..=new_bytes.len());
            let torn = copy_of(old.path());
            let mut bytes = new_bytes[..cut].to_vec();
            bytes.extend(old_bytes.iter().skip(cut));
            fs::write(torn.path().join("db"), &bytes).unwrap();
            let kv =
                open_sled(torn.path()).unwrap_or_else(|error| panic!("seed {seed}, cut at {cut}: {error:?}"));
            let found = shown_by(&kv);
            let beginning = beginnings.iter().find(|(state, _)| *state == found);
            let (_, whole) =
                beginning.unwrap_or_else(|| panic!("seed {seed}, cut at {cut}: not a beginning"));
            partial += usize::from(!whole);
            let number =
                found.get(NUMBER).map_or(0, |value| u64::from_be_bytes(value[..].try_into().unwrap()));
            assert!(number >= kept as u64, "seed {seed}, cut at {cut}: what was synced is there");
            // From the batch that sled says on, and from the last sync on, as `Recovered::behind` has it.
            for from in [number as usize, kept] {
                batches[from..].iter().for_each(|batch| kv.write(batch).unwrap());
                assert!(shown_by(&kv) == state, "seed {seed}, cut at {cut}, again from batch {from}");
            }
        }
    }
    assert!(partial > 0, "some of the cuts are within a batch");
}

#[test]
fn a_batch_larger_than_a_segment_is_synced_on_its_way_and_seen_whole() {
    let folder = tempfile::tempdir().unwrap();
    let kv = Arc::new(open_sled(folder.path()).unwrap());
    let (keys, value) = (100u8, vec![7; 4_000]);
    let mut batch = Batch::default();
    (0..keys).for_each(|key| batch.put_raw(&[key], &value));
    let reader = std::thread::spawn({
        let kv = kv.clone();
        move || {
            while kv.get(&[0]).unwrap().is_none() {}
            assert!(kv.get(&[keys - 1]).unwrap().is_some(), "who sees the first key sees the last");
        }
    });
    kv.write(&batch).unwrap();
    reader.join().unwrap();
    let most = (SEGMENT_BYTES / SLED_SYNCS_PER_SEGMENT) as u64 + value.len() as u64 + 1;
    assert!(kv.unsynced() <= most, "{} bytes of {} are unsynced", kv.unsynced(), batch.bytes());
    kv.sync().unwrap();
    assert_eq!(kv.unsynced(), 0);
}
