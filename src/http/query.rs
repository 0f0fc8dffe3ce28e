//! Query strings, strictly: an unknown or repeated key is an error, for a misspelt one would be silent otherwise.

use axum::http::Uri;

use super::error::Problem;

pub struct Query(Vec<(String, String)>);

impl Query {
    pub fn parse(uri: &Uri, known: &[&str]) -> Result<Query, Problem> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (key, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            if !known.contains(&&*key) {
                let known = if known.is_empty() { "none".to_string() } else { known.join(", ") };
                return Err(Problem::bad_query(format!(
                    "unknown query key {key:?}; this request knows {known}"
                )));
            }
            if pairs.iter().any(|(earlier, _)| *earlier == *key) {
                return Err(Problem::bad_query(format!("query key {key:?} is given twice")));
            }
            pairs.push((key.into_owned(), value.into_owned()));
        }
        Ok(Query(pairs))
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// A boolean as people spell it.
    pub fn flag(&self, key: &str) -> Result<Option<bool>, Problem> {
        let Some(value) = self.text(key) else { return Ok(None) };
        match value.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" | "y" | "enabled" => Ok(Some(true)),
            "false" | "0" | "no" | "off" | "n" | "disabled" => Ok(Some(false)),
            _ => Err(Problem::bad_query(format!("`{key}` must be true or false, not {value:?}"))),
        }
    }

    pub fn positive(&self, key: &str) -> Result<Option<u64>, Problem> {
        let Some(value) = self.text(key) else { return Ok(None) };
        match value.parse::<u64>() {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => Err(Problem::bad_query(format!("`{key}` must be a positive integer, not {value:?}"))),
        }
    }
}
