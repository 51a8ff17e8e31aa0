//! Which service of one capture is which of the other: by address and port, by port, or by names that the user gives.

use std::collections::BTreeMap;

use super::sample::{About, Connections, Sample, Server};

/// How services are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// By address where most are in both captures, else by port.
    #[default]
    Auto,
    /// By server address and port.
    Address,
    /// By server port, whatever the address.
    Port,
}

/// Names for services: patterns with `*` for `ADDRESS:PORT`, the first that fits counts.
#[derive(Clone, Debug, Default)]
pub struct Services {
    /// How those are told apart that no pattern names.
    pub by: By,
    /// (name, pattern)
    pub named: Vec<(String, String)>,
}

impl Services {
    /// Reads `NAME=PATTERN`; `None` if it is not of that form.
    pub fn pattern(text: &str) -> Option<(String, String)> {
        let (name, pattern) = text.split_once('=')?;
        let (name, pattern) = (name.trim(), pattern.trim());
        (!name.is_empty() && !pattern.is_empty()).then(|| (name.to_owned(), pattern.to_owned()))
    }

    /// With [`By::Auto`] decided for two captures.
    pub fn settled(&self, before: &Sample, after: &Sample) -> Services {
        let by = match self.by {
            By::Auto => {
                let (before, after) = (&before.servers, &after.servers);
                let common = before.keys().filter(|server| after.contains_key(*server)).count();
                if common * 2 >= before.len().min(after.len()) { By::Address } else { By::Port }
            }
            by => by,
        };
        Services { by, named: self.named.clone() }
    }

    /// The service that a server gives.
    pub fn name(&self, (addr, port): &Server) -> String {
        self.socket(addr, *port)
    }

    /// What a finding of many connections is about.
    pub(super) fn about(&self, about: &About) -> String {
        match about {
            About::Service(server, port) => self.socket(server, *port),
            // Whose addresses are others after is known by none of them.
            About::Host(_) if self.by == By::Port => "a host".to_owned(),
            About::Host(host) => format!("host {host}"),
            About::Capture => "the capture as a whole".to_owned(),
        }
    }

    fn socket(&self, server: &str, port: u16) -> String {
        let socket = if server.contains(':') { format!("[{server}]:{port}") } else { format!("{server}:{port}") };
        if let Some((name, _)) = self.named.iter().find(|(_, pattern)| fits(pattern, &socket)) {
            return name.clone();
        }
        if self.by == By::Port { format!("port {port}") } else { socket }
    }

    /// The connections of a sample by service.
    pub fn group<'s>(&self, sample: &'s Sample) -> BTreeMap<String, Vec<&'s Connections>> {
        let mut groups: BTreeMap<String, Vec<&Connections>> = BTreeMap::new();
        sample.servers.iter().for_each(|(server, to)| groups.entry(self.name(server)).or_default().push(to));
        groups
    }
}

/// Whether `text` is like `pattern`, in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, like) in [
            ("10.0.0.1:80", "10.0.0.1:80", true),
            ("10.0.0.1:80", "10.0.0.1:8080", false),
            ("*:443", "[2001:db8::1]:443", true),
            ("10.0.*:80", "10.0.7.1:80", true),
            ("10.*.1:*", "10.0.0.1:9", true),
            ("*a*a", "a", false),
        ] {
            assert_eq!(fits(pattern, text), like, "{pattern} {text}");
        }
    }
}
