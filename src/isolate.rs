//! Isolates: JavaScript engines with their own memory, in worker processes of this same binary. User
//! code never runs in the server's process; whatever it does, the server lives, the script that did it is
//! named, and the others go on from their checkpoints. Nothing outside this module knows QuickJS.
//!
//! `Isolates` (the pool) compiles sources in one process and loads isolates into others. An `Isolate` is
//! a handle to one; `Bridge` is the door through which a script reaches its host.

mod bytecode;
mod client;
mod compiler;
mod confined;
mod confinement;
mod failure;
mod handle;
mod network;
mod page;
mod pool;
mod process;
mod protocol;
mod worker;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::event::{Json, Offset};
use crate::limits;

pub use bytecode::{Bytecode, Sources};
pub use confined::{Confined, serve};
pub use confinement::{Confinement, Layer};
pub use failure::{IsolateError, OpError, ReactError, ScriptFailure, frame, frame_text, stack_text};
pub use handle::{Failed, Isolate, Rehearsed, RehearsedEvent};
pub use network::{
    FetchBody, FetchRequest, FetchResponse, Redirect, Socket, SocketMessage, SocketRequest, SocketSend,
};
pub use pool::{IsolateOptions, IsolateStats, Isolates, WorkerStats};
pub use worker::{NODE_MODULES, SUBCOMMAND, worker_main};

/// The door from an isolate to its host. Each call may come at any time while the isolate lives.
pub trait Bridge: Send + Sync + 'static {
    /// Stores an event; its result is the stored event. Called, and first polled, in the order in which the script
    /// asked: what must keep that order is done then, and what waits is done later.
    fn append(&self, request: AppendRequest) -> BoxFuture<'static, Result<Json, OpError>>;
    /// A page of events as their wire texts, after `after`; an empty page is the end.
    fn read(&self, request: ReadRequest) -> BoxFuture<'static, Result<Vec<Bytes>, OpError>>;
    /// Runs a candidate over a stream's history; what comes of it, as JSON.
    fn simulate(&self, _request: SimulationRequest) -> BoxFuture<'static, Result<Json, OpError>> {
        let message = "nothing is simulated within a simulation".to_string();
        Box::pin(std::future::ready(Err(OpError { code: "not-here".into(), message })))
    }
    /// Sends a request. Dropping the future, or the response, ends it.
    fn fetch(&self, request: FetchRequest) -> BoxFuture<'static, Result<FetchResponse, OpError>>;
    /// Opens a WebSocket.
    fn connect(&self, request: SocketRequest) -> BoxFuture<'static, Result<Socket, OpError>>;
    fn logged(&self, level: &str, message: String, event: Option<Offset>);
    /// What no call is waiting for: unhandled rejections, and what a timer of a finished hook threw.
    fn failed(&self, failure: ScriptFailure, event: Option<Offset>);
    /// The processor time that the isolate has used since it last said so, and the memory that it holds. Told now and then.
    fn used(&self, cpu: Duration, memory_bytes: u64);
}

#[derive(Clone, Debug)]
pub struct AppendRequest {
    /// The event being reacted to; None in `onCaughtUp`.
    pub event: Option<Offset>,
    /// Which append of its hook this is, from 1: the same hook run again asks in the same order.
    pub ordinal: u32,
    pub path: Option<String>,
    /// The event as the script gave it, as JSON text.
    pub input: String,
}

#[derive(Clone, Debug)]
pub struct SimulationRequest {
    /// The stream; none is the script's own.
    pub path: Option<String>,
    /// What is to be simulated, as JSON text.
    pub text: String,
}

#[derive(Clone, Debug)]
pub struct ReadRequest {
    pub path: Option<String>,
    pub after: Option<String>,
    pub before: Option<String>,
    pub types: Vec<String>,
}

/// What one isolate is made of.
pub struct Spec {
    pub project: String,
    pub path: String,
    pub slug: String,
    pub configured_offset: u64,
    pub code: Arc<Bytecode>,
    pub env: BTreeMap<String, String>,
    pub bounds: Bounds,
    /// Of a checkpoint; None for the processor's own `initialState`.
    pub state: Option<Json>,
}

/// What one isolate may use.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bounds {
    pub memory_bytes: u64,
    pub cpu_per_turn: Duration,
    pub hook_timeout: Duration,
    pub stack_bytes: u64,
    pub timers: u64,
    pub pending_fetches: u64,
    pub appends_per_hook: u64,
    pub event_bytes: u64,
    pub log_lines: u64,
    /// Of all modules together; looked at before they are compiled.
    pub module_bytes: u64,
    /// Whether `eval` and `new Function` compile. A parser that runs out of memory takes its worker with it, so it is
    /// for those who ask for it.
    pub generates_code: bool,
    /// In a rehearsal of recorded events time is theirs, from this one on (milliseconds since 1970): the clock is that
    /// of the event, and timers are due as soon as nothing else is under way.
    pub recorded_time: Option<i64>,
}

impl Bounds {
    /// Of a processor that asks for nothing else.
    pub const DEFAULT: Bounds = Bounds {
        memory_bytes: limits::MEMORY_BYTES,
        cpu_per_turn: limits::CPU_PER_TURN,
        hook_timeout: limits::HOOK_TIMEOUT,
        stack_bytes: limits::STACK_BYTES,
        timers: limits::TIMERS,
        pending_fetches: limits::PENDING_FETCHES,
        appends_per_hook: limits::APPENDS_PER_HOOK,
        event_bytes: limits::EVENT_BYTES_MAX as u64,
        log_lines: limits::LOG_LINES_PER_HOOK,
        module_bytes: limits::MODULE_BYTES,
        generates_code: false,
        recorded_time: None,
    };
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds::DEFAULT
    }
}

/// What the script exports, as far as its host must know.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Definition {
    /// It has `afterAppend` or `onEvent`.
    pub reacts: bool,
    pub reduces: bool,
    pub catches_up: bool,
    /// `concurrency: "parallel"`.
    pub parallel: bool,
}
