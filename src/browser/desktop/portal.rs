//! The desktop portal, which opens a URL outside every sandbox and with the focus where it
//! belongs (XDG Desktop Portal, `org.freedesktop.portal.OpenURI`).
//!
//! The answer comes as a signal of a request object. A request that nobody waits for any more is
//! closed, so that no dialog stays behind. Called by the opener.

use std::{collections::HashMap, time::Duration};

use tokio::time::timeout;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};

use super::{
    Fault,
    bus::{self, Face, Link, Service},
    fresh_name,
};

/// How long the portal may take altogether. A human who has to choose a browser first may be
/// slower; the dialog is then closed, and the default browser is opened in another way.
const LIMIT: Duration = Duration::from_secs(4);

const NAME: &str = "org.freedesktop.portal.Desktop";
const OPEN_URI: Face<'_> =
    Face { path: "/org/freedesktop/portal/desktop", interface: "org.freedesktop.portal.OpenURI" };
const REQUEST: &str = "org.freedesktop.portal.Request";

/// How a request ended that came to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::browser) enum Opened {
    /// The URL is open.
    Yes,
    /// The human was asked, and declined.
    Declined,
}

/// Opens a URL, with the leave to raise its window if there is one.
pub(super) async fn open(link: &Link, url: &str, token: Option<&str>) -> Result<Opened, Fault> {
    timeout(LIMIT, ask(link, url, token)).await.unwrap_or(Err(Fault::Silent))
}

async fn ask(link: &Link, url: &str, activation: Option<&str>) -> Result<Opened, Fault> {
    // Started apart from the call, so that a portal which is slow to start does not open the
    // URL after all when another way has.
    let (portal, mut departure) = link.started(NAME).await?;
    let mut responses = portal.signals(Some("Response")).await?;
    let token = fresh_name();
    let mut request = Request { path: Some(request_path(link, &token)), portal };
    let mut options = HashMap::from([("handle_token", Value::from(&token))]);
    options.extend(activation.map(|token| ("activation_token", Value::from(token))));
    let no_window = "";
    let handle: OwnedObjectPath =
        request.portal.call(OPEN_URI, "OpenURI", &(no_window, url, options)).await?;
    // A portal older than 0.9 chooses the path itself.
    request.path = Some(handle.to_string());
    loop {
        let message = tokio::select! {
            message = responses.next() => message?,
            fault = departure.happened() => return Err(fault),
        };
        if bus::path(&message) == handle.as_str() {
            request.path = None;
            let body = message.body();
            let (response, _): (u32, HashMap<String, OwnedValue>) =
                body.deserialize().map_err(|_| Fault::Garbled)?;
            return match response {
                0 => Ok(Opened::Yes),
                1 => Ok(Opened::Declined),
                _ => Err(Fault::Failed),
            };
        }
    }
}

/// Where the request of a token is, before the portal has said so.
fn request_path(link: &Link, token: &str) -> String {
    let sender = link.name().trim_start_matches(':').replace('.', "_");
    format!("{}/request/{sender}/{token}", OPEN_URI.path)
}

/// A request that is under way. Dropped, it is closed.
struct Request {
    portal: Service,
    /// `None` once it has ended.
    path: Option<String>,
}

impl Drop for Request {
    fn drop(&mut self) {
        let Some(path) = self.path.take() else { return };
        let portal = self.portal.clone();
        bus::in_background(async move {
            let face = Face { path: &path, interface: REQUEST };
            portal.tell(face, "Close", &()).await
        });
    }
}
