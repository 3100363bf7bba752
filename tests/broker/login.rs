//! A cluster that logs in when a test says so, and counts the windows.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::sync::Notify;
use ucsso::{
    broker::ports::{Clock, Login, NotTaken, Opened, Pasted},
    domain::{AttemptId, Cause, Failure, Generation, Grant, Manner, Secret, Token, Verdict},
};

use crate::clock::ManualClock;

/// What the cluster answers to a login.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// A token that lives this long.
    Token(Duration),
    /// A failure.
    Failure(Cause),
    /// A bug.
    Panic,
}

#[derive(Debug, Clone)]
pub(crate) struct FakeLogin(Arc<Inside>);

#[derive(Debug)]
struct Inside {
    clock: ManualClock,
    answers: Mutex<VecDeque<Answer>>,
    verdict: Mutex<Verdict>,
    slow: Mutex<Option<Generation>>,
    decided: Notify,
    news: Notify,
    windows: AtomicUsize,
    open: AtomicUsize,
    verifications: AtomicUsize,
}

impl FakeLogin {
    pub(crate) fn new(clock: &ManualClock) -> Self {
        Self(Arc::new(Inside {
            clock: clock.clone(),
            answers: Mutex::default(),
            verdict: Mutex::new(Verdict::StillValid),
            slow: Mutex::default(),
            decided: Notify::new(),
            news: Notify::new(),
            windows: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            verifications: AtomicUsize::new(0),
        }))
    }

    /// Answers the login under way, or else the next one.
    pub(crate) fn answer(&self, answer: Answer) {
        self.0.answers.lock().unwrap().push_back(answer);
        self.0.news.notify_one();
    }

    pub(crate) fn say(&self, verdict: Verdict) {
        *self.0.verdict.lock().unwrap() = verdict;
    }

    /// Thinks about this token until [`decide`](Self::decide).
    pub(crate) fn think_about(&self, generation: Generation) {
        *self.0.slow.lock().unwrap() = Some(generation);
    }

    /// Says that the token it thinks about is still valid.
    pub(crate) fn decide(&self) {
        self.0.decided.notify_one();
    }

    /// How many windows were opened.
    pub(crate) fn windows(&self) -> usize {
        self.0.windows.load(SeqCst)
    }

    /// How many are open.
    pub(crate) fn open(&self) -> usize {
        self.0.open.load(SeqCst)
    }

    pub(crate) fn verifications(&self) -> usize {
        self.0.verifications.load(SeqCst)
    }
}

/// A window, as long as it is open.
struct Window<'a>(&'a AtomicUsize);

impl Drop for Window<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Login for FakeLogin {
    async fn log_in(
        &self,
        attempt: AttemptId,
        manner: Manner,
        opened: impl Fn(Opened) + Send + Sync,
    ) -> Result<Grant, Failure> {
        let inside = &self.0;
        inside.windows.fetch_add(1, SeqCst);
        inside.open.fetch_add(1, SeqCst);
        let _window = Window(&inside.open);
        opened(Opened {
            start_url: format!("http://127.0.0.1:1/start/{}", attempt.0),
            browser_opened: manner == Manner::OpenBrowser,
            authorize_url: "https://cucm-pub:8443/ssosp/oauth/authorize?state=canary".into(),
        });
        loop {
            let answer = inside.answers.lock().unwrap().pop_front();
            let now = inside.clock.now();
            match answer {
                Some(Answer::Token(lifetime)) => {
                    return Ok(Grant {
                        secret: Secret::new(format!("token-{}", attempt.0)),
                        user: "alice".into(),
                        node: "cucm-pub:8443".into(),
                        obtained_at: now,
                        expires_at: now.plus(lifetime),
                    });
                }
                Some(Answer::Failure(cause)) => {
                    return Err(Failure {
                        cause,
                        sentence: "it failed".into(),
                        advice: "mend it".into(),
                        at: now,
                    });
                }
                Some(Answer::Panic) => panic!("a bug, as the test wants it"),
                None => inside.news.notified().await,
            }
        }
    }

    /// Takes `token`, from whoever has the start page.
    fn complete(&self, attempt: AttemptId, pasted: &Pasted) -> Result<(), NotTaken> {
        if *pasted.start_url != format!("http://127.0.0.1:1/start/{}", attempt.0) {
            return Err(NotTaken::WrongTicket);
        }
        if *pasted.address != "token" {
            return Err(NotTaken::NotTheRedirect { beginnings: vec!["token".into()] });
        }
        self.answer(Answer::Token(Duration::from_hours(1)));
        Ok(())
    }

    async fn verify(&self, token: &Token) -> Verdict {
        self.0.verifications.fetch_add(1, SeqCst);
        let slow = *self.0.slow.lock().unwrap();
        if slow == Some(token.generation) {
            self.0.decided.notified().await;
            return Verdict::StillValid;
        }
        tokio::task::yield_now().await;
        *self.0.verdict.lock().unwrap()
    }
}
