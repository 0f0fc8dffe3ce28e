//! What does not go out, at the first hop and at every other.

use std::collections::HashMap;
use std::net::IpAddr;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::server::Reply;
use super::*;

/// Names that lead where a test says.
struct Names(HashMap<&'static str, Vec<&'static str>>);

impl Resolve for Names {
    fn resolve(&self, name: &str) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> {
        let found: Vec<IpAddr> =
            self.0.get(name).into_iter().flatten().map(|address| address.parse().unwrap()).collect();
        async move { Ok(found) }.boxed()
    }
}

pub fn names(names: &[(&'static str, &[&'static str])]) -> Arc<dyn Resolve> {
    Arc::new(Names(names.iter().map(|(name, addresses)| (*name, addresses.to_vec())).collect()))
}

#[tokio::test]
async fn what_is_not_public_is_refused_however_it_is_spelt() {
    let server = Server::start(|_| Reply::text("inside")).await;
    let port = server.address.port();
    let world = World::with(&[], |options| {
        options.resolver = names(&[
            ("rebound.example", &["127.0.0.1"]),
            ("six.example", &["::1", "fd00:ec2::254", "::ffff:127.0.0.1"]),
            ("metadata.example", &["169.254.169.254"]),
        ]);
    });
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "10.0.0.1",
        "rebound.example",
        "six.example",
        "metadata.example",
    ] {
        for scheme in ["http", "https"] {
            let (code, message) = code(soon(world.get(&format!("{scheme}://{host}:{port}/"))).await);
            assert_eq!(code, EgressError::REFUSED, "{host}: {message}");
            assert!(message.contains("--egress-allow"), "{message}");
        }
        let request = WebSocketRequest {
            url: format!("ws://{host}:{port}/"),
            protocols: Vec::new(),
            headers: Vec::new(),
        };
        assert_eq!(
            code(soon(world.egress.websocket(&world.caller, request)).await).0,
            EgressError::REFUSED,
            "{host}"
        );
    }
    assert_eq!(server.connections(), 0);
    assert_eq!(world.egress.stats().refusals, 60);
}

#[tokio::test]
async fn a_redirect_is_checked_as_the_first_request_is() {
    let inside = Server::start(|_| Reply::text("inside")).await;
    let target = inside.url("/secret");
    let outside = Server::start(move |_| Reply::redirect(302, target.clone())).await;
    let world = World::new(&[outside.rule()]);
    let (code, message) = code(soon(world.get(&outside.url("/"))).await);
    assert_eq!(code, EgressError::REFUSED, "{message}");
    assert!(message.contains(&inside.rule()), "{message}");
    assert_eq!((outside.seen().len(), inside.connections()), (1, 0));
}

#[tokio::test]
async fn the_connection_goes_to_an_address_that_was_checked() {
    let server = Server::start(|seen| Reply::text(seen.header("host").unwrap_or_default().to_string())).await;
    let port = server.address.port();
    // Nobody listens at the first address, and the second is not allowed.
    let world = World::with(&["127.0.0.0/8".into()], |options| {
        options.resolver = names(&[("a.example", &["127.1.2.3", "10.0.0.1", "127.0.0.1"])]);
    });
    let answer = soon(world.get(&format!("http://a.example:{port}/"))).await.unwrap();
    assert_eq!(answer.text().await.unwrap(), format!("a.example:{port}"));
    let nowhere = code(soon(world.get("http://nowhere.example/")).await);
    assert_eq!(nowhere.0, EgressError::DNS, "{}", nowhere.1);
}

#[tokio::test]
async fn a_processor_is_narrowed_and_never_widened() {
    let server = Server::start(|_| Reply::text("ok")).await;
    let mut world = World::new(&[server.rule()]);
    let rules = |texts: &[&str]| Some(texts.iter().map(|text| HostRule::parse(text).unwrap()).collect());
    world.caller.allow = rules(&["api.example"]);
    let (refused, message) = code(soon(world.get(&server.url("/"))).await);
    assert!(refused == EgressError::REFUSED && message.contains("api.example"), "{message}");
    world.caller.allow = rules(&["127.0.0.1"]);
    assert_eq!(soon(world.get(&server.url("/"))).await.unwrap().status, 200);
    world.caller.allow = rules(&["*"]);
    assert_eq!(code(soon(world.get("http://10.0.0.1/")).await).0, EgressError::REFUSED);
}

#[tokio::test]
async fn requests_that_are_none() {
    let world = World::new(&["*".into()]);
    type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);
    let cases: [Case; 6] = [
        ("CONNECT", "http://a.example/", &[]),
        ("TRACE", "http://a.example/", &[]),
        ("G T", "http://a.example/", &[]),
        ("GET", "/relative", &[]),
        ("GET", "http://127.0.0.1:1/", &[("a b", "c")]),
        ("GET", "http://127.0.0.1:81/", &[("a", "b\r\nc: d")]),
    ];
    for (method, url, headers) in cases {
        let (code, message) = code(soon(world.send(method, url, headers, RequestBody::Empty)).await);
        assert!(
            matches!(code, EgressError::INVALID | EgressError::REFUSED),
            "{method} {url}: {code} {message}"
        );
    }
}
