//! TLS: whom it trusts, and which protocol it asks for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::EgressError;
use super::error::innermost;
use super::target::Target;

#[derive(Debug, thiserror::Error)]
#[error("{file}: {why}")]
pub struct RootsError {
    file: PathBuf,
    why: String,
}

/// The certificates of a PEM file, to be trusted beside the public ones.
pub fn read_roots(file: &Path) -> Result<Vec<CertificateDer<'static>>, RootsError> {
    let error = |why: String| RootsError { file: file.into(), why };
    let text =
        std::fs::read(file).map_err(|cause| error(format!("cannot read the certificates: {cause}")))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if found.is_empty() => Err(error("it has no certificate in PEM form".into())),
        Ok(found) => Ok(found),
        Err(cause) => Err(error(format!("it is no PEM file: {cause}"))),
    }
}

/// Both settings share what they trust.
pub struct Tls {
    http: Arc<ClientConfig>,
    /// A WebSocket begins as HTTP/1.1.
    websocket: Arc<ClientConfig>,
}

impl Tls {
    /// A root that is no certificate is left out: nothing is then trusted that should not be.
    pub fn new(roots: Vec<CertificateDer<'static>>) -> Tls {
        let mut trusted = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let (_, unusable) = trusted.add_parsable_certificates(roots);
        if unusable > 0 {
            tracing::warn!(unusable, "certificates given for egress cannot be used");
        }
        let config = |protocols: &[&[u8]]| {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let mut config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .expect("ring speaks TLS 1.2 and 1.3")
                .with_root_certificates(trusted.clone())
                .with_no_client_auth();
            config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
            Arc::new(config)
        };
        Tls { http: config(&[b"h2", b"http/1.1"]), websocket: config(&[b"http/1.1"]) }
    }

    pub async fn handshake(
        &self,
        target: &Target,
        stream: TcpStream,
        websocket: bool,
    ) -> Result<TlsStream<TcpStream>, EgressError> {
        let failed = |why: String| {
            EgressError::new(EgressError::TLS, format!("no trusted connection to {}: {why}", target.rule()))
        };
        let name = match target.address {
            Some(address) => ServerName::IpAddress(address.into()),
            None => ServerName::try_from(target.host.clone()).map_err(|error| failed(error.to_string()))?,
        };
        let config = if websocket { &self.websocket } else { &self.http };
        let connecting = TlsConnector::from(config.clone()).connect(name, stream);
        connecting.await.map_err(|error| failed(innermost(&error)))
    }
}
