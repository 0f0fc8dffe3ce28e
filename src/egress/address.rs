//! Which addresses are public: everything else leads into this machine, its network, or nowhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is when it is not public; None when it is.
pub fn not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address),
    }
}

/// First and last address of a range, and what it is for.
const V4: &[([u8; 4], [u8; 4], &str)] = &[
    ([0, 0, 0, 0], [0, 255, 255, 255], "unspecified"),
    ([10, 0, 0, 0], [10, 255, 255, 255], "private"),
    ([100, 64, 0, 0], [100, 127, 255, 255], "shared by a carrier's network"),
    ([127, 0, 0, 0], [127, 255, 255, 255], "loopback"),
    // The metadata services of the clouds, and with them their credentials.
    ([169, 254, 0, 0], [169, 254, 255, 255], "link-local"),
    ([168, 63, 129, 16], [168, 63, 129, 16], "a cloud's own"),
    ([172, 16, 0, 0], [172, 31, 255, 255], "private"),
    ([192, 0, 0, 0], [192, 0, 0, 255], "reserved"),
    ([192, 0, 2, 0], [192, 0, 2, 255], "for documentation"),
    ([192, 31, 196, 0], [192, 31, 196, 255], "reserved"),
    ([192, 52, 193, 0], [192, 52, 193, 255], "reserved"),
    ([192, 88, 99, 0], [192, 88, 99, 255], "reserved"),
    ([192, 168, 0, 0], [192, 168, 255, 255], "private"),
    ([192, 175, 48, 0], [192, 175, 48, 255], "reserved"),
    ([198, 18, 0, 0], [198, 19, 255, 255], "for benchmarks"),
    ([198, 51, 100, 0], [198, 51, 100, 255], "for documentation"),
    ([203, 0, 113, 0], [203, 0, 113, 255], "for documentation"),
    ([224, 0, 0, 0], [239, 255, 255, 255], "multicast"),
    ([240, 0, 0, 0], [255, 255, 255, 255], "reserved"),
];

fn v4(address: Ipv4Addr) -> Option<&'static str> {
    let within = |(first, last, _): &&([u8; 4], [u8; 4], &str)| {
        (Ipv4Addr::from(*first)..=Ipv4Addr::from(*last)).contains(&address)
    };
    V4.iter().find(within).map(|(_, _, what)| *what)
}

fn v6(address: Ipv6Addr) -> Option<&'static str> {
    let segments = address.segments();
    let low = || Ipv4Addr::from_bits((u32::from(segments[6]) << 16) | u32::from(segments[7]));
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("loopback"),
        // A translator turns these into the IPv4 address that they end with.
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => v4(low()),
        [0xfc00..=0xfdff, ..] => Some("private"),
        [0xfe80..=0xfebf, ..] => Some("link-local"),
        [0xfec0..=0xfeff, ..] => Some("site-local"),
        [0xff00..=0xffff, ..] => Some("multicast"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some("for documentation"),
        // Teredo, benchmarks, identifiers: the protocols' own.
        [0x2001, 0..=0x1ff, ..] => Some("reserved"),
        [0x2002, high, low, ..] => v4(Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low))),
        [0x2620, 0x4f, 0x8000, ..] => Some("reserved"),
        [0x2000..=0x3fff, ..] => None,
        // IPv4-compatible ones and all that has never been given out.
        _ => Some("reserved"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_public() {
        let public = [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.1.1",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "2001:4860:4860::8888",
            "2001:200::1",
        ];
        for address in public {
            assert_eq!(not_public(address.parse().unwrap()), None, "{address}");
        }
    }

    #[test]
    fn what_is_not() {
        let cases = [
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "unspecified"),
            ("10.0.0.1", "private"),
            ("100.64.0.1", "carrier"),
            ("100.100.100.200", "carrier"),
            ("127.0.0.1", "loopback"),
            ("127.255.255.254", "loopback"),
            ("169.254.169.254", "link-local"),
            ("168.63.129.16", "cloud"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.0.0.192", "reserved"),
            ("192.0.2.1", "documentation"),
            ("192.168.1.1", "private"),
            ("198.18.0.1", "benchmarks"),
            ("198.19.255.255", "benchmarks"),
            ("198.51.100.7", "documentation"),
            ("203.0.113.9", "documentation"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.255", "multicast"),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "reserved"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("::ffff:127.0.0.1", "loopback"),
            ("::ffff:169.254.169.254", "link-local"),
            ("::ffff:10.0.0.1", "private"),
            ("::127.0.0.1", "reserved"),
            ("::ffff:0:127.0.0.1", "reserved"),
            ("64:ff9b::127.0.0.1", "loopback"),
            ("64:ff9b::10.1.1.1", "private"),
            ("64:ff9b:1::1", "reserved"),
            ("2002:7f00:1::", "loopback"),
            ("2002:a00:1::", "private"),
            ("2001:0:1::1", "reserved"),
            ("2001:db8::1", "documentation"),
            ("3fff::1", "documentation"),
            ("fc00::1", "private"),
            ("fd00:ec2::254", "private"),
            ("fe80::1", "link-local"),
            ("fec0::1", "site-local"),
            ("ff02::1", "multicast"),
            ("100::1", "reserved"),
            ("2001:2::1", "reserved"),
            ("5f00::1", "reserved"),
            ("4000::1", "reserved"),
        ];
        for (address, what) in cases {
            let found = not_public(address.parse().unwrap());
            assert!(found.is_some_and(|found| found.contains(what)), "{address}: {found:?}");
        }
    }
}
