//! The natives of the network: they send what a script asks for to the host. The prelude keeps what waits.

use std::rc::Rc;

use rquickjs::{Ctx, Exception, Function, Object, Result, TypedArray};

use super::super::Redirect;
use super::super::protocol::{CallId, FromWorker, OpId, Pushed, RequestBody};
use super::host::Host;
use super::natives::bare;
use super::texts::Texts;
use crate::limits;

/// Too many exchanges are under way.
const TOO_MANY: f64 = -1.0;

/// Each gives the number of its operation; 0 when too many wait, -1 when too many exchanges are under way.
pub fn group<'js>(ctx: &Ctx<'js>, host: &Rc<Host>) -> Result<Object<'js>> {
    let native = bare(ctx)?;
    native.set("pendingOpsMax", limits::PENDING_OPS_MAX)?;
    native.set("pendingOpBytesMax", limits::PENDING_OP_BYTES_MAX)?;
    native.set("pendingFetchesMax", host.bounds.pending_fetches)?;
    add_beginnings(&native, ctx, host)?;
    let asking = host.clone();
    let pull = move |call: f64, exchange: f64| {
        let exchange = exchange as OpId;
        let Some(op) = asking.new_op_of(call as CallId, 0, Some(exchange)) else { return 0.0 };
        asking.shared.send(&FromWorker::Pull { isolate: asking.id, op, exchange }, &[]);
        op as f64
    };
    native.set("pull", Function::new(ctx.clone(), pull)?)?;
    let asking = host.clone();
    let push = move |ctx: Ctx<'js>,
                     call: f64,
                     exchange: f64,
                     kind: String,
                     bytes: Option<TypedArray<'js, u8>>,
                     code: Option<u16>,
                     text: Option<String>| {
        let what = match kind.as_str() {
            "bytes" => Pushed::Bytes,
            "end" => Pushed::End,
            "text" => Pushed::Text,
            "binary" => Pushed::Binary,
            _ => Pushed::Close { code: code.unwrap_or(1005), reason: text.unwrap_or_default() },
        };
        let exchange = exchange as OpId;
        with_bytes(bytes, |bytes| {
            let Some(op) = asking.new_op_of(call as CallId, bytes.len(), Some(exchange)) else {
                return Ok(0.0);
            };
            let message = FromWorker::Push { isolate: asking.id, op, exchange, what };
            sent(&ctx, &asking, op, asking.shared.send(&message, bytes))
        })
    };
    native.set("push", Function::new(ctx.clone(), push)?)?;
    let ending = host.clone();
    // `over`: the host knows of its end already.
    let end = move |exchange: f64, over: bool| {
        let exchange = exchange as OpId;
        if ending.end_exchange(exchange) && !over {
            ending.shared.send(&FromWorker::Drop { isolate: ending.id, exchange }, &[]);
        }
    };
    native.set("end", Function::new(ctx.clone(), end)?)?;
    Ok(native)
}

fn add_beginnings<'js>(native: &Object<'js>, ctx: &Ctx<'js>, host: &Rc<Host>) -> Result<()> {
    let asking = host.clone();
    let fetch = move |ctx: Ctx<'js>,
                      call: f64,
                      event: Option<f64>,
                      Texts(request): Texts,
                      streams: bool,
                      bytes: Option<TypedArray<'js, u8>>,
                      lasts: bool| {
        let Some(([method, url, redirect], headers)) = request.split_first_chunk::<3>() else {
            return Err(Exception::throw_message(&ctx, "a request has a method, a URL and a redirect mode"));
        };
        let redirect = match redirect.as_str() {
            "manual" => Redirect::Manual,
            "error" => Redirect::Error,
            _ => Redirect::Follow,
        };
        let body = match (streams, &bytes) {
            (true, _) => RequestBody::Stream,
            (false, Some(_)) => RequestBody::Bytes,
            (false, None) => RequestBody::Empty,
        };
        if !asking.may_begin_exchange() {
            return Ok(TOO_MANY);
        }
        let (method, url, headers) = (method.clone(), url.clone(), pairs(headers));
        with_bytes(bytes, |bytes| {
            let Some(op) = asking.new_op(call as CallId, bytes.len()) else { return Ok(0.0) };
            asking.begin_exchange(op, lasts);
            let (isolate, event) = (asking.id, event.map(|offset| offset as u64));
            let message = FromWorker::Fetch { isolate, op, event, method, url, headers, redirect, body };
            sent(&ctx, &asking, op, asking.shared.send(&message, bytes))
        })
    };
    native.set("fetch", Function::new(ctx.clone(), fetch)?)?;
    let asking = host.clone();
    let connect = move |ctx: Ctx<'js>,
                        call: f64,
                        event: Option<f64>,
                        url: String,
                        Texts(protocols): Texts,
                        Texts(headers): Texts| {
        if !asking.may_begin_exchange() {
            return Ok(TOO_MANY);
        }
        let Some(op) = asking.new_op(call as CallId, 0) else { return Ok(0.0) };
        asking.begin_exchange(op, true);
        let (headers, event) = (pairs(&headers), event.map(|offset| offset as u64));
        let message = FromWorker::Connect { isolate: asking.id, op, event, url, protocols, headers };
        sent(&ctx, &asking, op, asking.shared.send(&message, &[]))
    };
    native.set("connect", Function::new(ctx.clone(), connect)?)
}

/// Names and values in turn.
fn pairs(flat: &[String]) -> Vec<(String, String)> {
    flat.as_chunks::<2>().0.iter().map(|[name, value]| (name.clone(), value.clone())).collect()
}

#[allow(unsafe_code)]
fn with_bytes<'js, T>(
    bytes: Option<TypedArray<'js, u8>>,
    send: impl FnOnce(&[u8]) -> Result<T>,
) -> Result<T> {
    match &bytes {
        // SAFETY: no JavaScript runs, and nothing is freed, before these bytes have been read.
        Some(array) => send(unsafe { array.as_bytes() }.unwrap_or_default()),
        None => send(&[]),
    }
}

fn sent(ctx: &Ctx<'_>, host: &Host, op: OpId, was_sent: bool) -> Result<f64> {
    if was_sent {
        return Ok(op as f64);
    }
    host.settle_op(op);
    host.end_exchange(op);
    Err(Exception::throw_range(ctx, "what is sent is larger than a message to the host may be"))
}
