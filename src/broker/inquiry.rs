//! Which token the cluster is being asked about, and who waits for its word.

use std::time::Duration;

use tokio::{sync::oneshot, task::JoinHandle};

use crate::domain::{Generation, Timestamp, Verdict};

/// How long the cluster's word on a token is good. Reports that arrive meanwhile are not passed
/// on, so that a client in a loop cannot become the cluster's problem.
const WORD_HOLDS: Duration = Duration::from_secs(10);

/// At most one question at a time, and its last answer.
#[derive(Default)]
pub(super) struct Inquiry {
    open: Option<Question>,
    last: Option<(Generation, Verdict, Timestamp)>,
}

struct Question {
    generation: Generation,
    task: JoinHandle<Verdict>,
    waiting: Vec<oneshot::Sender<Verdict>>,
}

impl Inquiry {
    /// Lets somebody wait for the word on a token, asking for it with `ask` where it is not known.
    pub(super) fn join(
        &mut self,
        generation: Generation,
        waiting: oneshot::Sender<Verdict>,
        now: Timestamp,
        ask: impl FnOnce() -> JoinHandle<Verdict>,
    ) {
        if let Some(open) = self.open.as_mut().filter(|open| open.generation == generation) {
            open.waiting.push(waiting);
            return;
        }
        match self.last {
            Some((known, said, at)) if known == generation && now.since(at) < WORD_HOLDS => {
                // Whoever has gone does not need to know.
                let _ = waiting.send(said);
            }
            _ => {
                let question = Question { generation, task: ask(), waiting: vec![waiting] };
                if let Some(older) = self.open.replace(question) {
                    // Its token has been replaced meanwhile, so nobody needs the answer.
                    older.task.abort();
                    for caller in older.waiting {
                        let _ = caller.send(Verdict::Unknown);
                    }
                }
            }
        }
    }

    /// The word of the cluster; never, where nothing is asked.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub(super) async fn answered(&mut self) -> Verdict {
        match &mut self.open {
            Some(open) => (&mut open.task).await.unwrap_or(Verdict::Unknown),
            None => std::future::pending().await,
        }
    }

    /// Remembers the word; says about which token it is, and who waits for it.
    pub(super) fn close(
        &mut self,
        verdict: Verdict,
        now: Timestamp,
    ) -> Option<(Generation, Vec<oneshot::Sender<Verdict>>)> {
        let Question { generation, waiting, .. } = self.open.take()?;
        self.last = Some((generation, verdict, now));
        Some((generation, waiting))
    }
}

impl Drop for Inquiry {
    fn drop(&mut self) {
        if let Some(open) = &self.open {
            open.task.abort();
        }
    }
}
