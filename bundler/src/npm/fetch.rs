//! Asking a registry: credentials, bounds, and a second try where one can help. Knows nothing of what is
//! fetched.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, ETAG, IF_NONE_MATCH, RETRY_AFTER};
use reqwest::{Certificate, Client, NoProxy, Proxy, Response, StatusCode};
use tokio::sync::Semaphore;
use url::Url;

use super::config::{Credentials, Login, NpmConfig, ProxyAddress, authority, token_key};
use super::problem::{InstallError, InstallProblem, ProblemCode};
use crate::limits;

pub(super) struct Fetch {
    config: NpmConfig,
    /// Made when it is first needed: reading certificates takes milliseconds and can fail.
    client: OnceLock<Result<Client, InstallProblem>>,
    permits: Semaphore,
}

pub(super) struct Request<'a> {
    /// As a phrase: "the metadata of `zod`".
    pub what: &'a str,
    pub url: Url,
    pub registry: Url,
    pub accept: &'static str,
    /// What is at hand already.
    pub etag: Option<&'a str>,
}

/// Takes an answer piece by piece.
pub(super) trait Sink {
    fn take(&mut self, piece: &[u8]) -> Result<(), InstallError>;
}

pub(super) enum Answer<S> {
    Whole {
        sink: S,
        etag: Option<String>,
    },
    /// What is at hand is still right.
    NotModified,
    NotFound,
}

/// How one try ended without an answer.
enum Miss {
    Again { problem: InstallProblem, after: Option<Duration> },
    Final(InstallError),
}

impl Fetch {
    pub(super) fn new(config: NpmConfig) -> Fetch {
        let permits = Semaphore::new(limits::REGISTRY_REQUESTS_MAX);
        Fetch { config, client: OnceLock::new(), permits }
    }

    pub(super) fn config(&self) -> &NpmConfig {
        &self.config
    }

    /// Each try begins with a sink of its own.
    pub(super) async fn get<S: Sink>(
        &self,
        request: &Request<'_>,
        sink: impl Fn() -> Result<S, InstallError>,
    ) -> Result<Answer<S>, InstallError> {
        let client = self.client.get_or_init(|| client(&self.config)).clone()?;
        let mut pause = limits::REGISTRY_RETRY_AFTER;
        let mut tries = 1;
        loop {
            let permit = self.permits.acquire().await.expect("the semaphore is never closed");
            let (problem, after) = match self.once(&client, request, sink()?).await {
                Ok(answer) => return Ok(answer),
                Err(Miss::Final(error)) => return Err(error),
                Err(Miss::Again { problem, after }) => (problem, after),
            };
            drop(permit);
            if tries >= self.config.tries() {
                return Err(problem.into());
            }
            tracing::debug!(url = %request.url, problem = problem.message, tries, "asking a registry again");
            tokio::time::sleep(after.unwrap_or(pause).min(limits::REGISTRY_RETRY_AFTER_MAX)).await;
            tries += 1;
            pause *= 2;
        }
    }

    async fn once<S: Sink>(
        &self,
        client: &Client,
        request: &Request<'_>,
        mut sink: S,
    ) -> Result<Answer<S>, Miss> {
        let mut builder = client.get(request.url.clone()).header(ACCEPT, request.accept);
        builder = match self.config.credentials(&request.url, &request.registry) {
            Some(Credentials::Bearer(token)) => builder.header(AUTHORIZATION, format!("Bearer {token}")),
            Some(Credentials::Basic(pair)) => builder.header(AUTHORIZATION, format!("Basic {pair}")),
            None => builder,
        };
        if let Some(etag) = request.etag {
            builder = builder.header(IF_NONE_MATCH, etag);
        }
        let mut response = builder.send().await.map_err(|error| lost(request, &error))?;
        match response.status() {
            StatusCode::NOT_MODIFIED if request.etag.is_some() => return Ok(Answer::NotModified),
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(Answer::NotFound),
            status if !status.is_success() => return Err(refused(request, status, &response)),
            _ => {}
        }
        let etag = response.headers().get(ETAG).and_then(|value| value.to_str().ok()).map(str::to_owned);
        while let Some(piece) = response.chunk().await.map_err(|error| lost(request, &error))? {
            sink.take(&piece).map_err(Miss::Final)?;
        }
        Ok(Answer::Whole { sink, etag })
    }
}

fn client(config: &NpmConfig) -> Result<Client, InstallProblem> {
    let wrong = |message: String| InstallProblem::new(ProblemCode::NpmConfig, message);
    if let Some(problem) = config.problems().first() {
        return Err(wrong(format!("npm's settings: {problem}")));
    }
    let mut builder = Client::builder()
        .user_agent(concat!("millrace/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(limits::REGISTRY_CONNECT_TIMEOUT)
        .read_timeout(config.idle_timeout())
        .redirect(reqwest::redirect::Policy::limited(limits::REGISTRY_REDIRECTS_MAX))
        .danger_accept_invalid_certs(!config.checks_certificates())
        .no_proxy();
    for file in config.authority_files() {
        let unreadable = |reason: &dyn std::fmt::Display| {
            wrong(format!("the certificates in `{}` cannot be read: {reason}", file.display()))
        };
        let text = std::fs::read(file).map_err(|error| unreadable(&error))?;
        for certificate in Certificate::from_pem_bundle(&text).map_err(|error| unreadable(&error))? {
            builder = builder.add_root_certificate(certificate);
        }
    }
    for text in config.authorities() {
        let certificate = Certificate::from_pem(text.as_bytes())
            .map_err(|error| wrong(format!("`ca` of npm's settings is not a certificate: {error}")))?;
        builder = builder.add_root_certificate(certificate);
    }
    let proxies = config.proxies();
    let except = proxies.except.as_deref().and_then(NoProxy::from_string);
    type Scheme = fn(&str) -> reqwest::Result<Proxy>;
    let schemes: [(&Option<ProxyAddress>, Scheme); 2] =
        [(&proxies.http, |url| Proxy::http(url)), (&proxies.https, |url| Proxy::https(url))];
    for (address, proxy) in schemes {
        let Some(ProxyAddress { address, login }) = address else { continue };
        let mut proxy = proxy(address)
            .map_err(|_| wrong(format!("the proxy `{address}` of npm's settings is not a URL")))?;
        if let Some(Login { name, password }) = login {
            proxy = proxy.basic_auth(name, password);
        }
        builder = builder.proxy(proxy.no_proxy(except.clone()));
    }
    builder.build().map_err(|error| wrong(format!("npm's settings make no client: {}", deepest(&error))))
}

fn host(url: &Url) -> String {
    authority(url).to_owned()
}

/// No answer, or half of one.
fn lost(request: &Request<'_>, error: &reqwest::Error) -> Miss {
    let reason = deepest(error);
    let host = host(error.url().unwrap_or(&request.url));
    let message = if error.is_timeout() {
        format!("the registry {host} does not answer: {} took too long", request.what)
    } else {
        format!("the registry {host} does not answer for {}: {reason}", request.what)
    };
    let problem = InstallProblem::new(ProblemCode::RegistryUnavailable, message);
    if reason.contains("certificate") {
        let hint =
            "name your network's certificates with `cafile` in the server's .npmrc or in NODE_EXTRA_CA_CERTS";
        return Miss::Final(problem.hint(hint).into());
    }
    let hint = "check the network and `registry` in the server's .npmrc, then append the source again";
    Miss::Again { problem: problem.hint(hint), after: None }
}

/// The innermost reason is the one that tells something.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn refused(request: &Request<'_>, status: StatusCode, response: &Response) -> Miss {
    let host = host(response.url());
    let what = request.what;
    match status.as_u16() {
        401 | 403 => {
            let message = format!("the registry {host} refuses {what} ({status})");
            let hint = format!(
                "set `{}` in the server's .npmrc to a token that may read it",
                token_key(&request.registry)
            );
            Miss::Final(InstallProblem::new(ProblemCode::RegistryDenied, message).hint(hint).into())
        }
        408 | 425 | 429 | 500.. => {
            let message = format!("the registry {host} answers {status} for {what}");
            let problem = InstallProblem::new(ProblemCode::RegistryUnavailable, message)
                .hint("the trouble is the registry's: append the source again later");
            let seconds =
                response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            Miss::Again { problem, after: seconds.map(Duration::from_secs) }
        }
        _ => {
            let message = format!("the registry {host} answers {status} for {what}");
            let hint = "check `registry` in the server's .npmrc: this does not look like an npm registry";
            Miss::Final(InstallProblem::new(ProblemCode::RegistryAnswer, message).hint(hint).into())
        }
    }
}
