//! Where a URL leads, once it is known to be one that can be asked: an `http` or `https` origin.

use std::net::IpAddr;

use url::{Host, Url};

use super::{EgressError, ports};
use crate::limits::EGRESS_URL_BYTES_MAX;

/// A URL's origin. The URL standard has normalised the host: `0x7f.1` stands here as 127.0.0.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub tls: bool,
    /// A name in lower case and without the last dot, or an address without brackets.
    pub host: String,
    /// The host, when it is an address.
    pub address: Option<IpAddr>,
    pub port: u16,
}

/// A URL that a request may have, with the schemes of WebSockets told as those of HTTP.
pub fn parse(text: &str) -> Result<Url, EgressError> {
    let invalid = |message: String| EgressError::new(EgressError::INVALID, message);
    if text.len() > EGRESS_URL_BYTES_MAX {
        return Err(invalid(format!("a URL may have {EGRESS_URL_BYTES_MAX} bytes")));
    }
    let url = Url::parse(text)
        .map_err(|error| invalid(format!("{text:?} is no URL that can be fetched: {error}")))?;
    let scheme = match url.scheme() {
        "ws" => "http",
        "wss" => "https",
        scheme => scheme,
    };
    if scheme == url.scheme() {
        return Ok(url);
    }
    let behind = &url.as_str()[url.scheme().len()..];
    Url::parse(&format!("{scheme}{behind}"))
        .map_err(|error| invalid(format!("{text:?} is no URL that can be fetched: {error}")))
}

impl Target {
    pub fn of(url: &Url) -> Result<Target, EgressError> {
        let refused = |message: String| EgressError::new(EgressError::REFUSED, message);
        let tls = match url.scheme() {
            "https" => true,
            "http" => false,
            scheme => {
                return Err(EgressError::new(
                    EgressError::INVALID,
                    format!("only http and https can be fetched, and not {scheme}:"),
                ));
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused(
                "a URL with credentials is refused: send them in the authorization header, best as a secret"
                    .into(),
            ));
        }
        let (host, address) = match url.host() {
            Some(Host::Domain(name)) => (name.strip_suffix('.').unwrap_or(name).to_string(), None),
            Some(Host::Ipv4(address)) => (address.to_string(), Some(address.into())),
            Some(Host::Ipv6(address)) => (address.to_string(), Some(address.into())),
            None => (String::new(), None),
        };
        if host.is_empty() {
            return Err(EgressError::new(EgressError::INVALID, format!("{url} names no host")));
        }
        let port = url.port().unwrap_or(if tls { 443 } else { 80 });
        if ports::is_bad(port) {
            return Err(refused(format!(
                "port {port} of {host} is refused: it belongs to another protocol than HTTP"
            )));
        }
        Ok(Target { tls, host, address, port })
    }

    /// As a rule of the policy would be written.
    pub fn rule(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_spellings_are_what_they_mean() {
        let cases = [
            ("http://2130706433/", "127.0.0.1", 80),
            ("http://0x7f000001/", "127.0.0.1", 80),
            ("http://0177.0.0.1/", "127.0.0.1", 80),
            ("http://127.1/", "127.0.0.1", 80),
            ("http://0/", "0.0.0.0", 80),
            ("http://127.0.0.1./", "127.0.0.1", 80),
            ("http://①②⑦.0.0.1/", "127.0.0.1", 80),
            ("http://127。0。0。1/", "127.0.0.1", 80),
            ("http://%31%32%37.0.0.1/", "127.0.0.1", 80),
            ("http://[::ffff:7f00:1]:81/", "::ffff:127.0.0.1", 81),
            ("http://[0:0:0:0:0:0:0:1]/", "::1", 80),
            ("https://LOCALHOST./", "localhost", 443),
            ("https://ⓛⓞcalhost/", "localhost", 443),
            ("wss://a.example:444/x", "a.example", 444),
        ];
        for (text, host, port) in cases {
            let target = Target::of(&parse(text).unwrap()).unwrap();
            assert_eq!((target.host.as_str(), target.port), (host, port), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_fetched() {
        let cases = [
            ("file:///etc/passwd", EgressError::INVALID),
            ("data:,x", EgressError::INVALID),
            ("ftp://a.example/", EgressError::INVALID),
            ("http://u:p@a.example/", EgressError::REFUSED),
            ("http://u@a.example/", EgressError::REFUSED),
            ("http://a.example:25/", EgressError::REFUSED),
            ("http://a.example:6667/", EgressError::REFUSED),
        ];
        for (text, code) in cases {
            assert_eq!(Target::of(&parse(text).unwrap()).unwrap_err().code, code, "{text}");
        }
        for text in ["", "/a", "http://", "http://256.1.1.1/", "http://a b/", "http://[::1"] {
            assert_eq!(parse(text).unwrap_err().code, EgressError::INVALID, "{text}");
        }
    }
}
