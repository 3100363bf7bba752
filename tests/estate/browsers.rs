//! The program that opens the login page: missing, failing, and run no oftener than needed.

use tokio::task::JoinSet;
use ucsso::rpc::proto::{Interaction, Token};

use crate::{
    estate::Estate,
    process::until,
    rig::{WRITING, estate, estate_with_browser, token_from},
};

const REMEDY: &str = "help: `ucssoctl login --no-browser hq`";

#[tokio::test]
async fn a_browser_that_is_missing_or_fails_is_named_and_the_token_stays() {
    for (program, sentence) in [
        ("/nowhere/browser", "there is no program `/nowhere/browser` to open a browser with"),
        ("false", "`false` opened no browser: exit status: 1"),
    ] {
        let estate = estate_with_browser(&[program, "{url}"]).await;
        let token = estate.logged_in("hq").await;

        let end = estate.refused(&["login", "hq"]).await;

        end.is(4, &[&format!("ucssoctl: the login cannot be shown: {sentence}\n"), REMEDY]);
        assert!(!end.said.contains("/start/"), "{}", end.said);
        assert_eq!(estate.status_of("hq").await["failure"]["reason"], "BROWSER_UNAVAILABLE");
        assert_eq!(estate.token("hq").await, token);
    }
}

#[tokio::test]
async fn without_a_display_a_program_is_told_how_a_human_can_log_in() {
    let estate = estate().await;

    let first = estate.refused(&["token", "hq"]).await;
    let second = estate.refused(&["token", "hq"]).await;

    first.is(4, &["there is no display to open a browser on", REMEDY]);
    second.is(4, &["nobody has logged in to `hq` yet, and the last login failed", REMEDY]);
    let status = estate.status().await;
    assert_eq!(
        (&status["server"]["windows_left"], &status["server"]["reserve"]),
        (&4.into(), &().into())
    );
    let hq = estate.status_of("hq").await;
    assert_eq!((&hq["attempt"], &hq["snooze_epoch"]), (&().into(), &().into()));
    assert!(hq["pause_epoch"].is_i64(), "no program has it tried again at once: {hq}");
}

#[tokio::test]
async fn a_hundred_programs_at_once_open_one_window_and_get_one_token() {
    let estate = estate_with_browser(&WRITING).await;
    let mut programs = JoinSet::new();
    // Two share a connection: these are all one program to the daemon, which may have 64.
    for _ in 0..50 {
        let connection = estate.client().await;
        for client in [connection.clone(), connection] {
            programs.spawn(async move {
                token_from(&client, "hq", Interaction::IfNeeded).await.unwrap()
            });
        }
    }

    let opened = until("a window opens", async || estate.opened().pop()).await;
    let walked = estate.walk("alice").login(&opened.parse().unwrap()).await.unwrap();
    let tokens = programs.join_all().await;

    assert!(walked.ok, "{walked:?}");
    assert_eq!(tokens.len(), 100);
    assert!(tokens.iter().all(|token| token.access_token == tokens[0].access_token));
    assert_eq!(estate.opened().len(), 1);
    assert_eq!(estate.lab.counters().windows, 1);
}

#[tokio::test]
async fn after_a_logout_no_program_opens_a_window() {
    let estate = estate_with_browser(&WRITING).await;
    let token = estate.logged_in("hq").await;

    let said = estate.ctl_output(&["logout", "hq"]).await;
    let program = estate.refused(&["token", "hq"]).await;

    assert_eq!(String::from_utf8_lossy(&said.stdout), "hq: the token is forgotten\n");
    program.is(4, &["somebody logged out of `hq`", "help: run `ucssoctl login hq`"]);
    assert_eq!(estate.opened(), [""; 0]);
    let status = estate.status_of("hq").await;
    assert_eq!((&status["state"], &status["lapse"]), (&"cold".into(), &"logged-out".into()));
    assert_ne!(estate.logged_in("hq").await, token);
}

/// Two programs that want the tokens of both clusters at the same moment.
async fn two_programs(estate: &Estate) -> (Token, Token) {
    let hq = estate.get_token("hq", Interaction::IfNeeded);
    let vm = estate.get_token("vm", Interaction::IfNeeded);
    tokio::try_join!(hq, vm).unwrap()
}

#[tokio::test]
async fn clusters_whose_tokens_are_wanted_at_once_have_one_tab_in_turn() {
    let estate = estate_with_browser(&WRITING).await;
    let mut walk = estate.walk("alice");
    let human = async {
        let opened = until("a window opens", async || estate.opened().pop()).await;
        let first = walk.login(&opened.parse().unwrap()).await.unwrap();
        assert!(first.ok, "{first:?}");
        let second = walk.login(&first.next.unwrap()).await.unwrap();
        assert!(second.ok && second.next.is_none(), "{second:?}");
    };

    let ((hq, vm), ()) = tokio::join!(two_programs(&estate), human);

    assert_ne!(hq.access_token, vm.access_token);
    assert_eq!(estate.lab.counters().form_logins, 1, "the second was silent");
    assert_eq!(estate.opened().len(), 1, "and opened no window");
}

#[tokio::test]
async fn a_tab_that_was_closed_before_it_went_on_is_followed_by_a_window() {
    let estate = estate_with_browser(&WRITING).await;
    let mut walk = estate.walk("alice");
    let human = async {
        let opened = until("a window opens", async || estate.opened().pop()).await;
        let first = walk.login(&opened.parse().unwrap()).await.unwrap();
        let next = first.next.unwrap().to_string();
        assert_eq!(estate.opened().len(), 1);

        let second = until("another opens", async || estate.opened().get(1).cloned()).await;
        assert_eq!(second, next, "the page that nobody went to");
        assert!(walk.login(&second.parse().unwrap()).await.unwrap().ok);
    };

    tokio::join!(two_programs(&estate), human);

    assert_eq!(estate.opened().len(), 2);
}
