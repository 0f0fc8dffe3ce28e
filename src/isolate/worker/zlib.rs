//! Compression, for node:zlib and the streams of the web: deflate, and the checksum of gzip. The formats around it are
//! the prelude's. What comes out is given in pieces, so that it lies in the isolate's memory and is counted there,
//! and so that a script can be stopped between them.

use std::cell::Cell;
use std::rc::Rc;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use rquickjs::class::Trace;
use rquickjs::{Class, Ctx, Exception, Function, JsLifetime, Object, Result, TypedArray};

use super::natives::bare;
use crate::limits;

/// What one call gives at most.
const PIECE_BYTES: usize = 64 * 1024;

pub fn group<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let native = bare(ctx)?;
    let alive = Rc::new(Cell::new(0));
    let counter = alive.clone();
    let deflater = move |ctx: Ctx<'js>, level: i32, zlib: bool| {
        let level =
            u32::try_from(level).map_or_else(|_| Compression::default(), |l| Compression::new(l.min(9)));
        let state = State::Deflate(Compress::new(level, zlib));
        Codec::new(&ctx, &counter, state)
    };
    native.set("deflater", Function::new(ctx.clone(), deflater)?)?;
    let inflater =
        move |ctx: Ctx<'js>, zlib: bool| Codec::new(&ctx, &alive, State::Inflate(Decompress::new(zlib)));
    native.set("inflater", Function::new(ctx.clone(), inflater)?)?;
    native.set("crc32", Function::new(ctx.clone(), crc32)?)?;
    Ok(native)
}

/// Something that is being compressed or decompressed.
#[derive(Trace, JsLifetime)]
#[rquickjs::class]
pub struct Codec {
    #[qjs(skip_trace)]
    state: State,
    consumed: usize,
    ended: bool,
    #[qjs(skip_trace)]
    alive: Rc<Cell<usize>>,
}

enum State {
    Deflate(Compress),
    Inflate(Decompress),
}

impl Codec {
    fn new<'js>(ctx: &Ctx<'js>, alive: &Rc<Cell<usize>>, state: State) -> Result<Class<'js, Codec>> {
        if alive.get() == limits::CODECS_MAX {
            ctx.run_gc();
        }
        if alive.get() == limits::CODECS_MAX {
            let message = format!("more than {} streams are being compressed at once", limits::CODECS_MAX);
            return Err(Exception::throw_range(ctx, &message));
        }
        alive.set(alive.get() + 1);
        Class::instance(ctx.clone(), Codec { state, consumed: 0, ended: false, alive: alive.clone() })
    }
}

impl Drop for Codec {
    fn drop(&mut self) {
        self.alive.set(self.alive.get() - 1);
    }
}

#[rquickjs::methods]
impl Codec {
    /// A piece of output for the bytes from `from` on; none when they are not what they should be. How: 0 goes on, 1 gives
    /// all that there is, 2 ends.
    #[allow(unsafe_code)]
    fn run<'js>(
        &mut self,
        ctx: Ctx<'js>,
        bytes: TypedArray<'js, u8>,
        from: usize,
        how: u8,
    ) -> Result<Option<TypedArray<'js, u8>>> {
        // SAFETY: no JavaScript runs, and nothing is freed, before these bytes have been read.
        let input = unsafe { bytes.as_bytes() }.and_then(|bytes| bytes.get(from..)).unwrap_or_default();
        let mut output = Vec::with_capacity(PIECE_BYTES);
        let Some((status, consumed)) = self.state.run(input, &mut output, how) else { return Ok(None) };
        self.consumed = consumed;
        self.ended = status == Status::StreamEnd;
        TypedArray::new_copy(ctx, output).map(Some)
    }

    /// How many bytes the last call took.
    #[qjs(get)]
    fn consumed(&self) -> usize {
        self.consumed
    }

    /// Whether the last call came to the end.
    #[qjs(get)]
    fn ended(&self) -> bool {
        self.ended
    }
}

impl State {
    fn run(&mut self, input: &[u8], output: &mut Vec<u8>, how: u8) -> Option<(Status, usize)> {
        match self {
            State::Deflate(compress) => {
                let flush = match how {
                    0 => FlushCompress::None,
                    1 => FlushCompress::Sync,
                    _ => FlushCompress::Finish,
                };
                let before = compress.total_in();
                let status = compress.compress_vec(input, output, flush).ok()?;
                Some((status, (compress.total_in() - before) as usize))
            }
            State::Inflate(decompress) => {
                let before = decompress.total_in();
                let status = decompress.decompress_vec(input, output, FlushDecompress::None).ok()?;
                Some((status, (decompress.total_in() - before) as usize))
            }
        }
    }
}

/// Of the bytes, behind others that have the checksum `before`.
#[allow(unsafe_code)]
fn crc32(bytes: TypedArray<'_, u8>, before: f64) -> f64 {
    let mut hasher = crc32fast::Hasher::new_with_initial(before as u32);
    // SAFETY: no JavaScript runs, and nothing is freed, before these bytes have been read.
    hasher.update(unsafe { bytes.as_bytes() }.unwrap_or_default());
    hasher.finalize().into()
}
