//! Fetches against real servers on this machine: what arrives there, and what comes back.

mod bodies;
mod policy;
mod secrets;
mod server;
mod transport;
mod websockets;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;

use super::*;
use crate::event::{Project, Slug, StreamPath};
use server::Server;

/// An egress with a folder of its own for secrets.
struct World {
    egress: Egress,
    caller: Caller,
    _folder: tempfile::TempDir,
}

impl World {
    fn new(allow: &[String]) -> World {
        World::with(allow, |_| {})
    }

    fn with(allow: &[String], change: impl FnOnce(&mut EgressOptions)) -> World {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::open(SecretsOptions { folder: folder.path().into(), key: None }).unwrap();
        let allow = allow.iter().map(|rule| HostRule::parse(rule).unwrap()).collect();
        let mut options = EgressOptions { allow, ..EgressOptions::default() };
        change(&mut options);
        let slug = Slug::parse("p").unwrap();
        let caller = Caller { project: Project::default(), stream: StreamPath::root(), slug, allow: None };
        World { egress: Egress::new(options, secrets), caller, _folder: folder }
    }

    async fn secret(&self, name: &str, value: &str, hosts: &[&str]) {
        let secret = NewSecret {
            name: name.into(),
            value: value.to_string().into(),
            hosts: hosts.iter().map(|rule| HostRule::parse(rule).unwrap()).collect(),
            description: None,
        };
        self.egress.secrets().set(&self.caller.project, secret).await.unwrap();
    }

    async fn get(&self, url: &str) -> Result<Response, EgressError> {
        self.send("GET", url, &[], RequestBody::Empty).await
    }

    async fn get_with(&self, url: &str, headers: &[(&str, &str)]) -> Result<Response, EgressError> {
        self.send("GET", url, headers, RequestBody::Empty).await
    }

    async fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: RequestBody,
    ) -> Result<Response, EgressError> {
        let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let request =
            Request { method: method.into(), url: url.into(), headers, body, redirect: Redirect::Follow };
        self.egress.fetch(&self.caller, request).await
    }
}

impl Response {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    async fn text(self) -> Result<String, EgressError> {
        let mut body = self.body;
        let mut bytes = Vec::new();
        while let Some(piece) = body.next().await {
            bytes.extend(piece?);
        }
        Ok(String::from_utf8(bytes).unwrap())
    }
}

fn code<T>(outcome: Result<T, EgressError>) -> (&'static str, String) {
    match outcome {
        Ok(_) => panic!("it should have failed"),
        Err(error) => (error.code, error.message),
    }
}

/// Nothing that is expected takes this long, and what is waited for in vain does not take a test down.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it comes soon")
}
