//! Content codings, unpacked piece by piece: what goes in is what has arrived, what comes out is bounded, and
//! a few bytes that unpack to gigabytes are only ever unpacked as far as somebody reads.

mod zstd;

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::sync::{Arc, Mutex};

use bytes::{Buf, Bytes};
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::EgressError;
use crate::limits::{EGRESS_CODINGS_MAX, EGRESS_UNPACK_BYTES};

/// The codings of a `content-encoding` header, outermost last; None when one is unknown or there are too many,
/// and the body is then handed over as it is.
pub fn codings(header: &str) -> Option<Vec<Coding>> {
    let names = header.split(',').map(str::trim).filter(|name| !name.is_empty());
    let codings: Option<Vec<Option<Coding>>> = names
        .map(|name| match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Some(Some(Coding::Gzip)),
            "deflate" => Some(Some(Coding::Deflate)),
            "br" => Some(Some(Coding::Brotli)),
            "zstd" => Some(Some(Coding::Zstd)),
            "identity" => Some(None),
            _ => None,
        })
        .collect();
    let codings: Vec<Coding> = codings?.into_iter().flatten().collect();
    (codings.len() <= EGRESS_CODINGS_MAX).then_some(codings)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// What a body becomes.
pub struct Unpacker {
    feed: Feed,
    reader: Box<dyn Read + Send>,
    scratch: Vec<u8>,
    /// Nothing at all came: an answer without a body has no packing either.
    empty: bool,
}

impl Unpacker {
    pub fn new(codings: &[Coding]) -> Unpacker {
        let feed = Feed::default();
        let mut reader: Box<dyn Read + Send> = Box::new(feed.clone());
        for coding in codings.iter().rev() {
            let packed = BufReader::new(reader);
            reader = match coding {
                Coding::Gzip => Box::new(MultiGzDecoder::new(packed)),
                Coding::Deflate => Box::new(Deflate::Unknown(Some(packed))),
                Coding::Brotli => Box::new(brotli_decompressor::Decompressor::new(packed, 4_096)),
                Coding::Zstd => Box::new(zstd::Decoder::new(packed)),
            };
        }
        Unpacker { feed, reader, scratch: vec![0; EGRESS_UNPACK_BYTES], empty: true }
    }

    pub fn push(&mut self, bytes: Bytes) {
        self.empty &= bytes.is_empty();
        self.feed.lock().pieces.push_back(bytes);
    }

    /// No more is pushed.
    pub fn end(&mut self) {
        self.feed.lock().ended = true;
    }

    /// The next piece; none when more must be pushed first, or when everything has come out.
    pub fn pull(&mut self) -> Result<Option<Bytes>, EgressError> {
        if self.empty {
            return Ok(None);
        }
        loop {
            return match self.reader.read(&mut self.scratch) {
                Ok(0) => Ok(None),
                Ok(length) => Ok(Some(Bytes::copy_from_slice(&self.scratch[..length]))),
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => Err(EgressError::new(
                    EgressError::DECODING,
                    format!("the answer's body does not unpack as its content-encoding says: {error}"),
                )),
            };
        }
    }
}

/// What has arrived and is not unpacked yet.
#[derive(Clone, Default)]
struct Feed(Arc<Mutex<Arrived>>);

#[derive(Default)]
struct Arrived {
    pieces: VecDeque<Bytes>,
    ended: bool,
}

impl Feed {
    fn lock(&self) -> std::sync::MutexGuard<'_, Arrived> {
        self.0.lock().expect("nothing panics while it holds what has arrived")
    }
}

impl Read for Feed {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut arrived = self.lock();
        while let Some(piece) = arrived.pieces.front_mut() {
            if piece.is_empty() {
                arrived.pieces.pop_front();
                continue;
            }
            let length = piece.len().min(buf.len());
            piece.copy_to_slice(&mut buf[..length]);
            return Ok(length);
        }
        if arrived.ended { Ok(0) } else { Err(ErrorKind::WouldBlock.into()) }
    }
}

/// What HTTP calls deflate is zlib, and some servers send it without zlib's frame.
enum Deflate<R: BufRead> {
    Unknown(Option<R>),
    Zlib(ZlibDecoder<R>),
    Raw(DeflateDecoder<R>),
}

impl<R: BufRead> Read for Deflate<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Deflate::Unknown(reader) = self {
            let Some(packed) = reader else { return Ok(0) };
            let framed = packed.fill_buf()?.first().is_some_and(|first| first & 0x0f == 8);
            let Some(packed) = reader.take() else { return Ok(0) };
            *self = if framed {
                Deflate::Zlib(ZlibDecoder::new(packed))
            } else {
                Deflate::Raw(DeflateDecoder::new(packed))
            };
        }
        match self {
            Deflate::Unknown(_) => Ok(0),
            Deflate::Zlib(decoder) => decoder.read(buf),
            Deflate::Raw(decoder) => decoder.read(buf),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(plain: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(plain, ruzstd::encoding::CompressionLevel::Fastest)
    }

    /// A brotli stream of uncompressed blocks, which any encoder may write.
    fn brotli(plain: &[u8]) -> Vec<u8> {
        // The window (16 bits: one zero bit), then per block: not last, 4 nibbles of length, uncompressed.
        let mut packed = Vec::new();
        let mut first = true;
        for block in plain.chunks(60_000) {
            let length = (block.len() - 1) as u32;
            let header = (length << 3) | (1 << 19);
            let (bits, width) = if first { (header << 1, 21) } else { (header, 20) };
            packed.extend(&bits.to_le_bytes()[..(width as usize).div_ceil(8)]);
            packed.extend(block);
            first = false;
        }
        // The last block, empty.
        packed.push(if first { 0b110 } else { 0b11 });
        packed
    }

    fn unpack(coding: &str, packed: &[u8], size: usize) -> Result<Vec<u8>, EgressError> {
        let mut unpacker = Unpacker::new(&codings(coding).unwrap());
        let mut plain = Vec::new();
        for piece in packed.chunks(size) {
            unpacker.push(Bytes::copy_from_slice(piece));
            while let Some(piece) = unpacker.pull()? {
                plain.extend(piece);
            }
        }
        unpacker.end();
        while let Some(piece) = unpacker.pull()? {
            plain.extend(piece);
        }
        Ok(plain)
    }

    #[test]
    fn every_coding_in_pieces_of_every_size() {
        let plain: Vec<u8> =
            (0..20_000u32).flat_map(|n| format!("{} ", n.wrapping_mul(2_654_435_761)).into_bytes()).collect();
        let cases = [
            ("gzip", gzip(&plain)),
            ("gzip", [gzip(&plain[..100]), gzip(&plain[100..])].concat()),
            ("deflate", zlib(&plain)),
            ("deflate", deflate(&plain)),
            ("br", brotli(&plain)),
            ("zstd", zstd(&plain)),
            (
                "zstd",
                [zstd(&plain[..100]), b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec(), zstd(&plain[100..])]
                    .concat(),
            ),
            ("gzip, br", brotli(&gzip(&plain))),
            ("zstd,gzip", gzip(&zstd(&plain))),
            ("identity", plain.clone()),
        ];
        for (coding, packed) in &cases {
            for size in [1, 7, 4_096, 1 << 20] {
                assert!(unpack(coding, packed, size).unwrap() == plain, "{coding} by {size}");
            }
        }
    }

    #[test]
    fn what_has_arrived_comes_out_before_the_rest_arrives() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(b"data: one\n\n").unwrap();
        encoder.flush().unwrap();
        let mut unpacker = Unpacker::new(&[Coding::Gzip]);
        unpacker.push(encoder.get_ref().clone().into());
        assert_eq!(unpacker.pull().unwrap().unwrap(), "data: one\n\n");
        assert_eq!(unpacker.pull().unwrap(), None);
    }

    #[test]
    fn damage_and_missing_ends_are_told() {
        let plain = b"hello hello hello hello".repeat(100);
        for (coding, packed) in [
            ("gzip", gzip(&plain)),
            ("deflate", zlib(&plain)),
            ("br", brotli(&plain)),
            ("zstd", zstd(&plain)),
        ] {
            let cut = unpack(coding, &packed[..packed.len() / 2], 1_000);
            assert_eq!(cut.unwrap_err().code, EgressError::DECODING, "{coding} cut off");
            let other = unpack(coding, b"\xff\xff\xffthis is plain text all along, and long enough", 1_000);
            assert_eq!(other.unwrap_err().code, EgressError::DECODING, "{coding} of something else");
            assert_eq!(unpack(coding, b"", 1).unwrap(), b"", "{coding} of nothing");
        }
        // A window of a gigabyte.
        let wide = [&0xFD2F_B528u32.to_le_bytes()[..], &[0, 20 << 3, 0, 0, 0]].concat();
        assert!(unpack("zstd", &wide, 10).unwrap_err().message.contains("window"));
    }

    #[test]
    fn unknown_codings_are_left_alone() {
        for header in ["compress", "gzip, compress", "gzip, gzip, gzip, gzip"] {
            assert_eq!(codings(header), None, "{header}");
        }
        assert_eq!(codings(" GZIP ,, br"), Some(vec![Coding::Gzip, Coding::Brotli]));
    }
}
