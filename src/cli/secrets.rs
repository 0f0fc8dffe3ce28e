//! `millrace secrets`: values go in by a prompt or by stdin, and never come out.

use std::io::{self, IsTerminal, Read};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::client::{self, Client};
use super::failure::Failure;
use super::terminal::{self, Paint, Style, harmless};
use crate::config::{self, Remote, SecretsAction, SetSecret};
use crate::event::HostRule;
use crate::limits::SECRET_VALUE_BYTES_MAX;

pub async fn secrets(remote: &Remote, options: &config::Secrets) -> Result<(), Failure> {
    let client = client::connect(remote)?;
    match &options.action {
        SecretsAction::Set(secret) => set(remote, &client, secret).await,
        SecretsAction::List => list(remote, &client).await,
        SecretsAction::Remove { name } => {
            let answer = client.remove_secret(name).await?;
            let line = if remote.json { answer } else { format!("removed {name}") };
            Ok(terminal::print(&line)?)
        }
    }
}

#[derive(Serialize)]
struct NewSecret<'a> {
    name: &'a str,
    value: &'a str,
    hosts: &'a [HostRule],
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
}

async fn set(remote: &Remote, client: &Client, secret: &SetSecret) -> Result<(), Failure> {
    let value = read_value(&secret.name)?;
    let SetSecret { name, hosts, description } = secret;
    let answer = client
        .set_secret(&NewSecret { name, value: &value, hosts, description: description.as_deref() })
        .await?;
    if remote.json {
        return Ok(terminal::print(&answer)?);
    }
    let hosts: Vec<&str> = hosts.iter().map(HostRule::as_str).collect();
    let hosts =
        if hosts.is_empty() { "whatever host a request is for".to_string() } else { hosts.join(", ") };
    Ok(terminal::print(&format!(
        "set {name}, for {hosts}; in a header: getSecret({{secretKey: \"{name}\"}})"
    ))?)
}

/// From a prompt where there is a terminal, else all of stdin without its last line break.
fn read_value(name: &str) -> Result<Zeroizing<String>, Failure> {
    let failed = |error: io::Error| Failure::failed(format!("cannot read the value of {name}: {error}"));
    let mut text = Zeroizing::new(String::new());
    if io::stdin().is_terminal() {
        terminal::remark(&format!("value of {name} (it is not shown):"));
        let _quiet = Quiet::start().map_err(failed)?;
        io::stdin().read_line(&mut text).map_err(failed)?;
    } else {
        let bound = SECRET_VALUE_BYTES_MAX as u64 + 2;
        io::stdin().take(bound).read_to_string(&mut text).map_err(failed)?;
    }
    let value = Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_string());
    if value.is_empty() {
        return Err(Failure::usage(format!(
            "no value for {name}: type it at the prompt, or pipe it in as in `printf %s \"$VALUE\" | millrace secrets set {name}`"
        )));
    }
    Ok(value)
}

/// A terminal that shows nothing of what is typed, until this is dropped.
struct Quiet(rustix::termios::Termios);

impl Quiet {
    fn start() -> io::Result<Quiet> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        quiet.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Quiet(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // A terminal that is gone needs no echo.
        let _ = rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Flush, &self.0);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: String,
    hosts: Vec<String>,
    #[serde(default)]
    description: Option<String>,
    updated_at: String,
}

async fn list(remote: &Remote, client: &Client) -> Result<(), Failure> {
    let listed = client.secrets().await?;
    if remote.json {
        return listed.iter().try_for_each(|secret| Ok(terminal::print(secret.get())?));
    }
    if listed.is_empty() {
        terminal::remark("no secrets: set one with `millrace secrets set NAME --host HOST`");
        return Ok(());
    }
    for raw in &listed {
        let row: Row = serde_json::from_str(raw.get()).map_err(|error| {
            Failure::failed(format!("this server describes secrets in another form: {error}"))
        })?;
        terminal::print(&line(&row, Paint::stdout()))?;
    }
    Ok(())
}

fn line(row: &Row, paint: Paint) -> String {
    let hosts = if row.hosts.is_empty() { "any host".to_string() } else { row.hosts.join(", ") };
    let description =
        row.description.as_deref().map(|text| format!("  {}", harmless(text))).unwrap_or_default();
    format!(
        "{}  {}  {}{description}",
        paint.paint(Style::Strong, &harmless(&row.name)),
        harmless(&hosts),
        paint.paint(Style::Faint, &harmless(&row.updated_at))
    )
}
