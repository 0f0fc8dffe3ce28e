//! Which hosts a rule means: `api.openai.com`, `*.slack.com:443`, `127.0.0.1:11434`, `[::1]`, `10.0.0.0/8`, `*`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Some hosts, on one port or on all. Kept and shown as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRule {
    text: String,
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    Any,
    Name(String),
    /// Every name below this one, and not this one itself.
    Below(String),
    /// Addresses that share this many leading bits with this one.
    Network(IpAddr, u8),
}

impl HostRule {
    pub fn parse(text: &str) -> Result<HostRule, String> {
        let refused = |why: &str| {
            Err(format!(
                "host rule {text:?} {why}; write HOST, *.SUFFIX, an IP address, ADDRESS/BITS or *, with :PORT if it is about one port"
            ))
        };
        let trimmed = text.trim();
        if trimmed.contains("://") || trimmed.contains('@') {
            return refused("names a URL and not a host");
        }
        let Some((host, port)) = split(trimmed) else {
            return refused("has a port that is none");
        };
        let Some(hosts) = hosts(host) else {
            return refused("names no host");
        };
        Ok(HostRule { text: trimmed.to_string(), hosts, port })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it means a host as a URL names it: a name in lower case, or an address without brackets.
    pub fn names(&self, host: &str, port: u16) -> bool {
        if self.port.is_some_and(|only| only != port) {
            return false;
        }
        let host = host.strip_suffix('.').unwrap_or(host);
        match &self.hosts {
            Hosts::Any => true,
            Hosts::Name(name) => name == host,
            Hosts::Below(suffix) => {
                host.strip_suffix(suffix.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            Hosts::Network(..) => host.parse().is_ok_and(|address| self.holds(address, port)),
        }
    }

    /// Whether it is about addresses, and this is one of them.
    pub fn holds(&self, address: IpAddr, port: u16) -> bool {
        let Hosts::Network(network, bits) = self.hosts else { return false };
        self.port.is_none_or(|only| only == port) && in_network(network, bits, address)
    }
}

/// The host, and the port behind it; None when what stands there is no port.
fn split(text: &str) -> Option<(&str, Option<u16>)> {
    let port = |digits: &str| digits.parse().ok().filter(|port| *port > 0).map(Some);
    if let Some(rest) = text.strip_prefix('[') {
        let (address, behind) = rest.split_once(']')?;
        return match behind.strip_prefix(':') {
            Some(digits) => Some((address, port(digits)?)),
            // `[::1]/128` is written without brackets.
            None if behind.is_empty() => Some((address, None)),
            None => None,
        };
    }
    match text.rsplit_once(':') {
        // More than one colon, and no brackets: an IPv6 address.
        Some((host, _)) if host.contains(':') => Some((text, None)),
        Some((host, digits)) => Some((host, port(digits)?)),
        None => Some((text, None)),
    }
}

fn hosts(text: &str) -> Option<Hosts> {
    if text == "*" {
        return Some(Hosts::Any);
    }
    if let Some((address, bits)) = text.split_once('/') {
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        return bits.parse().ok().filter(|bits| *bits <= longest).map(|bits| Hosts::Network(address, bits));
    }
    if let Ok(address) = Ipv6Addr::from_str(text) {
        return Some(Hosts::Network(address.into(), 128));
    }
    let (below, name) = match text.strip_prefix("*.") {
        Some(suffix) => (true, suffix),
        None => (false, text),
    };
    match url::Host::parse(name).ok()? {
        url::Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(&name).to_string();
            (!name.is_empty() && !name.contains('*')).then_some(if below {
                Hosts::Below(name)
            } else {
                Hosts::Name(name)
            })
        }
        url::Host::Ipv4(address) if !below => Some(Hosts::Network(address.into(), 32)),
        _ => None,
    }
}

fn in_network(network: IpAddr, bits: u8, address: IpAddr) -> bool {
    let shift = |width: u8| u32::from(width - bits);
    match (network, unmapped(address)) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let differ = network.to_bits() ^ address.to_bits();
            differ.checked_shr(shift(32)).unwrap_or(0) == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let differ = network.to_bits() ^ address.to_bits();
            differ.checked_shr(shift(128)).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// `::ffff:10.0.0.1` reaches what 10.0.0.1 does.
fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(address) => address.to_ipv4_mapped().map_or(IpAddr::V6(address), |v4: Ipv4Addr| v4.into()),
        v4 => v4,
    }
}

impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for HostRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for HostRule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<HostRule, D::Error> {
        HostRule::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_names_hosts_and_ports() {
        let cases = [
            ("api.openai.com", "api.openai.com", 443, true),
            ("API.OpenAI.com", "api.openai.com.", 80, true),
            ("api.openai.com", "evil-api.openai.com", 443, false),
            ("api.openai.com", "api.openai.com.evil.example", 443, false),
            ("api.openai.com:443", "api.openai.com", 444, false),
            ("*.slack.com:443", "hooks.slack.com", 443, true),
            ("*.slack.com:443", "a.b.slack.com", 443, true),
            ("*.slack.com", "slack.com", 443, false),
            ("*.slack.com", ".slack.com", 443, false),
            ("*.slack.com", "evilslack.com", 443, false),
            ("127.0.0.1:11434", "127.0.0.1", 11434, true),
            ("0x7f.1", "127.0.0.1", 1, true),
            ("127.0.0.1:11434", "127.0.0.1", 11435, false),
            ("[::1]:80", "::1", 80, true),
            ("::1", "::1", 80, true),
            ("10.0.0.0/8", "10.200.3.4", 80, true),
            ("10.0.0.0/8:443", "10.200.3.4", 80, false),
            ("10.0.0.0/8", "11.0.0.1", 80, false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", 80, true),
            ("0.0.0.0/0", "8.8.8.8", 80, true),
            ("fd00::/8", "fd12::1", 80, true),
            ("fd00::/8", "fe80::1", 80, false),
            ("bücher.example", "xn--bcher-kva.example", 443, true),
            ("localhost:8080", "localhost", 8080, true),
            ("*", "anything.example", 1, true),
            ("*:443", "anything.example", 80, false),
        ];
        for (rule, host, port, expected) in cases {
            assert_eq!(HostRule::parse(rule).unwrap().names(host, port), expected, "{rule} {host}:{port}");
        }
    }

    #[test]
    fn what_names_no_host_is_refused() {
        for text in [
            "",
            " ",
            "https://a.example",
            "u@a.example",
            "a.example:0",
            "a.example:http",
            "a.example:99999",
            "*a",
            "a.*.example",
            "**",
            "*.",
            "10.0.0.0/33",
            "a b",
            "[::1",
            "*.10.0.0.1",
        ] {
            assert!(HostRule::parse(text).is_err(), "{text:?}");
        }
    }
}
