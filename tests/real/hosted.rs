//! Logins whose redirect URI is a page of a company's web server that leads on to this machine: the
//! real browser over https, with the page that `ucssoctl redirect-page` writes.

use ucsso::lab::LabConfig;

use crate::{
    estate::{Estate, Login},
    https_page::Page,
    process::run_well,
    webdriver::Browser,
};

const FORGED: &str = "#access_token=canary-of-an-attacker&token_type=Bearer&expires_in=3600";

/// An estate whose cluster `hq` redirects to a page of the intranet, and a browser that knows the
/// intranet and an attacker's page.
struct Hosted {
    estate: Estate,
    intranet: Page,
    attacker: Page,
    browser: Browser,
}

impl Hosted {
    async fn start() -> Self {
        let intranet = Page::serve("intranet.localhost", "").await;
        let attacker = Page::serve("attacker.localhost", "").await;
        let uri = format!("{}ucsso/hq.html", intranet.url);
        let estate = Estate::launch(LabConfig::default(), |toml| {
            let (first, rest) = toml.split_once("redirect_uri = ").unwrap();
            format!("{first}redirect_uri = \"{uri}\"\nlanding = {rest}")
        })
        .await;
        estate.lab.allow_redirect("hq", &uri);
        let config = estate.home.path("config.toml");
        let mut ucssoctl = estate.home.ucssoctl();
        let page = run_well(ucssoctl.arg("redirect-page").arg("--config").arg(config)).await;
        intranet.show(&page);
        let authorities = [estate.lab.ca_pem(), &intranet.ca_pem, &attacker.ca_pem];
        let browser = Browser::start(authorities).await;
        Self { estate, intranet, attacker, browser }
    }

    /// Logs in from a start page to where the landing page says that it is done.
    async fn finish(&self, login: Login) {
        self.browser.goto(&login.start_url).await;
        self.browser.type_into("input[name=username]", "alice").await;
        self.browser.type_into("input[name=password]", "alicepw").await;
        self.browser.click("form button").await;
        self.browser.wait_for("html[data-state=done]").await;
        login.end().await;
    }

    /// Has the browser meet a page of an attacker who knows the page of the intranet.
    async fn attack(&self, html: &str) {
        let page = format!("{}ucsso/hq.html{FORGED}", self.intranet.url);
        self.attacker.show(&html.replace("PAGE", &page));
        self.browser.goto(&self.attacker.url).await;
    }

    fn refusals(&self) -> String {
        let log = self.estate.daemon.output();
        log.lines().filter(|line| line.contains("refused a request")).collect()
    }
}

const NAVIGATION: &str = "<!doctype html><script>location = 'PAGE'</script>";

#[tokio::test]
async fn a_page_on_another_server_leads_a_login_on_to_its_landing_page() {
    let hosted = Hosted::start().await;
    let estate = &hosted.estate;

    hosted.finish(estate.log_in("hq").await).await;

    let token = estate.token("hq").await;
    assert_eq!(hosted.browser.url().await, estate.redirect_uri("hq"), "the fragment is scrubbed");
    assert_eq!(estate.ask("cucm-pub", "/cucm-uds/user/alice", &token).await.0, 200);
    assert_eq!(hosted.refusals(), "");
}

#[tokio::test]
async fn a_token_that_an_attacker_sends_to_the_page_is_refused_and_counted() {
    let hosted = Hosted::start().await;
    let login = hosted.estate.log_in("hq").await;

    hosted.attack(NAVIGATION).await;
    hosted.browser.wait_for("html[data-state=failed]").await;

    let text = hosted.browser.text("body").await;
    assert!(text.contains("was not accepted") && !text.contains("canary"), "{text}");
    hosted.estate.daemon.line_with("not_started").await;
    hosted.finish(login).await;
    assert!(!hosted.estate.token("hq").await.contains("canary"));
    assert!(!hosted.estate.daemon.output().contains("canary"));
}

#[tokio::test]
async fn a_token_that_comes_while_nobody_logs_in_is_refused_and_counted() {
    let hosted = Hosted::start().await;

    hosted.attack(NAVIGATION).await;
    hosted.browser.wait_for("html[data-state=idle]").await;

    hosted.estate.daemon.line_with("nothing_pending").await;
    let status = hosted.estate.ctl_output(&["token", "hq", "--no-login"]).await;
    assert_eq!(status.status.code(), Some(4));
}

#[tokio::test]
async fn the_page_leads_no_frame_on() {
    let hosted = Hosted::start().await;
    let _login = hosted.estate.log_in("hq").await;

    hosted.attack("<iframe src='PAGE' onload='document.body.id = \"framed\"'></iframe>").await;
    hosted.browser.wait_for("#framed").await;

    assert_eq!(hosted.refusals(), "", "nothing came to the daemon");
}
