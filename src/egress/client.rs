//! One fetch, from the script's request to the head of the answer: each hop is checked anew, gets its secrets
//! anew, and goes out over a pool of checked connections.

use hyper::{Method, Uri};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::sleep;
use url::Url;

use super::body::{self, Answer, Moved, Outgoing};
use super::connector::Connector;
use super::error::innermost;
use super::mask::Mask;
use super::places::Place;
use super::redirect::{self, Hop, HopBody};
use super::secrets::{Sent, Substituted};
use super::target::Target;
use super::{Caller, EgressError, Inner, Redirect, Request, RequestBody, Response, decode, headers, target};
use crate::limits::{
    EGRESS_CONNECTION_IDLE, EGRESS_HTTP2_PING, EGRESS_RESPONSE_HEAD_BYTES_MAX, EGRESS_RESPONSE_HEADERS_MAX,
};

type Incoming = hyper::Response<hyper::body::Incoming>;

/// The pool: connections are kept by scheme, host and port.
pub struct Client(legacy::Client<Connector, Outgoing>);

impl Client {
    pub fn new(connector: Connector, idle_per_host: usize) -> Client {
        let pool = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(EGRESS_CONNECTION_IDLE)
            .pool_max_idle_per_host(idle_per_host)
            .http1_max_buf_size(EGRESS_RESPONSE_HEAD_BYTES_MAX)
            .http1_max_headers(EGRESS_RESPONSE_HEADERS_MAX)
            .http2_max_header_list_size(EGRESS_RESPONSE_HEAD_BYTES_MAX as u32)
            .http2_adaptive_window(true)
            .http2_keep_alive_interval(EGRESS_HTTP2_PING)
            .build(connector);
        Client(pool)
    }
}

/// Sends, and follows where it may.
pub async fn fetch(egress: &Inner, caller: &Caller, request: Request) -> Result<Response, EgressError> {
    let mut body = request.body;
    let mut hop = Hop {
        method: method(&request.method)?,
        url: target::parse(&request.url)?,
        headers: headers::of_script(request.headers)?,
        body: HopBody::of(&body),
    };
    if matches!(hop.method.as_str(), "GET" | "HEAD") && hop.body != HopBody::None {
        return Err(EgressError::new(EgressError::INVALID, format!("a {} request has no body", hop.method)));
    }
    // What the policy refuses waits for nothing.
    egress.policy.check(caller, &Target::of(&hop.url)?)?;
    let place = egress.places.take(caller).await?;
    let mut sent: Vec<Sent> = Vec::new();
    let mut hops = 0;
    loop {
        let target = Target::of(&hop.url)?;
        egress.policy.check(caller, &target)?;
        let substituted =
            egress.secrets.substitute(&caller.project, &egress.policy, &target, &hop.headers)?;
        sent.extend(substituted.sent.iter().cloned());
        let answer = send(egress, &hop, &target, substituted, take(&mut body, hop.body)).await?;
        let mask = egress.secrets.mask(&caller.project, &sent);
        let status = answer.status().as_u16();
        let shown = headers::decode(answer.headers(), mask.as_ref());
        let location = shown.iter().find(|(name, _)| name == "location").map(|(_, value)| value.as_str());
        if let Some(location) = location.filter(|_| redirect::is_redirect(status)) {
            match request.redirect {
                Redirect::Follow if hops == egress.bounds.redirects_max => {
                    return Err(EgressError::new(
                        EgressError::TOO_MANY_REDIRECTS,
                        format!("{} redirects once more, after {hops} times", hop.url),
                    ));
                }
                Redirect::Follow => {
                    hops += 1;
                    hop.follow(status, location)?;
                    continue;
                }
                Redirect::Error => {
                    return Err(EgressError::new(
                        EgressError::REDIRECT,
                        format!(
                            "{} redirects to {location}, and the request says `redirect: \"error\"`",
                            hop.url
                        ),
                    ));
                }
                Redirect::Manual => {}
            }
        }
        return Ok(respond(egress, &hop, hops > 0, answer, shown, mask.as_ref(), place));
    }
}

fn respond(
    egress: &Inner,
    hop: &Hop,
    redirected: bool,
    answer: Incoming,
    headers: Vec<(String, String)>,
    mask: Option<&Mask>,
    place: Place,
) -> Response {
    let status = answer.status().as_u16();
    let packings: Vec<&str> = headers
        .iter()
        .filter(|(name, _)| name == "content-encoding")
        .map(|(_, value)| value.as_str())
        .collect();
    let has_body = hop.method != "HEAD" && !matches!(status, 101 | 204 | 205 | 304);
    let codings = decode::codings(&packings.join(",")).filter(|codings| has_body && !codings.is_empty());
    let reason = answer.extensions().get::<hyper::ext::ReasonPhrase>();
    let status_text = match reason {
        Some(reason) => String::from_utf8_lossy(reason.as_bytes()).into_owned(),
        None if answer.version() == hyper::Version::HTTP_2 => String::new(),
        None => answer.status().canonical_reason().unwrap_or_default().to_string(),
    };
    let mut url = hop.url.clone();
    url.set_fragment(None);
    let body = Answer {
        incoming: answer.into_body(),
        unpacker: codings.map(|codings| decode::Unpacker::new(&codings)),
        mask: mask.map(Mask::stream),
        from: hop.url.host_str().unwrap_or_default().to_string(),
        idle_timeout: egress.bounds.idle_timeout,
        bytes_max: egress.bounds.response_bytes_max,
        _place: place,
    };
    let status_text = mask.map_or_else(|| status_text.clone(), |mask| mask.text(&status_text));
    Response { status, status_text, url: url.into(), redirected, headers, body: body.into_stream() }
}

/// One request; the head of its answer.
async fn send(
    egress: &Inner,
    hop: &Hop,
    target: &Target,
    substituted: Substituted,
    body: RequestBody,
) -> Result<Incoming, EgressError> {
    let moved = Moved::default();
    let mut outgoing = hyper::Request::new(body::outgoing(body, &moved));
    *outgoing.method_mut() =
        Method::from_bytes(hop.method.as_bytes()).map_err(|_| bad_method(&hop.method))?;
    *outgoing.uri_mut() = uri(&hop.url)?;
    *outgoing.headers_mut() = headers::encode(&substituted.headers)?;
    let mut answering = egress.client.0.request(outgoing);
    let patience = egress.bounds.head_timeout;
    loop {
        tokio::select! {
            answered = &mut answering => return answered.map_err(|error| failed(target, &error)),
            () = sleep(patience) => {
                // A body that is still on its way is a sign of life.
                if !moved.take() {
                    return Err(EgressError::new(
                        EgressError::TIMEOUT,
                        format!("{} did not answer within {} ms", target.rule(), patience.as_millis()),
                    ));
                }
            }
        }
    }
}

/// The body for this hop. Bytes stay for the next one.
fn take(body: &mut RequestBody, wanted: HopBody) -> RequestBody {
    match (wanted, &*body) {
        (HopBody::None, _) | (_, RequestBody::Empty) => RequestBody::Empty,
        (_, RequestBody::Bytes(bytes)) => RequestBody::Bytes(bytes.clone()),
        (_, RequestBody::Stream(_)) => std::mem::replace(body, RequestBody::Empty),
    }
}

fn failed(target: &Target, error: &legacy::Error) -> EgressError {
    EgressError::within(error).unwrap_or_else(|| {
        let why = innermost(error);
        EgressError::new(EgressError::PROTOCOL, format!("{} gave no answer: {why}", target.rule()))
    })
}

fn uri(url: &Url) -> Result<Uri, EgressError> {
    let mut plain = url.clone();
    plain.set_fragment(None);
    plain.as_str().parse().map_err(|error| {
        EgressError::new(EgressError::INVALID, format!("{plain} cannot be sent in a request: {error}"))
    })
}

/// The usual ones are written in capitals, as the fetch standard has it; the ones that open tunnels or come back
/// with the request's own headers are refused.
fn method(text: &str) -> Result<String, EgressError> {
    const USUAL: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
    let upper = text.to_ascii_uppercase();
    if matches!(upper.as_str(), "CONNECT" | "TRACE" | "TRACK") || Method::from_bytes(text.as_bytes()).is_err()
    {
        return Err(bad_method(text));
    }
    Ok(if USUAL.contains(&upper.as_str()) { upper } else { text.to_string() })
}

fn bad_method(text: &str) -> EgressError {
    EgressError::new(EgressError::INVALID, format!("{text:?} is no method that can be fetched with"))
}
