//! URLs as the standard has them, where the crate that parses them is not of that opinion (yet).

use url::{Url, quirks};

pub fn parse(text: &str, base: Option<&Url>) -> Option<Url> {
    let ignored = base.filter(|base| base.is_special() && base.scheme() != "file");
    let shortened = ignored.and_then(|_| with_two_slashes(text));
    let text = shortened.as_deref().unwrap_or(text);
    Url::options().base_url(base).parse(text).ok().map(corrected)
}

/// In front of a host any further slash is ignored.
fn with_two_slashes(text: &str) -> Option<String> {
    let text = text.trim_start_matches(|c| c <= ' ');
    let rest = text.trim_start_matches(['/', '\\', '\t', '\n', '\r']);
    let slashes = text[..text.len() - rest.len()].chars().filter(|c| ['/', '\\'].contains(c)).count();
    (slashes > 2).then(|| format!("//{rest}"))
}

/// After it was parsed, or a part of it was set.
pub fn corrected(url: Url) -> Url {
    let mut url = url;
    if url.cannot_be_a_base() {
        return with_last_space(&url).unwrap_or(url);
    }
    if url.path().contains('^') {
        let path = url.path().replace('^', "%5E");
        url.set_path(&path);
    }
    url
}

/// A space that ends a path without segments would be lost with what comes behind it.
fn with_last_space(url: &Url) -> Option<Url> {
    let path = url.path().strip_suffix(' ')?;
    let rest = &url.as_str()[url.scheme().len() + 1 + url.path().len()..];
    if rest.is_empty() {
        return None;
    }
    Url::parse(&format!("{}:{path}%20{rest}", url.scheme())).ok()
}

/// Of a `blob:` that of the URL in it, if that is one of the web.
pub fn origin(url: &Url) -> String {
    if url.scheme() != "blob" {
        return quirks::origin(url);
    }
    match Url::parse(url.path()) {
        Ok(inner) if ["http", "https"].contains(&inner.scheme()) => quirks::origin(&inner),
        _ => "null".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_standard_has_them() {
        let base = Url::parse("http://example.org/a/b").ok();
        let file = Url::parse("file:///a/b").ok();
        let cases = [
            ("///test", &base, "http://test/"),
            (" /\\/ignored/x", &base, "http://ignored/x"),
            ("//test", &base, "http://test/"),
            ("/test", &base, "http://example.org/test"),
            ("///test", &file, "file:///test"),
            ("https://a/x^y?^#^", &None, "https://a/x%5Ey?^#^"),
            ("foo://a/x^y", &None, "foo://a/x%5Ey"),
            ("data:x  ?q", &None, "data:x %20?q"),
            ("data:x  #h", &None, "data:x %20#h"),
            ("data:x^  ", &None, "data:x^"),
        ];
        for (text, base, expected) in cases {
            assert_eq!(parse(text, base.as_ref()).map(String::from).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn origins() {
        for (text, expected) in [
            ("https://a:8080/x", "https://a:8080"),
            ("blob:https://a/x", "https://a"),
            ("blob:ftp://a/x", "null"),
            ("blob:blob:https://a/x", "null"),
            ("data:x", "null"),
        ] {
            assert_eq!(origin(&Url::parse(text).unwrap()), expected, "{text}");
        }
    }
}
