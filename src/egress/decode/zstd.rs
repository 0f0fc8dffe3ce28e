//! zstd, one block at a time: a block is unpacked when all of its bytes are there, so that neither a slow server
//! nor a hostile frame makes this hold more than a window and a block.

use std::io::{self, BufRead, ErrorKind, Read};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::limits::EGRESS_ZSTD_WINDOW_BYTES_MAX;

const MAGIC: u32 = 0xFD2F_B528;
const SKIPPABLE: std::ops::RangeInclusive<u32> = 0x184D_2A50..=0x184D_2A5F;
/// The format's own bound on a block.
const BLOCK_BYTES_MAX: usize = 128 * 1024;

pub struct Decoder<R> {
    packed: R,
    /// What has been read of the next header or block.
    pending: Vec<u8>,
    frame: FrameDecoder,
    state: State,
}

enum State {
    /// In front of a frame, or behind the last one.
    Between,
    Skipping(usize),
    /// In a frame; whether a checksum stands behind its last block.
    Within {
        checksum: bool,
    },
}

impl<R: BufRead> Decoder<R> {
    pub fn new(packed: R) -> Decoder<R> {
        Decoder { packed, pending: Vec::new(), frame: FrameDecoder::new(), state: State::Between }
    }

    /// Reads until `pending` has this many bytes.
    fn gather(&mut self, length: usize) -> io::Result<()> {
        while self.pending.len() < length {
            let available = self.packed.fill_buf()?;
            if available.is_empty() {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let taken = available.len().min(length - self.pending.len());
            self.pending.extend_from_slice(&available[..taken]);
            self.packed.consume(taken);
        }
        Ok(())
    }

    /// Takes a step towards more output; false at the end of everything.
    fn advance(&mut self) -> io::Result<bool> {
        match self.state {
            State::Between => {
                if self.pending.is_empty() && self.packed.fill_buf()?.is_empty() {
                    return Ok(false);
                }
                self.begin()?;
            }
            State::Skipping(0) => self.state = State::Between,
            State::Skipping(left) => {
                let available = self.packed.fill_buf()?.len();
                if available == 0 {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
                let skipped = available.min(left);
                self.packed.consume(skipped);
                self.state = State::Skipping(left - skipped);
            }
            State::Within { checksum } => self.block(checksum)?,
        }
        Ok(true)
    }

    /// The header of a frame.
    fn begin(&mut self) -> io::Result<()> {
        self.gather(4)?;
        let magic = self.number(0);
        if SKIPPABLE.contains(&magic) {
            self.gather(8)?;
            self.state = State::Skipping(self.number(4) as usize);
            self.pending.clear();
            return Ok(());
        }
        if magic != MAGIC {
            return Err(invalid("it is no zstd frame"));
        }
        self.gather(5)?;
        let descriptor = self.pending[4];
        let single = descriptor & 0x20 != 0;
        let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
        let content = match descriptor >> 6 {
            0 => usize::from(single),
            flag => 1 << flag,
        };
        self.gather(5 + usize::from(!single) + dictionary + content)?;
        if self.window(single, dictionary, content) > EGRESS_ZSTD_WINDOW_BYTES_MAX {
            return Err(invalid("its window is larger than HTTP allows"));
        }
        self.frame.reset(&self.pending[..]).map_err(|error| invalid(&error.to_string()))?;
        self.pending.clear();
        self.state = State::Within { checksum: descriptor & 4 != 0 };
        Ok(())
    }

    fn window(&self, single: bool, dictionary: usize, content: usize) -> u64 {
        if !single {
            let descriptor = self.pending[5];
            let base = 1u64 << (10 + (descriptor >> 3));
            return base + base / 8 * u64::from(descriptor & 7);
        }
        let mut size = [0; 8];
        size[..content].copy_from_slice(&self.pending[5 + dictionary..5 + dictionary + content]);
        u64::from_le_bytes(size) + if content == 2 { 256 } else { 0 }
    }

    fn block(&mut self, checksum: bool) -> io::Result<()> {
        self.gather(3)?;
        let header = u32::from_le_bytes([self.pending[0], self.pending[1], self.pending[2], 0]);
        let (last, repeated, size) = (header & 1 == 1, (header >> 1) & 3 == 1, (header >> 3) as usize);
        if size > BLOCK_BYTES_MAX {
            return Err(invalid("a block is longer than blocks may be"));
        }
        let content = if repeated { 1 } else { size };
        self.gather(3 + content + if last && checksum { 4 } else { 0 })?;
        self.frame
            .decode_blocks(&self.pending[..], BlockDecodingStrategy::UptoBlocks(1))
            .map_err(|error| invalid(&error.to_string()))?;
        self.pending.clear();
        if last {
            self.state = State::Between;
        }
        Ok(())
    }

    fn number(&self, at: usize) -> u32 {
        let bytes = &self.pending[at..at + 4];
        u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }
}

impl<R: BufRead> Read for Decoder<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.frame.can_collect() > 0 {
                let length = self.frame.read(buf)?;
                if length > 0 {
                    return Ok(length);
                }
            }
            if !self.advance()? {
                return Ok(0);
            }
        }
    }
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why.to_string())
}
