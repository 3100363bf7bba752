//! Several tabs in one browser (WebDriver, section "Contexts").

use reqwest::Method;
use serde_json::{Value, json};

use crate::webdriver::Browser;

impl Browser {
    /// Opens a tab that no other page has opened, and goes on in it. Returns its handle.
    pub(crate) async fn open_tab(&self) -> String {
        let opened = self.ask(Method::POST, "/window/new", Some(json!({ "type": "tab" }))).await;
        let handle = opened["handle"].as_str().unwrap().to_owned();
        self.switch_to(&handle).await;
        handle
    }

    /// The handles of all tabs.
    pub(crate) async fn tabs(&self) -> Vec<String> {
        serde_json::from_value(self.ask(Method::GET, "/window/handles", None).await).unwrap()
    }

    pub(crate) async fn switch_to(&self, handle: &str) {
        self.ask(Method::POST, "/window", Some(json!({ "handle": handle }))).await;
    }

    /// Closes every tab but one, and goes on in that.
    pub(crate) async fn keep_only(&self, handle: &str) {
        for other in self.tabs().await.iter().filter(|other| *other != handle) {
            self.switch_to(other).await;
            self.ask(Method::DELETE, "/window", None).await;
        }
        self.switch_to(handle).await;
    }

    /// Whether a script says yes. A page that is just going away says nothing.
    pub(crate) async fn says(&self, script: &str) -> bool {
        let body = json!({ "script": script, "args": [] });
        self.call(Method::POST, "/execute/sync", Some(body)).await == Ok(Value::Bool(true))
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        self.call(method, path, body).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}
