//! A desktop portal that writes down what it is asked to open and answers what a test wants.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::sync::watch;
use zbus::{
    Connection, ObjectServer, interface,
    message::Header,
    object_server::SignalEmitter,
    zvariant::{OwnedObjectPath, OwnedValue, Value},
};

use super::PrivateBus;

const PATH: &str = "/org/freedesktop/portal/desktop";

/// What a portal does with a request.
#[derive(Clone, Copy)]
pub(super) enum Doing {
    /// It ends the request with this response.
    Respond(u32),
    /// It begins the request and never ends it.
    Begin,
    /// It answers with an error that quotes the URL.
    Fail,
}

/// A portal, which is there until it is dropped.
pub(super) struct Portal {
    /// The URLs that it was asked to open.
    pub(super) asked: Arc<Mutex<Vec<String>>>,
    /// The leave to raise a window, as it came with each.
    pub(super) tokens: Arc<Mutex<Vec<Option<String>>>>,
    /// How many requests were closed before they ended.
    pub(super) closed: watch::Receiver<u32>,
    _served: Connection,
}

impl Portal {
    pub(super) async fn start(bus: &PrivateBus, doing: Doing) -> Self {
        let (asked, tokens) = Default::default();
        let (closing, closed) = watch::channel(0);
        let opener =
            OpenUri { doing, asked: Arc::clone(&asked), tokens: Arc::clone(&tokens), closing };
        let builder = bus.builder().name("org.freedesktop.portal.Desktop").unwrap();
        let served = builder.serve_at(PATH, opener).unwrap().build().await.unwrap();
        Self { asked, tokens, closed, _served: served }
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

struct OpenUri {
    doing: Doing,
    asked: Arc<Mutex<Vec<String>>>,
    tokens: Arc<Mutex<Vec<Option<String>>>>,
    closing: watch::Sender<u32>,
}

#[interface(name = "org.freedesktop.portal.OpenURI")]
impl OpenUri {
    #[zbus(name = "OpenURI")]
    async fn open_uri(
        &self,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
        #[zbus(object_server)] server: &ObjectServer,
        parent: String,
        uri: String,
        options: HashMap<String, OwnedValue>,
    ) -> zbus::fdo::Result<OwnedObjectPath> {
        assert_eq!(parent, "");
        self.asked.lock().unwrap().push(uri.clone());
        let token = options.get("activation_token").map(|token| token.downcast_ref().unwrap());
        self.tokens.lock().unwrap().push(token);
        let sender = header.sender().unwrap().trim_start_matches(':').replace('.', "_");
        let token: &str = (&options["handle_token"]).try_into().unwrap();
        let path = OwnedObjectPath::try_from(format!("{PATH}/request/{sender}/{token}")).unwrap();
        match self.doing {
            Doing::Fail => return Err(zbus::fdo::Error::Failed(format!("cannot open {uri}"))),
            Doing::Begin => {
                let request = Request { closing: self.closing.clone() };
                server.at(&path, request).await.unwrap();
            }
            Doing::Respond(response) => {
                let emitter = SignalEmitter::new(connection, path.clone()).unwrap();
                let emitter = emitter.set_destination(header.sender().unwrap().to_owned().into());
                // Another request's, and then this one's.
                let other = SignalEmitter::new(connection, format!("{PATH}/request/other/x"));
                Request::response(&other.unwrap(), 2, HashMap::new()).await.unwrap();
                Request::response(&emitter, response, HashMap::new()).await.unwrap();
            }
        }
        Ok(path)
    }
}

struct Request {
    closing: watch::Sender<u32>,
}

#[interface(name = "org.freedesktop.portal.Request")]
impl Request {
    fn close(&self) {
        self.closing.send_modify(|closed| *closed += 1);
    }

    #[zbus(signal)]
    async fn response(
        emitter: &SignalEmitter<'_>,
        response: u32,
        results: HashMap<&str, Value<'_>>,
    ) -> zbus::Result<()>;
}
