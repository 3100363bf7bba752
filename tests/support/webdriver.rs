//! A headless Chromium, spoken to as in the W3C WebDriver recommendation, section "Endpoints".
//!
//! Every browser has a home of its own: no cookie, no certificate and no setting outlives it or
//! comes from whoever runs the tests. It trusts the certificate authority that the test gives it,
//! in the way an administrator would arrange that; no check of it is switched off.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Stdio,
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    components, http,
    process::{Process, run_well, until},
};

/// The key under which an element's id stands (WebDriver, section "Elements").
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// One browser with one window.
pub(crate) struct Browser {
    client: reqwest::Client,
    /// The URL of the WebDriver session.
    session: String,
    _driver: Process,
    home: TempDir,
}

impl Browser {
    /// Starts a browser that trusts the system's certificate authorities and these, in PEM.
    pub(crate) async fn start(authorities: impl IntoIterator<Item = &str>) -> Self {
        Self::start_with(authorities, &[]).await
    }

    /// The same with further arguments for Chromium.
    pub(crate) async fn start_with(
        authorities: impl IntoIterator<Item = &str>,
        further: &[String],
    ) -> Self {
        let home = tempfile::tempdir().unwrap();
        trust(home.path(), authorities).await;
        Self::launch(home, further).await
    }

    /// Starts a browser in a home that was furnished for it.
    pub(crate) async fn start_in(home: TempDir) -> Self {
        Self::launch(home, &[]).await
    }

    async fn launch(home: TempDir, further: &[String]) -> Self {
        let driver = Process::start(
            Command::new(components::chromedriver())
                .arg("--port=0")
                .env_clear()
                .env("PATH", "/usr/local/bin:/usr/bin:/bin")
                .env("HOME", home.path()),
        );
        let line = driver.line_with("started successfully on port ").await;
        let port = line.trim_end_matches('.').rsplit(' ').next().unwrap();

        let client = http::client(None);
        let mut browser = Self {
            client,
            session: format!("http://127.0.0.1:{port}/session"),
            _driver: driver,
            home,
        };
        let answer = browser.post("", browser.capabilities(further)).await;
        let id = answer["sessionId"].as_str().unwrap();
        browser.session = format!("{}/{id}", browser.session);
        browser
    }

    fn capabilities(&self, further: &[String]) -> Value {
        let mut arguments = vec![
            "--headless=new".to_owned(),
            format!("--user-data-dir={}", self.home.path().join("profile").display()),
            "--window-size=1000,760".into(),
            "--no-first-run".into(),
            "--disable-gpu".into(),
            "--disable-quic".into(),
            "--disable-sync".into(),
            "--disable-background-networking".into(),
            "--disable-component-update".into(),
            // Otherwise it asks the desktop's keyring, which opens a window.
            "--password-store=basic".into(),
        ];
        arguments.extend(further.iter().cloned());
        if rustix::process::geteuid().is_root() {
            // Chromium refuses to start as root with its sandbox.
            arguments.push("--no-sandbox".into());
        }
        let chromium = json!({ "binary": components::chromium(), "args": arguments });
        json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": chromium } } })
    }

    /// Goes to a page and waits until it has loaded.
    pub(crate) async fn goto(&self, url: &str) {
        self.post("/url", json!({ "url": url })).await;
    }

    /// Whether the page has an element for this CSS selector.
    pub(crate) async fn has(&self, css: &str) -> bool {
        self.find(css).await.is_some()
    }

    /// Waits until the page has an element for this CSS selector.
    pub(crate) async fn wait_for(&self, css: &str) {
        let seen = async || self.has(css).await.then_some(());
        until(&format!("the page has `{css}`"), seen).await;
    }

    /// Waits until the URL of the page contains `text`, and returns it.
    pub(crate) async fn wait_for_url(&self, text: &str) -> String {
        let seen = async || Some(self.url().await).filter(|url| url.contains(text));
        until(&format!("the URL contains `{text}`"), seen).await
    }

    /// Waits until what an element shows contains `text`.
    pub(crate) async fn wait_for_text(&self, css: &str, text: &str) {
        let seen = async || {
            let found = self.find(css).await?;
            // The page may go away between the two.
            let shown =
                self.call(Method::GET, &format!("/element/{found}/text"), None).await.ok()?;
            shown.as_str()?.contains(text).then_some(())
        };
        until(&format!("`{css}` shows `{text}`"), seen).await;
    }

    /// Types into an input.
    pub(crate) async fn type_into(&self, css: &str, text: &str) {
        let path = self.element(css).await;
        self.post(&format!("{path}/value"), json!({ "text": text })).await;
    }

    /// Clicks on an element.
    pub(crate) async fn click(&self, css: &str) {
        let path = self.element(css).await;
        self.post(&format!("{path}/click"), json!({})).await;
    }

    /// The text of an element, as a human sees it.
    pub(crate) async fn text(&self, css: &str) -> String {
        let path = self.element(css).await;
        self.get_text(&format!("{path}/text")).await
    }

    /// The title of the page.
    pub(crate) async fn title(&self) -> String {
        self.get_text("/title").await
    }

    /// The URL of the page, fragment included.
    pub(crate) async fn url(&self) -> String {
        self.get_text("/url").await
    }

    /// Runs the body of a JavaScript function in the page and returns what it returns.
    pub(crate) async fn execute(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// Tells pages whether the human prefers dark ones.
    pub(crate) async fn prefers_dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": value }]);
        let command =
            json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": features } });
        self.post("/goog/cdp/execute", command).await;
    }

    /// Writes what the window shows to a PNG file.
    pub(crate) async fn screenshot(&self, file: &Path) {
        let png = self.get_text("/screenshot").await;
        fs::write(file, BASE64_STANDARD.decode(png).unwrap()).unwrap();
    }

    /// The path of the first element for a selector, under the session.
    async fn element(&self, css: &str) -> String {
        self.wait_for(css).await;
        let id = self.find(css).await.unwrap_or_else(|| panic!("`{css}` went away"));
        format!("/element/{id}")
    }

    async fn find(&self, css: &str) -> Option<String> {
        let wanted = json!({ "using": "css selector", "value": css });
        match self.call(Method::POST, "/element", Some(wanted)).await {
            Ok(found) => Some(found[ELEMENT].as_str().unwrap().to_owned()),
            Err(error) if error["error"] == "no such element" => None,
            Err(error) => panic!("{css}: {error}"),
        }
    }

    async fn get_text(&self, path: &str) -> String {
        let answer = self.call(Method::GET, path, None).await;
        answer.unwrap_or_else(|error| panic!("{path}: {error}")).as_str().unwrap().to_owned()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.call(Method::POST, path, Some(body)).await;
        answer.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// One command. An error is the object with `error` and `message`.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, Value> {
        let mut request = self.client.request(method, format!("{}{path}", self.session));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let well = answer.status().is_success();
        let mut body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        let value = body["value"].take();
        if well { Ok(value) } else { Err(value) }
    }
}

/// Ends the session, so that Chromium ends as it likes to; whatever is left ends with its driver.
impl Drop for Browser {
    fn drop(&mut self) {
        let Some((address, path)) =
            self.session.strip_prefix("http://").and_then(|rest| rest.split_once('/'))
        else {
            return;
        };
        let limit = Some(Duration::from_secs(5));
        if let Ok(mut driver) = TcpStream::connect(address) {
            // A driver that does not answer is ended all the same.
            let _ = driver.set_read_timeout(limit);
            let _ = write!(driver, "DELETE /{path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
            let _ = driver.read(&mut [0; 1]);
        }
    }
}

/// Puts certificate authorities into the database that Chromium reads in this home.
pub(crate) async fn trust(home: &Path, authorities: impl IntoIterator<Item = &str>) {
    let folder = home.join(".pki/nssdb");
    let is_there = folder.join("cert9.db").exists();
    fs::create_dir_all(&folder).unwrap();
    let database = format!("sql:{}", folder.display());
    let certutil = async |arguments: &[&str]| {
        let mut certutil = Command::new(components::certutil());
        certutil.current_dir(home).args(["-d", &database]).args(arguments).stdin(Stdio::null());
        run_well(&mut certutil).await;
    };
    if !is_there {
        certutil(&["-N", "--empty-password"]).await;
    }
    for (number, authority) in authorities.into_iter().enumerate() {
        fs::write(home.join("ca.pem"), authority).unwrap();
        let name = format!("test {number}");
        certutil(&["-A", "-t", "C,,", "-n", &name, "-i", "ca.pem"]).await;
    }
}
