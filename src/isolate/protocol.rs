//! What host and worker say to each other over their socket. A frame is
//!
//! | bytes | |
//! | --- | --- |
//! | 4 | length of the header, little endian |
//! | 4 | length of the body, little endian |
//! | n | the header: one message as JSON |
//! | m | the body: events, states and bytecode as they are, so that they are never encoded again |
//!
//! Both ends are the same binary, so that the protocol has no versions.

use std::io::{self, Read};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Bounds, OpError, Redirect, ScriptFailure};
use crate::limits::FRAME_BYTES_MAX;

/// Of one isolate in one worker; never used twice.
pub type IsolateId = u64;
/// Of one question that waits for its answer; never zero.
pub type CallId = u64;
pub type OpId = u64;

#[derive(Debug, Serialize, Deserialize)]
pub enum ToWorker {
    /// Body: the source modules, one after the other.
    Compile {
        call: CallId,
        entry: String,
        modules: Vec<(String, usize)>,
    },
    /// Body: the state, if there is one, then the compiled modules, if the worker does not have them yet.
    Load {
        call: CallId,
        isolate: IsolateId,
        spec: Box<LoadSpec>,
    },
    /// Body: events' wire texts, one a line.
    Reduce {
        call: CallId,
        isolate: IsolateId,
    },
    /// Body: one event's wire text. Reduced first, unless it was long ago.
    React {
        call: CallId,
        isolate: IsolateId,
        reduce: bool,
    },
    /// Body: recorded events' wire texts, one a line. Each is reduced and acted on as if it had just come; its time
    /// in milliseconds stands in `places`, beside its offset. At the `end` timers that are left run out.
    Rehearse {
        call: CallId,
        isolate: IsolateId,
        places: Vec<(u64, i64)>,
        states: bool,
        end: bool,
    },
    CaughtUp {
        call: CallId,
        isolate: IsolateId,
    },
    State {
        call: CallId,
        isolate: IsolateId,
    },
    Pending {
        call: CallId,
        isolate: IsolateId,
    },
    Abort {
        isolate: IsolateId,
        reason: String,
    },
    /// Body: the operation's result.
    Settle {
        isolate: IsolateId,
        op: OpId,
        error: Option<OpError>,
    },
    /// What came of an operation on the network: a `Received` as JSON. Body: its bytes.
    Received {
        isolate: IsolateId,
        op: OpId,
        what: Box<RawValue>,
    },
    /// The last message about an isolate.
    End {
        isolate: IsolateId,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub struct LoadSpec {
    pub project: String,
    pub path: String,
    pub slug: String,
    /// The environment variables as a JSON object.
    pub env: String,
    pub bounds: Bounds,
    pub digest: String,
    pub entry: String,
    pub state_bytes: Option<usize>,
    /// Empty when the worker has this code already.
    pub modules: Vec<(String, usize)>,
}

#[derive(Debug, Serialize, Deserialize)]
pub enum FromWorker {
    /// Body: the compiled modules.
    Compiled {
        call: CallId,
        modules: Vec<(String, usize)>,
    },
    NotCompiled {
        call: CallId,
        failure: Box<ScriptFailure>,
    },
    /// Body: the definition, as JSON.
    Loaded {
        call: CallId,
    },
    Reduced {
        call: CallId,
        failures: Vec<(u64, ScriptFailure)>,
    },
    /// A hook came to its end.
    Reacted {
        call: CallId,
        failure: Option<Box<ScriptFailure>>,
    },
    /// So many events were rehearsed, perhaps not all of them; those that failed or changed the state are named. Body:
    /// the changed states, one behind the other, and that behind all of them.
    Rehearsed {
        call: CallId,
        done: usize,
        told: Vec<Rehearsal>,
    },
    /// Body: the state.
    State {
        call: CallId,
    },
    Pending {
        call: CallId,
        pending: usize,
    },
    /// The isolate is dropped, through the fault of this call; zero when none was under way.
    Gone {
        isolate: IsolateId,
        call: CallId,
        failure: Box<ScriptFailure>,
    },
    /// Body: the event to append, as JSON.
    Append {
        isolate: IsolateId,
        op: OpId,
        event: Option<u64>,
        ordinal: u32,
        path: Option<String>,
    },
    Read {
        isolate: IsolateId,
        op: OpId,
        path: Option<String>,
        after: Option<String>,
        before: Option<String>,
        types: Vec<String>,
    },
    /// Body: what is to be simulated, as JSON.
    Simulate {
        isolate: IsolateId,
        op: OpId,
        path: Option<String>,
    },
    /// Begins an exchange, which has the number of this operation. Body: the request's, unless it is streamed.
    Fetch {
        isolate: IsolateId,
        op: OpId,
        event: Option<u64>,
        method: String,
        url: String,
        headers: Vec<(String, String)>,
        redirect: Redirect,
        body: RequestBody,
    },
    /// Begins an exchange, too.
    Connect {
        isolate: IsolateId,
        op: OpId,
        event: Option<u64>,
        url: String,
        protocols: Vec<String>,
        headers: Vec<(String, String)>,
    },
    /// Asks for the next piece or message of an exchange.
    Pull {
        isolate: IsolateId,
        op: OpId,
        exchange: OpId,
    },
    /// Body: the piece or message.
    Push {
        isolate: IsolateId,
        op: OpId,
        exchange: OpId,
        what: Pushed,
    },
    /// The script has no more use for an exchange.
    Drop {
        isolate: IsolateId,
        exchange: OpId,
    },
    /// Body: the message.
    Logged {
        isolate: IsolateId,
        level: String,
        event: Option<u64>,
    },
    Failed {
        isolate: IsolateId,
        failure: Box<ScriptFailure>,
        event: Option<u64>,
    },
    /// The processor time of its turns since the last report, and the memory that it holds.
    Used {
        isolate: IsolateId,
        cpu: Duration,
        memory_bytes: u64,
    },
}

/// What there is to tell of one event of a rehearsal.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Rehearsal {
    pub offset: u64,
    pub failure: Option<Box<ScriptFailure>>,
    /// The length of the state behind it, if that changed.
    pub state_bytes: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequestBody {
    Empty,
    Bytes,
    /// It follows in pieces.
    Stream,
}

/// What a script sends in an exchange.
#[derive(Debug, Serialize, Deserialize)]
pub enum Pushed {
    /// A piece of a request's body.
    Bytes,
    /// The body is complete.
    End,
    /// The messages of a socket.
    Text,
    Binary,
    /// 1005 stands for one without a code.
    Close {
        code: u16,
        reason: String,
    },
}

/// What comes of an operation on the network, as the prelude reads it.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Received {
    /// Body: the first piece, if it is there already. With the last piece the exchange is over.
    Head {
        status: u16,
        status_text: String,
        url: String,
        redirected: bool,
        headers: Vec<(String, String)>,
        last: bool,
    },
    Piece {
        last: bool,
    },
    /// What was sent is on its way.
    Taken,
    Opened {
        url: String,
        protocol: String,
        extensions: String,
    },
    Text,
    Binary,
    /// The end of the exchange.
    Closed {
        code: u16,
        reason: String,
        clean: bool,
    },
    /// Of a fetch, a pull: the end of the exchange.
    Failed {
        code: String,
        message: String,
    },
}

pub struct Frame<M> {
    pub message: M,
    pub body: Vec<u8>,
}

/// The bytes of one frame; the error says how large it would have been.
pub fn encode(message: &impl Serialize, body: &[&[u8]]) -> Result<Vec<u8>, usize> {
    let header = serde_json::to_vec(message).expect("our own messages have a JSON form");
    let body_bytes: usize = body.iter().map(|part| part.len()).sum();
    if header.len() + body_bytes > FRAME_BYTES_MAX {
        return Err(header.len() + body_bytes);
    }
    let mut bytes = Vec::with_capacity(8 + header.len() + body_bytes);
    bytes.extend_from_slice(&(header.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&(body_bytes as u32).to_le_bytes());
    bytes.extend_from_slice(&header);
    for part in body {
        bytes.extend_from_slice(part);
    }
    Ok(bytes)
}

/// The lengths of header and body.
pub fn lengths(prefix: [u8; 8]) -> io::Result<(usize, usize)> {
    let [a, b, c, d, e, f, g, h] = prefix;
    let (header, body) =
        (u32::from_le_bytes([a, b, c, d]) as usize, u32::from_le_bytes([e, f, g, h]) as usize);
    if header + body > FRAME_BYTES_MAX {
        return Err(io::Error::other(format!(
            "a frame of {} bytes; at most {FRAME_BYTES_MAX} are allowed",
            header + body
        )));
    }
    Ok((header, body))
}

pub fn decode<M: DeserializeOwned>(header: &[u8]) -> io::Result<M> {
    serde_json::from_slice(header).map_err(|error| io::Error::other(format!("a frame's header: {error}")))
}

/// The next frame, for threads that may block.
pub fn read_frame<M: DeserializeOwned>(from: &mut impl Read) -> io::Result<Frame<M>> {
    let mut prefix = [0; 8];
    from.read_exact(&mut prefix)?;
    let (header_bytes, body_bytes) = lengths(prefix)?;
    let mut header = vec![0; header_bytes];
    from.read_exact(&mut header)?;
    let mut body = vec![0; body_bytes];
    from.read_exact(&mut body)?;
    Ok(Frame { message: decode(&header)?, body })
}

/// Cuts a body into parts of the given lengths.
pub fn split(mut body: &[u8], lengths: impl IntoIterator<Item = usize>) -> io::Result<Vec<&[u8]>> {
    let mut parts = Vec::new();
    for length in lengths {
        let (part, rest) =
            body.split_at_checked(length).ok_or_else(|| io::Error::other("a frame's body is too short"))?;
        parts.push(part);
        body = rest;
    }
    Ok(parts)
}
