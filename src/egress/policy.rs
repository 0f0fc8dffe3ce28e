//! What may go out: public addresses, what the server's rules open beside them, and of that what the
//! processor's own rules leave.

use std::net::IpAddr;
use std::sync::Arc;

use super::target::Target;
use super::{Caller, EgressError, address};
use crate::event::HostRule;

/// The server's rules.
#[derive(Clone)]
pub struct Policy(Arc<[HostRule]>);

impl Policy {
    pub fn new(allow: Vec<HostRule>) -> Policy {
        Policy(allow.into())
    }

    /// Whether the processor may ask this host at all. Which addresses it has is asked later.
    pub fn check(&self, caller: &Caller, target: &Target) -> Result<(), EgressError> {
        let is_named =
            |allow: &&Vec<HostRule>| allow.iter().any(|rule| rule.names(&target.host, target.port));
        if let Some(allow) = caller.allow.as_ref().filter(|allow| !is_named(allow)) {
            let rules: Vec<&str> = allow.iter().map(HostRule::as_str).collect();
            let only = if rules.is_empty() { "nothing".to_string() } else { rules.join(", ") };
            return Err(refused(format!(
                "{} is not among the hosts of processor `{}`, whose `egress.allow` has {only}: configure it with \"{}\" as well",
                target.rule(),
                caller.slug,
                target.host
            )));
        }
        match target.address {
            Some(address) => self.check_address(target, address),
            None => Ok(()),
        }
    }

    /// Whether a connection to this address, which `target` has led to, may be made.
    pub fn check_address(&self, target: &Target, address: IpAddr) -> Result<(), EgressError> {
        let Some(what) = address::not_public(address) else { return Ok(()) };
        if self.opens(target, address) {
            return Ok(());
        }
        let host = match target.address {
            Some(_) => format!("{address} is {what}"),
            None => format!("{} has the address {address}, which is {what}", target.host),
        };
        Err(refused(format!(
            "{host}, and processors reach public addresses only: whoever runs the server can open it with --egress-allow {}",
            target.rule()
        )))
    }

    fn opens(&self, target: &Target, address: IpAddr) -> bool {
        let Target { host, port, .. } = target;
        self.0.iter().any(|rule| rule.names(host, *port) || rule.holds(address, *port))
    }

    /// Whether a rule of the server names this host, and so whoever runs it has said that it is meant.
    pub fn is_named(&self, target: &Target) -> bool {
        let at = |address| self.0.iter().any(|rule| rule.holds(address, target.port));
        self.0.iter().any(|rule| rule.names(&target.host, target.port))
            || (is_localhost(&target.host) && super::resolver::LOOPBACK.into_iter().any(at))
    }
}

/// Names that mean this machine wherever they are asked for (RFC 6761).
pub fn is_localhost(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost")
}

fn refused(message: String) -> EgressError {
    EgressError::new(EgressError::REFUSED, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::target::parse;
    use crate::event::{Project, Slug, StreamPath};

    fn rules(texts: &[&str]) -> Vec<HostRule> {
        texts.iter().map(|text| HostRule::parse(text).unwrap()).collect()
    }

    fn caller(allow: Option<&[&str]>) -> Caller {
        Caller {
            project: Project::default(),
            stream: StreamPath::root(),
            slug: Slug::parse("p").unwrap(),
            allow: allow.map(rules),
        }
    }

    #[test]
    fn the_server_opens_and_the_processor_narrows() {
        type Case<'a> = (&'a [&'a str], Option<&'a [&'a str]>, &'a str, &'a str, bool);
        let cases: [Case; 12] = [
            (&[], None, "http://a.example", "8.8.8.8", true),
            (&[], None, "http://a.example", "10.0.0.1", false),
            (&[], Some(&["10.0.0.1", "*"]), "http://10.0.0.1", "10.0.0.1", false),
            (&["10.0.0.1:80"], None, "http://10.0.0.1", "10.0.0.1", true),
            (&["10.0.0.1:80"], None, "http://10.0.0.1:81", "10.0.0.1", false),
            (&["10.0.0.0/8"], None, "http://a.example", "10.9.9.9", true),
            (&["a.example"], None, "http://a.example", "10.9.9.9", true),
            (&["a.example"], None, "http://b.example", "10.9.9.9", false),
            (&["a.example"], Some(&["b.example"]), "http://a.example", "10.9.9.9", false),
            (&[], Some(&["*.slack.com:443"]), "https://hooks.slack.com", "8.8.8.8", true),
            (&[], Some(&["*.slack.com:443"]), "https://evilslack.com", "8.8.8.8", false),
            (&[], Some(&[]), "https://a.example", "8.8.8.8", false),
        ];
        for (server, own, url, address, allowed) in cases {
            let policy = Policy::new(rules(server));
            let target = Target::of(&parse(url).unwrap()).unwrap();
            let decided = policy
                .check(&caller(own), &target)
                .and_then(|()| policy.check_address(&target, address.parse().unwrap()));
            assert_eq!(decided.is_ok(), allowed, "{server:?} {own:?} {url} {address}: {decided:?}");
        }
    }
}
