//! Bodies both ways: streaming, packed, too long, cut off.

use std::io::Write;

use bytes::Bytes;
use futures_util::stream;
use tokio::sync::mpsc;

use super::server::{Reply, read_head, write};
use super::*;

#[tokio::test]
async fn a_piece_arrives_before_the_next_is_made() {
    let (send, pieces) = mpsc::channel::<Bytes>(1);
    let pieces = Arc::new(std::sync::Mutex::new(Some(pieces)));
    let server = Server::start(move |_| {
        let pieces = pieces.lock().unwrap().take().unwrap();
        let body =
            stream::unfold(pieces, |mut pieces| async { pieces.recv().await.map(|piece| (piece, pieces)) });
        Reply { body: body.boxed(), ..Reply::text("") }
    })
    .await;
    let world = World::new(&[server.rule()]);
    let mut answer = soon(world.get(&server.url("/"))).await.unwrap();
    for n in 0..3 {
        let piece = Bytes::from(format!("data: {n}\n\n"));
        send.send(piece.clone()).await.unwrap();
        assert_eq!(soon(answer.body.next()).await, Some(Ok(piece)));
    }
    assert_eq!(world.egress.stats().open, 1);
    // Whoever drops the body ends the request: the server's side is let go.
    drop(answer);
    soon(send.closed()).await;
    assert_eq!(world.egress.stats().open, 0);
}

#[tokio::test]
async fn a_request_is_streamed_and_its_failure_told() {
    let server = Server::start(|seen| Reply::text(seen.body)).await;
    let world = World::new(&[server.rule()]);
    let body = |pieces: Vec<Result<Bytes, String>>| RequestBody::Stream(stream::iter(pieces).boxed());
    let whole = body(vec![Ok("a".into()), Ok("b".into())]);
    let answer = soon(world.send("POST", &server.url("/"), &[], whole)).await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "ab");
    assert_eq!(server.seen()[0].header("transfer-encoding"), Some("chunked"));
    let broken = body(vec![Ok("a".into()), Err("no more".into())]);
    let (code, message) = code(soon(world.send("POST", &server.url("/"), &[], broken)).await);
    assert!(code == EgressError::REQUEST_BODY && message.contains("no more"), "{code} {message}");
}

#[tokio::test]
async fn packed_bodies_are_unpacked_and_bounded() {
    let plain = "hello ".repeat(100_000);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(plain.as_bytes()).unwrap();
    let packed = Bytes::from(gzip.finish().unwrap());
    let server = Server::start(move |seen| {
        assert_eq!(seen.header("accept-encoding"), Some("gzip, deflate, br, zstd"));
        Reply::pieces(vec![packed.clone()]).with("content-encoding", "gzip")
    })
    .await;
    let world = World::new(&[server.rule()]);
    let own = [("accept-encoding", "compress")];
    let answer = soon(world.get_with(&server.url("/"), &own)).await.unwrap();
    assert!(answer.text().await.unwrap() == plain);
    let narrow = World::with(&[server.rule()], |options| options.bounds.response_bytes_max = 1_000);
    let answer = soon(narrow.get(&server.url("/"))).await.unwrap();
    assert_eq!(code(answer.text().await).0, EgressError::BODY_TOO_LARGE);
}

#[tokio::test]
async fn connections_that_break_are_told_from_those_that_end() {
    let server = Server::raw(|mut socket| async move {
        match read_head(&mut socket).await.split(' ').nth(1) {
            Some("/none") => {}
            Some("/noise") => write(&mut socket, "SSH-2.0-x\r\n\r\n").await,
            Some("/sized") => write(&mut socket, "HTTP/1.1 200 Fine\r\ncontent-length: 10\r\n\r\nhalf").await,
            Some("/chunked") => {
                write(&mut socket, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n")
                    .await;
            }
            _ => write(&mut socket, "HTTP/1.1 200 OK\r\n\r\nuntil the end").await,
        }
    })
    .await;
    let world = World::new(&[server.rule()]);
    for path in ["/none", "/noise"] {
        assert_eq!(code(soon(world.get(&server.url(path))).await).0, EgressError::PROTOCOL, "{path}");
    }
    for path in ["/sized", "/chunked"] {
        let mut answer = soon(world.get(&server.url(path))).await.unwrap();
        assert_eq!(soon(answer.body.next()).await, Some(Ok("half".into())), "{path}");
        let end = soon(answer.body.next()).await.unwrap();
        assert_eq!(end.unwrap_err().code, EgressError::PROTOCOL, "{path}");
        assert_eq!(soon(answer.body.next()).await, None, "{path}");
    }
    assert_eq!(soon(world.get(&server.url("/sized"))).await.unwrap().status_text, "Fine");
    let answer = soon(world.get(&server.url("/all"))).await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "until the end");
}

#[tokio::test]
async fn silence_has_an_end() {
    let server = Server::raw(|mut socket| async move {
        if read_head(&mut socket).await.contains("/body") {
            write(&mut socket, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
        }
        std::future::pending::<()>().await;
    })
    .await;
    let world = World::with(&[server.rule()], |options| {
        options.bounds.head_timeout = Duration::from_millis(100);
        options.bounds.idle_timeout = Duration::from_millis(100);
    });
    assert_eq!(code(soon(world.get(&server.url("/head"))).await).0, EgressError::TIMEOUT);
    let answer = soon(world.get(&server.url("/body"))).await.unwrap();
    assert_eq!(code(soon(answer.text()).await).0, EgressError::TIMEOUT);
}
