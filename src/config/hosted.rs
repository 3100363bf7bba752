//! A redirect URI on another server: a page there that leads the browser on to the landing page.
//!
//! For clusters whose administrator registers nothing but pages of the company's web server. What
//! has to hold for the landing page itself is in `place`. Called by `cluster`.

use url::{Host, Url};

use super::value::{Wrong, shown};

/// Whether this names a page on another server. What names this machine is no such page, and what
/// is no https is not worth it.
pub(super) fn is_hosted(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        url.scheme() == "https"
            && match url.host() {
                Some(Host::Ipv4(address)) => !address.is_loopback(),
                Some(Host::Ipv6(address)) => !address.is_loopback(),
                Some(Host::Domain(name)) => name != "localhost",
                None => false,
            }
    })
}

/// Reads the address of a page on another server.
pub(super) fn page(text: &str) -> Result<String, Wrong> {
    let wrong = |message: String| {
        Wrong::new(message, "write for example \"https://intranet.example.com/ucsso/hq.html\"")
    };
    let url = Url::parse(text).map_err(|_| wrong(format!("{} is not a URL", shown(text))))?;
    let userinfo = !url.username().is_empty() || url.password().is_some();
    if url.query().is_some() || url.fragment().is_some() || userinfo {
        return Err(wrong("it has a query, a fragment or a user name".to_owned()));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._~-".contains(&byte);
    if url.path() == "/" || !url.path().bytes().all(plain) {
        return Err(wrong("there has to be a path, of plain letters".to_owned()));
    }
    if url.as_str() != text {
        return Err(Wrong::new(
            "the cluster compares this text letter by letter, and browsers write it differently",
            format!("write \"{url}\""),
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_on_another_server_is_told_from_one_on_this_machine() {
        for hosted in ["https://intranet.example.com/hq.html", "https://10.0.0.7:8443/hq"] {
            assert!(is_hosted(hosted), "{hosted}");
            assert_eq!(page(hosted), Ok(hosted.to_owned()));
        }
        for here in [
            "http://127.0.0.1:27443/cb/hq",
            "https://127.0.0.1:27443/cb/hq",
            "https://127.0.0.2/cb/hq",
            "https://[::1]:27443/cb/hq",
            "https://localhost:27443/cb/hq",
            "https://LOCALHOST:27443/cb/hq",
            "http://intranet.example.com/hq.html",
            "ftp://intranet.example.com/hq.html",
            "intranet.example.com/hq.html",
            "",
        ] {
            assert!(!is_hosted(here), "{here}");
        }
    }

    #[test]
    fn a_page_is_written_as_browsers_write_it() {
        for wrong in [
            "https://intranet.example.com",
            "https://intranet.example.com/",
            "https://intranet.example.com/hq.html?x",
            "https://intranet.example.com/hq.html#x",
            "https://me@intranet.example.com/hq.html",
            "https://intranet.example.com:443/hq.html",
            "https://Intranet.example.com/hq.html",
            "https://intranet.example.com/a/../hq.html",
            "https://intranet.example.com/%68q.html",
            "https://intranet.example.com/hq\"html",
            " https://intranet.example.com/hq.html",
        ] {
            assert!(page(wrong).is_err(), "{wrong}");
        }
    }
}
