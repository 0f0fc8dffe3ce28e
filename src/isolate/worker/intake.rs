//! What the host sends, frame by frame, read by the thread that acts on it: another one to read would have to wake it
//! for each frame.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use super::super::protocol::{Frame, ToWorker, decode, lengths};
use crate::limits;

pub struct Intake {
    socket: UnixStream,
    /// What has come, `filled` bytes of it, and where the next frame begins.
    buffer: Vec<u8>,
    filled: usize,
    begin: usize,
}

const PREFIX: usize = 8;

impl Intake {
    pub fn new(socket: UnixStream) -> Intake {
        Intake { socket, buffer: vec![0; limits::WORKER_READ_BYTES], filled: 0, begin: 0 }
    }

    /// The next frame, if it is there already. An error is the end.
    pub fn look(&mut self) -> io::Result<Option<Frame<ToWorker>>> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(Some(frame));
            }
            if !self.fill(RecvFlags::DONTWAIT)? {
                return Ok(None);
            }
        }
    }

    /// The same, and it is waited for, perhaps not longer than a time.
    pub fn wait(&mut self, at_most: Option<Duration>) -> io::Result<Option<Frame<ToWorker>>> {
        if let Some(at_most) = at_most {
            if let Some(frame) = self.take()? {
                return Ok(Some(frame));
            }
            wait_for(self.socket.as_fd(), libc::POLLIN, Some(at_most))?;
            return self.look();
        }
        loop {
            if let Some(frame) = self.take()? {
                return Ok(Some(frame));
            }
            self.fill(RecvFlags::empty())?;
        }
    }

    /// A frame of which all bytes are there.
    fn take(&mut self) -> io::Result<Option<Frame<ToWorker>>> {
        let come = &self.buffer[self.begin..self.filled];
        let Some((prefix, rest)) = come.split_first_chunk::<PREFIX>() else { return Ok(None) };
        let (header_bytes, body_bytes) = lengths(*prefix)?;
        let frame_bytes = header_bytes + body_bytes;
        if rest.len() < frame_bytes {
            self.make_room(PREFIX + frame_bytes);
            return Ok(None);
        }
        let (header, body) = rest[..frame_bytes].split_at(header_bytes);
        let frame = Frame { message: decode(header)?, body: body.to_vec() };
        self.begin += PREFIX + frame_bytes;
        Ok(Some(frame))
    }

    /// For a frame of so many bytes.
    fn make_room(&mut self, frame_bytes: usize) {
        self.buffer.copy_within(self.begin..self.filled, 0);
        self.filled -= self.begin;
        self.begin = 0;
        if self.buffer.len() < frame_bytes {
            self.buffer.resize(frame_bytes, 0);
        }
    }

    /// Whether anything has come.
    fn fill(&mut self, flags: RecvFlags) -> io::Result<bool> {
        if self.begin == self.filled {
            (self.begin, self.filled) = (0, 0);
            if self.buffer.len() > limits::WORKER_READ_BYTES {
                // A large frame was an exception.
                self.buffer = vec![0; limits::WORKER_READ_BYTES];
            }
        } else if self.filled == self.buffer.len() {
            self.make_room(0);
        }
        loop {
            match recv(&self.socket, &mut self.buffer[self.filled..], flags) {
                Ok((0, _)) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok((bytes, _)) => {
                    self.filled += bytes;
                    return Ok(true);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Waits until the host is gone, whatever it has sent before.
pub fn wait_for_the_end(socket: impl AsFd) {
    // Hanging up is told without being asked for.
    while let Ok(false) = wait_for(socket.as_fd(), 0, None) {}
}

/// Whether something has happened within the time.
#[allow(unsafe_code)]
fn wait_for(socket: BorrowedFd<'_>, events: libc::c_short, at_most: Option<Duration>) -> io::Result<bool> {
    let mut polled = libc::pollfd { fd: socket.as_raw_fd(), events, revents: 0 };
    // Not sooner than it is due: what is left of a millisecond counts as one.
    let millis = at_most.map_or(-1, |time| time.as_nanos().div_ceil(1_000_000).min(i32::MAX as u128) as i32);
    // SAFETY: one descriptor, which is open as long as `socket` is borrowed, and room for what is told of it.
    match unsafe { libc::poll(&raw mut polled, 1, millis) } {
        -1 => {
            let error = io::Error::last_os_error();
            if error.kind() == io::ErrorKind::Interrupted { Ok(false) } else { Err(error) }
        }
        happened => Ok(happened > 0),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use std::io::Write as _;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use super::super::super::protocol::encode;
    use super::{Frame, Intake, ToWorker};
    use crate::limits::WORKER_READ_BYTES;

    fn frame(isolate: u64, body: &[u8]) -> Vec<u8> {
        encode(&ToWorker::State { call: 1, isolate }, &[body]).unwrap()
    }

    fn isolate_and_body(frame: Frame<ToWorker>) -> (u64, Vec<u8>) {
        let ToWorker::State { isolate, .. } = frame.message else { panic!("another message") };
        (isolate, frame.body)
    }

    #[test]
    fn frames_come_whole_however_they_are_cut() {
        let bodies: Vec<Vec<u8>> =
            [0, 1, WORKER_READ_BYTES, 5, 10 * WORKER_READ_BYTES, 3].map(|bytes| vec![7; bytes]).into();
        let sent: Vec<u8> = (1..).zip(&bodies).flat_map(|(isolate, body)| frame(isolate, body)).collect();
        for piece_bytes in [1, 7, 1_000, WORKER_READ_BYTES, sent.len()] {
            let (mut host, worker) = UnixStream::pair().unwrap();
            let pieces: Vec<Vec<u8>> = sent.chunks(piece_bytes).map(<[u8]>::to_vec).collect();
            let sending = std::thread::spawn(move || {
                pieces.iter().try_for_each(|piece| host.write_all(piece)).unwrap();
            });
            let mut intake = Intake::new(worker);
            for (isolate, body) in (1..).zip(&bodies) {
                let frame = intake.wait(None).unwrap().unwrap();
                assert_eq!(isolate_and_body(frame), (isolate, body.clone()), "in pieces of {piece_bytes}");
            }
            sending.join().unwrap();
            assert!(intake.wait(None).is_err(), "the host is gone");
        }
    }

    #[test]
    fn what_is_not_there_is_not_waited_for() {
        let (mut host, worker) = UnixStream::pair().unwrap();
        let mut intake = Intake::new(worker);
        assert!(intake.look().unwrap().is_none());
        assert!(intake.wait(Some(Duration::from_millis(1))).unwrap().is_none());
        let (first, second) = (frame(1, b"x"), frame(2, b"y"));
        host.write_all(&first).unwrap();
        host.write_all(&second[..9]).unwrap();
        assert_eq!(isolate_and_body(intake.look().unwrap().unwrap()), (1, b"x".to_vec()));
        assert!(intake.look().unwrap().is_none(), "of the second only a part is there");
        host.write_all(&second[9..]).unwrap();
        assert_eq!(
            isolate_and_body(intake.wait(Some(Duration::from_secs(60))).unwrap().unwrap()),
            (2, b"y".to_vec())
        );
    }
}
