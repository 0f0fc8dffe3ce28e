//! The frame of an HTML page of documentation.

/// A page around `content`, which is HTML already.
pub fn whole(title: &str, content: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} · millrace</title>\n<style>\n{}</style>\n<main>\n<h1>{title}</h1>\n{content}</main>\n</html>\n",
        include_str!("page.css")
    )
}

pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Text with its `code` in back quotes, as HTML.
pub fn prose(text: &str) -> String {
    let mut html = String::new();
    for (at, part) in text.split('`').enumerate() {
        // What stands between an odd and an even back quote is code.
        match at % 2 {
            0 => html.push_str(&escape(part)),
            _ => html.push_str(&format!("<code>{}</code>", escape(part))),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::prose;

    #[test]
    fn back_quotes_make_code() {
        assert_eq!(prose("a `<b>` & c"), "a <code>&lt;b&gt;</code> &amp; c");
    }
}
