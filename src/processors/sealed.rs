//! The bridge of an isolate that only reduces: there is nothing behind it.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::event::{Json, Offset};
use crate::isolate::{
    AppendRequest, Bridge, FetchRequest, FetchResponse, OpError, ReadRequest, ScriptFailure, Socket,
    SocketRequest,
};

pub struct Sealed;

fn refused<T: Send + 'static>() -> BoxFuture<'static, Result<T, OpError>> {
    let message = "the history is only being reduced: nothing is appended, read or sent".into();
    async { Err(OpError { code: "sealed".into(), message }) }.boxed()
}

impl Bridge for Sealed {
    fn append(&self, _: AppendRequest) -> BoxFuture<'static, Result<Json, OpError>> {
        refused()
    }

    fn read(&self, _: ReadRequest) -> BoxFuture<'static, Result<Vec<Bytes>, OpError>> {
        refused()
    }

    fn fetch(&self, _: FetchRequest) -> BoxFuture<'static, Result<FetchResponse, OpError>> {
        refused()
    }

    fn connect(&self, _: SocketRequest) -> BoxFuture<'static, Result<Socket, OpError>> {
        refused()
    }

    fn logged(&self, _: &str, _: String, _: Option<Offset>) {}

    fn failed(&self, _: ScriptFailure, _: Option<Offset>) {}

    fn used(&self, _: Duration, _: u64) {}
}
