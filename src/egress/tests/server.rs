//! Servers to be fetched from: HTTP/1.1 and HTTP/2, with and without TLS, or bytes on a socket.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub version: hyper::Version,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What is answered.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: BoxStream<'static, Bytes>,
}

impl Reply {
    pub fn text(text: impl Into<String>) -> Reply {
        let body = stream::iter([Bytes::from(text.into())]).boxed();
        Reply { status: 200, headers: Vec::new(), body }
    }

    pub fn pieces(pieces: Vec<Bytes>) -> Reply {
        Reply { status: 200, headers: Vec::new(), body: stream::iter(pieces).boxed() }
    }

    pub fn redirect(status: u16, location: impl Into<String>) -> Reply {
        Reply { status, ..Reply::text("moved").with("location", location) }
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Reply {
        self.headers.push((name, value.into()));
        self
    }
}

pub struct Server {
    pub address: SocketAddr,
    pub certificate: Option<CertificateDer<'static>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    connections: Arc<Mutex<usize>>,
    _task: AbortOnDropHandle<()>,
}

type Answer = Arc<dyn Fn(Seen) -> Reply + Send + Sync>;

impl Server {
    pub async fn start(answer: impl Fn(Seen) -> Reply + Send + Sync + 'static) -> Server {
        Server::serve(None, Arc::new(answer)).await
    }

    /// With TLS for this name, and HTTP/2 for whoever wants it.
    pub async fn start_tls(name: &str, answer: impl Fn(Seen) -> Reply + Send + Sync + 'static) -> Server {
        let made = rcgen::generate_simple_self_signed([name.to_string()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        Server::serve(Some((made.cert.der().clone(), key)), Arc::new(answer)).await
    }

    async fn serve(
        tls: Option<(CertificateDer<'static>, PrivatePkcs8KeyDer<'static>)>,
        answer: Answer,
    ) -> Server {
        let certificate = tls.as_ref().map(|(certificate, _)| certificate.clone());
        let acceptor = tls.map(|(certificate, key)| {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let mut config = rustls::ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate], key.into())
                .unwrap();
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            tokio_rustls::TlsAcceptor::from(Arc::new(config))
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, connections) = (Arc::<Mutex<Vec<Seen>>>::default(), Arc::<Mutex<usize>>::default());
        let (noted, counted) = (seen.clone(), connections.clone());
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                *counted.lock().unwrap() += 1;
                let (acceptor, noted, answer) = (acceptor.clone(), noted.clone(), answer.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request| handle(request, noted.clone(), answer.clone()));
                    let http = auto::Builder::new(TokioExecutor::new());
                    match acceptor {
                        Some(acceptor) => {
                            let Ok(socket) = acceptor.accept(socket).await else { return };
                            let _ = http.serve_connection(TokioIo::new(socket), service).await;
                        }
                        None => {
                            let _ = http.serve_connection(TokioIo::new(socket), service).await;
                        }
                    }
                });
            }
        });
        Server { address, certificate, seen, connections, _task: AbortOnDropHandle::new(task) }
    }

    /// Whoever connects is given to `talk`.
    pub async fn raw<F: Future<Output = ()> + Send + 'static>(
        talk: impl Fn(TcpStream) -> F + Send + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(talk(socket));
            }
        });
        let (seen, connections) = (Arc::default(), Arc::default());
        Server { address, certificate: None, seen, connections, _task: AbortOnDropHandle::new(task) }
    }

    /// As a rule that opens it.
    pub fn rule(&self) -> String {
        self.address.to_string()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

async fn handle(
    request: hyper::Request<Incoming>,
    noted: Arc<Mutex<Vec<Seen>>>,
    answer: Answer,
) -> Result<hyper::Response<impl hyper::body::Body<Data = Bytes, Error = std::io::Error>>, std::io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let seen = Seen {
        method: head.method.to_string(),
        path: head.uri.path_and_query().map(|path| path.to_string()).unwrap_or_default(),
        version: head.version,
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
            .collect(),
        body: text(&body),
    };
    noted.lock().unwrap().push(seen.clone());
    let reply = answer(seen);
    let mut response = hyper::Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    let body = StreamBody::new(reply.body.map(|piece| Ok(Frame::data(piece))));
    Ok(response.body(body).unwrap())
}

/// Reads a request's head, without which no client listens.
pub async fn read_head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if socket.read(&mut byte).await.unwrap_or(0) == 0 {
            break;
        }
        head.extend(byte);
    }
    String::from_utf8_lossy(&head).into_owned()
}

pub async fn write(socket: &mut TcpStream, text: &str) {
    let _ = socket.write_all(text.as_bytes()).await;
}
