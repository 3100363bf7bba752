//! Documents as releases may send them, and as attackers would.

use super::*;

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>";
const VALID: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>",
    "<SSOResult version=\"1.0\"><Response><SingleSignOn><Status enabled=\"true\"/>",
    "<Token>true</Token><Uri>https://cucm-sub.example.com:8443/ssosp/oauth/authorize</Uri>",
    "</SingleSignOn></Response></SSOResult>",
);
const URI: &str = "https://cucm-sub.example.com:8443/ssosp/oauth/authorize";

fn read(document: &str) -> Result<SingleSignOn, XmlFlaw> {
    single_sign_on(document.as_bytes())
}

fn enabled(uri: &str) -> SingleSignOn {
    SingleSignOn::Enabled { uri: uri.to_owned() }
}

#[test]
fn the_shapes_that_releases_may_send_are_read() {
    let bom = format!("\u{feff}{VALID}");
    let spaced = VALID.replace("><", ">\r\n\t <");
    let prefixed = VALID
        .replace("SSOResult version", "c:SSOResult xmlns:c='urn:x' version")
        .replace("/SSOResult", "/c:SSOResult")
        .replace("<Status enabled", "<c:Status c:enabled")
        .replace("Uri>", "c:Uri>");
    let upper = "<Status enabled='TRUE'></Status>";
    let off = "<SingleSignOn><Status enabled='false'/></SingleSignOn>";
    let bare = "<SingleSignOn><Status enabled='true'/><Uri/></SingleSignOn>";
    let good = format!("<SingleSignOn><Status enabled='true'/><Uri>{URI}</Uri></SingleSignOn>");
    let escaped = URI.replace(':', "&#58;").replace('/', "&#x2F;");
    let variants = [
        VALID.to_owned(),
        bom,
        spaced,
        prefixed,
        format!("\r\n{VALID}\r\n<!-- served by node 2 -->\n"),
        format!("<SingleSignOn><Uri> {URI}\r\n</Uri>{upper}</SingleSignOn>"),
        format!("<a><Status x='&lt;' enabled=' 1 '/><Uri>{URI}</Uri></a>"),
        format!("<a><!-- one --><Uri>{URI}</Uri><New><Deep/>a &amp; b</New>{upper}</a>"),
        format!("<a>{off}{bare}{good}{good}</a>"),
        format!("<a><Status enabled='true'/><Uri>{escaped}</Uri></a>"),
    ];

    for document in &variants {
        assert_eq!(read(document), Ok(enabled(URI)), "{document}");
    }
}

#[test]
fn an_ampersand_in_the_uri_survives_its_reference() {
    let document = VALID.replace("authorize<", "authorize?a=1&amp;b=2&#38;c=3<");

    assert_eq!(read(&document), Ok(enabled(&format!("{URI}?a=1&b=2&c=3"))));
}

#[test]
fn switched_off_is_an_answer_whatever_the_uri() {
    for rest in ["", "<Uri/>", "<Uri> </Uri>", "<Uri>https://x</Uri>", "<Token>false</Token>"] {
        for word in ["false", "FALSE", "0", " False "] {
            let group = format!("<Status enabled=\"{word}\"/>{rest}");
            let document = format!("<S><R><SingleSignOn>{group}</SingleSignOn></R></S>");

            assert_eq!(read(&document), Ok(SingleSignOn::Disabled), "{document}");
        }
    }
}

/// Asserts that each of these is refused for its own reason.
fn assert_refused<const N: usize>(hostile: [(&str, &str, XmlFlaw); N]) {
    for (what, document, flaw) in hostile {
        assert_eq!(read(document), Err(flaw), "{what}: {document}");
    }
}

#[test]
fn parts_of_xml_that_no_cluster_needs_are_refused() {
    let dtd = |subset: &str| {
        format!("<!DOCTYPE l [{subset}]><l><Status enabled='true'/><Uri>&x;</Uri></l>")
    };
    let bomb = dtd("<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;&a;'><!ENTITY x '&b;&b;&b;&b;'>");
    let cdata = VALID.replace("<Uri>", "<Uri><![CDATA[").replace("</Uri>", "]]></Uri>");
    assert_refused([
        ("entity bomb", &bomb, XmlFlaw::Forbidden),
        ("file entity", &dtd("<!ENTITY x SYSTEM 'file:///etc/passwd'>"), XmlFlaw::Forbidden),
        ("external DTD", "<!DOCTYPE l SYSTEM 'http://127.0.0.1:9/x'><l/>", XmlFlaw::Forbidden),
        ("DTD without anything", "<!DOCTYPE html><l/>", XmlFlaw::Forbidden),
        ("unknown entity", &VALID.replace("cucm-sub", "&host;"), XmlFlaw::Forbidden),
        ("entity in attribute", "<l><Status enabled='&t;'/></l>", XmlFlaw::Forbidden),
        ("stylesheet", "<?xml-stylesheet href='x'?><l/>", XmlFlaw::Forbidden),
        ("instruction inside", &VALID.replace("<Token>", "<?php x?><Token>"), XmlFlaw::Forbidden),
        ("CDATA", &cdata, XmlFlaw::Forbidden),
        ("HTML page", "<!doctype html><html><body><br></body></html>", XmlFlaw::Forbidden),
        ("XHTML page", "<html xmlns='x'><body><form/></body></html>", XmlFlaw::WebPage),
    ]);
}

#[test]
fn documents_that_would_tire_us_are_refused() {
    let status = "<Status enabled='true'/>";
    let deep = |levels| format!("{}{status}{}", "<l>".repeat(levels), "</l>".repeat(levels));
    let attributes = " a='' b='' c='' d='' e='' f='' g='' h='' i='' j='' k='' l='' m='' n='' o=''";
    assert_eq!(read(&deep(15)), Err(XmlFlaw::NoUri));
    assert_eq!(read(&format!("<l{attributes} p=''>{status}</l>")), Err(XmlFlaw::NoUri));
    assert_refused([
        ("17 levels", &deep(16), XmlFlaw::TooMuch),
        ("17 attributes", &format!("<l{attributes} p='' q=''>{status}</l>"), XmlFlaw::TooMuch),
        ("4097 elements", &format!("<l>{}</l>", "<a/>".repeat(4096)), XmlFlaw::TooMuch),
        ("more than 64 KiB", &format!("<l>{}</l>", " ".repeat(MAX_BYTES)), XmlFlaw::TooMuch),
        ("nothing but open tags", &"<a>".repeat(21_000), XmlFlaw::TooMuch),
        ("nothing but attributes", &format!("<a{}", " b=''".repeat(13_000)), XmlFlaw::Truncated),
    ]);
}

#[test]
fn documents_that_are_not_well_formed_are_refused() {
    let bare = VALID.strip_prefix(DECLARATION).unwrap();
    assert_refused([
        ("comment splits the host", &VALID.replace("cucm-", "cucm<!---->-"), XmlFlaw::Malformed),
        ("element splits the host", &VALID.replace("cucm-", "cucm<b/>-"), XmlFlaw::Malformed),
        ("crossed tags", "<l><a></l></a>", XmlFlaw::Malformed),
        ("two roots", &format!("{bare}{bare}"), XmlFlaw::Malformed),
        ("text after the root", &format!("{VALID}x"), XmlFlaw::Malformed),
        ("reference after the root", &format!("{VALID}&lt;"), XmlFlaw::Malformed),
        ("late declaration", &format!("<l/>{DECLARATION}"), XmlFlaw::Malformed),
        ("one attribute twice", "<Status enabled='false' enabled='true'/>", XmlFlaw::Malformed),
        ("NUL", &VALID.replace("cucm", "cu\0cm"), XmlFlaw::NotText),
        ("NUL by reference", &VALID.replace("cucm", "cu&#0;cm"), XmlFlaw::Malformed),
        ("escape by reference", &VALID.replace("cucm", "cu&#27;cm"), XmlFlaw::NotText),
        ("surrogate by reference", &VALID.replace("cucm", "cu&#xD800;cm"), XmlFlaw::Malformed),
        ("bare ampersand", &VALID.replace("cucm", "cu&cm"), XmlFlaw::Malformed),
        ("JSON", "{\"enabled\":true}", XmlFlaw::Malformed),
        ("nothing", "", XmlFlaw::Truncated),
    ]);
}

#[test]
fn documents_that_say_nothing_or_two_things_are_refused() {
    let on = "<Status enabled='true'/>";
    let prefixed = "<l><Status enabled='false' x:enabled='true'/></l>";
    let group = |status: &str| format!("<SingleSignOn>{status}</SingleSignOn>");
    let on_and_off = format!("<l>{}{}</l>", group(on), group("<Status enabled='0'/>"));
    let two_uris = format!("<l>{on}<Uri>https://a/</Uri><Uri>https://b/</Uri></l>");
    assert_refused([
        ("two Status", &format!("<l>{on}<Status enabled='false'/></l>"), XmlFlaw::Ambiguous),
        ("two Uri", &two_uris, XmlFlaw::Ambiguous),
        ("one attribute in two namespaces", prefixed, XmlFlaw::NoStatus),
        ("an odd word", "<l><Status enabled='yes'/></l>", XmlFlaw::NoStatus),
        ("no word", "<l><Status/></l>", XmlFlaw::NoStatus),
        ("no Status", "<l><Uri>https://a/</Uri></l>", XmlFlaw::NoStatus),
        ("no Uri", &format!("<l>{on}</l>"), XmlFlaw::NoUri),
        ("an empty Uri", &format!("<l>{on}<Uri>\n</Uri></l>"), XmlFlaw::NoUri),
        ("no Uri in one, off in the other", &on_and_off, XmlFlaw::NoUri),
    ]);
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    let utf16: Vec<u8> = "\u{feff}<l/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin1 = [b"<l>\xe9".as_slice(), b"</l>"].concat();

    for body in [utf16, latin1, vec![0xff; 8]] {
        assert_eq!(single_sign_on(&body), Err(XmlFlaw::NotText));
    }
}

#[test]
fn a_document_cut_at_any_byte_is_refused() {
    for end in 0..VALID.len() {
        assert!(read(&VALID[..end]).is_err(), "{}", &VALID[..end]);
    }
    assert_eq!(read(VALID), Ok(enabled(URI)));
}

#[test]
fn a_user_document_gives_its_own_name_and_no_other() {
    let manager = "<manager><userName>bob</userName></manager>";
    let user = format!("<user uri='u'><userName> alice </userName>{manager}</user>");

    assert_eq!(user_name(user.as_bytes()), Ok(Some("alice".to_owned())));
    assert_eq!(user_name(b"<user><id>7</id></user>"), Ok(None));
    assert_eq!(
        user_name(b"<u><userName>a</userName><userName>b</userName></u>"),
        Err(XmlFlaw::Ambiguous)
    );
    assert_eq!(user_name(b"<HTML><body/></HTML>"), Err(XmlFlaw::WebPage));
    assert_eq!(user_name(b""), Err(XmlFlaw::Truncated));
}
