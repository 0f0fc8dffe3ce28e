//! `millrace subscriptions`: a stream's push subscriptions as a table, and the keys that they are signed with.

use serde::Deserialize;

use super::client::{self, Client};
use super::failure::Failure;
use super::terminal::{self, Paint, Style, harmless};
use crate::config::{self, Remote};
use crate::event::Slug;

pub async fn subscriptions(remote: &Remote, options: &config::Subscriptions) -> Result<(), Failure> {
    let client = client::connect(remote)?;
    if let Some(slug) = &options.secret {
        return print_secret(remote, options, &client, slug).await;
    }
    let listed = client.subscriptions(&options.path).await?;
    if remote.json {
        return listed.iter().try_for_each(|subscription| Ok(terminal::print(subscription.get())?));
    }
    if listed.is_empty() {
        terminal::remark(&format!(
            "{} has no push subscriptions: append a subscription/configured to make one",
            options.path
        ));
        return Ok(());
    }
    let rows: Vec<Row> = listed
        .iter()
        .map(|raw| serde_json::from_str(raw.get()))
        .collect::<Result<_, _>>()
        .map_err(|error| foreign(&error))?;
    Ok(terminal::print(&table(&rows, Paint::stdout()))?)
}

async fn print_secret(
    remote: &Remote,
    options: &config::Subscriptions,
    client: &Client,
    slug: &Slug,
) -> Result<(), Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        signing_secret: Option<String>,
        secret_key: Option<String>,
    }
    let text = client.signing_secret(&options.path, slug).await?;
    if remote.json {
        return Ok(terminal::print(&text)?);
    }
    let answer: Answer = serde_json::from_str(&text).map_err(|error| foreign(&error))?;
    match (answer.signing_secret, answer.secret_key) {
        (Some(secret), _) => Ok(terminal::print(&secret)?),
        (None, name) => {
            let name = name.unwrap_or_default();
            terminal::remark(&format!("it is signed with the secret {name:?}, whose value is not shown"));
            Ok(())
        }
    }
}

fn foreign(error: &serde_json::Error) -> Failure {
    Failure::failed(format!("this server describes subscriptions in another form: {error}"))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    slug: String,
    status: String,
    #[serde(rename = "type")]
    transport: String,
    acked: u64,
    lag: u64,
    #[serde(default)]
    attempts: u64,
    #[serde(default)]
    next_try_at: Option<String>,
    #[serde(default)]
    last_error: Option<LastError>,
    /// Events that were refused for good.
    #[serde(default)]
    given_up: GivenUp,
    callback_url: String,
}

#[derive(Default, Deserialize)]
struct GivenUp {
    count: u64,
    last: Option<LastError>,
}

#[derive(Deserialize)]
struct LastError {
    offset: u64,
    error: String,
}

const HEADINGS: [&str; 10] =
    ["SLUG", "STATUS", "TYPE", "ACKED", "LAG", "ATTEMPTS", "NEXT TRY", "GIVEN UP", "URL", "LAST ERROR"];

impl Row {
    fn cells(&self) -> Vec<String> {
        let error =
            self.last_error.as_ref().or(self.given_up.last.as_ref()).map_or_else(String::new, |error| {
                format!("{} (event {})", harmless(&error.error), error.offset)
            });
        vec![
            harmless(&self.slug),
            harmless(&self.status),
            harmless(&self.transport),
            self.acked.to_string(),
            self.lag.to_string(),
            self.attempts.to_string(),
            harmless(self.next_try_at.as_deref().unwrap_or("-")),
            self.given_up.count.to_string(),
            harmless(&self.callback_url),
            error,
        ]
    }

    fn style(&self) -> Style {
        match self.status.as_str() {
            "active" => Style::Good,
            "failing" => Style::Warning,
            _ => Style::Bad,
        }
    }
}

fn table(rows: &[Row], paint: Paint) -> String {
    let rows: Vec<_> = rows.iter().map(|row| (row.style(), row.cells())).collect();
    terminal::table(&HEADINGS, &rows, paint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table() {
        let rows: Vec<Row> = serde_json::from_str(
            r#"[{"slug":"a","type":"webhook","callbackUrl":"https://a.example/","status":"active","acked":12,"lag":0,"attempts":0,"nextTryAt":null,"lastError":null,"givenUp":{"count":2,"last":{"offset":7,"error":"no"}}},
                {"slug":"bb","type":"websocket","callbackUrl":"wss://b.example/","status":"resting","acked":3,"lag":9,"attempts":40,"lastError":{"offset":4,"error":"gone"}}]"#,
        )
        .unwrap();
        assert_eq!(
            table(&rows, Paint::plain()),
            "SLUG  STATUS   TYPE       ACKED  LAG  ATTEMPTS  NEXT TRY  GIVEN UP  URL                 LAST ERROR\n\
             a     active   webhook    12     0    0         -         2         https://a.example/  no (event 7)\n\
             bb    resting  websocket  3      9    40        -         0         wss://b.example/    gone (event 4)"
        );
    }
}
