//! Where a server is: `grpc://host:port` or `grpcs://host:port`. Connects to nothing.

use std::fmt;
use std::str::FromStr;

/// The address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// The name or number of the host.
    pub host: String,
    /// The port: 443 where none is said and the connection is encrypted, else 80.
    pub port: u16,
}

/// A text that is no address of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `grpcs://host:port` or `grpc://host:port`, found `{found}`")]
pub struct AddressError {
    /// The text as it was given.
    pub found: String,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let bad = || AddressError { found: text.to_owned() };
        let (tls, rest) = match text.split_once("://").ok_or_else(bad)? {
            ("grpc", rest) => (false, rest),
            ("grpcs", rest) => (true, rest),
            _ => return Err(bad()),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let bracketed = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (host, port) = match bracketed {
            Some((host, port)) => (format!("[{host}]"), port.strip_prefix(':')),
            None => match rest.split_once(':') {
                Some((host, port)) => (host.to_owned(), Some(port)),
                None => (rest.to_owned(), None),
            },
        };
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port != 0).ok_or_else(bad)?,
            None if tls => 443,
            None => 80,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        if host.is_empty() || !host.chars().all(plain) {
            return Err(bad());
        }
        Ok(Address { tls, host, port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", if self.tls { "grpcs" } else { "grpc" }, self.host, self.port)
    }
}

impl Address {
    /// The same as the transport has it.
    pub(crate) fn uri(&self) -> String {
        format!("{}://{}:{}", if self.tls { "https" } else { "http" }, self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        #[track_caller]
        fn check(text: &str, expected: Result<&str, ()>) {
            let found = text.parse::<Address>().map(|address| address.to_string());
            assert_eq!(found.as_deref().map_err(|_| ()), expected, "{text}");
        }
        check("grpc://localhost:8980", Ok("grpc://localhost:8980"));
        check("grpcs://cache.example.com", Ok("grpcs://cache.example.com:443"));
        check("grpcs://cache.example.com/", Ok("grpcs://cache.example.com:443"));
        check("grpc://[::1]:8980", Ok("grpc://[::1]:8980"));
        for wrong in [
            "",
            "localhost:8980",
            "http://a",
            "grpc://",
            "grpc://a:b",
            "grpc://a:0",
            "grpc://u:p@a",
            "grpc://a/b",
        ] {
            check(wrong, Err(()));
        }
    }
}
