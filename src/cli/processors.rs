//! `millrace processors`: a stream's processors as a table.

use serde::Deserialize;

use super::client;
use super::failure::Failure;
use super::terminal::{self, Paint, Style, harmless};
use crate::config::{self, Remote};

pub async fn processors(remote: &Remote, options: &config::Processors) -> Result<(), Failure> {
    let listed = client::connect(remote)?.processors(&options.path).await?;
    if remote.json {
        return listed.iter().try_for_each(|processor| Ok(terminal::print(processor.get())?));
    }
    if listed.is_empty() {
        terminal::remark(&format!(
            "{} has no processors: deploy one with `millrace deploy FILE --stream {}`",
            options.path, options.path
        ));
        return Ok(());
    }
    let rows: Vec<Row> =
        listed.iter().map(|raw| serde_json::from_str(raw.get())).collect::<Result<_, _>>().map_err(
            |error| Failure::failed(format!("this server describes processors in another form: {error}")),
        )?;
    Ok(terminal::print(&table(&rows, Paint::stdout()))?)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    slug: String,
    status: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    reduced: u64,
    #[serde(default)]
    acted: u64,
    #[serde(default)]
    lag: u64,
    #[serde(default)]
    last_error: Option<LastError>,
}

#[derive(Deserialize)]
struct LastError {
    /// Where its `processor/failed` stands.
    offset: u64,
    phase: String,
    message: String,
}

impl Row {
    fn cells(&self) -> [String; 7] {
        /// Enough of a digest to tell versions apart.
        const VERSION_CHARS: usize = 12;
        [
            harmless(&self.slug),
            harmless(&self.status),
            self.version.as_deref().unwrap_or("-").chars().take(VERSION_CHARS).collect(),
            self.reduced.to_string(),
            self.acted.to_string(),
            self.lag.to_string(),
            self.error(),
        ]
    }

    fn error(&self) -> String {
        self.last_error.as_ref().map_or_else(String::new, |error| {
            format!("{} ({}, event {})", harmless(&error.message), harmless(&error.phase), error.offset)
        })
    }

    fn style(&self) -> Style {
        match self.status.as_str() {
            "suspended" | "failed" => Style::Bad,
            "active" => Style::Good,
            _ => Style::Warning,
        }
    }
}

const HEADINGS: [&str; 7] = ["SLUG", "STATUS", "VERSION", "REDUCED", "ACTED", "LAG", "LAST ERROR"];

fn table(rows: &[Row], paint: Paint) -> String {
    let rows: Vec<_> = rows.iter().map(|row| (row.style(), row.cells().to_vec())).collect();
    terminal::table(&HEADINGS, &rows, paint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table() {
        let rows: Vec<Row> = serde_json::from_str(
            r#"[{"slug":"ping","status":"active","version":"0123456789abcdef","reduced":12,"acted":11,"tail":12,"lag":1,"lastError":null},
                {"slug":"b","status":"suspended","lastError":{"offset":9,"phase":"reduce","reason":"exception","message":"x is not a function"}}]"#,
        )
        .unwrap();
        assert_eq!(
            table(&rows, Paint::plain()),
            "SLUG  STATUS     VERSION       REDUCED  ACTED  LAG  LAST ERROR\n\
             ping  active     0123456789ab  12       11     1\n\
             b     suspended  -             0        0      0    x is not a function (reduce, event 9)"
        );
    }
}
