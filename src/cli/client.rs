//! A client of a server: the requests that the commands make, and its refusals as sentences.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Response;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::failure::Failure;
use super::sse::Decoder;
use super::wire::Received;
use crate::config::{Cursor, Remote};
use crate::event::{Project, Slug, StreamPath};

/// A server on this machine answers at once; one across the world takes a few round trips.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A live server says something every 5 s; after this long it is gone.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// A build with packages, a minute of simulation, and the state of the live version beside it.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    project: Option<Project>,
}

/// Which events to read.
#[derive(Clone, Debug)]
pub struct Query {
    pub after: Cursor,
    pub types: Vec<String>,
    pub limit: Option<u64>,
    pub live: bool,
}

impl Client {
    pub fn new(remote: &Remote) -> Result<Client, Failure> {
        Client::waiting(remote, SILENCE_MAX)
    }

    /// For an answer that takes the server a while to work out.
    pub fn patient(remote: &Remote) -> Result<Client, Failure> {
        Client::waiting(remote, PATIENCE)
    }

    fn waiting(remote: &Remote, silence: Duration) -> Result<Client, Failure> {
        let mut builder = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(silence);
        if is_this_machine(&remote.server) {
            // A proxy that the environment names cannot reach what only this machine can.
            builder = builder.no_proxy();
        }
        let http = builder
            .build()
            .map_err(|error| Failure::failed(format!("cannot make an HTTP client: {}", causes(&error))))?;
        let base = remote.server.as_str().trim_end_matches('/').to_string();
        Ok(Client { http, base, project: remote.project.clone() })
    }

    /// Where the stream is, for people.
    pub fn stream_url(&self, path: &StreamPath) -> String {
        format!("{}/api/streams{path}", self.base)
    }

    /// The events stored for `body`: the JSON of one event, or of an array of events.
    pub async fn append(&self, path: &StreamPath, body: String) -> Result<Vec<Received>, Failure> {
        let request =
            self.http.post(self.stream_url(path)).header(CONTENT_TYPE, "application/json").body(body);
        let text = self.text(self.send(request).await?).await?;
        let answer: Appended = serde_json::from_str(&text).map_err(|_| self.foreign())?;
        let stored = answer.events.or(answer.event.map(|event| vec![event])).ok_or_else(|| self.foreign())?;
        stored.iter().map(|raw| Received::parse(raw.get()).map_err(Failure::Failed)).collect()
    }

    pub async fn read(&self, path: &StreamPath, query: &Query) -> Result<Events, Failure> {
        let request =
            self.http.get(self.stream_url(path)).query(&query.pairs()).header(ACCEPT, "text/event-stream");
        let response = self.send(request).await?;
        Ok(Events { response, decoder: Decoder::default(), server: self.base.clone() })
    }

    /// The processors of a stream, each as the JSON that the server shows of it.
    pub async fn processors(&self, path: &StreamPath) -> Result<Vec<Box<RawValue>>, Failure> {
        let request = self.http.get(format!("{}/api/processors{path}", self.base));
        let text = self.text(self.send(request).await?).await?;
        serde_json::from_str(&text).map_err(|_| self.foreign())
    }

    /// The push subscriptions of a stream.
    pub async fn subscriptions(&self, path: &StreamPath) -> Result<Vec<Box<RawValue>>, Failure> {
        let request = self.http.get(format!("{}/api/subscriptions{path}", self.base));
        let text = self.text(self.send(request).await?).await?;
        serde_json::from_str(&text).map_err(|_| self.foreign())
    }

    /// What a subscription's webhooks are signed with.
    pub async fn signing_secret(&self, path: &StreamPath, slug: &Slug) -> Result<String, Failure> {
        let url = format!("{}/api/subscriptions/__secret{path}", self.base);
        self.text(self.send(self.http.get(url).query(&[("slug", slug.as_str())])).await?).await
    }

    /// What a candidate would do over a stream's history, as the server tells it.
    pub async fn simulate(&self, path: &StreamPath, body: String) -> Result<String, Failure> {
        let url = format!("{}/api/simulate{path}", self.base);
        let request = self.http.post(url).header(CONTENT_TYPE, "application/json").body(body);
        self.text(self.send(request).await?).await
    }

    /// The secret as the server shows it, without its value.
    pub async fn set_secret(&self, secret: &impl Serialize) -> Result<String, Failure> {
        let request = self.http.post(self.secrets_url()).json(secret);
        self.text(self.send(request).await?).await
    }

    pub async fn secrets(&self) -> Result<Vec<Box<RawValue>>, Failure> {
        let text = self.text(self.send(self.http.get(self.secrets_url())).await?).await?;
        serde_json::from_str(&text).map_err(|_| self.foreign())
    }

    pub async fn remove_secret(&self, name: &str) -> Result<String, Failure> {
        let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
        let request = self.http.delete(format!("{}/{name}", self.secrets_url()));
        self.text(self.send(request).await?).await
    }

    fn secrets_url(&self) -> String {
        format!("{}/api/secrets", self.base)
    }

    /// How many events the stream has; none when there is no such stream.
    pub async fn event_count(&self, path: &StreamPath) -> Result<u64, Failure> {
        let request = self.http.get(format!("{}/api/streams/__state{path}", self.base));
        let response = match self.send(request).await {
            Err(Failure::NotFound(_)) => return Ok(0),
            answered => answered?,
        };
        let state: StreamState =
            serde_json::from_str(&self.text(response).await?).map_err(|_| self.foreign())?;
        Ok(state.event_count)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, Failure> {
        let request = match &self.project {
            Some(project) => request.header("x-millrace-project", project.as_str()),
            None => request,
        };
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let text = response.text().await.unwrap_or_default();
        Err(self.refused(status, &text))
    }

    async fn text(&self, response: Response) -> Result<String, Failure> {
        response.text().await.map_err(|error| cut_off(&self.base, &error))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        if error.is_connect() {
            return Failure::failed(format!(
                "no server at {}: start one with `millrace serve`, or name another with --server URL ({})",
                self.base,
                causes(error)
            ));
        }
        Failure::failed(format!("{} did not answer: {}", self.base, causes(error)))
    }

    fn refused(&self, status: u16, body: &str) -> Failure {
        match serde_json::from_str::<Problem>(body) {
            Ok(problem) if status == 404 => Failure::NotFound(problem.sentence()),
            Ok(problem) => Failure::failed(problem.sentence()),
            Err(_) => Failure::failed(format!(
                "{} answered {status}, and not as a millrace server does: is --server right?",
                self.base
            )),
        }
    }

    fn foreign(&self) -> Failure {
        Failure::failed(format!(
            "{} answered, but not as a millrace server does: is --server right?",
            self.base
        ))
    }
}

#[derive(Deserialize)]
struct Appended {
    event: Option<Box<RawValue>>,
    events: Option<Vec<Box<RawValue>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StreamState {
    event_count: u64,
}

/// RFC 9457, as far as a person needs it.
#[derive(Deserialize)]
struct Problem {
    title: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    code: String,
}

impl Problem {
    fn sentence(&self) -> String {
        let detail = if self.detail.is_empty() { String::new() } else { format!(": {}", self.detail) };
        let code = if self.code.is_empty() { String::new() } else { format!(" [{}]", self.code) };
        format!("{}{detail}{code}", self.title)
    }
}

impl Query {
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![("live", self.live.to_string())];
        match self.after {
            Cursor::Start => {}
            Cursor::End => pairs.push(("afterOffset", "end".into())),
            Cursor::After(offset) => pairs.push(("afterOffset", offset.to_string())),
        }
        if !self.types.is_empty() {
            pairs.push(("types", self.types.join(",")));
        }
        if let Some(limit) = self.limit {
            pairs.push(("limit", limit.to_string()));
        }
        pairs
    }
}

/// A read under way.
pub struct Events {
    response: Response,
    decoder: Decoder,
    server: String,
}

impl Events {
    /// The events that have arrived together; None at the end of a finite read.
    pub async fn next(&mut self) -> Result<Option<Vec<Received>>, Failure> {
        loop {
            let chunk = self.response.chunk().await.map_err(|error| cut_off(&self.server, &error))?;
            let Some(bytes) = chunk else { return Ok(None) };
            let messages = self.decoder.push(&bytes);
            if messages.is_empty() {
                continue;
            }
            let events = messages.iter().map(|message| Received::parse(&message.data));
            return events.collect::<Result<Vec<_>, _>>().map(Some).map_err(Failure::Failed);
        }
    }
}

fn cut_off(server: &str, error: &reqwest::Error) -> Failure {
    Failure::failed(format!("the connection to {server} broke: {}", causes(error)))
}

/// The innermost cause, which is the one that names the trouble.
fn causes(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn is_this_machine(server: &url::Url) -> bool {
    match server.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_title_detail_and_code() {
        let cases = [
            (
                r#"{"type":"about:blank","title":"Stream not found","status":404,"detail":"stream /a has no events","code":"stream-not-found"}"#,
                "Stream not found: stream /a has no events [stream-not-found]",
            ),
            (r#"{"title":"Gone"}"#, "Gone"),
        ];
        for (body, sentence) in cases {
            assert_eq!(serde_json::from_str::<Problem>(body).unwrap().sentence(), sentence);
        }
    }
}
