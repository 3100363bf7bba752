//! The filter of the log, set while the daemon runs and as it starts.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

use ucsso::{lab::LabConfig, rpc::proto::SetLogFilterRequest};

use crate::estate::Estate;

/// An estate whose daemon has this in `RUST_LOG`.
async fn saying(filter: &[u8]) -> Estate {
    Estate::launch_as(LabConfig::default(), ToOwned::to_owned, |home| {
        let mut daemon = home.ucssod();
        daemon.env("RUST_LOG", OsStr::from_bytes(filter));
        daemon
    })
    .await
}

impl Estate {
    /// Sets the filter, or brings back that of the start, and returns what is said.
    async fn filter(&self, arguments: &[&str]) -> String {
        let output = self.ctl_output(&[&["log-filter"], arguments].concat()).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// How many lines the log has below `info`.
    fn fine_lines(&self) -> usize {
        let log = self.daemon.output();
        log.matches(" DEBUG ").count() + log.matches(" TRACE ").count()
    }
}

#[tokio::test]
async fn the_log_says_more_from_now_on_and_less_again() {
    let estate = saying(b"info").await;
    estate.logged_in("hq").await;
    let before = estate.fine_lines();

    let more = estate.filter(&[" ucsso=debug, info"]).await;
    estate.logged_in("hq").await;
    let meanwhile = estate.fine_lines();
    let less = estate.filter(&[]).await;
    estate.logged_in("hq").await;

    assert_eq!(more, "ucsso=debug,info, before info\n");
    assert_eq!(less, "info, before ucsso=debug,info\n");
    assert!(before == 0 && meanwhile > 0, "{before}, {meanwhile}");
    assert_eq!(estate.fine_lines(), meanwhile);
}

#[tokio::test]
async fn whoever_sets_the_filter_is_told_of_whether_it_hides_or_shows_that() {
    let estate = saying(b"info").await;
    let lines = || {
        let log = estate.daemon.output();
        let lines = log.lines().filter(|line| line.contains("the log has another filter"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let client = estate.client().await;
    let set = async |filter: &str| {
        let request = SetLogFilterRequest { filter: filter.into() };
        client.admin().set_log_filter(request).await.unwrap();
    };

    set("off").await;
    set("error").await;
    set("debug").await;
    set("evil\n\u{202e}=off,info").await;

    estate.daemon.line_with("evil").await;
    let who = format!("uid={} pid={}", rustix::process::getuid().as_raw(), std::process::id());
    let said = lines();
    for (line, part) in said.iter().zip([
        "filter=\"off\" before=\"info\"",
        "filter=\"debug\" before=\"error\"",
        "filter=\"evil\u{fffd}\u{fffd}=off,info\" before=\"debug\"",
    ]) {
        assert!(line.contains(" INFO ucsso::audit: ") && line.contains(part), "{line}");
        assert!(line.contains(&who), "{who} is missing in {line}");
    }
    assert_eq!(said.len(), 3, "{said:#?}");
}

#[tokio::test]
async fn a_filter_that_is_wrong_or_too_long_changes_nothing() {
    let estate = saying(b"warn,ucsso::daemon::run=info").await;

    let wrong = estate.refused(&["log-filter", "debug,ucsso=loud"]).await;
    let long = estate.refused(&["log-filter", &"a".repeat(1025)]).await;

    wrong.is(2, &["`ucsso=loud` is no part", "\"trace\"", "nothing has changed", "help: write"]);
    long.is(2, &["at most 1024 bytes; nothing has changed"]);
    let start = "warn,ucsso::daemon::run=info";
    assert_eq!(estate.filter(&["info"]).await, format!("info, before {start}\n"));
}

#[tokio::test]
async fn a_variable_that_is_not_understood_is_told() {
    for (variable, flaw) in
        [(&b"ucsso=\xff"[..], "it is not UTF-8"), (b"ucsso=loud", "`ucsso=loud` is no part")]
    {
        let estate = saying(variable).await;

        let line = estate.daemon.line_with("`RUST_LOG` is not understood; `info` is used").await;
        assert!(line.contains(flaw), "{line}");
        assert_eq!(estate.filter(&[]).await, "info, before info\n");
    }
}
