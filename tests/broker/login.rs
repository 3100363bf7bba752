//! A cluster that logs in when a test says so, and counts the windows.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, oneshot},
    task::JoinHandle,
};
use ucsso::{
    broker::ports::{Clock, LoggedIn, Login, NotTaken, Onward, Opened, Pasted, Progress, Tab},
    domain::{
        AttemptId, Cause, Failure, Generation, Grant, Learned, Manner, Secret, Token, Verdict,
    },
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
    network_is_down: AtomicBool,
    /// Where the landing pages went.
    pages: Mutex<Vec<JoinHandle<Option<String>>>>,
}

/// A landing page that goes where it is told to; nowhere, if nobody tells it.
async fn page_of(page: oneshot::Receiver<Onward>) -> Option<String> {
    let Onward { start_url, went } = page.await.ok()?;
    went.send(true).ok()?;
    Some(start_url)
}

impl Inside {
    fn outage(&self) -> Option<Failure> {
        self.network_is_down.load(SeqCst).then(|| self.failure(Cause::NodeUnreachable))
    }

    fn failure(&self, cause: Cause) -> Failure {
        let at = self.clock.now();
        Failure { cause, sentence: "it failed".into(), advice: "mend it".into(), at }
    }
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
            network_is_down: AtomicBool::new(false),
            pages: Mutex::default(),
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

    /// Cuts the network, or mends it: no login gets as far as a window.
    pub(crate) fn cut_the_network(&self, cut: bool) {
        self.0.network_is_down.store(cut, SeqCst);
    }

    /// Where the landing page of each login went, from the first on.
    pub(crate) async fn went(&self) -> Vec<Option<String>> {
        let pages = std::mem::take(&mut *self.0.pages.lock().unwrap());
        let mut went = Vec::new();
        for page in pages {
            went.push(page.await.unwrap());
        }
        went
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
        tab: Option<Tab>,
        progress: impl Progress,
    ) -> Result<LoggedIn, Failure> {
        let inside = &self.0;
        if let Some(failure) = inside.outage() {
            return Err(failure);
        }
        let start_url = format!("http://127.0.0.1:1/start/{}", attempt.0);
        let went = match tab {
            Some(tab) => tab.go_on(start_url.clone()).await,
            None => false,
        };
        let in_a_window = manner == Manner::OpenBrowser && !went;
        if in_a_window && !progress.may_open() {
            return Err(inside.failure(Cause::BrowserUnavailable));
        }
        inside.windows.fetch_add(usize::from(!went), SeqCst);
        inside.open.fetch_add(1, SeqCst);
        let _window = Window(&inside.open);
        progress.opened(Opened {
            start_url,
            browser_opened: manner == Manner::OpenBrowser,
            authorize_url: "https://cucm-pub:8443/ssosp/oauth/authorize?state=canary".into(),
        });
        loop {
            let answer = inside.answers.lock().unwrap().pop_front();
            let now = inside.clock.now();
            match answer {
                Some(Answer::Token(lifetime)) => {
                    let grant = Grant {
                        secret: Secret::new(format!("token-{}", attempt.0)),
                        user: "alice".into(),
                        node: "cucm-pub:8443".into(),
                        obtained_at: now,
                        expires_at: now.plus(lifetime),
                    };
                    let (tab, page) = Tab::new();
                    inside.pages.lock().unwrap().push(tokio::spawn(page_of(page)));
                    return Ok(LoggedIn { grant, tab: Some(tab) });
                }
                Some(Answer::Failure(cause)) => return Err(inside.failure(cause)),
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

    fn learned(&self) -> Learned {
        Learned { owner: Some("alice".into()), returns_state: false }
    }
}
