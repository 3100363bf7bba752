//! The pages of the identity provider. None needs a script: where one saves a click, a button
//! does the same without it.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::{
    StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY},
};

use super::{
    super::{
        http::{Answer, escaped, html, set},
        users::USERS,
    },
    LOGIN_PATH,
};

/// The login form for a user of `provider`.
pub(super) fn form(
    provider: &str,
    request: &str,
    relay_state: &str,
    name: &str,
    wrong: bool,
) -> Answer {
    let users: Vec<String> = USERS
        .iter()
        .map(|user| {
            format!(
                "<tr><td><code>{}</code></td><td><code>{}</code></td></tr>",
                user.id, user.password
            )
        })
        .collect();
    let users = users.concat();
    let complaint = if wrong {
        "<p class=\"wrong\" role=\"alert\">User name and password do not belong together.</p>"
    } else {
        ""
    };
    let body = format!(
        "<h1>Log in</h1><p>to <strong>{provider}</strong></p>{complaint}\
         <form method=\"post\" action=\"{LOGIN_PATH}\">\
         <input type=\"hidden\" name=\"SAMLRequest\" value=\"{request}\">\
         <input type=\"hidden\" name=\"RelayState\" value=\"{relay_state}\">\
         <label>User name<input name=\"username\" value=\"{name}\" autocomplete=\"username\" \
         autocapitalize=\"none\" autofocus required></label>\
         <label>Password<input type=\"password\" name=\"password\" \
         autocomplete=\"current-password\" required></label>\
         <button>Log in</button></form>\
         <aside><p>This is a lab, and these are its people:</p><table><tr><th>User name</th>\
         <th>Password</th></tr>{users}</table></aside>",
        provider = escaped(provider),
        request = escaped(request),
        relay_state = escaped(relay_state),
        name = escaped(name),
    );
    page(&document("", &body))
}

/// A page that carries `response` on to `acs_url`, by itself where scripts run.
pub(super) fn post(acs_url: &str, response: &str, relay_state: &str) -> Answer {
    let body = format!(
        "<h1>One moment</h1><form method=\"post\" action=\"{}\">\
         <input type=\"hidden\" name=\"SAMLResponse\" value=\"{}\">\
         <input type=\"hidden\" name=\"RelayState\" value=\"{}\">\
         <noscript><p>Scripts are off here, so this needs a hand.</p><button>Go on</button>\
         </noscript></form>",
        escaped(acs_url),
        BASE64_STANDARD.encode(response),
        escaped(relay_state),
    );
    page(&document(" onload=\"document.forms[0].submit()\"", &body))
}

/// A page with a sentence.
pub(super) fn notice(sentence: &str) -> String {
    document("", &format!("<h1>Sorry</h1><p>{}</p>", escaped(sentence)))
}

fn page(document: &str) -> Answer {
    let mut answer = html(StatusCode::OK, document.to_owned());
    set(&mut answer, CACHE_CONTROL, "no-store");
    // Somebody else's page must not put the form into a frame.
    set(&mut answer, CONTENT_SECURITY_POLICY, "frame-ancestors 'none'");
    answer
}

fn document(body_attributes: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Lab identity \
         provider</title><meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}\
         </style></head><body{body_attributes}><main><header>Lab identity provider</header>{body}\
         </main></body></html>"
    )
}

const STYLE: &str = "\
:root{color-scheme:light dark;--page:#eef1f4;--card:#fff;--text:#1d2733;--soft:#5b6b7b;\
--line:#cfd8e1;--accent:#0b6e8f;--wrong:#b3261e}\
@media(prefers-color-scheme:dark){:root{--page:#10161c;--card:#1a222b;--text:#e6edf3;\
--soft:#9aa8b6;--line:#34414e;--accent:#4fb3d1;--wrong:#ff8a80}}\
*{box-sizing:border-box}\
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--page);\
color:var(--text);font:16px/1.5 system-ui,sans-serif}\
main{width:min(26rem,92vw);padding:2rem;background:var(--card);border:1px solid var(--line);\
border-radius:12px}\
header{color:var(--soft);font-size:.85rem}\
h1{margin:.25rem 0;font-size:1.5rem}\
label{display:block;margin-top:1rem;font-size:.9rem}\
input{display:block;width:100%;margin-top:.25rem;padding:.6rem;font:inherit;color:inherit;\
background:transparent;border:1px solid var(--line);border-radius:8px}\
button{width:100%;margin-top:1.5rem;padding:.7rem;font:inherit;font-weight:600;color:var(--card);\
background:var(--accent);border:0;border-radius:8px;cursor:pointer}\
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}\
aside{margin-top:1.5rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--soft);\
font-size:.9rem}\
aside p{margin:0}th,td{padding:.1rem 1.5rem .1rem 0;text-align:left;font-weight:400}\
.wrong{color:var(--wrong)}";
