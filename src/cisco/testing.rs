//! What the tests of this room share: nodes that answer what a test wants, certificates, and a
//! clock that jumps.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::digest;
use rcgen::{
    BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PublicKeyData as _, date_time_ymd,
};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs as provider,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    sign::{CertifiedKey, SingleCertAndKey},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::edge::Limits;
use crate::{
    broker::ports::{Clock, Opened, Progress},
    config::{ClusterConfig, LifetimeBounds, Node, Product, RedirectUri, SpkiPin, StateParam},
    domain::{Policy, Timestamp},
    loopback::{Host, Origin, Scheme},
};

/// A login's progress: windows may always be opened, and this is told what is.
pub(super) struct Told<F>(pub(super) F);

impl<F: Fn(Opened) + Send + Sync> Progress for Told<F> {
    fn may_open(&self) -> bool {
        true
    }

    fn opened(&self, opened: Opened) {
        (self.0)(opened);
    }
}

/// Limits that a test can wait for.
pub(super) const LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    total: Duration::from_secs(5),
    body: super::xml::MAX_BYTES,
};

/// A key and the certificate for it.
pub(super) struct Identity {
    pub certificate: CertificateDer<'static>,
    pub key: KeyPair,
}

impl Identity {
    /// A self-signed certificate, as UC servers are installed with.
    pub(super) fn self_signed(name: &str) -> Self {
        Self::made(name, |_| {})
    }

    /// The same, changed.
    pub(super) fn made(name: &str, change: impl Fn(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        Self { certificate: params.self_signed(&key).unwrap().der().clone(), key }
    }

    /// What the configuration would pin.
    pub(super) fn pin(&self) -> SpkiPin {
        let digest = digest::digest(&digest::SHA256, &self.key.subject_public_key_info());
        SpkiPin(digest.as_ref().try_into().unwrap())
    }

    /// Does not mind a key that is not the certificate's.
    fn server_config(&self) -> ServerConfig {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let key = provider::sign::any_supported_type(&key).unwrap();
        let shown = CertifiedKey::new(vec![self.certificate.clone()], key);
        ServerConfig::builder_with_provider(Arc::new(provider::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)))
    }
}

/// A throw-away certificate authority.
pub(super) struct Authority {
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A certificate for `name`, valid in these years.
    pub(super) fn issue(&self, name: &str, years: std::ops::Range<i32>) -> Identity {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(years.start, 1, 1);
        params.not_after = date_time_ymd(years.end, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Identity { certificate, key }
    }
}

/// What a fake node does with a request.
#[derive(Clone)]
pub(super) enum Reply {
    /// Sends these bytes and closes.
    Bytes(Vec<u8>),
    /// Sends the head of an answer, then a byte now and then.
    Drip,
    /// Sends the head of an answer, then chunks for as long as anybody listens.
    Endless,
    /// Sends nothing, and keeps the connection.
    Hang,
}

impl Reply {
    /// An answer with further header lines, each ended by CRLF.
    pub(super) fn http(status: u16, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::Bytes(
            format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
                .into(),
        )
    }
}

/// A node that answers what a test wants, over TLS on loopback.
pub(super) struct FakeNode {
    pub addr: SocketAddr,
    pin: SpkiPin,
    requests: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl FakeNode {
    /// A node with a certificate of its own that answers each request by `script`, which gets the
    /// head of the request.
    pub(super) async fn start(script: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self::with(&Identity::self_signed("pub.localhost"), script).await
    }

    pub(super) async fn with(
        identity: &Identity,
        script: impl Fn(&str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(identity.server_config()));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (script, seen) = (Arc::new(script), Arc::clone(&requests));
        let serving = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, script, seen) =
                    (acceptor.clone(), Arc::clone(&script), Arc::clone(&seen));
                connections.spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let Some(head) = head_of(&mut stream).await else { return };
                    let reply = script(&head);
                    seen.lock().unwrap().push(head);
                    send(&mut stream, reply).await;
                });
            }
        });
        Self { addr, pin: identity.pin(), requests, serving }
    }

    /// The node as the configuration has it, with its key pinned.
    pub(super) fn node(&self) -> Node {
        Node { pins: vec![self.pin], ..self.unpinned() }
    }

    /// The same without the pin.
    pub(super) fn unpinned(&self) -> Node {
        Node { host: "pub.localhost".into(), port: self.addr.port(), pins: Vec::new() }
    }

    /// `host:port`.
    pub(super) fn name(&self) -> String {
        format!("pub.localhost:{}", self.addr.port())
    }

    /// The heads of the requests so far.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for FakeNode {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn head_of(stream: &mut TlsStream<TcpStream>) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

async fn send(stream: &mut TlsStream<TcpStream>, reply: Reply) {
    let begin = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    match reply {
        Reply::Bytes(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Reply::Drip => {
            let _ = stream.write_all(format!("{begin}1\r\n<\r\n").as_bytes()).await;
            std::future::pending::<()>().await;
        }
        Reply::Endless => {
            let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
            let _ = stream.write_all(begin.as_bytes()).await;
            while stream.write_all(chunk.as_bytes()).await.is_ok() {}
        }
        Reply::Hang => std::future::pending().await,
    }
}

/// How much later the wall clock of the [`JumpingClock`] is.
pub(super) const WALL_CLOCK_AHEAD: Duration = Duration::from_secs(7);

/// A clock that stands still until somebody sleeps, and then jumps to the end of the sleep.
#[derive(Clone, Default)]
pub(super) struct JumpingClock {
    now: Arc<AtomicU64>,
    slept: Arc<Mutex<Vec<u64>>>,
}

impl JumpingClock {
    /// The sleeps so far, in milliseconds.
    pub(super) fn slept(&self) -> Vec<u64> {
        self.slept.lock().unwrap().clone()
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::SeqCst))
    }

    fn wall_time(&self, at: Timestamp) -> Timestamp {
        at.plus(WALL_CLOCK_AHEAD)
    }

    async fn sleep_until(&self, at: Timestamp) {
        let before = self.now.fetch_max(at.as_millis(), Ordering::SeqCst);
        self.slept.lock().unwrap().push(at.as_millis().saturating_sub(before));
    }
}

/// A redirect address whose port the system chooses.
pub(super) const ANY_PORT: Origin = Origin { scheme: Scheme::Http, host: Host::V4, port: 0 };

/// A cluster called `hq` with these nodes and nothing unusual.
pub(super) fn cluster(nodes: Vec<Node>) -> ClusterConfig {
    ClusterConfig {
        name: "hq".parse().unwrap(),
        product: Product::Ucm,
        nodes,
        authorize_hosts: Vec::new(),
        user: "alice".into(),
        redirect: RedirectUri {
            uri: "http://127.0.0.1:27443/cb/hq".into(),
            landing: "http://127.0.0.1:27443/cb/hq".into(),
            origin: ANY_PORT,
            path: "/cb/hq".into(),
        },
        trust_domain: None,
        client_id: "C69908c4".into(),
        scope: "UnifiedCommunications:readwrite".into(),
        extra_params: Vec::new(),
        authorize_url: None,
        state: StateParam::Send,
        ca_file: None,
        proxy: None,
        verify_path: "/cucm-uds/user/{user}".into(),
        lifetime: LifetimeBounds { fallback: 300, max: 86_400 },
        policy: Policy::default(),
    }
}

/// A node that nobody connects to.
pub(super) fn node(host: &str, port: u16) -> Node {
    Node { host: host.into(), port, pins: Vec::new() }
}
