//! Connections: kept, shared over HTTP/2, trusted, and not too many at once; and redirects over them.

use super::policy::names;
use super::server::Reply;
use super::*;

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::start(|_| Reply::text("ok")).await;
    let world = World::new(&[server.rule()]);
    for _ in 0..5 {
        assert_eq!(soon(world.get(&server.url("/"))).await.unwrap().text().await.unwrap(), "ok");
    }
    assert_eq!(server.connections(), 1);
    let stats = world.egress.stats();
    assert_eq!(
        (stats.requests, stats.connections, stats.refusals, stats.failures, stats.open),
        (5, 1, 0, 0, 0)
    );
    assert!(stats.sent_bytes > 100 && stats.received_bytes > 100, "{stats:?}");
}

#[tokio::test]
async fn http2_where_the_server_speaks_it_and_trust_only_where_it_is_due() {
    let server = Server::start_tls("a.example", |_| Reply::text("ok")).await;
    let port = server.address.port();
    let trusting = World::with(&["127.0.0.1".into()], |options| {
        options.roots = server.certificate.clone().into_iter().collect();
        options.resolver = names(&[("a.example", &["127.0.0.1"]), ("b.example", &["127.0.0.1"])]);
    });
    let url = format!("https://a.example:{port}/x");
    let answers = [trusting.get(&url), trusting.get(&url), trusting.get(&url)];
    for answer in soon(futures_util::future::join_all(answers)).await {
        let answer = answer.unwrap();
        assert_eq!((answer.status, answer.status_text.as_str()), (200, ""));
        assert_eq!(answer.text().await.unwrap(), "ok");
    }
    assert!(server.seen().iter().all(|seen| seen.version == hyper::Version::HTTP_2), "{:?}", server.seen());
    let wrong_name = code(soon(trusting.get(&format!("https://b.example:{port}/"))).await);
    assert_eq!(wrong_name.0, EgressError::TLS, "{}", wrong_name.1);
    let strict = World::new(&["127.0.0.1".into()]);
    let unknown = code(soon(strict.get(&format!("https://127.0.0.1:{port}/"))).await);
    assert_eq!(unknown.0, EgressError::TLS, "{}", unknown.1);
}

#[tokio::test]
async fn redirects_are_followed_as_far_as_they_may() {
    let server = Server::start(|seen| match seen.path.strip_prefix("/left/").map(str::parse::<usize>) {
        Some(Ok(0)) | None => Reply::text(format!("{} {}", seen.method, seen.body)),
        Some(left) => {
            let left = left.unwrap();
            Reply::redirect(if left % 2 == 0 { 302 } else { 308 }, format!("/left/{}#here", left - 1))
        }
    })
    .await;
    let world = World::new(&[server.rule()]);
    let answer = soon(world.get(&server.url("/left/20"))).await.unwrap();
    assert!(answer.redirected);
    assert_eq!(answer.url, server.url("/left/0"));
    let many = code(soon(world.get(&server.url("/left/21"))).await);
    assert_eq!(many.0, EgressError::TOO_MANY_REDIRECTS);
    let again = soon(world.send("POST", &server.url("/left/1"), &[], RequestBody::Bytes("b".into()))).await;
    assert_eq!(again.unwrap().text().await.unwrap(), "POST b");
    let rewritten =
        soon(world.send("POST", &server.url("/left/2"), &[], RequestBody::Bytes("b".into()))).await;
    assert_eq!(rewritten.unwrap().text().await.unwrap(), "GET ");
    for (redirect, expected) in [(Redirect::Manual, Ok(308)), (Redirect::Error, Err(EgressError::REDIRECT))] {
        let url = server.url("/left/1");
        let request =
            Request { method: "get".into(), url, headers: Vec::new(), body: RequestBody::Empty, redirect };
        let outcome = soon(world.egress.fetch(&world.caller, request)).await;
        assert_eq!(outcome.map(|answer| answer.status).map_err(|error| error.code), expected);
    }
}

#[tokio::test]
async fn headers_of_the_connection_are_the_hosts_own() {
    let server = Server::start(|_| Reply::text("ok")).await;
    let world = World::new(&[server.rule()]);
    let headers = [
        ("Host", "evil.example"),
        ("Connection", "upgrade"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "5"),
        ("X-Own", " 1 "),
        ("user-agent", "mine"),
        ("Cookie", "a=b"),
    ];
    soon(world.get_with(&server.url("/"), &headers)).await.unwrap();
    let seen = &server.seen()[0];
    assert_eq!(seen.header("host"), Some(server.rule().as_str()));
    assert_eq!((seen.header("x-own"), seen.header("user-agent")), (Some("1"), Some("mine")));
    assert_eq!(seen.header("cookie"), Some("a=b"));
    for name in ["connection", "transfer-encoding", "content-length"] {
        assert_eq!(seen.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn one_processor_does_not_take_all_places() {
    let server = Server::start(|_| Reply::text("ok")).await;
    let world = World::with(&[server.rule()], |options| options.bounds.places_each = 1);
    let held = soon(world.get(&server.url("/"))).await.unwrap();
    let url = server.url("/");
    let second = world.get(&url);
    tokio::pin!(second);
    assert!(futures_util::poll!(&mut second).is_pending(), "it waits for the place");
    let mut other = world.caller.clone();
    other.slug = Slug::parse("q").unwrap();
    let request = Request {
        method: "GET".into(),
        url: url.clone(),
        headers: Vec::new(),
        body: RequestBody::Empty,
        redirect: Redirect::Follow,
    };
    soon(world.egress.fetch(&other, request)).await.unwrap();
    drop(held);
    soon(second).await.unwrap();
}
