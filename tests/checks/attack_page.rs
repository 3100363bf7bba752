//! S2: a page of somebody else in the victim's browser, that has a token of the right user and
//! wants the daemon to have it: eight ways, from three address spaces, with and without a login
//! under way. The weakened build shows that it would.

use std::fmt::Write as _;

use ucsso::lab::LabConfig;

use crate::{
    attacker::{self, Attacker},
    check::Figure,
    estate::{Estate, Home, Login},
    process::until,
    refusals::{self, refusals},
    victim::Victim,
    weakened,
    webdriver::Browser,
};

const VECTORS: [&str; 8] =
    ["navigation", "popup", "link", "iframe", "fetch", "form", "image", "websocket"];

/// Where Chromium takes the attacker's website to be.
const SPACES: [&str; 3] = ["public", "private", "local"];

pub(crate) async fn run() -> Vec<Figure> {
    let real = Estate::launch_as(LabConfig::default(), ToOwned::to_owned, Home::ucssod).await;
    let (attacks, accepted) = matrix(&real, "as built").await;
    let weakened = weakened::estate().await;
    let (_, weakened_accepted) = matrix(&weakened, "without the nonce").await;
    let victim = Victim::of(&real, "hq").await;
    let fragment = victim.good_fragment(&real).await;

    vec![
        Figure::exactly("attacks", attacks, VECTORS.len() * SPACES.len() * 2),
        Figure::exactly("accepted", accepted, 0),
        Figure::exactly("own-page-accepted", usize::from(victim.gets_in(&fragment).await), 1),
        Figure::at_least("weakened-accepted", weakened_accepted, 1),
    ]
}

/// Tries every vector from every space, and returns how often, and how often it was accepted.
async fn matrix(estate: &Estate, build: &str) -> (usize, usize) {
    let attacker = Attacker::start().await;
    let victim = Victim::of(estate, "hq").await;
    let fragment = victim.good_fragment(estate).await;
    estate.ctl_output(&["cancel", "hq"]).await;
    let (mut attacks, mut accepted) = (0, 0);
    let mut table = format!("S2, the daemon {build}: what came of each attack\n");

    for space in SPACES {
        let arguments = attacker.arguments(space);
        let browser = Browser::start_with(Some(estate.lab.ca_pem()), &arguments).await;
        let mut scene = Scene::new(estate, browser).await;
        for pending in [false, true] {
            let login = if pending { "pending" } else { "none" };
            write!(table, "  {space:<8} login {login:<8}").unwrap();
            for vector in VECTORS {
                scene.prepare(pending).await;
                let page = attacker::page(vector, &estate.redirect_uri("hq"), &fragment);
                let outcome = scene.attack(&page).await;
                attacks += 1;
                accepted += usize::from(outcome == ACCEPTED);
                write!(table, " {vector}: {outcome};").unwrap();
            }
            table.push('\n');
        }
        scene.prepare(false).await;
    }
    anstream::eprint!("{table}");
    (attacks, accepted)
}

const ACCEPTED: &str = "ACCEPTED";

/// A browser whose first tab is the victim's own.
struct Scene<'a> {
    estate: &'a Estate,
    browser: Browser,
    own_tab: String,
    login: Option<Login>,
}

impl<'a> Scene<'a> {
    async fn new(estate: &'a Estate, browser: Browser) -> Self {
        let own_tab = browser.tabs().await.remove(0);
        Self { estate, browser, own_tab, login: None }
    }

    /// Sees to it that a login is under way whose tab is at the identity provider's form, or none.
    async fn prepare(&mut self, pending: bool) {
        if pending == self.login.is_some() {
            return;
        }
        self.login = None;
        if pending {
            let login = self.estate.log_in("hq").await;
            self.browser.switch_to(&self.own_tab).await;
            self.browser.goto(&login.start_url).await;
            self.browser.wait_for("input[name=password]").await;
            self.login = Some(login);
        } else {
            self.estate.ctl_output(&["cancel", "hq"]).await;
        }
    }

    /// Visits the attacker in a tab of its own, and says what came of it.
    async fn attack(&mut self, page: &str) -> String {
        let before = refusals(self.estate).await;
        self.browser.open_tab().await;
        self.browser.goto(page).await;
        self.wait().await;
        let tabs = self.browser.tabs().await;
        // A popup is the third.
        if let [_, _, popup] = &tabs[..] {
            self.browser.switch_to(popup).await;
            self.wait().await;
        }
        let shown =
            self.browser.says("return document.documentElement.dataset.state != null").await;
        self.browser.keep_only(&self.own_tab).await;
        if self.is_token_held().await {
            self.login = None;
            self.estate.ctl_output(&["logout", "hq"]).await;
            return ACCEPTED.to_owned();
        }
        let reasons = refusals::since(&before, &refusals(self.estate).await);
        match &reasons[..] {
            [] if shown => "page shown, nothing posted".to_owned(),
            [] => "no trace of it".to_owned(),
            reasons => format!("refused ({})", reasons.join(", ")),
        }
    }

    async fn wait(&self) {
        let script = attacker::is_over();
        until("the attack is over", async || self.browser.says(&script).await.then_some(())).await;
    }

    async fn is_token_held(&self) -> bool {
        let state = self.estate.status_of("hq").await["state"].clone();
        state == "fresh" || state == "renewing"
    }
}
