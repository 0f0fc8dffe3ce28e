//! What the machine can do without us: appends to a plain file, made durable by `fdatasync`.

use std::fs::File;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use super::server::scratch;
use super::table::median;

/// About what one event of the load takes up in a log.
const RECORD_BYTES: usize = 400;
const SLICE: Duration = Duration::from_millis(400);
/// Of several slices the best counts: a limit is what the machine can do when nothing disturbs it.
const SLICES: usize = 5;

/// The median time of one small append and its sync.
pub fn sync_time() -> io::Result<Duration> {
    let slices = (0..SLICES).map(|_| Ok(median(&sync_times()?))).collect::<io::Result<Vec<Duration>>>()?;
    Ok(slices.into_iter().min().unwrap_or_default())
}

fn sync_times() -> io::Result<Vec<Duration>> {
    let mut times = Vec::new();
    let started = Instant::now();
    appending(|file| {
        let one = Instant::now();
        file.write_all(&[b'x'; RECORD_BYTES])?;
        file.sync_data()?;
        times.push(one.elapsed());
        Ok(started.elapsed() < SLICE)
    })?;
    Ok(times)
}

/// Appends a second when each is synced alone.
pub fn single_rate() -> io::Result<f64> {
    group_rate(1)
}

/// Appends a second when `group` of them share one sync.
pub fn group_rate(group: usize) -> io::Result<f64> {
    let slices = (0..SLICES).map(|_| rate_of_slice(group)).collect::<io::Result<Vec<f64>>>()?;
    Ok(slices.into_iter().fold(0.0, f64::max))
}

fn rate_of_slice(group: usize) -> io::Result<f64> {
    let mut count = 0;
    let started = Instant::now();
    appending(|file| {
        file.write_all(&vec![b'x'; RECORD_BYTES * group])?;
        file.sync_data()?;
        count += group;
        Ok(started.elapsed() < SLICE)
    })?;
    Ok(count as f64 / started.elapsed().as_secs_f64())
}

fn appending(mut append: impl FnMut(&mut File) -> io::Result<bool>) -> io::Result<()> {
    let folder = scratch("machine")?;
    let path = folder.join("log");
    let mut file = File::options().create(true).append(true).open(&path)?;
    while append(&mut file)? {}
    std::fs::remove_dir_all(folder)
}
