//! What a human does to a login: changes their mind, closes the tab, comes back.

use std::fs;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::{
    estate::Estate,
    process::{Process, until},
    rig::{estate, estate_with_browser},
};

/// A browser with its one window, as the file `window` in the home stands for it. Its process id
/// is in there, and it ends well when the file is gone.
const ONE_WINDOW: [&str; 5] = [
    "sh",
    "-c",
    "echo \"$1\" >> \"$HOME/opened\"; echo $$ > \"$HOME/window\"
     while [ -e \"$HOME/window\" ]; do sleep 0.1; done",
    "sh",
    "{url}",
];

/// A login by name that waits for its human, in a browser that has run long enough to be one.
async fn in_one_window(estate: &Estate) -> Process {
    let login = Process::start(estate.home.ucssoctl().args(["login", "hq"]));
    login.line_with("a browser window is open").await;
    login
}

#[tokio::test]
async fn a_window_that_is_closed_is_a_not_now() {
    let estate = estate_with_browser(&ONE_WINDOW).await;
    let login = in_one_window(&estate).await;

    fs::remove_file(estate.home.path("window")).unwrap();

    let (status, said) = login.end().await;
    assert_eq!(status.code(), Some(4), "{said}");
    assert!(said.contains("the browser was closed before the login was finished"), "{said}");
    let status = estate.status_of("hq").await;
    assert_eq!(status["failure"]["reason"], "LOGIN_CANCELLED");
    assert!(status["snooze_epoch"].is_i64(), "{status}");
    estate.refused(&["token", "hq"]).await.is(4, &["not now"]);
    assert_eq!(estate.opened().len(), 1);
}

#[tokio::test]
async fn a_browser_that_is_killed_says_nothing_about_its_human() {
    let estate = estate_with_browser(&ONE_WINDOW).await;
    let login = in_one_window(&estate).await;

    let browser = fs::read_to_string(estate.home.path("window")).unwrap();
    let browser = Pid::from_raw(browser.trim().parse().unwrap()).unwrap();
    kill_process(browser, Signal::KILL).unwrap();
    until("the daemon has seen its end", async || test_kill_process(browser).err()).await;

    let status = estate.status_of("hq").await;
    assert_eq!((&status["state"], &status["snooze_epoch"]), (&"authenticating".into(), &().into()));
    let start_url = estate.opened().pop().unwrap().parse().unwrap();
    assert!(estate.walk("alice").login(&start_url).await.unwrap().ok);
    assert!(login.end().await.0.success());
}

#[tokio::test]
async fn a_login_whose_tab_was_closed_can_be_cancelled_and_the_token_stays() {
    let estate = estate().await;
    let token = estate.logged_in("hq").await;
    let login = estate.log_in("hq").await;

    let renewing = estate.status_of("hq").await["state"].clone();
    let meanwhile = estate.token("hq").await;
    let cancel = estate.ctl_output(&["cancel", "hq"]).await;

    assert_eq!(renewing, "renewing");
    assert_eq!(meanwhile, token);
    let said = String::from_utf8_lossy(&cancel.stdout);
    assert!(said.starts_with("hq: the login is cancelled; no login opens by itself"), "{said}");
    login.ended().await.is(4, &["ucssoctl: the login was cancelled\n"]);
    assert_eq!(estate.token("hq").await, token);
    assert_eq!(estate.status_of("hq").await["failure"]["reason"], "LOGIN_CANCELLED");
}

#[tokio::test]
async fn ctrl_c_cancels_the_login_and_the_token_stays() {
    let estate = estate().await;
    let token = estate.logged_in("hq").await;
    let login = estate.log_in("hq").await;

    kill_process(login.ctl.pid().unwrap(), Signal::INT).unwrap();

    login.ended().await.is(130, &["hq: the login is cancelled; no login opens by itself"]);
    let status = estate.status_of("hq").await;
    assert_eq!((&status["state"], &status["attempt"]), (&"fresh".into(), &().into()));
    assert_eq!(estate.token("hq").await, token);
}

#[tokio::test]
async fn the_page_of_a_cancelled_login_is_worth_nothing() {
    let estate = estate().await;
    let login = estate.log_in("hq").await;
    estate.ctl_output(&["cancel", "hq"]).await;

    let walked = login.walked(&mut estate.walk("alice")).await;

    assert!(walked.is_err(), "{walked:?}");
    estate.refused(&["token", "hq", "--no-login"]).await.is(4, &["not now"]);
}

#[tokio::test]
async fn two_who_ask_for_a_login_share_it() {
    let estate = estate().await;
    let first = estate.log_in("hq").await;
    let second = estate.log_in("hq").await;

    let walked = second.walked(&mut estate.walk("alice")).await.unwrap();

    assert_eq!(first.start_url, second.start_url);
    assert!(walked.ok, "{walked:?}");
    assert!(first.end().await.contains("hq: logged in as alice"));
    assert!(second.end().await.contains("hq: logged in as alice"));
}

#[tokio::test]
async fn a_second_login_is_silent_while_the_session_at_the_identity_provider_lives() {
    for cluster in ["hq", "vm"] {
        let estate = estate().await;
        let mut walk = estate.walk("alice");
        let mut tokens = Vec::new();
        for form_shown in [true, false] {
            let login = estate.log_in(cluster).await;
            let walked = login.walked(&mut walk).await.unwrap();
            login.end().await;
            assert_eq!((walked.ok, walked.form_shown), (true, form_shown), "{walked:?}");
            tokens.push(estate.token(cluster).await);
        }

        assert_ne!(tokens[0], tokens[1]);
        let (node, path) = match cluster {
            "hq" => ("cucm-sub", "/cucm-uds/user/alice"),
            _ => ("cuc", "/vmrest/mailbox/folders/inbox/messages"),
        };
        assert_eq!(estate.ask(node, path, &tokens[1]).await.0, 200);
    }
}

#[tokio::test]
async fn the_status_for_programs_has_a_version_and_no_token() {
    let estate = estate().await;
    let tokens = [estate.logged_in("hq").await, estate.logged_in("vm").await];

    let texts = [estate.ctl_output(&["status", "--json"]), estate.ctl_output(&["status"])];

    for output in texts {
        let output = output.await;
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert!(tokens.iter().all(|token| !text.contains(token)), "{text}");
    }
    let status = estate.status().await;
    assert_eq!(status["schema_version"], 1);
    assert_eq!(status["server"]["pid"], estate.daemon.pid().unwrap().as_raw_nonzero().get());
    for (entry, (cluster, product)) in status["clusters"]
        .as_array()
        .unwrap()
        .iter()
        .zip([("hq", "ucm"), ("vm", "unity-connection")])
    {
        assert_eq!(entry["cluster"], cluster);
        assert_eq!(entry["product"], product);
        assert_eq!(entry["state"], "fresh");
        assert_eq!(entry["user"], "alice");
        assert!((3590..=3600).contains(&entry["remaining_seconds"].as_u64().unwrap()), "{entry}");
    }
}
