//! Which settings of a cluster a token depends on, as one number.
//!
//! A token that was obtained under other settings may be of another user, or may be told to another
//! host. So whoever keeps a token over a restart or a reload keeps this with it. `daemon` asks for
//! it.

use aws_lc_rs::digest::{Context, SHA256};

use super::{ClusterConfig, Node, RedirectUri, StateParam};
use crate::domain::Fingerprint;

/// Begins the text that is hashed, so that no other text of ours has the same digest.
const LABEL: &str = "ucsso settings of a cluster, version 1";

impl ClusterConfig {
    /// The digest of whatever decides whose token it is, who gave it and who is told it. When it
    /// is renewed and how its human is asked is not in it, nor the proxy, which sees TLS alone.
    /// `authorities` is what is in the `ca_file`.
    #[must_use]
    pub fn fingerprint(&self, authorities: Option<&[u8]>) -> Fingerprint {
        // Nothing is left out by accident: a new setting does not compile until it is named here.
        let Self {
            name,
            product,
            nodes,
            authorize_hosts,
            user,
            redirect: RedirectUri { uri, landing, origin: _, path: _ },
            trust_domain,
            client_id,
            scope,
            extra_params,
            authorize_url,
            state,
            ca_file,
            proxy: _,
            verify_path,
            lifetime: _,
            policy: _,
        } = self;
        let mut text = Text(Context::new(&SHA256));
        text.field(LABEL);
        text.field(name.as_str());
        text.field(product.as_str());
        text.list(sorted(&nodes.iter().map(node).collect::<Vec<_>>()));
        text.list(sorted(authorize_hosts));
        for field in [user, uri, landing, client_id, scope, verify_path] {
            text.field(field);
        }
        text.list(trust_domain);
        text.list(extra_params.iter().flat_map(|(key, value)| [key, value]));
        text.list(authorize_url.as_ref().map(url::Url::as_str));
        text.field(match state {
            StateParam::Off => "off",
            StateParam::Send => "send",
            StateParam::Require => "require",
        });
        text.list(ca_file.as_ref().map(|file| file.as_os_str().as_encoded_bytes()));
        text.list(authorities);
        let mut digest = [0; 32];
        digest.copy_from_slice(text.0.finish().as_ref());
        Fingerprint(digest)
    }
}

/// A node in one text. The order in which nodes are tried means nothing for a token.
fn node(node: &Node) -> String {
    let Node { host, port, pins } = node;
    let pins = sorted(pins);
    format!("{host} {port} {}", pins.join(" "))
}

/// A list whose order means nothing, as texts in one order.
pub(super) fn sorted(list: &[impl ToString]) -> Vec<String> {
    let mut texts: Vec<_> = list.iter().map(ToString::to_string).collect();
    texts.sort_unstable();
    texts
}

/// The text that is hashed. Each part says how long it is, so that none runs into the next.
struct Text(Context);

impl Text {
    fn field(&mut self, field: impl AsRef<[u8]>) {
        let field = field.as_ref();
        self.0.update(&(field.len() as u64).to_be_bytes());
        self.0.update(field);
    }

    fn list<T: AsRef<[u8]>>(&mut self, fields: impl IntoIterator<Item = T>) {
        let fields: Vec<T> = fields.into_iter().collect();
        self.0.update(&(fields.len() as u64).to_be_bytes());
        for field in fields {
            self.field(field);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    const HQ: &str = "[clusters.hq]\nnodes = [\"one\", \"two\"]\nuser = \"alice\"\n";

    fn fingerprint(text: &str) -> Fingerprint {
        with_authorities(text, None)
    }

    fn with_authorities(text: &str, authorities: Option<&[u8]>) -> Fingerprint {
        let config = Config::parse(text, Path::new("config.toml")).unwrap();
        config.clusters.values().next().unwrap().fingerprint(authorities)
    }

    #[test]
    fn what_decides_whose_token_it_is_and_who_is_told_it_counts() {
        let pin = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let pins = format!("pins = {{ one = [\"{pin}\"] }}");
        let other = [
            "product = \"unity-connection\"",
            "redirect_uri = \"http://127.0.0.1:27444/cb/hq\"",
            "redirect_uri = \"http://127.0.0.1:27443/cb/other\"",
            "client_id = \"x\"",
            "scope = \"x\"",
            "trust_domain = \"example.com\"",
            "extra_params = { a = \"b\" }",
            "extra_params = { b = \"a\" }",
            "authorize_url = \"https://one:8443/ssosp/oauth/authorize\"",
            "authorize_hosts = [\"three\"]",
            "state = \"require\"",
            "ca_file = \"/etc/ca.pem\"",
            "verify_path = \"/cucm-uds/user/{user}/x\"",
            &pins,
        ];
        let mut seen = vec![fingerprint(HQ)];
        for line in other {
            seen.push(fingerprint(&format!("{HQ}{line}\n")));
        }
        for (this, that) in [("alice", "bob"), ("\"two\"", "\"two:8444\""), ("hq", "vm")] {
            seen.push(fingerprint(&HQ.replace(this, that)));
        }

        for authorities in [&b"one"[..], b"another"] {
            seen.push(with_authorities(HQ, Some(authorities)));
        }

        let count = seen.len();
        seen.sort_by_key(|print| print.0);
        seen.dedup();
        assert_eq!(seen.len(), count, "two of them are the same");
    }

    #[test]
    fn when_and_how_somebody_is_asked_does_not_count() {
        for line in [
            "renew = \"ahead\"",
            "login_timeout = \"2m\"",
            "snooze = \"1h\"",
            "notify = \"off\"",
            "lifetime = { max = \"1h\" }",
            "proxy = \"http://proxy:3128\"",
            "state = \"send\"",
        ] {
            assert_eq!(fingerprint(HQ), fingerprint(&format!("{HQ}{line}\n")), "{line}");
        }
        assert_eq!(
            fingerprint(HQ),
            fingerprint(&HQ.replace("\"one\", \"two\"", "\"two\", \"one\""))
        );
    }

    #[test]
    fn two_fields_do_not_run_into_each_other() {
        let text = |params: &str| fingerprint(&format!("{HQ}extra_params = {{ {params} }}\n"));

        assert_ne!(text("a = \"bc\""), text("ab = \"c\""));
        assert_ne!(text("a = \"b\", c = \"d\""), text("a = \"bcd\""));
    }
}
