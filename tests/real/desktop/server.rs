//! A notification server that does what a test wants.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::{
    sync::{Notify, watch},
    time::timeout,
};
use ucsso::browser::{
    Environment, Opener,
    desktop::{Answer, Fault, Notice, Notifier},
};
use zbus::{Connection, interface, object_server::SignalEmitter, zvariant::OwnedValue};

use super::{
    PrivateBus,
    portal::{Doing, Portal},
};
use crate::process::{PATIENCE, until};

const PATH: &str = "/org/freedesktop/Notifications";

/// What a server is asked to show: title, body, buttons, and when it would go away by itself.
type Asked = (String, String, Vec<String>, i32);

/// A notification server that does what a test wants.
#[derive(Clone, Default)]
struct Server {
    able: Vec<String>,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// It answers once it was told to.
    slow: Option<Arc<Notify>>,
    closed: watch::Sender<Vec<u32>>,
}

#[interface(name = "org.freedesktop.Notifications")]
impl Server {
    fn get_capabilities(&self) -> Vec<String> {
        self.able.clone()
    }

    #[zbus(signal)]
    async fn activation_token(
        emitter: &SignalEmitter<'_>,
        id: u32,
        token: &str,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn action_invoked(emitter: &SignalEmitter<'_>, id: u32, action: &str)
    -> zbus::Result<()>;

    #[expect(clippy::too_many_arguments, reason = "the specification has them")]
    async fn notify(
        &self,
        app_name: String,
        replaces: u32,
        icon: String,
        title: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        expires: i32,
    ) -> u32 {
        let normal = OwnedValue::from(1_u8);
        assert_eq!((app_name.as_str(), replaces, icon.is_empty()), ("ucsso", 0, false));
        assert_eq!(hints.get("urgency"), Some(&normal));
        self.asked.lock().unwrap().push((title, body, actions, expires));
        if let Some(slow) = &self.slow {
            slow.notified().await;
        }
        7
    }

    fn close_notification(&self, id: u32) {
        self.closed.send_modify(|closed| closed.push(id));
    }
}

impl Server {
    /// Serves until the connection is dropped.
    async fn serve(&self, bus: &PrivateBus) -> Connection {
        let builder = bus.builder().name("org.freedesktop.Notifications").unwrap();
        builder.serve_at(PATH, self.clone()).unwrap().build().await.unwrap()
    }
}

/// Shows a notice that looks like markup, and returns what the server was asked.
async fn asked_of(able: &[&str]) -> Asked {
    let bus = PrivateBus::start().await;
    let able = able.iter().map(ToString::to_string).collect();
    let server = Server { able, ..Server::default() };
    let _served = server.serve(&bus).await;
    let notice = Notice { title: "a".into(), body: "b <b> & c".into() };
    let notifier = Notifier::new(bus.bus());

    let mut shown = std::pin::pin!(notifier.show(&notice));
    tokio::select! {
        answer = &mut shown => panic!("{answer:?}"),
        asked = until("it is asked", async || server.asked.lock().unwrap().pop()) => asked,
    }
}

#[tokio::test]
async fn a_server_gets_what_it_can_show_and_nothing_that_ends_by_itself() {
    let plain = asked_of(&["body"]).await;
    let rich = asked_of(&["body", "body-markup", "actions"]).await;

    assert_eq!(plain, ("a".into(), "b <b> & c".into(), vec![], 0));
    let buttons = ["log-in", "Log in", "not-now", "Not now", "default", ""];
    let buttons = buttons.map(ToOwned::to_owned).to_vec();
    assert_eq!(rich, ("a".into(), "b &lt;b&gt; &amp; c".into(), buttons, 0));
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_and_what_it_shows_late_is_closed() {
    let bus = PrivateBus::start().await;
    let slow = Arc::new(Notify::new());
    let server = Server { slow: Some(Arc::clone(&slow)), ..Server::default() };
    let _served = server.serve(&bus).await;

    let shown =
        Notifier::new(bus.bus()).show(&Notice { title: String::new(), body: String::new() }).await;
    slow.notify_one();

    assert_eq!(shown, Err(Fault::Silent));
    let mut closed = server.closed.subscribe();
    let closed = timeout(PATIENCE, closed.wait_for(|closed| !closed.is_empty())).await;
    assert_eq!(**closed.unwrap().as_ref().unwrap(), [7]);
}

#[tokio::test]
async fn a_click_gives_leave_to_raise_the_next_window_and_no_other() {
    let bus = PrivateBus::start().await;
    let server = Server::default();
    let connection = server.serve(&bus).await;
    let portal = Portal::start(&bus, Doing::Respond(0)).await;
    let environment = Environment { session_bus: bus.bus(), ..Environment::default() };
    let opener = Opener::with_environment(None, environment);
    let notifier = Notifier::new(bus.bus()).raising(&opener);

    let notice = Notice { title: "a".into(), body: "b".into() };
    let shown = tokio::spawn(async move { notifier.show(&notice).await });
    until("it is asked", async || server.asked.lock().unwrap().pop()).await;
    let emitter = SignalEmitter::new(&connection, PATH).unwrap();
    for (id, token) in [(7, "kwin-1"), (8, "another-s")] {
        Server::activation_token(&emitter, id, token).await.unwrap();
    }
    Server::action_invoked(&emitter, 8, "not-now").await.unwrap();
    Server::action_invoked(&emitter, 7, "log-in").await.unwrap();
    let answer = timeout(PATIENCE, shown).await.unwrap().unwrap();
    opener.open("http://127.0.0.1/1").await.unwrap();
    opener.open("http://127.0.0.1/2").await.unwrap();

    assert_eq!(answer, Ok(Answer::LogIn));
    assert_eq!(*portal.tokens.lock().unwrap(), [Some("kwin-1".to_owned()), None]);
}
