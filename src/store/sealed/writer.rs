//! The task that writes the file: the latest state wins, and nobody waits for it.
//!
//! A logout comes first: the file goes at once, then the key, so that no copy of it opens any
//! more, and only then is anything written again. Whatever dies in between loses tokens, and
//! brings none back.

use std::{
    future::{Future, pending},
    io,
    path::PathBuf,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, task::spawn_blocking, time::timeout};
use tracing::warn;

use super::{
    Contents, binding::Binding, bytes, envelope, files::Files, source::Current, standing::Standing,
    standing::Trouble,
};

/// How long after a failure it is tried again; twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest of these pauses.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The pauses after failures at the end, when nobody waits any longer than a moment.
const LAST_PAUSES: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(150), Duration::from_millis(450)];

/// Writes what is to be kept.
#[derive(Debug)]
pub struct Writer {
    contents: watch::Receiver<Contents>,
    path: PathBuf,
    files: Arc<Mutex<Files>>,
    /// Without it nothing is written; but a logout removes what is there.
    seal: Option<(Current, Binding)>,
    standing: Standing,
    /// The logouts that are done with.
    honoured: u64,
}

impl Writer {
    pub(super) fn new(
        contents: watch::Receiver<Contents>,
        path: PathBuf,
        files: Arc<Mutex<Files>>,
        seal: Option<(Current, Binding)>,
        standing: Standing,
    ) -> Self {
        Self { contents, path, files, seal, standing, honoured: 0 }
    }

    /// Writes until `stop` is ready; then what is still to be written, for up to a second.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut pause = None;
        loop {
            let stopping = tokio::select! {
                () = &mut stop => true,
                changed = self.contents.changed() => changed.is_err(),
                () = passed(pause) => false,
            };
            // Whoever keeps may be gone: what it left is still to be written.
            let news = self.contents.borrow().has_changed() || !stopping;
            if news || pause.is_some() {
                let written = self.write().await;
                pause = written
                    .is_err()
                    .then(|| pause.map_or(FIRST_PAUSE, |pause| (2 * pause).min(LONGEST_PAUSE)));
                self.tell(written);
            }
            if stopping {
                if pause.is_some() {
                    self.insist().await;
                }
                return;
            }
        }
    }

    /// Tries again what failed, for the last time.
    async fn insist(&mut self) {
        for pause in LAST_PAUSES {
            passed(Some(pause)).await;
            let written = self.write().await;
            let done = written.is_ok();
            self.tell(written);
            if done {
                return;
            }
        }
    }

    /// Brings the disk, and the key, up to the latest state.
    async fn write(&mut self) -> Result<(), Trouble> {
        let contents = self.contents.borrow_and_update().clone();
        let mut logged_out = Ok(());
        if contents.logouts != self.honoured {
            logged_out = self.log_out().await;
            if logged_out.is_ok() {
                self.honoured = contents.logouts;
            }
        }
        let mut written = Ok(());
        if let Some((current, binding)) = &self.seal {
            let sealed = envelope::seal(&bytes(&contents.records), &current.key, binding);
            written = self.on_disk(move |files| files.save(&sealed)).await;
        }
        let path = || self.path.clone();
        logged_out.and(written.map_err(|source| Trouble::NotWritten { path: path(), source }))
    }

    /// Sees to it that nothing comes back that was in the file.
    async fn log_out(&mut self) -> Result<(), Trouble> {
        let erased = self.on_disk(Files::erase).await;
        let changed = match &mut self.seal {
            Some((current, binding)) => current.change(binding).await,
            None => Ok(false),
        };
        match (erased, changed) {
            // What may still be there opens no more.
            (_, Ok(true)) => Ok(()),
            (Ok(()), Ok(false)) => {
                warn!(
                    "the key of the sealed file cannot be changed from here: until the tokens in \
                     it have expired, a copy of it from before this logout opens"
                );
                Ok(())
            }
            (Err(source), _) => Err(Trouble::NotErased { path: self.path.clone(), source }),
            (Ok(()), Err(fault)) => Err(Trouble::KeyNotChanged(fault)),
        }
    }

    /// Does something that waits for the disk, where that holds up nobody.
    async fn on_disk(
        &self,
        work: impl FnOnce(&mut Files) -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        let files = Arc::clone(&self.files);
        let done =
            spawn_blocking(move || work(&mut files.lock().unwrap_or_else(PoisonError::into_inner)));
        done.await.unwrap_or_else(|_| Err(io::Error::other("the runtime has ended")))
    }

    fn tell(&self, written: Result<(), Trouble>) {
        match written {
            // Why nothing is sealed at all stays true.
            Ok(()) if self.seal.is_none() => {}
            written => self.standing.set(written.err()),
        }
    }
}

/// Returns after a pause; never, without one.
async fn passed(pause: Option<Duration>) {
    match pause {
        // Nothing is what is waited for.
        Some(pause) => drop(timeout(pause, pending::<()>()).await),
        None => pending().await,
    }
}
