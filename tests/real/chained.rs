//! One human, one tab, two clusters: the real browser goes from the end of one login to the next.

use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::task::JoinHandle;
use tonic::Status;
use ucsso::{
    lab::{LabConfig, faults::Load},
    rpc::proto::{Interaction, Token},
};

use crate::{
    estate::Estate,
    process::until,
    rig::{WRITING, token_from, with_browser},
    webdriver::Browser,
};

/// An estate, a browser that knows it, and a program each that waits for a token of `hq` and `vm`.
struct Wanted {
    estate: Estate,
    browser: Browser,
    programs: [JoinHandle<Result<Token, Status>>; 2],
}

impl Wanted {
    async fn start() -> Self {
        let edit = |toml: &str| with_browser(&WRITING, toml);
        let estate = Estate::launch(LabConfig::default(), edit).await;
        let browser = Browser::start(Some(estate.lab.ca_pem())).await;
        let mut programs = Vec::new();
        for cluster in ["hq", "vm"] {
            let client = estate.client().await;
            let program = async move { token_from(&client, cluster, Interaction::IfNeeded).await };
            programs.push(tokio::spawn(program));
            // The first has the window, and the second waits for it.
            until("it is wanted", async || {
                (estate.status_of(cluster).await["state"] == "authenticating").then_some(())
            })
            .await;
        }
        Self { estate, browser, programs: programs.try_into().unwrap() }
    }

    /// The page that was opened as this one, from zero.
    async fn opened(&self, number: usize) -> String {
        until("a page is opened", async || self.estate.opened().get(number).cloned()).await
    }

    async fn fill_in_form(&self) {
        self.browser.type_into("input[name=username]", "alice").await;
        self.browser.type_into("input[name=password]", "alicepw").await;
        self.browser.click("form button").await;
    }

    /// Waits until the browser shows that a login to `vm` is done.
    async fn until_done(&self) {
        let landing = self.estate.redirect_uri("vm");
        let done = "html[data-state=done]";
        until("the tab ends on the landing page of vm", async || {
            // In between, the page it is asked about goes away.
            let there = self.browser.url().await == landing && self.browser.has(done).await;
            there.then_some(())
        })
        .await;
    }

    /// What the programs got, held against what it is good for.
    async fn tokens(self) -> (Estate, Browser, [String; 2]) {
        let [hq, vm] = self.programs;
        let [hq, vm] = [hq.await.unwrap().unwrap(), vm.await.unwrap().unwrap()];
        let tokens = [hq.access_token, vm.access_token];
        let estate = self.estate;
        let (status, record) = estate.ask("cucm-pub", "/cucm-uds/user/alice", &tokens[0]).await;
        assert_eq!(status, StatusCode::OK);
        assert!(record.contains("<userName>alice</userName>"), "{record}");
        let messages = "/vmrest/mailbox/folders/inbox/messages";
        assert_eq!(estate.ask("cuc", messages, &tokens[1]).await.0, StatusCode::OK);
        (estate, self.browser, tokens)
    }
}

/// What the last page has, what was left in the tab, and where the tab has been on this origin.
const CONTENTS: &str = "
    const entries = navigation.entries();
    return [document.documentElement.outerHTML, JSON.stringify(sessionStorage),
        JSON.stringify(localStorage), JSON.stringify(history.state), document.cookie,
        location.href, document.referrer, entries.map(entry => entry.url).join(' ')]
        .join('\\n')";

#[tokio::test]
async fn one_tab_and_one_form_are_enough_for_two_clusters() {
    let wanted = Wanted::start().await;

    wanted.browser.goto(&wanted.opened(0).await).await;
    wanted.fill_in_form().await;
    wanted.until_done().await;
    let (estate, browser, tokens) = wanted.tokens().await;

    assert_eq!(estate.opened().len(), 1);
    let counted = estate.lab.counters();
    assert_eq!((counted.form_logins, counted.silent_logins), (1, 1));
    let contents = browser.execute(CONTENTS).await;
    let contents = contents.as_str().unwrap();
    assert!(contents.contains(&estate.redirect_uri("vm")), "{contents}");
    for secret in ["access_token", &tokens[0], &tokens[1]] {
        assert!(!contents.contains(secret), "{contents}");
    }
}

#[tokio::test]
async fn a_tab_that_is_closed_while_its_landing_page_waits_is_followed_by_a_window() {
    let wanted = Wanted::start().await;
    // The landing page waits for as long as no node confirms the token.
    wanted.estate.lab.behaviour().load = Load::Busy;
    wanted.browser.goto(&wanted.opened(0).await).await;
    wanted.fill_in_form().await;
    wanted.browser.wait_for("html[data-state=checking]").await;

    let tab = wanted.browser.call(Method::POST, "/window/new", Some(json!({ "type": "tab" })));
    let tab = tab.await.unwrap()["handle"].clone();
    wanted.browser.call(Method::DELETE, "/window", None).await.unwrap();
    let switch = Some(json!({ "handle": tab }));
    wanted.browser.call(Method::POST, "/window", switch).await.unwrap();
    wanted.estate.lab.behaviour().load = Load::Idle;
    wanted.browser.goto(&wanted.opened(1).await).await;
    wanted.until_done().await;

    let (estate, ..) = wanted.tokens().await;
    assert_eq!(estate.opened().len(), 2);
    assert_eq!(estate.lab.counters().form_logins, 1);
}
