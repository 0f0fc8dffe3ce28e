//! Connections, to checked addresses only: a name is resolved here, each of its addresses is asked of the policy,
//! and the socket goes to one that has passed. Nothing resolves the name again in between.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use hyper::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use super::policy::{Policy, is_localhost};
use super::resolver::{LOOPBACK, Resolve};
use super::stats::Counters;
use super::target::Target;
use super::tls::Tls;
use super::{Bounds, EgressError, target};
use crate::limits::{EGRESS_ADDRESSES_MAX, EGRESS_NEXT_ADDRESS_AFTER};

#[derive(Clone)]
pub struct Connector(Arc<Inner>);

struct Inner {
    policy: Policy,
    resolver: Arc<dyn Resolve>,
    tls: Tls,
    bounds: Bounds,
    counters: Arc<Counters>,
}

impl Connector {
    pub fn new(
        policy: Policy,
        resolver: Arc<dyn Resolve>,
        tls: Tls,
        bounds: Bounds,
        counters: Arc<Counters>,
    ) -> Connector {
        Connector(Arc::new(Inner { policy, resolver, tls, bounds, counters }))
    }

    /// A connection to the target, with TLS where its URL wants it.
    pub async fn connect(&self, target: &Target, websocket: bool) -> Result<Stream, EgressError> {
        let bound = self.0.bounds.connect_timeout;
        match timeout(bound, self.connect_unbounded(target, websocket)).await {
            Ok(connected) => connected,
            Err(_) => Err(EgressError::new(
                EgressError::TIMEOUT,
                format!("{} did not take a connection within {} ms", target.rule(), bound.as_millis()),
            )),
        }
    }

    async fn connect_unbounded(&self, target: &Target, websocket: bool) -> Result<Stream, EgressError> {
        let addresses = self.addresses(target).await?;
        let stream = first_of(&addresses).await.map_err(|error| {
            EgressError::new(EgressError::CONNECT, format!("cannot connect to {}: {error}", target.rule()))
        })?;
        // Small messages must not wait for each other. A peer that is gone without a word is noticed at last.
        let _ = stream.set_nodelay(true);
        let _ = rustix::net::sockopt::set_socket_keepalive(&stream, true);
        let counters = self.0.counters.clone();
        counters.connected();
        let over = if target.tls {
            Over::Tls(Box::new(self.0.tls.handshake(target, stream, websocket).await?))
        } else {
            Over::Plain(stream)
        };
        Ok(Stream { over, counters })
    }

    /// The addresses that a connection may go to: at least one.
    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, EgressError> {
        let found = match target.address {
            Some(address) => vec![address],
            None if is_localhost(&target.host) => LOOPBACK.to_vec(),
            None => self.resolve(target).await?,
        };
        let mut refusal = None;
        let mut allowed = Vec::new();
        for address in found.into_iter().take(EGRESS_ADDRESSES_MAX) {
            match self.0.policy.check_address(target, address) {
                Ok(()) => allowed.push(SocketAddr::new(address, target.port)),
                Err(refused) => refusal = refusal.or(Some(refused)),
            }
        }
        match refusal {
            Some(refusal) if allowed.is_empty() => Err(refusal),
            _ => Ok(allowed),
        }
    }

    async fn resolve(&self, target: &Target) -> Result<Vec<IpAddr>, EgressError> {
        let failed = |why: String| {
            EgressError::new(EgressError::DNS, format!("cannot find the address of {}: {why}", target.host))
        };
        let found = self.0.resolver.resolve(&target.host).await.map_err(|error| failed(error.to_string()))?;
        if found.is_empty() { Err(failed("it has none".into())) } else { Ok(found) }
    }
}

/// The first connection that stands: the next address is tried when one fails, or has not answered for a while.
async fn first_of(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut trying = FuturesUnordered::new();
    let mut waiting = addresses.iter();
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let mut next_at = Instant::now();
    loop {
        let more = waiting.len() > 0;
        if !more && trying.is_empty() {
            return Err(last);
        }
        tokio::select! {
            Some(connected) = trying.next(), if !trying.is_empty() => match connected {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    last = error;
                    next_at = Instant::now();
                }
            },
            () = sleep_until(next_at), if more => {
                trying.extend(waiting.next().map(|address| TcpStream::connect(*address)));
                next_at = Instant::now() + EGRESS_NEXT_ADDRESS_AFTER;
            }
        }
    }
}

/// What the HTTP client asks when its pool has no connection.
impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = EgressError;
    type Future = BoxFuture<'static, Result<TokioIo<Stream>, EgressError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), EgressError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        async move {
            let target = Target::of(&target::parse(&uri.to_string())?)?;
            connector.connect(&target, false).await.map(TokioIo::new)
        }
        .boxed()
    }
}

/// A connection, whose bytes are counted.
pub struct Stream {
    over: Over,
    counters: Arc<Counters>,
}

enum Over {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        match &self.over {
            Over::Tls(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                Connected::new().negotiated_h2()
            }
            _ => Connected::new(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = match &mut this.over {
            Over::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Over::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        this.counters.received(buf.filled().len() - before);
        polled
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = match &mut this.over {
            Over::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Over::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        };
        if let Poll::Ready(Ok(written)) = polled {
            this.counters.sent(written);
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().over {
            Over::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Over::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().over {
            Over::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Over::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
