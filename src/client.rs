//! A client of a server, for the command line and for programs in Rust: append, read, follow over broken connections, ask
//! for states, deploy, simulate. What a server refuses is an [`Error`] with the server's own sentence.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use millrace::client::{Client, Query};
//! use millrace::event::StreamPath;
//!
//! let client = Client::new("http://127.0.0.1:4777", None)?;
//! let path = StreamPath::parse("/me/hello")?;
//! client.append(&path, &serde_json::json!({"type": "hello-world"})).await?;
//! let mut events = client.follow(&path, Query::default()).await?;
//! for event in events.next().await? {
//!     println!("{} {}", event.offset, event.event_type);
//! }
//! # Ok(())
//! # }
//! ```

mod error;
mod follow;
mod received;
mod sse;

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Response;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

pub use error::Error;
pub use follow::{Follow, Notice};
pub use received::Received;

use crate::event::{Cursor, Kind, Project, Slug, StreamPath};
use sse::Decoder;

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
///
/// By default all of them, to the end as it is then.
#[derive(Clone, Debug)]
pub struct Query {
    pub after: Cursor,
    pub types: Vec<String>,
    pub limit: Option<u64>,
    pub live: bool,
}

impl Client {
    /// Of the server at `http://HOST:PORT`; without a project, of its `public` one.
    pub fn new(server: &str, project: Option<Project>) -> Result<Client, Error> {
        Client::waiting(server, project, SILENCE_MAX)
    }

    /// For an answer that takes the server a while to work out.
    pub fn patient(server: &str, project: Option<Project>) -> Result<Client, Error> {
        Client::waiting(server, project, PATIENCE)
    }

    fn waiting(server: &str, project: Option<Project>, silence: Duration) -> Result<Client, Error> {
        let url = url::Url::parse(server).map_err(|error| Error::Setup(format!("{server}: {error}")))?;
        let mut builder = reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).read_timeout(silence);
        if is_this_machine(&url) {
            // A proxy that the environment names cannot reach what only this machine can.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| Error::Setup(causes(&error)))?;
        Ok(Client { http, base: url.as_str().trim_end_matches('/').to_string(), project })
    }

    /// Where the stream is, for people.
    pub fn stream_url(&self, path: &StreamPath) -> String {
        format!("{}/api/streams{path}", self.base)
    }

    /// The events stored for one event, or for an array of them, which is stored as a whole or not at all. What is no valid
    /// event is stored as `stream/invalid-event-appended`.
    pub async fn append(&self, path: &StreamPath, events: &impl Serialize) -> Result<Vec<Received>, Error> {
        self.append_text(path, json!(events).to_string()).await
    }

    /// The same for the JSON text of one event, or of an array of events.
    pub async fn append_text(&self, path: &StreamPath, body: String) -> Result<Vec<Received>, Error> {
        let request =
            self.http.post(self.stream_url(path)).header(CONTENT_TYPE, "application/json").body(body);
        let text = self.text(self.send(request).await?).await?;
        let answer: Appended = serde_json::from_str(&text).map_err(|_| self.foreign())?;
        let stored = answer.events.or(answer.event.map(|event| vec![event])).ok_or_else(|| self.foreign())?;
        stored.iter().map(|raw| Received::parse(raw.get())).collect()
    }

    pub async fn read(&self, path: &StreamPath, query: &Query) -> Result<Events, Error> {
        let request =
            self.http.get(self.stream_url(path)).query(&query.pairs()).header(ACCEPT, "text/event-stream");
        let response = self.send(request).await?;
        Ok(Events { response, decoder: Decoder::default(), server: self.base.clone() })
    }

    /// A live read that resumes behind the last event it has seen when a connection breaks.
    pub async fn follow(&self, path: &StreamPath, query: Query) -> Result<Follow, Error> {
        Follow::start(self, path, query).await
    }

    /// Makes the stream run a processor of these files, text by name: the stored event. What becomes of it is told by
    /// events behind it: `processor/activated`, `processor/compile-failed`, or `processor/failed` at `load`.
    pub async fn deploy(&self, path: &StreamPath, slug: &Slug, files: &Value) -> Result<Received, Error> {
        let event = json!({
            "type": Kind::ProcessorSourceConfigured.name(),
            "payload": {"slug": slug.as_str(), "files": files},
        });
        let stored = self.append(path, &event).await?.pop().ok_or_else(|| self.foreign())?;
        if stored.event_type == Kind::InvalidEventAppended.name() {
            let why = stored.payload_as::<Value>().map(|payload| payload["error"].to_string());
            return Err(Error::Invalid(why.unwrap_or_default()));
        }
        Ok(stored)
    }

    /// The state of a stream, with those of its processors, as JSON.
    pub async fn state(&self, path: &StreamPath) -> Result<String, Error> {
        self.text(self.send(self.http.get(format!("{}/api/streams/__state{path}", self.base))).await?).await
    }

    /// The processors of a stream, each as the JSON that the server shows of it.
    pub async fn processors(&self, path: &StreamPath) -> Result<Vec<Box<RawValue>>, Error> {
        let request = self.http.get(format!("{}/api/processors{path}", self.base));
        let text = self.text(self.send(request).await?).await?;
        serde_json::from_str(&text).map_err(|_| self.foreign())
    }

    /// The push subscriptions of a stream.
    pub async fn subscriptions(&self, path: &StreamPath) -> Result<Vec<Box<RawValue>>, Error> {
        let request = self.http.get(format!("{}/api/subscriptions{path}", self.base));
        let text = self.text(self.send(request).await?).await?;
        serde_json::from_str(&text).map_err(|_| self.foreign())
    }

    /// What a subscription's webhooks are signed with.
    pub async fn signing_secret(&self, path: &StreamPath, slug: &Slug) -> Result<String, Error> {
        let url = format!("{}/api/subscriptions/__secret{path}", self.base);
        self.text(self.send(self.http.get(url).query(&[("slug", slug.as_str())])).await?).await
    }

    /// What a candidate would do over a stream's history, as the server tells it; `body` is that of `POST /api/simulate/{path}`.
    pub async fn simulate(&self, path: &StreamPath, body: String) -> Result<String, Error> {
        let url = format!("{}/api/simulate{path}", self.base);
        let request = self.http.post(url).header(CONTENT_TYPE, "application/json").body(body);
        self.text(self.send(request).await?).await
    }

    /// The secret as the server shows it, without its value.
    pub async fn set_secret(&self, secret: &impl Serialize) -> Result<String, Error> {
        let request = self.http.post(self.secrets_url()).json(secret);
        self.text(self.send(request).await?).await
    }

    pub async fn secrets(&self) -> Result<Vec<Box<RawValue>>, Error> {
        let text = self.text(self.send(self.http.get(self.secrets_url())).await?).await?;
        serde_json::from_str(&text).map_err(|_| self.foreign())
    }

    pub async fn remove_secret(&self, name: &str) -> Result<String, Error> {
        let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
        let request = self.http.delete(format!("{}/{name}", self.secrets_url()));
        self.text(self.send(request).await?).await
    }

    fn secrets_url(&self) -> String {
        format!("{}/api/secrets", self.base)
    }

    /// How many events the stream has; none when there is no such stream.
    pub async fn event_count(&self, path: &StreamPath) -> Result<u64, Error> {
        let request = self.http.get(format!("{}/api/streams/__state{path}", self.base));
        let response = match self.send(request).await {
            Err(error) if error.is_not_found() => return Ok(0),
            answered => answered?,
        };
        let state: StreamState =
            serde_json::from_str(&self.text(response).await?).map_err(|_| self.foreign())?;
        Ok(state.event_count)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<Response, Error> {
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

    async fn text(&self, response: Response) -> Result<String, Error> {
        response.text().await.map_err(|error| cut_off(&self.base, &error))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Error {
        let (server, cause) = (self.base.clone(), causes(error));
        if error.is_connect() { Error::NoServer { server, cause } } else { Error::NoAnswer { server, cause } }
    }

    fn refused(&self, status: u16, body: &str) -> Error {
        match serde_json::from_str::<Problem>(body) {
            Ok(problem) => Error::Refused { status, sentence: problem.sentence(), code: problem.code },
            Err(_) => self.foreign(),
        }
    }

    fn foreign(&self) -> Error {
        Error::Foreign { server: self.base.clone() }
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

impl Default for Query {
    fn default() -> Query {
        Query { after: Cursor::Start, types: Vec::new(), limit: None, live: false }
    }
}

impl Query {
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![("live", self.live.to_string())];
        match self.after {
            Cursor::Start => {}
            Cursor::End => pairs.push(("afterOffset", "end".into())),
            Cursor::At(offset) => pairs.push(("afterOffset", offset.to_string())),
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
    pub async fn next(&mut self) -> Result<Option<Vec<Received>>, Error> {
        loop {
            let chunk = self.response.chunk().await.map_err(|error| cut_off(&self.server, &error))?;
            let Some(bytes) = chunk else { return Ok(None) };
            let messages = self.decoder.push(&bytes);
            if messages.is_empty() {
                continue;
            }
            let events = messages.iter().map(|message| Received::parse(&message.data));
            return events.collect::<Result<Vec<_>, _>>().map(Some);
        }
    }
}

fn cut_off(server: &str, error: &reqwest::Error) -> Error {
    Error::Broken { server: server.to_string(), cause: causes(error) }
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
