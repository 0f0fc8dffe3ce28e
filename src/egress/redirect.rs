//! Redirects, hop by hop, as the fetch standard has them: what the next request is, or that there is none.

use url::Url;

use super::{EgressError, RequestBody, reference};

/// One request of a chain.
pub struct Hop {
    pub method: String,
    pub url: Url,
    /// As the script wrote them: references to secrets are not substituted here.
    pub headers: Vec<(String, String)>,
    pub body: HopBody,
}

/// What of a request's body the next hop can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HopBody {
    None,
    Again,
    /// A stream that has been read.
    Gone,
}

impl HopBody {
    pub fn of(body: &RequestBody) -> HopBody {
        match body {
            RequestBody::Empty => HopBody::None,
            RequestBody::Bytes(_) => HopBody::Again,
            RequestBody::Stream(_) => HopBody::Gone,
        }
    }
}

pub fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// Headers that say something of a body that is not sent again.
const OF_BODY: [&str; 5] =
    ["content-encoding", "content-language", "content-location", "content-type", "content-length"];

/// Headers that are for one origin.
const OF_ORIGIN: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

impl Hop {
    /// Changes the request to the one that a redirect with this status asks for.
    pub fn follow(&mut self, status: u16, location: &str) -> Result<(), EgressError> {
        let refused = |message: String| EgressError::new(EgressError::REDIRECT, message);
        let mut next = self.url.join(location).map_err(|error| {
            refused(format!("{} redirects to {location:?}, which is no URL: {error}", self.url))
        })?;
        if !matches!(next.scheme(), "http" | "https") {
            return Err(refused(format!(
                "{} redirects to {next}, which is neither http nor https",
                self.url
            )));
        }
        if next.fragment().is_none() {
            next.set_fragment(self.url.fragment());
        }
        if status != 303 && self.body == HopBody::Gone {
            return Err(refused(format!(
                "{} redirects, and the body was a stream, which cannot be sent again: send it as a string or bytes",
                self.url
            )));
        }
        let becomes_get = match status {
            301 | 302 => self.method == "POST",
            303 => self.method != "GET" && self.method != "HEAD",
            _ => false,
        };
        if becomes_get {
            self.method = "GET".into();
            self.body = HopBody::None;
            self.headers.retain(|(name, _)| !OF_BODY.contains(&name.as_str()));
        }
        if next.origin() != self.url.origin() {
            self.headers
                .retain(|(name, value)| !OF_ORIGIN.contains(&name.as_str()) && !reference::is_in(value));
        }
        self.url = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(method: &str, body: HopBody) -> Hop {
        let headers = [
            ("authorization", "Bearer x"),
            ("cookie", "a=b"),
            ("content-type", "text/plain"),
            ("x-key", "getSecret({secretKey: 'K'})"),
            ("x-kept", "1"),
        ];
        Hop {
            method: method.into(),
            url: Url::parse("https://a.example/x?y#f").unwrap(),
            headers: headers.map(|(name, value)| (name.to_string(), value.to_string())).to_vec(),
            body,
        }
    }

    #[test]
    fn methods_bodies_and_headers() {
        use HopBody::{Again, Gone, None};
        let all = "authorization cookie content-type x-key x-kept";
        let no_body = "authorization cookie x-key x-kept";
        let cases = [
            ("POST", Again, 301, "/z", "GET", None, "https://a.example/z#f", no_body),
            ("POST", Again, 302, "z", "GET", None, "https://a.example/z#f", no_body),
            ("PUT", Again, 302, "/z#g", "PUT", Again, "https://a.example/z#g", all),
            ("PUT", Again, 303, "/z", "GET", None, "https://a.example/z#f", no_body),
            ("PUT", Gone, 303, "/z", "GET", None, "https://a.example/z#f", no_body),
            ("HEAD", None, 303, "/z", "HEAD", None, "https://a.example/z#f", all),
            ("POST", Again, 307, "/z", "POST", Again, "https://a.example/z#f", all),
            (
                "POST",
                Again,
                308,
                "https://b.example/",
                "POST",
                Again,
                "https://b.example/#f",
                "content-type x-kept",
            ),
            (
                "GET",
                None,
                302,
                "//a.example:444/",
                "GET",
                None,
                "https://a.example:444/#f",
                "content-type x-kept",
            ),
            (
                "GET",
                None,
                302,
                "http://a.example/",
                "GET",
                None,
                "http://a.example/#f",
                "content-type x-kept",
            ),
        ];
        for (method, body, status, location, next_method, next_body, url, headers) in cases {
            let mut hop = hop(method, body);
            hop.follow(status, location).unwrap();
            let names: Vec<&str> = hop.headers.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(
                (hop.method.as_str(), hop.body, hop.url.as_str(), names.join(" ").as_str()),
                (next_method, next_body, url, headers),
                "{method} {status} {location}"
            );
        }
    }

    #[test]
    fn what_is_not_followed() {
        for (status, location, body) in [
            (302, "file:///etc/passwd", HopBody::None),
            (302, "http://[", HopBody::None),
            (307, "/z", HopBody::Gone),
            (302, "/z", HopBody::Gone),
        ] {
            assert_eq!(hop("POST", body).follow(status, location).unwrap_err().code, EgressError::REDIRECT);
        }
    }
}
