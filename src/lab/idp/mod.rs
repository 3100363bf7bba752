//! The lab's own identity provider: a form, a cookie, a signed response.
//!
//! It answers service providers that it knows and nobody else, and sends a response only to the
//! address that it knows of them. Its pages are in `page`, its SAML is in `saml`.

mod page;

use std::{
    sync::Mutex,
    time::{Duration, SystemTime},
};

use hyper::{Method, StatusCode};

use super::{
    estate::Estate,
    faults::IdpMood,
    http::{Answer, Ask, html, set_cookie, tomcat, xml},
    random,
    saml::{AuthnRequest, Login, Signer, denial, idp_metadata, response},
    users,
};

pub(super) const HOST: &str = "idp.lab.localhost";
pub(super) const METADATA_PATH: &str = "/idp/metadata";
pub(super) const SSO_PATH: &str = "/idp/sso";
const LOGIN_PATH: &str = "/idp/login";
const COOKIE: &str = "lab_idp";

/// The identity provider.
pub(super) struct OwnIdp {
    pub(super) entity_id: String,
    pub(super) sso_url: String,
    pub(super) signer: Signer,
    /// Browsers that have logged in: cookie, user, when.
    browsers: Mutex<Vec<(String, &'static str, SystemTime)>>,
}

/// The most browsers that are remembered; the oldest go first.
const MOST_BROWSERS: usize = 1_000;

impl OwnIdp {
    pub(super) fn new(port: u16, signer: Signer) -> Self {
        let at = |path| format!("https://{HOST}:{port}{path}");
        let (entity_id, sso_url) = (at(METADATA_PATH), at(SSO_PATH));
        Self { entity_id, sso_url, signer, browsers: Mutex::default() }
    }

    pub(super) async fn answer(&self, estate: &Estate, ask: &Ask) -> Answer {
        match (ask.path.as_str(), &ask.method) {
            (METADATA_PATH, &Method::GET) => {
                xml(idp_metadata(&self.entity_id, &self.sso_url, &self.signer.certificate))
            }
            (SSO_PATH, &Method::GET) => self.begin(estate, ask).await,
            (LOGIN_PATH, &Method::POST) => self.log_in(estate, ask),
            _ => tomcat(StatusCode::NOT_FOUND),
        }
    }

    /// A request has come: whoever is remembered goes straight back, others see the form.
    async fn begin(&self, estate: &Estate, ask: &Ask) -> Answer {
        let (mood, remembers) = {
            let behaviour = estate.behaviour();
            (behaviour.idp, behaviour.idp_session)
        };
        let parameter = ask.param("SAMLRequest").unwrap_or_default();
        let relay_state = ask.param("RelayState").unwrap_or_default();
        let Some(asked) = known(estate, &parameter) else { return not_understood() };
        match mood {
            IdpMood::Silent => std::future::pending().await,
            IdpMood::Denies => self.deny(estate, &asked, &relay_state),
            IdpMood::Willing => match self.remembered(ask, estate.clock.now(), remembers) {
                Some(user) => {
                    estate.journal.count().silent_logins += 1;
                    self.respond(estate, &asked, &relay_state, user)
                }
                None => page::form(&asked.provider, &parameter, &relay_state, "", false),
            },
        }
    }

    /// The form has come back.
    fn log_in(&self, estate: &Estate, ask: &Ask) -> Answer {
        let field = |name| ask.field(name).unwrap_or_default();
        let (parameter, relay_state) = (field("SAMLRequest"), field("RelayState"));
        let Some(asked) = known(estate, &parameter) else { return not_understood() };
        let name = field("username");
        let Some(user) = users::with_password(&name, &field("password")) else {
            return page::form(&asked.provider, &parameter, &relay_state, &name, true);
        };
        estate.journal.count().form_logins += 1;
        let cookie = random::hex::<16>();
        let mut browsers = self.browsers.lock().expect("nobody panics while remembering");
        if browsers.len() == MOST_BROWSERS {
            browsers.remove(0);
        }
        browsers.push((cookie.clone(), user.id, estate.clock.now()));
        drop(browsers);
        let mut answer = self.respond(estate, &asked, &relay_state, user.id);
        // The browser comes here by a redirect from another site; SameSite=Strict would hide the
        // cookie then.
        let cookie = format!("{COOKIE}={cookie}; Path=/idp; Secure; HttpOnly; SameSite=None");
        set_cookie(&mut answer, &cookie);
        answer
    }

    fn remembered(&self, ask: &Ask, now: SystemTime, length: Duration) -> Option<&'static str> {
        let cookie = ask.cookie(COOKIE)?;
        let browsers = self.browsers.lock().expect("nobody panics while remembering");
        browsers
            .iter()
            .find(|(known, _, since)| known == cookie && now < *since + length)
            .map(|(_, user, _)| *user)
    }

    fn respond(
        &self,
        estate: &Estate,
        asked: &Asked,
        relay_state: &str,
        user: &'static str,
    ) -> Answer {
        let login = self.login(estate, asked, user);
        page::post(&asked.acs_url, &response(&login, &self.signer), relay_state)
    }

    fn deny(&self, estate: &Estate, asked: &Asked, relay_state: &str) -> Answer {
        let login = self.login(estate, asked, "");
        page::post(&asked.acs_url, &denial(&login, &self.signer), relay_state)
    }

    fn login<'a>(&'a self, estate: &Estate, asked: &'a Asked, uid: &'a str) -> Login<'a> {
        Login {
            issuer: &self.entity_id,
            audience: &asked.provider,
            acs_url: &asked.acs_url,
            request: &asked.id,
            uid,
            at: estate.clock.now(),
        }
    }
}

/// A request of a service provider that is known.
struct Asked {
    id: String,
    provider: String,
    acs_url: String,
}

fn known(estate: &Estate, parameter: &str) -> Option<Asked> {
    let request = AuthnRequest::read(parameter).ok()?;
    let mut nodes = estate.clusters.iter().flat_map(|cluster| &cluster.nodes);
    let node = nodes.find(|node| node.host == request.issuer)?;
    Some(Asked { id: request.id, provider: request.issuer, acs_url: node.acs_url() })
}

fn not_understood() -> Answer {
    html(
        StatusCode::BAD_REQUEST,
        page::notice("This is not a request of a system that is known here."),
    )
}
