//! Turns the names of nodes into addresses.
//!
//! `localhost` and everything under `.localhost` is loopback (RFC 6761 6.3), whatever DNS
//! says; so a lab needs no entry in anybody's hosts file. All other names are the system's to
//! answer. Called by the HTTP client in `edge`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The resolver of every client in this room.
pub(super) struct Names;

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str();
            if is_loopback(name) {
                return Ok(Box::new(LOOPBACK.into_iter()) as Addrs);
            }
            // The client puts the port of the URL in place of the zero.
            let found: Vec<_> = tokio::net::lookup_host((name, 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn is_loopback(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

const LOOPBACK: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
    SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_and_what_is_under_it_is_loopback() {
        for name in ["localhost", "LOCALHOST", "localhost.", "cucm-pub.localhost", "a.b.Localhost."]
        {
            assert!(is_loopback(name), "{name}");
        }
        for name in ["localhost.example.com", "notlocalhost", "localhost-1", "", "."] {
            assert!(!is_loopback(name), "{name}");
        }
    }

    #[tokio::test]
    async fn a_lab_host_resolves_without_a_hosts_file() {
        let addresses = Names.resolve("cucm-pub.localhost".parse().unwrap()).await.unwrap();

        assert!(addresses.collect::<Vec<_>>().iter().all(|address| address.ip().is_loopback()));
    }
}
