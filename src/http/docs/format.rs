//! The forms in which a page is served, and which of them a reader asked for.

/// A body and what it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Doc {
    pub content_type: &'static str,
    pub body: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For browsers.
    Html,
    /// For curl, and for language models.
    Markdown,
    Json,
}

impl Format {
    /// After an `Accept` header: browsers name HTML; who names nothing of ours reads text.
    pub fn of_accept(accept: Option<&str>) -> Format {
        let accepted = accept.unwrap_or_default();
        let first = accepted
            .split(',')
            .map(|part| part.split(';').next().unwrap_or_default().trim())
            .find_map(|media| match media {
                "text/html" | "application/xhtml+xml" => Some(Format::Html),
                "application/json" => Some(Format::Json),
                "text/markdown" | "text/plain" => Some(Format::Markdown),
                _ => None,
            });
        first.unwrap_or(Format::Markdown)
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Format::Html => "text/html; charset=utf-8",
            Format::Markdown => "text/markdown; charset=utf-8",
            Format::Json => "application/json",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Format;

    #[test]
    fn the_first_form_that_we_have_is_served() {
        let cases = [
            (None, Format::Markdown),
            (Some("*/*"), Format::Markdown),
            (Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), Format::Html),
            (Some("application/json"), Format::Json),
            (Some("text/plain"), Format::Markdown),
            (Some("image/png, application/json;q=0.5"), Format::Json),
        ];
        for (accept, format) in cases {
            assert_eq!(Format::of_accept(accept), format, "{accept:?}");
        }
    }
}
