//! Pages that are followed, pages that are not, and the request that is sent to them.

use super::*;
use crate::cisco::testing::{cluster, node};

fn hq() -> ClusterConfig {
    let mut config = cluster(vec![
        node("cucm-pub.example.com", 8443),
        node("cucm-sub.example.com", 443),
        node("10.0.0.7", 9443),
        node("2001:db8::7", 8443),
    ]);
    config.authorize_hosts = vec!["sso.example.com".into()];
    config
}

fn follow(uri: &str) -> Result<String, UriFlaw> {
    checked(uri, &hq()).map(String::from)
}

#[test]
fn the_page_may_be_on_any_node_of_the_cluster() {
    for uri in [
        "https://cucm-pub.example.com:8443/ssosp/oauth/authorize",
        "https://cucm-sub.example.com:8443/ssosp/oauth/authorize",
        "https://10.0.0.7:8443/ssosp/oauth/authorize",
        "https://10.0.0.7:9443/ssosp/oauth/authorize",
        "https://[2001:db8::7]:8443/ssosp/oauth/authorize",
        "https://sso.example.com:8443/ssosp/oauth/authorize",
        "https://cucm-pub.example.com:8443/ssosp/oauth/authorize?realm=local&x=%20",
    ] {
        assert_eq!(follow(uri).as_deref(), Ok(uri));
    }
}

#[test]
fn the_page_is_built_again_from_its_parts() {
    for (uri, rebuilt) in [
        (
            "HTTPS://CUCM-Pub.Example.COM:8443/ssosp/oauth/authorize",
            "https://cucm-pub.example.com:8443/ssosp/oauth/authorize",
        ),
        (
            "https://cucm-sub.example.com/ssosp/oauth/authorize",
            "https://cucm-sub.example.com/ssosp/oauth/authorize",
        ),
        (
            "https://cucm-pub.example.com:08443/ssosp/oauth/authorize",
            "https://cucm-pub.example.com:8443/ssosp/oauth/authorize",
        ),
        (
            "https://[2001:0db8:0::7]:8443/ssosp/oauth/authorize",
            "https://[2001:db8::7]:8443/ssosp/oauth/authorize",
        ),
    ] {
        assert_eq!(follow(uri).as_deref(), Ok(rebuilt), "{uri}");
    }
}

/// Asserts that each of these is refused for its own reason.
fn assert_refused<const N: usize>(hostile: [(&str, UriFlaw); N]) {
    for (uri, flaw) in hostile {
        assert_eq!(follow(uri), Err(flaw), "{uri:?}");
    }
}

#[test]
fn what_is_no_https_uri_is_not_followed() {
    assert_refused([
        ("", UriFlaw::NotHttps),
        ("/ssosp/oauth/authorize", UriFlaw::NotHttps),
        ("//cucm-pub.example.com:8443/ssosp/oauth/authorize", UriFlaw::NotHttps),
        ("cucm-pub.example.com:8443/ssosp/oauth/authorize", UriFlaw::NotHttps),
        ("http://cucm-pub.example.com:8443/ssosp/oauth/authorize", UriFlaw::NotHttps),
        ("ftp://cucm-pub.example.com:8443/ssosp/oauth/authorize", UriFlaw::NotHttps),
        ("file:///ssosp/oauth/authorize", UriFlaw::NotHttps),
        ("javascript://cucm-pub.example.com:8443/ssosp/oauth/authorize", UriFlaw::NotHttps),
        ("javascript:alert(1)", UriFlaw::NotHttps),
        ("data:text/html,x", UriFlaw::NotHttps),
        ("view-source:https://cucm-pub.example.com:8443/ssosp/oauth/authorize", UriFlaw::NotHttps),
        ("-opt https://x", UriFlaw::Characters),
        ("--new-window", UriFlaw::NotHttps),
        ("https:/cucm-pub.example.com:8443/ssosp/oauth/authorize", UriFlaw::NotHttps),
        ("https:\\\\cucm-pub.example.com\\ssosp\\oauth\\authorize", UriFlaw::Characters),
        ("https://evil\\@cucm-pub.example.com:8443/ssosp/oauth/authorize", UriFlaw::Characters),
        (" https://cucm-pub.example.com:8443/ssosp/oauth/authorize", UriFlaw::Characters),
        ("https://cucm-pub.example.com:8443/ssosp/oauth/authorize\n", UriFlaw::Characters),
        ("ht\ntps://cucm-pub.example.com:8443/ssosp/oauth/authorize", UriFlaw::Characters),
        ("https://cucm-pub.\texample.com:8443/ssosp/oauth/authorize", UriFlaw::Characters),
        ("https://cucm-pub.example.com:8443/ssosp/oauth/authorize\"", UriFlaw::Characters),
        ("https://cucm-pub.example.com:8443/ssosp/oauth/authorize`id`", UriFlaw::Characters),
        ("https://cucm-pub.example.com:8443/ssosp/oauth/authorize?{x}", UriFlaw::Characters),
        ("https://cucm\u{2010}pub.example.com:8443/ssosp/oauth/authorize", UriFlaw::Characters),
        ("https://cücm.example.com:8443/ssosp/oauth/authorize", UriFlaw::Characters),
        ("https://cucm-pub。example.com:8443/ssosp/oauth/authorize", UriFlaw::Characters),
        ("https://cucm%2dpub.example.com:8443/ssosp/oauth/authorize", UriFlaw::Characters),
        ("https://cucm-pub.example.com%00.evil:8443/ssosp/oauth/authorize", UriFlaw::Characters),
    ]);
}

#[test]
fn a_host_that_is_none_of_the_clusters_is_not_followed() {
    let foreign = |host: &str| UriFlaw::ForeignHost { host: host.into() };
    assert_refused([
        ("https://user@cucm-pub.example.com:8443/ssosp/oauth/authorize", UriFlaw::UserInfo),
        ("https://u:p@cucm-pub.example.com:8443/ssosp/oauth/authorize", UriFlaw::UserInfo),
        ("https://cucm-pub.example.com:8443@evil.com/ssosp/oauth/authorize", UriFlaw::UserInfo),
        ("https://@cucm-pub.example.com:8443/ssosp/oauth/authorize", UriFlaw::UserInfo),
        ("https://evil.com:8443/ssosp/oauth/authorize", foreign("evil.com")),
        ("https://evil.com:8443/ssosp/oauth/authorize?cucm-pub.example.com", foreign("evil.com")),
        (
            "https://cucm-pub.example.com.evil.com:8443/ssosp/oauth/authorize",
            foreign("cucm-pub.example.com.evil.com"),
        ),
        (
            "https://evilcucm-pub.example.com:8443/ssosp/oauth/authorize",
            foreign("evilcucm-pub.example.com"),
        ),
        (
            "https://cucm-pub.example.com.:8443/ssosp/oauth/authorize",
            foreign("cucm-pub.example.com."),
        ),
        ("https://example.com:8443/ssosp/oauth/authorize", foreign("example.com")),
        ("https://127.0.0.1:8443/ssosp/oauth/authorize", foreign("127.0.0.1")),
        ("https://10.7:9443/ssosp/oauth/authorize", foreign("10.7")),
        ("https://0x0a000007:9443/ssosp/oauth/authorize", foreign("0x0a000007")),
        ("https://167772167:9443/ssosp/oauth/authorize", foreign("167772167")),
        (
            "https://xn--cucm-pub.example.com:8443/ssosp/oauth/authorize",
            foreign("xn--cucm-pub.example.com"),
        ),
        ("https://[::1]:8443/ssosp/oauth/authorize", foreign("::1")),
        ("https://[::ffff:10.0.0.7]:8443/ssosp/oauth/authorize", foreign("::ffff:10.0.0.7")),
        ("https://[2001:db8::7%25eth0]:8443/ssosp/oauth/authorize", UriFlaw::Characters),
        ("https://[2001:db8::7]8443/ssosp/oauth/authorize", UriFlaw::Characters),
        ("https://[2001:db8::7/ssosp/oauth/authorize", UriFlaw::Characters),
        ("https://2001:db8::7/ssosp/oauth/authorize", UriFlaw::Characters),
        ("https://:8443/ssosp/oauth/authorize", UriFlaw::Characters),
        ("https:///ssosp/oauth/authorize", UriFlaw::Characters),
    ]);
}

#[test]
fn another_place_on_a_node_is_not_followed() {
    assert_refused([
        ("https://cucm-pub.example.com/ssosp/oauth/authorize", UriFlaw::ForeignPort),
        ("https://cucm-pub.example.com:443/ssosp/oauth/authorize", UriFlaw::ForeignPort),
        ("https://cucm-pub.example.com:9443/ssosp/oauth/authorize", UriFlaw::ForeignPort),
        ("https://sso.example.com:443/ssosp/oauth/authorize", UriFlaw::ForeignPort),
        ("https://cucm-pub.example.com:22/ssosp/oauth/authorize", UriFlaw::ForeignPort),
        ("https://cucm-pub.example.com:73979/ssosp/oauth/authorize", UriFlaw::ForeignPort),
        ("https://cucm-pub.example.com:/ssosp/oauth/authorize", UriFlaw::ForeignPort),
        ("https://cucm-pub.example.com:+8443/ssosp/oauth/authorize", UriFlaw::Characters),
        ("https://cucm-pub.example.com:8443:8443/ssosp/oauth/authorize", UriFlaw::Characters),
        ("https://cucm-pub.example.com:8443", UriFlaw::Path),
        ("https://cucm-pub.example.com:8443?/ssosp/oauth/authorize", UriFlaw::Path),
        ("https://cucm-pub.example.com:8443/", UriFlaw::Path),
        ("https://cucm-pub.example.com:8443/ssosp/oauth/authorize/", UriFlaw::Path),
        ("https://cucm-pub.example.com:8443//ssosp/oauth/authorize", UriFlaw::Path),
        ("https://cucm-pub.example.com:8443/ssosp/oauth/Authorize", UriFlaw::Path),
        ("https://cucm-pub.example.com:8443/x/../ssosp/oauth/authorize", UriFlaw::Path),
        ("https://cucm-pub.example.com:8443/ssosp/%6fauth/authorize", UriFlaw::Path),
        ("https://cucm-pub.example.com:8443/ssosp/oauth/authorize;x=1", UriFlaw::Path),
        ("https://cucm-pub.example.com:8443/ssosp/oauth/authorize%0d%0aX:1", UriFlaw::Path),
        ("https://cucm-pub.example.com:8443/ssosp/oauth/authorize%3Fa", UriFlaw::Path),
        ("https://cucm-pub.example.com:8443/ccmadmin/", UriFlaw::Path),
        ("https://cucm-pub.example.com:8443/ssosp/oauth/authorize#", UriFlaw::Fragment),
        (
            "https://cucm-pub.example.com:8443/ssosp/oauth/authorize#access_token=x",
            UriFlaw::Fragment,
        ),
        ("https://cucm-pub.example.com:8443/ssosp/oauth/authorize?a=%0d%0a", UriFlaw::Characters),
        (
            "https://cucm-pub.example.com:8443/ssosp/oauth/authorize?client_id=C1",
            UriFlaw::Parameters,
        ),
        (
            "https://cucm-pub.example.com:8443/ssosp/oauth/authorize?redirect%5Furi=x",
            UriFlaw::Parameters,
        ),
    ]);
}

#[test]
fn a_uri_that_is_too_long_is_not_followed() {
    let good = "https://cucm-pub.example.com:8443/ssosp/oauth/authorize?";

    let longest = format!("{good}{}", "a".repeat(MAX_LEN - good.len()));

    assert_eq!(follow(&longest).as_deref(), Ok(longest.as_str()));
    assert_eq!(follow(&format!("{longest}a")), Err(UriFlaw::TooLong));
}

#[test]
fn the_request_has_what_the_tutorial_sends() {
    let config = hq();
    let page = checked("https://cucm-pub.example.com:8443/ssosp/oauth/authorize", &config).unwrap();

    let request = request(&page, &config, None);

    assert_eq!(
        request.as_str(),
        "https://cucm-pub.example.com:8443/ssosp/oauth/authorize?\
         scope=UnifiedCommunications:readwrite&response_type=token&\
         redirect_uri=http%3A%2F%2F127.0.0.1%3A27443%2Fcb%2Fhq&client_id=C69908c4"
    );
}

#[test]
fn the_request_keeps_the_query_of_the_page_and_adds_what_is_configured() {
    let mut config = hq();
    config.extra_params = vec![("token_type".into(), "a b&c=#".into())];
    let page = checked("https://cucm-pub.example.com:8443/ssosp/oauth/authorize?realm=x", &config)
        .unwrap();

    let request = request(&page, &config, Some("st-1_x"));

    assert_eq!(request.fragment(), None);
    let pairs: Vec<_> = request.query_pairs().into_owned().collect();
    let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(
        pairs,
        [
            ("realm", "x"),
            ("scope", "UnifiedCommunications:readwrite"),
            ("response_type", "token"),
            ("redirect_uri", "http://127.0.0.1:27443/cb/hq"),
            ("client_id", "C69908c4"),
            ("state", "st-1_x"),
            ("token_type", "a b&c=#"),
        ]
    );
}

#[test]
fn the_issuer_is_the_node_that_has_the_page() {
    let mut config = hq();
    config.nodes.push(node("10.0.0.7", 8443));
    let issuer = |uri: &str| issuer(&checked(uri, &config).unwrap(), &config.nodes);

    assert_eq!(issuer("https://cucm-sub.example.com:8443/ssosp/oauth/authorize"), Some(1));
    assert_eq!(issuer("https://cucm-sub.example.com:443/ssosp/oauth/authorize"), Some(1));
    assert_eq!(issuer("https://10.0.0.7:8443/ssosp/oauth/authorize"), Some(4));
    assert_eq!(issuer("https://10.0.0.7:9443/ssosp/oauth/authorize"), Some(2));
    assert_eq!(issuer("https://[2001:db8::7]:8443/ssosp/oauth/authorize"), Some(3));
    assert_eq!(issuer("https://sso.example.com:8443/ssosp/oauth/authorize"), None);
}

#[test]
fn a_host_that_no_name_could_be_is_not_repeated() {
    let longest = format!("{}.example.com", "x".repeat(241));

    assert_eq!(
        follow(&format!("https://{longest}:8443{PATH}")),
        Err(UriFlaw::ForeignHost { host: longest.clone() })
    );
    assert_eq!(follow(&format!("https://x{longest}:8443{PATH}")), Err(UriFlaw::TooLong));
}
