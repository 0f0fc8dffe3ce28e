//! What the requests of a simulation are answered with: what was given for them, in order, or nothing. A placeholder
//! of a secret stays what it is.

use std::sync::Mutex;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde_json::Value;
use url::Url;

use super::items::Fetch;
use super::request::GivenAnswer;
use crate::event::{HostRule, Slug};
use crate::isolate::{FetchBody, FetchRequest, FetchResponse, OpError};
use crate::limits::SIMULATED_BODY_BYTES;

/// The code of a request that nothing was given for.
pub const REFUSED: &str = "simulated";

pub struct Answers {
    given: Mutex<Vec<Given>>,
    /// The hosts of the candidate's configuration, where it names any.
    allow: Option<Vec<HostRule>>,
}

struct Given {
    answer: GivenAnswer,
    taken: bool,
}

impl Answers {
    pub fn new(answers: Vec<GivenAnswer>, allow: Option<Vec<HostRule>>) -> Answers {
        let given = answers.into_iter().map(|answer| Given { answer, taken: false }).collect();
        Answers { given: Mutex::new(given), allow }
    }

    /// What to note of a request, and what the script sees.
    pub async fn answer(
        &self,
        slug: &Slug,
        request: FetchRequest,
    ) -> (Fetch, Result<FetchResponse, OpError>) {
        let FetchRequest { method, url, headers, body, .. } = request;
        let mut noted = Fetch { method, url, headers, ..Fetch::default() };
        if let Err(error) = note_body(body, &mut noted).await {
            noted.error = Some(error.message.clone());
            return (noted, Err(error));
        }
        let outcome = self
            .check_host(slug, &noted.url)
            .and_then(|()| self.take(&noted))
            .and_then(|answer| response(&noted.url, answer));
        match &outcome {
            Ok(response) => noted.status = Some(response.status),
            Err(error) => noted.error = Some(error.message.clone()),
        }
        (noted, outcome)
    }

    fn check_host(&self, slug: &Slug, url: &str) -> Result<(), OpError> {
        let (Some(allow), Ok(url)) = (&self.allow, Url::parse(url)) else { return Ok(()) };
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_string();
        let port = url.port_or_known_default().unwrap_or_default();
        if allow.iter().any(|rule| rule.names(&host, port)) {
            return Ok(());
        }
        let message = format!("{host}:{port} is not among the hosts of processor `{slug}` (`egress.allow`)");
        Err(OpError { code: crate::egress::EgressError::REFUSED.into(), message })
    }

    fn take(&self, asked: &Fetch) -> Result<GivenAnswer, OpError> {
        let mut given = self.given.lock().expect("nothing panics while it holds the answers");
        let found = given.iter_mut().find(|given| !given.taken && fits(&given.answer, asked));
        if let Some(given) = found {
            given.taken = !given.answer.repeat;
            return Ok(given.answer.clone());
        }
        let message = format!(
            "this is a simulation, and `fetches` has no answer left for {} {}: nothing was sent",
            asked.method, asked.url
        );
        Err(OpError { code: REFUSED.into(), message })
    }
}

fn fits(answer: &GivenAnswer, asked: &Fetch) -> bool {
    let method = answer.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(&asked.method));
    let url = match answer.url.strip_suffix('*') {
        Some(beginning) => asked.url.starts_with(beginning),
        None => same(&answer.url, &asked.url),
    };
    method && url
}

/// However the two are written: a script's URL has been parsed once.
fn same(given: &str, asked: &str) -> bool {
    given == asked || Url::parse(given).is_ok_and(|given| given.as_str() == asked)
}

fn response(url: &str, answer: GivenAnswer) -> Result<FetchResponse, OpError> {
    let mut headers: Vec<(String, String)> =
        answer.headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    let body = match answer.body {
        None | Some(Value::Null) => Bytes::new(),
        Some(Value::String(text)) => Bytes::from(text),
        Some(json) => {
            if !headers.iter().any(|(name, _)| name == "content-type") {
                headers.push(("content-type".into(), "application/json".into()));
            }
            Bytes::from(json.to_string())
        }
    };
    Ok(FetchResponse {
        status: answer.status.unwrap_or(200),
        status_text: String::new(),
        url: url.to_string(),
        redirected: false,
        headers,
        body: futures_util::stream::iter([Ok(body)]).boxed(),
    })
}

/// The beginning of a request's body, and how long it is.
async fn note_body(body: FetchBody, noted: &mut Fetch) -> Result<(), OpError> {
    let mut kept = BytesMut::new();
    let mut bytes = 0;
    let mut keep = |piece: &[u8]| {
        bytes += piece.len();
        kept.extend_from_slice(&piece[..piece.len().min(SIMULATED_BODY_BYTES - kept.len())]);
    };
    match body {
        FetchBody::Empty => return Ok(()),
        FetchBody::Bytes(all) => keep(&all),
        FetchBody::Stream(mut pieces) => {
            while let Some(piece) = pieces.next().await {
                let failed = |message| OpError { code: "request-body-failed".into(), message };
                keep(&piece.map_err(failed)?);
            }
        }
    }
    noted.body_bytes = Some(bytes);
    noted.set_body(&kept);
    Ok(())
}
