//! The loopback origins to which a redirect can lead: a scheme, one of three hosts, a port.
//!
//! One type from the configuration to the sockets, so that nobody on the way forgets that
//! `localhost` is two addresses. Nothing in here opens a socket or resolves a name. `config`
//! reads origins, `cisco` and `daemon` pass them on, `browser` listens at them.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use url::Url;

/// Where a browser finds the daemon (RFC 6454 4), as the redirect URI says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// How it is spoken to.
    pub scheme: Scheme,
    /// What it is called.
    pub host: Host,
    /// The port; 0 where the system chooses one.
    pub port: u16,
}

/// How an origin is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// `http`
    Http,
    /// `https`, with a certificate of this user's own.
    Https,
}

/// What this machine is called in an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// `127.0.0.1`
    V4,
    /// `[::1]`
    V6,
    /// `localhost`, which stands for both: browsers try either first (RFC 6761 6.3).
    Localhost,
}

impl Origin {
    /// The origin of a URL, if that is on this machine.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        let scheme = match url.scheme() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        Some(Self { scheme, host: Host::of(url)?, port: url.port_or_known_default()? })
    }

    /// What a certificate has to call it.
    #[must_use]
    pub const fn certificate_name(self) -> &'static str {
        match self.host {
            Host::V4 => "127.0.0.1",
            Host::V6 => "::1",
            Host::Localhost => "localhost",
        }
    }

    /// Every address that a browser may go to.
    #[must_use]
    pub fn addresses(self) -> Vec<SocketAddr> {
        self.host.addresses().iter().map(|ip| SocketAddr::new(*ip, self.port)).collect()
    }

    /// What a browser sends as `Host`: without the port where that is the one of the scheme.
    #[must_use]
    pub fn authority(self) -> String {
        if self.port == self.scheme.port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// As a browser writes it in `Origin`: `http://127.0.0.1:27443`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority())
    }
}

impl Scheme {
    const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

impl Host {
    /// The host of a URL, if that is this machine and nothing but its loopback.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        match url.host()? {
            url::Host::Ipv4(Ipv4Addr::LOCALHOST) => Some(Self::V4),
            url::Host::Ipv6(Ipv6Addr::LOCALHOST) => Some(Self::V6),
            url::Host::Domain("localhost") => Some(Self::Localhost),
            _ => None,
        }
    }

    const fn addresses(self) -> &'static [IpAddr] {
        const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
        const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
        match self {
            Self::V4 => &[V4],
            Self::V6 => &[V6],
            Self::Localhost => &[V4, V6],
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "127.0.0.1",
            Self::V6 => "[::1]",
            Self::Localhost => "localhost",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Option<Origin> {
        Origin::of(&url.parse().unwrap())
    }

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (url, origin, authority) in [
            ("http://127.0.0.1:27443/cb/hq", "http://127.0.0.1:27443", "127.0.0.1:27443"),
            ("http://[::1]:8080/start/x", "http://[::1]:8080", "[::1]:8080"),
            ("http://localhost:8765/", "http://localhost:8765", "localhost:8765"),
            ("http://127.0.0.1/", "http://127.0.0.1", "127.0.0.1"),
            ("http://[::1]:80/", "http://[::1]", "[::1]"),
            ("https://localhost:27443/", "https://localhost:27443", "localhost:27443"),
            ("https://localhost:80/", "https://localhost:80", "localhost:80"),
            ("https://127.0.0.1/", "https://127.0.0.1", "127.0.0.1"),
        ] {
            let read = of(url).unwrap();

            assert_eq!((read.to_string().as_str(), read.authority().as_str()), (origin, authority));
        }
    }

    #[test]
    fn localhost_is_two_addresses() {
        let addresses = |url| of(url).unwrap().addresses();
        let [v4, v6] = ["127.0.0.1:8765", "[::1]:8765"].map(|addr| addr.parse().unwrap());

        assert_eq!(addresses("http://localhost:8765"), [v4, v6]);
        assert_eq!(addresses("http://127.0.0.1:8765"), [v4]);
        assert_eq!(addresses("http://[::1]:8765"), [v6]);
    }

    #[test]
    fn what_is_not_this_machine_is_no_origin_here() {
        for url in [
            "http://example.com:1/",
            "http://127.0.0.2:1/",
            "http://localhost.:1/",
            "http://x.localhost:1/",
            "http://[::ffff:127.0.0.1]:1/",
            "ftp://127.0.0.1:1/",
            "data:text/plain,x",
        ] {
            assert_eq!(of(url), None, "{url}");
        }
    }
}
