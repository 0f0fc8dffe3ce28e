//! Secrets on their way out, and on no other.

use bytes::Bytes;

use super::server::Reply;
use super::*;

const VALUE: &str = "sk-live-0123456789";

fn echo(seen: super::server::Seen) -> Reply {
    let mut text = String::new();
    for (name, value) in &seen.headers {
        text.push_str(&format!("{name}: {value}\n"));
    }
    Reply::text(text + &seen.path + &seen.body)
        .with("x-echo", seen.header("authorization").unwrap_or_default())
}

#[tokio::test]
async fn a_value_goes_out_in_headers_and_comes_back_masked() {
    let server = Server::start(echo).await;
    let world = World::new(&[server.rule()]);
    world.secret("KEY", VALUE, &["127.0.0.1"]).await;
    let reference = "getSecret({secretKey: 'KEY'})";
    let headers = [
        ("authorization", format!("Bearer {reference}")),
        ("x-original", r#"getIterateSecret({secretKey: "KEY"})"#.to_string()),
        ("x-encoded", "getIterateSecret%28%7BsecretKey%3A%20%22KEY%22%7D%29".to_string()),
    ];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let url = server.url("/x?k=getSecret({secretKey:'KEY'})");
    let body = RequestBody::Bytes(Bytes::from(reference));
    let answer = soon(world.send("POST", &url, &headers, body)).await.unwrap();
    assert_eq!(answer.header("x-echo"), Some("Bearer [secret KEY]"));
    let text = answer.text().await.unwrap();
    assert!(!text.contains(VALUE) && text.contains("x-original: [secret KEY]"), "{text}");
    let seen = &server.seen()[0];
    assert_eq!(seen.header("authorization"), Some(&*format!("Bearer {VALUE}")));
    assert_eq!(seen.header("x-original"), Some(VALUE));
    assert_eq!(seen.header("x-encoded"), Some(VALUE));
    assert_eq!(seen.body, reference, "a body is left alone");
    assert!(!seen.path.contains(VALUE), "a URL is left alone: {}", seen.path);
}

#[tokio::test]
async fn a_value_in_pieces_is_masked() {
    let pieces: Vec<Bytes> =
        format!("data: {VALUE}\n\n").as_bytes().chunks(3).map(Bytes::copy_from_slice).collect();
    let server = Server::start(move |_| Reply::pieces(pieces.clone())).await;
    let world = World::new(&[server.rule()]);
    world.secret("KEY", VALUE, &[]).await;
    // Also where the request itself has no secret: another may have left it there.
    let text = soon(world.get(&server.url("/"))).await.unwrap().text().await.unwrap();
    assert_eq!(text, "data: [secret KEY]\n\n");
}

#[tokio::test]
async fn a_redirect_takes_no_secret_along() {
    let other = Server::start(echo).await;
    let target = other.url("/there");
    let server = Server::start(move |seen| match seen.path.as_str() {
        "/far" => Reply::redirect(307, target.clone()),
        "/near" => Reply::redirect(302, "/end"),
        "/leak" => Reply::redirect(302, format!("{target}?k={}", seen.header("x-key").unwrap_or_default())),
        _ => echo(seen),
    })
    .await;
    let world = World::new(&[server.rule(), other.rule()]);
    world.secret("KEY", VALUE, &[]).await;
    let headers =
        [("x-key", "getSecret({secretKey: \"KEY\"})"), ("authorization", "Bearer plain"), ("x-kept", "1")];
    for path in ["/far", "/leak"] {
        let answer = soon(world.get_with(&server.url(path), &headers)).await.unwrap();
        assert!(answer.redirected && answer.url.starts_with(&other.url("/there")));
        let text = answer.text().await.unwrap();
        assert!(!text.contains("x-key") && !text.contains("authorization"), "{text}");
        assert!(text.contains("x-kept: 1"), "{text}");
    }
    assert!(other.seen().iter().all(|seen| !format!("{seen:?}").contains(VALUE)), "{:?}", other.seen());
    soon(world.get_with(&server.url("/near"), &headers)).await.unwrap();
    assert_eq!(server.seen().last().unwrap().header("x-key"), Some(VALUE), "the same origin gets it again");
}

#[tokio::test]
async fn unknown_and_foreign_secrets_fail_the_request() {
    let server = Server::start(echo).await;
    let world = World::new(&[server.rule()]);
    world.secret("ELSEWHERE", VALUE, &["api.example"]).await;
    world.secret("HERE", VALUE, &[&server.rule()]).await;
    let cases = [
        ("NONE", Some(EgressError::SECRET_UNKNOWN)),
        ("ELSEWHERE", Some(EgressError::SECRET_NOT_ALLOWED)),
        ("HERE", None),
    ];
    for (name, expected) in cases {
        let value = format!("getSecret({{secretKey: '{name}'}})");
        let outcome = soon(world.get_with(&server.url("/"), &[("x-key", &value)])).await;
        let failed = outcome.err();
        assert_eq!(failed.as_ref().map(|error| error.code), expected, "{name}");
        assert!(failed.is_none_or(|error| error.message.contains(name) && !error.message.contains(VALUE)));
    }
    assert_eq!(server.seen().len(), 1);
    // Nobody has said that a public host may have it without encryption.
    let value = "getSecret({secretKey: 'HERE'})";
    world.secret("HERE", VALUE, &[]).await;
    let public = soon(world.get_with("http://8.8.8.8/", &[("x-key", value)])).await;
    assert_eq!(code(public).0, EgressError::SECRET_NOT_ALLOWED);
    let mut stranger = world.caller.clone();
    stranger.project = Project::parse("other").unwrap();
    let request = Request {
        method: "GET".into(),
        url: server.url("/"),
        headers: vec![("x-key".into(), value.into())],
        body: RequestBody::Empty,
        redirect: Redirect::Follow,
    };
    assert_eq!(code(soon(world.egress.fetch(&stranger, request)).await).0, EgressError::SECRET_UNKNOWN);
}

#[tokio::test]
async fn secrets_survive_a_restart_and_need_their_key() {
    let folder = tempfile::tempdir().unwrap();
    let open = |key: Option<&str>| {
        Secrets::open(SecretsOptions { folder: folder.path().into(), key: key.map(str::to_string) })
    };
    let project = Project::default();
    let new = |name: &str| NewSecret {
        name: name.into(),
        value: VALUE.to_string().into(),
        hosts: vec![HostRule::parse("a.example").unwrap()],
        description: Some("for a test".into()),
    };
    let secrets = open(None).unwrap();
    let first = secrets.set(&project, new("A")).await.unwrap();
    secrets.set(&project, new("B")).await.unwrap();
    assert!(secrets.remove(&project, "B").await.unwrap() && !secrets.remove(&project, "B").await.unwrap());
    let stored = std::fs::read(folder.path().join("secrets")).unwrap();
    for word in [VALUE, "a.example", "for a test"] {
        assert!(!stored.windows(word.len()).any(|bytes| bytes == word.as_bytes()), "{word} is readable");
    }
    let again = open(None).unwrap().list(&project);
    assert_eq!(serde_json::to_value(&again).unwrap(), serde_json::to_value([first]).unwrap());
    let wrong = open(Some("another key")).err().unwrap().to_string();
    assert!(wrong.contains("MILLRACE_SECRET_KEY") && wrong.contains("nothing was changed"), "{wrong}");
    assert_eq!(std::fs::read(folder.path().join("secrets")).unwrap(), stored);
    std::fs::remove_file(folder.path().join("secrets.key")).unwrap();
    assert!(open(None).err().unwrap().to_string().contains("secrets.key"));
}

#[tokio::test]
async fn what_cannot_be_a_secret() {
    let world = World::new(&[]);
    for (name, value) in [("", "v"), ("a b", "v"), ("a/b", "v"), ("K", ""), ("K", "a\nb"), ("K", " v")] {
        let secret = NewSecret {
            name: name.into(),
            value: value.to_string().into(),
            hosts: Vec::new(),
            description: None,
        };
        let outcome = world.egress.secrets().set(&world.caller.project, secret).await;
        assert!(matches!(outcome, Err(SecretError::Invalid(_))), "{name:?} {value:?}");
    }
}
