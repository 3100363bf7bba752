//! What the pages look like, and what their scripts may do.
//!
//! Three pages of one shape: the start page, the landing page, and a notice without a script.
//! Script and style are fixed, so the content security policy names them by digest (CSP3 8.3);
//! what differs from login to login is in attributes, and always escaped. The page of a redirect
//! is served before anybody knows what came back, so nothing of that can be in it.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{refusal::Refusal, verdict::Verdict, visit::Beginning};

const SHELL: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const START: &str = include_str!("start.js");
#[cfg(not(feature = "insecure-test-no-nonce"))]
const LANDING: &str = include_str!("landing.js");
/// Posts without a nonce, too: of two functions of one name, the later counts.
#[cfg(feature = "insecure-test-no-nonce")]
const LANDING: &str =
    concat!(include_str!("landing.js"), "function takeNonce() { return \"\"; }\n");

static START_POLICY: LazyLock<String> = LazyLock::new(|| policy(&digest_of(START), "'none'"));
static LANDING_POLICY: LazyLock<String> = LazyLock::new(|| policy(&digest_of(LANDING), "'self'"));
static NOTICE_POLICY: LazyLock<String> = LazyLock::new(|| policy("'none'", "'none'"));

/// A page with its content security policy.
pub(super) struct Page {
    pub(super) html: String,
    pub(super) policy: &'static str,
}

impl Page {
    /// The policy of an answer that is no page: nothing may be loaded, framed or run.
    pub(super) const NO_SCRIPT: &'static str =
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    /// The page that puts the nonce away and goes on to the cluster.
    pub(super) fn start(beginning: &Beginning) -> Self {
        let shape = Shape {
            state: "going",
            script: START,
            cluster: &beginning.label,
            key: &key(&beginning.path),
            nonce: beginning.nonce.expose(),
            next: beginning.target.as_str(),
            title: &format!("Going to the login of {}", beginning.label),
            lines: &[],
        };
        Self { html: shape.html(), policy: &START_POLICY }
    }

    /// The page that the cluster redirects to.
    pub(super) fn landing(path: &str, label: &str) -> Self {
        let shape = Shape {
            state: "checking",
            script: LANDING,
            cluster: label,
            key: &key(path),
            title: &format!("Checking with {label}"),
            ..Shape::default()
        };
        Self { html: shape.html(), policy: &LANDING_POLICY }
    }

    /// What a refused visit shows.
    pub(super) fn notice(refusal: Refusal, said: &Verdict) -> Self {
        let idle = matches!(refusal, Refusal::NothingPending | Refusal::UnknownPath);
        let shape = Shape {
            state: if idle { "idle" } else { "failed" },
            title: &said.title,
            lines: &said.lines,
            ..Shape::default()
        };
        Self { html: shape.html(), policy: &NOTICE_POLICY }
    }
}

/// What a page is made of, before it is escaped.
#[derive(Default)]
struct Shape<'a> {
    /// What `page.css` draws: `going`, `checking`, `done`, `failed` or `idle`.
    state: &'a str,
    script: &'static str,
    cluster: &'a str,
    key: &'a str,
    nonce: &'a str,
    next: &'a str,
    title: &'a str,
    lines: &'a [String],
}

impl Shape<'_> {
    fn html(&self) -> String {
        let mut html = String::with_capacity(16 * 1024);
        let mut rest = SHELL;
        // In one pass: a value with braces in it is not filled in a second time.
        while let Some((before, (name, after))) =
            rest.split_once("{{").and_then(|(before, hole)| Some((before, hole.split_once("}}")?)))
        {
            html.push_str(before);
            match name {
                "style" => html.push_str(STYLE),
                "script" => html.push_str(&element(self.script)),
                "state" => html.push_str(&escaped(self.state)),
                "cluster" => html.push_str(&escaped(self.cluster)),
                "key" => html.push_str(&escaped(self.key)),
                "nonce" => html.push_str(&escaped(self.nonce)),
                "next" => html.push_str(&escaped(self.next)),
                "title" => html.push_str(&escaped(self.title)),
                "lines" => self.lines.iter().for_each(|line| html.push_str(&paragraph(line))),
                _ => unreachable!("page.html has no other holes"),
            }
            rest = after;
        }
        html.push_str(rest);
        html
    }
}

/// Where the start page leaves the nonce for the landing page, in `sessionStorage`.
fn key(path: &str) -> String {
    format!("ucsso:{path}")
}

/// A line with its commands as code. The scripts do the same for the lines they get.
fn paragraph(line: &str) -> String {
    let parts = line.split('`').enumerate().map(|(at, part)| match at % 2 {
        0 => escaped(part),
        _ => format!("<code>{}</code>", escaped(part)),
    });
    format!("<p>{}</p>", parts.collect::<String>())
}

/// Text as it may stand between tags and in a quoted attribute.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// A script as an element; a page without a script has none.
fn element(script: &str) -> String {
    if script.is_empty() { String::new() } else { format!("<script>{script}</script>") }
}

/// Lets a page run `script` and nothing else, and speak to `connect` and nobody else.
fn policy(script: &str, connect: &str) -> String {
    format!(
        "default-src 'none'; script-src {script}; style-src {}; connect-src {connect}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'",
        digest_of(STYLE)
    )
}

/// The text of an element as a content security policy names it.
fn digest_of(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::browser::visit::OneTime;

    fn start(target: &str) -> (Page, OneTime) {
        let nonce = OneTime::draw();
        let beginning = Beginning {
            path: "/cb/hq".into(),
            label: "hq".into(),
            target: target.parse().unwrap(),
            nonce: nonce.clone(),
        };
        (Page::start(&beginning), nonce)
    }

    #[test]
    fn the_start_page_carries_nonce_key_and_target_in_attributes() {
        let (page, nonce) = start("https://cucm-pub:8443/authorize?a=1&b=2");

        assert!(page.html.contains(&format!(r#"data-nonce="{}""#, nonce.expose())));
        assert!(page.html.contains(r#"data-key="ucsso:/cb/hq""#));
        assert!(page.html.contains(r#"data-next="https://cucm-pub:8443/authorize?a=1&amp;b=2""#));
    }

    #[test]
    fn a_target_cannot_leave_its_attribute_or_ask_for_the_nonce() {
        let (page, nonce) = start("https://x/?a='onload='y'&b=%22&c={{nonce}}");

        assert!(page.html.contains("{{nonce}}"));
        assert_eq!(page.html.matches(nonce.expose()).count(), 1);
        assert!(!page.html.contains("'onload="));
    }

    #[test]
    fn a_label_is_text() {
        let page = Page::landing("/cb/hq", "<b onclick=\"x\">&'");

        assert!(page.html.contains("&lt;b onclick=&quot;x&quot;&gt;&amp;&#39;"));
        assert!(!page.html.contains("<b onclick"));
    }

    #[test]
    fn a_policy_names_the_script_that_is_in_the_page() {
        let pages = [start("https://x/").0, Page::landing("/cb/hq", "hq")];
        for page in pages {
            let (_, script) = page.html.split_once("<script>").unwrap();
            let (script, _) = script.split_once("</script>").unwrap();

            assert!(page.policy.contains(&format!("script-src {};", digest_of(script))));
            assert!(!page.policy.contains("unsafe"));
        }
    }

    #[test]
    fn scripts_and_style_stay_inside_their_elements() {
        for text in [START, LANDING, STYLE] {
            assert!(!text.contains("</") && !text.contains("<!--") && !text.contains('\r'));
        }
    }

    #[test]
    fn scripts_make_text_and_never_markup() {
        for word in ["innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval", "src"] {
            assert!(!START.contains(word) && !LANDING.contains(word), "{word}");
        }
    }

    #[test]
    fn the_token_leaves_the_address_bar_before_anything_else() {
        let statements: Vec<&str> = LANDING
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with("//") && !line.contains("strict"))
            .collect();

        assert!(statements[0].contains("location.hash"), "{}", statements[0]);
        assert!(statements[1].starts_with("history.replaceState("), "{}", statements[1]);
    }

    #[test]
    fn a_notice_shows_commands_as_code() {
        let page = Page::notice(Refusal::Ticket, &Verdict::refused(Refusal::Ticket));

        assert!(page.html.contains("<p><code>ucssoctl login</code> begins a new one.</p>"));
        assert!(page.html.contains(r#"data-state="failed""#));
        assert!(!page.html.contains("<script") && page.policy.contains("script-src 'none'"));
    }
}
