//! From what is kept to the file, and back in the next life.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    time::Duration,
};

use tempfile::TempDir;
use tokio::{sync::oneshot, task::JoinHandle};

use super::*;
use crate::{
    domain::Held,
    private::{self, Earlier},
    store::testing::{held, record},
};

/// A home, and the credential of a daemon that is started in it again and again.
struct Home(TempDir);

/// A daemon's life.
struct Life {
    found: Records,
    decoded: Vec<Record>,
    sealed: Sealed,
    standing: Standing,
    stop: oneshot::Sender<()>,
    writer: JoinHandle<()>,
}

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        home.give(&[9; 32]);
        home
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("state").join("tokens.sealed")
    }

    fn before(&self) -> PathBuf {
        self.file().with_extension("sealed.old")
    }

    fn credential(&self) -> PathBuf {
        self.0.path().join("credentials").join("ucsso-store-key")
    }

    /// Puts something where the folder should be, and says where: even root cannot make a file in
    /// it then.
    fn obstruct(&self) -> PathBuf {
        let folder = self.file().parent().unwrap().to_owned();
        fs::write(&folder, "in the way").unwrap();
        folder
    }

    fn give(&self, secret: &[u8]) {
        private::put(&self.credential(), secret, Earlier::Goes).unwrap();
    }

    /// A daemon with the credential, and no keyring on any bus.
    async fn life(&self) -> Life {
        let keyring = Keyring::new(Arc::new(|| Box::pin(async { None })));
        let source = Source { credential: Some(self.credential()), keyring };
        let Opened { records, sealed, writer, standing } = open(self.file(), &source).await;
        let decoded = records;
        let found = sealed.contents.borrow().records.clone();
        let (stop, stopped) = oneshot::channel();
        let writer = tokio::spawn(writer.run(async { drop(stopped.await) }));
        Life { found, decoded, sealed, standing, stop, writer }
    }
}

impl Life {
    fn keep(&self, cluster: &str, text: &str) {
        self.sealed.put(cluster, &Arc::new(Zeroizing::new(text.into())), false);
    }

    fn log_out(&self, cluster: &str) {
        self.sealed.put(cluster, &Arc::new(Zeroizing::new(b"logged out".to_vec())), true);
    }

    async fn end(self) -> Standing {
        self.stop.send(()).unwrap();
        self.writer.await.unwrap();
        self.standing
    }

    fn found(&self) -> Vec<(&str, &str)> {
        let text = |record| std::str::from_utf8(record).unwrap();
        self.found.iter().map(|(name, record)| (name.as_str(), text(record))).collect()
    }

    fn said(&self) -> String {
        self.standing.trouble().unwrap_or_default()
    }
}

#[tokio::test]
async fn what_is_kept_in_one_life_is_found_in_the_next() {
    let home = Home::new();
    let life = home.life().await;
    assert_eq!(life.found(), []);

    life.keep("hq", "canary-1");
    life.keep("hq", "canary-2");
    life.keep("vm", "");
    assert_eq!(life.end().await.word(), "sealed");

    assert_eq!(home.life().await.found(), [("hq", "canary-2"), ("vm", "")]);
    let bytes = fs::read(home.file()).unwrap();
    assert!(!bytes.windows(6).any(|part| part == b"canary"));
    assert_eq!(fs::metadata(home.file()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn another_key_opens_nothing_and_the_daemon_goes_on_with_it() {
    let home = Home::new();
    let life = home.life().await;
    life.keep("hq", "1");
    life.end().await;

    home.give(&[8; 40]);
    let life = home.life().await;

    assert_eq!((life.found(), life.said()), (vec![], String::new()));
    life.keep("hq", "2");
    life.end().await;
    assert_eq!(home.life().await.found(), [("hq", "2")]);
}

#[tokio::test]
async fn a_credential_that_is_no_key_is_said_and_nothing_is_written() {
    let home = Home::new();
    home.give(&[9; 31]);

    let life = home.life().await;

    let said = life.said();
    assert!(
        said.starts_with(
            "tokens are in memory only: the credential `ucsso-store-key` has 31 bytes, and a key \
             has at least 32; make one: "
        ),
        "{said}"
    );
    life.keep("hq", "1");
    assert!(life.end().await.trouble().is_some());
    assert!(!home.file().exists());
    home.give(&[9; 32]);
    fs::set_permissions(home.credential(), Permissions::from_mode(0o644)).unwrap();
    let said = home.life().await.said();
    assert!(said.contains("`ucsso-store-key` is not used: it is not private"), "{said}");
}

#[tokio::test]
async fn without_a_credential_and_a_keyring_tokens_are_in_memory() {
    let home = Home::new();
    fs::remove_file(home.credential()).unwrap();

    let life = home.life().await;

    let word = life.standing.word();
    assert!(
        word.starts_with(
            "not sealed: tokens are in memory only: there is no session bus with a keyring on it; "
        ),
        "{word}"
    );
    assert!(word.ends_with("then `systemctl --user restart ucssod`"), "{word}");
    assert_eq!(Standing::in_memory().word(), "memory");
}

#[tokio::test]
async fn a_logout_leaves_no_file_from_before_it_with_or_without_a_key() {
    let home = Home::new();
    let life = home.life().await;
    for text in ["1", "2"] {
        life.keep("hq", text);
        written(&home, &life).await;
    }
    assert!(home.before().exists());

    life.log_out("hq");
    life.end().await;

    assert!(!home.before().exists());
    assert_eq!(home.life().await.found(), [("hq", "logged out")]);
    home.give(b"short");
    let life = home.life().await;
    life.log_out("hq");
    life.end().await;
    assert!(!home.file().exists());
}

/// Waits until what was kept is on the disk.
async fn written(home: &Home, life: &Life) {
    let wanted = life.sealed.contents.borrow().records.clone();
    let key = key::Key::of(&[9; 32]);
    let here = Binding::here().unwrap();
    loop {
        if let Ok(Found { plain: Some(plain), .. }) = Files::at(home.file()).load(&key, &here)
            && parse(&plain) == Some(wanted.clone())
        {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_is_said_tried_again_and_then_right() {
    let home = Home::new();
    let life = home.life().await;
    let obstacle = home.obstruct();

    life.keep("hq", "1");
    while life.said().is_empty() {
        tokio::task::yield_now().await;
    }

    assert!(
        life.said().starts_with("what changed lately is in memory only: `/"),
        "{}",
        life.said()
    );
    fs::remove_file(&obstacle).unwrap();
    tokio::time::advance(Duration::from_secs(1)).await;
    written(&home, &life).await;
    assert!(life.end().await.trouble().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_fails_at_the_end_is_tried_again_for_a_moment() {
    let home = Home::new();
    let life = home.life().await;
    let obstacle = home.obstruct();
    life.keep("hq", "1");

    let mended = async {
        let _ = timeout(Duration::from_millis(100), std::future::pending::<()>()).await;
        fs::remove_file(&obstacle).unwrap();
    };
    let (standing, ()) = tokio::join!(life.end(), mended);

    assert_eq!(standing.word(), "sealed");
    assert_eq!(home.life().await.found(), [("hq", "1")]);
}

#[tokio::test]
async fn the_file_of_a_later_version_is_left_and_tokens_are_in_memory() {
    let home = Home::new();
    let life = home.life().await;
    life.keep("hq", "1");
    life.end().await;
    let mut bytes = fs::read(home.file()).unwrap();
    bytes[9] = 2;
    fs::write(home.file(), &bytes).unwrap();

    let life = home.life().await;
    life.keep("hq", "2");

    assert!(life.said().contains("is of version 2, and this program knows 1"), "{}", life.said());
    life.end().await;
    assert_eq!(fs::read(home.file()).unwrap(), bytes);
    assert!(!home.before().exists());
}

#[test]
fn what_is_cut_short_holds_no_records() {
    let records = [("hq", "12"), ("vm", "")]
        .map(|(name, text)| (name.to_owned(), Arc::new(Zeroizing::new(text.into()))));
    let bytes = bytes(&records.clone().into());

    assert_eq!(parse(&bytes), Some(records.into()));
    for length in 1..bytes.len() {
        let half = parse(&bytes[..length]).map_or(0, |records| records.len());
        assert!(half < 2, "{length}");
    }
    assert_eq!(parse(&[0xff; 9]), None);
}

#[tokio::test]
async fn a_logout_that_is_handed_over_again_is_no_other_logout() {
    let home = Home::new();
    let token = kept(record());
    let logout = kept(Record {
        serial: 4,
        held: Held { token: Err(Lapse::LoggedOut), ..held() },
        ..record()
    });
    let life = home.life().await;
    life.sealed.keep(&token);
    assert_eq!(life.sealed.contents.borrow().logouts, 0);
    life.sealed.keep(&logout);
    assert_eq!(life.sealed.contents.borrow().logouts, 1);
    life.end().await;

    let life = home.life().await;
    life.sealed.keep(&logout);

    assert_eq!(life.decoded.iter().map(|record| record.serial).collect::<Vec<_>>(), [4]);
    assert_eq!(life.sealed.contents.borrow().logouts, 0);
    assert!(!life.writer.is_finished());
}

#[tokio::test]
async fn a_cluster_that_was_not_handed_over_stays_until_it_is_forgotten() {
    let home = Home::new();
    let life = home.life().await;
    life.sealed.keep(&kept(record()));
    life.sealed.keep(&kept(Record { cluster: "vm".parse().unwrap(), ..record() }));
    life.end().await;

    let life = home.life().await;
    life.sealed.keep(&kept(Record { serial: 5, ..record() }));
    life.end().await;
    let life = home.life().await;
    assert_eq!(life.decoded.len(), 2);
    life.sealed.forget(&record().cluster);
    life.end().await;

    assert_eq!(home.life().await.decoded.len(), 1);
}

fn kept(record: Record) -> Kept {
    let bytes = Arc::new(record.encode());
    Kept { cluster: record.cluster, serial: record.serial, bytes }
}
