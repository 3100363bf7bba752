//! A small cookie jar: each cookie belongs to the host that set it (RFC 6265 5.3, host-only) and
//! lives as long as the jar. Nothing a login meets needs more.

use url::Url;

/// Cookies, the latest last.
#[derive(Default)]
pub(super) struct Jar(Vec<Cookie>);

struct Cookie {
    host: String,
    path: String,
    name: String,
    value: String,
    secure: bool,
}

impl Jar {
    /// Takes a `Set-Cookie` of the page at `url`. `Max-Age=0` takes a cookie away.
    pub(super) fn keep(&mut self, url: &Url, line: &str) {
        let mut parts = line.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        let attributes: Vec<(String, &str)> = parts
            .map(|part| part.split_once('=').unwrap_or((part, "")))
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        let attribute = |wanted: &str| {
            attributes.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value)
        };
        let cookie = Cookie {
            host: url.host_str().unwrap_or_default().to_owned(),
            path: attribute("path").filter(|path| path.starts_with('/')).unwrap_or("/").to_owned(),
            name: name.to_owned(),
            value: value.to_owned(),
            secure: attribute("secure").is_some(),
        };
        self.0.retain(|old| {
            (&old.host, &old.path, &old.name) != (&cookie.host, &cookie.path, &cookie.name)
        });
        if attribute("max-age") != Some("0") {
            self.0.push(cookie);
        }
    }

    /// The `Cookie` header for a request to `url`.
    pub(super) fn cookies_for(&self, url: &Url) -> Option<String> {
        let pairs: Vec<String> = self
            .0
            .iter()
            .filter(|cookie| Some(cookie.host.as_str()) == url.host_str())
            .filter(|cookie| is_below(url.path(), &cookie.path))
            .filter(|cookie| !cookie.secure || url.scheme() == "https")
            .map(|cookie| format!("{}={}", cookie.name, cookie.value))
            .collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

/// RFC 6265 5.1.4.
fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || folder.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn a_cookie_goes_back_to_its_host_and_path_alone() {
        let mut jar = Jar::default();

        jar.keep(&url("https://a.localhost/x"), "k=v=1; Path=/ssosp; Secure; HttpOnly");

        assert_eq!(jar.cookies_for(&url("https://a.localhost/ssosp/y")).as_deref(), Some("k=v=1"));
        assert_eq!(jar.cookies_for(&url("https://a.localhost/ssospx")), None);
        assert_eq!(jar.cookies_for(&url("http://a.localhost/ssosp")), None);
        assert_eq!(jar.cookies_for(&url("https://b.localhost/ssosp")), None);
    }

    #[test]
    fn a_cookie_is_replaced_and_taken_away() {
        let mut jar = Jar::default();
        let page = url("https://a.localhost/");

        jar.keep(&page, "k=1");
        jar.keep(&page, "k=2");
        assert_eq!(jar.cookies_for(&page).as_deref(), Some("k=2"));

        jar.keep(&page, "k=; Max-Age=0");
        assert_eq!(jar.cookies_for(&page), None);
    }
}
