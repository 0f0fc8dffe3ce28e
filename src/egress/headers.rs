//! Headers: which of a script's go out, and those that the host adds.

use bytes::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::EgressError;
use super::mask::Mask;
use crate::event::header::{HANDSHAKE, OF_CONNECTION};
use crate::limits::EGRESS_HEADER_BYTES_MAX;

/// What is unpacked on the way back.
pub const ACCEPT_ENCODING: &str = "gzip, deflate, br, zstd";

/// Names in lower case; without those that are the host's own.
pub fn of_script(headers: Vec<(String, String)>) -> Result<Vec<(String, String)>, EgressError> {
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > EGRESS_HEADER_BYTES_MAX {
        return Err(invalid(format!("the headers of a request may have {EGRESS_HEADER_BYTES_MAX} bytes")));
    }
    let mut kept = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| invalid(format!("{name:?} is no name of a header")))?;
        if !OF_CONNECTION.contains(&name.as_str()) && !name.as_str().starts_with(HANDSHAKE) {
            kept.push((name.as_str().to_string(), value));
        }
    }
    Ok(kept)
}

/// As they go over the wire. A value with a secret in it is not shown in any log.
pub fn encode(headers: &[(String, String, bool)]) -> Result<HeaderMap, EgressError> {
    let mut map = HeaderMap::with_capacity(headers.len() + 4);
    for (name, value, secret) in headers {
        let bad = || invalid(format!("the value of header {name:?} has characters that no header can have"));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        let mut encoded = HeaderValue::from_bytes(value.trim().as_bytes()).map_err(|_| bad())?;
        encoded.set_sensitive(*secret);
        map.append(name, encoded);
    }
    let defaults = [
        (header::ACCEPT, "*/*"),
        (header::USER_AGENT, concat!("millrace/", env!("CARGO_PKG_VERSION"))),
        (header::ACCEPT_ENCODING, ACCEPT_ENCODING),
    ];
    for (name, value) in defaults {
        map.entry(name).or_insert(HeaderValue::from_static(value));
    }
    Ok(map)
}

/// The headers of an answer, masked: UTF-8 where they are that, Latin-1 otherwise.
pub fn decode(map: &HeaderMap, mask: Option<&Mask>) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| {
        let bytes = mask
            .map_or_else(|| Bytes::copy_from_slice(value.as_bytes()), |mask| mask.bytes(value.as_bytes()));
        match std::str::from_utf8(&bytes) {
            Ok(text) => text.to_string(),
            Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
        }
    };
    map.iter().map(|(name, value)| (name.as_str().to_string(), text(value))).collect()
}

fn invalid(message: String) -> EgressError {
    EgressError::new(EgressError::INVALID, message)
}
