//! The documentation that a server serves: a page for each built-in event type, in the form the reader asks
//! for, and a page that renders the OpenAPI document. Plain functions; the routes call them.

mod format;
mod llms;
mod page;
mod render;
mod table;
mod transformers;

pub use format::{Doc, Format};
pub use llms::page as llms;

use crate::event::Kind;

/// The documentation of one built-in event type, by our name or the original's; none for other types.
pub fn event_doc(type_name: &str, format: Format) -> Option<Doc> {
    Kind::find(type_name.trim_matches('/')).map(|kind| render::one(kind, format))
}

/// All built-in event types, each with its summary.
pub fn event_index(format: Format) -> Doc {
    render::index(format)
}

/// A page without foreign resources that renders `/api/openapi.json`.
pub fn openapi_page() -> &'static str {
    include_str!("docs/openapi.html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_page_in_every_format_under_each_of_its_names() {
        for kind in Kind::ALL {
            for format in [Format::Html, Format::Markdown, Format::Json] {
                let doc = event_doc(kind.name(), format).unwrap();
                assert!(doc.body.contains(kind.name()), "{} as {format:?}", kind.name());
                if let Some(original) = kind.original_name() {
                    assert_eq!(event_doc(&original, format).unwrap().body, doc.body);
                }
                assert!(event_index(format).body.contains(kind.name()));
            }
        }
        assert!(event_doc("hello-world", Format::Html).is_none());
    }

    #[test]
    fn pages_load_nothing_from_elsewhere() {
        let pages = Kind::ALL.iter().filter_map(|kind| event_doc(kind.name(), Format::Html));
        for page in pages.map(|doc| doc.body).chain([openapi_page().to_string()]) {
            for sign in ["src=\"http", "href=\"http", "@import", "url("] {
                assert!(!page.contains(sign), "{sign}");
            }
        }
    }
}
