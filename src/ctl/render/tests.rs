//! Pictures, as they are seen at each width.

#![expect(clippy::unnecessary_wraps, reason = "the fields of messages are optional")]

use jiff::{Timestamp, tz::TimeZone};

use super::*;
use crate::rpc::proto::{ClusterStatus, Failure, Lapse};

/// 13:45 in Berlin, whether or not this machine has a database of time zones.
fn now() -> Zoned {
    let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
    "2026-11-22T12:45:00Z".parse::<Timestamp>().unwrap().to_zoned(berlin)
}

/// A moment so many seconds from now.
fn at(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: now().timestamp().as_second() + seconds, nanos: 0 })
}

fn cluster(name: &str, state: ClusterState, lapse: Lapse) -> ClusterStatus {
    ClusterStatus {
        cluster: name.to_owned(),
        state: state.into(),
        lapse: lapse.into(),
        user: "alice".to_owned(),
        renew: "when-used".to_owned(),
        login_on_demand: state != ClusterState::Disabled && lapse != Lapse::LoggedOut,
        ..ClusterStatus::default()
    }
}

/// A token of an hour.
fn valid(name: &str, state: ClusterState, left: i64) -> ClusterStatus {
    ClusterStatus {
        node: "cucm-pub.example.com:8443".to_owned(),
        obtain_time: at(left - 3600),
        expire_time: at(left),
        remaining: Some(prost_types::Duration { seconds: left, nanos: 0 }),
        ..cluster(name, state, Lapse::Unspecified)
    }
}

fn failure(sentence: &str, advice: &str) -> Option<Failure> {
    let (sentence, advice) = (sentence.to_owned(), advice.to_owned());
    Some(Failure { reason: String::new(), sentence, advice, time: at(-600) })
}

/// One cluster in each state.
fn estate() -> GetStatusResponse {
    let clusters = vec![
        ClusterStatus { renew_time: at(2130), ..valid("hq", ClusterState::Fresh, 2850) },
        ClusterStatus {
            give_up_time: at(250),
            failure: failure("nobody logged in within 5 minutes", ""),
            ..valid("emea", ClusterState::Renewing, 420)
        },
        ClusterStatus {
            give_up_time: at(200),
            ..cluster("lab", ClusterState::Authenticating, Lapse::Expired)
        },
        ClusterStatus {
            pause_time: at(280),
            failure: failure("no node of the cluster answered", "`ping cucm-pub.example.com`"),
            ..cluster("voicemail", ClusterState::Cold, Lapse::NeverLoggedIn)
        },
        ClusterStatus {
            failure: failure("single sign-on is switched off on the cluster", ""),
            ..cluster("factory", ClusterState::Disabled, Lapse::NeverLoggedIn)
        },
    ];
    let server = ServerStatus {
        version: "1.2.3".to_owned(),
        start_time: at(-19_000),
        pid: 4211,
        warnings: vec!["port 27443 is taken by another program".to_owned()],
        ..ServerStatus::default()
    };
    GetStatusResponse { clusters, server: Some(server) }
}

fn draw(status: &GetStatusResponse, elapsed: u64, canvas: Canvas) -> String {
    View { status, elapsed: Duration::from_secs(elapsed), now: &now(), canvas }.draw()
}

/// The estate on a terminal of this width, without its colours.
fn picture(columns: usize) -> String {
    let drawn = draw(&estate(), 0, Canvas::Terminal { columns, unicode: true });
    let picture = anstream::adapter::strip_str(&drawn).to_string();
    assert!(picture.lines().all(|line| width(line) <= columns), "{picture}");
    picture
}

#[test]
fn at_120_columns() {
    assert_eq!(
        picture(120),
        "\
ucssod 1.2.3 · pid 4211 · since 08:28 CET · 2 of 5 ready
▲ port 27443 is taken by another program

● hq         token valid   ━━━━━━━━━━━━━━━━━━━━━━━━━━──────  47 min left  until 14:32 CET
             alice on cucm-pub.example.com:8443 · renews at 14:20 if a program used it lately

◐ emea       renewing      ━━━━────────────────────────────   7 min left  until 13:52 CET
             alice on cucm-pub.example.com:8443 · waiting for the browser until 13:49
             the last login failed at 13:35: nobody logged in within 5 minutes

◎ lab        logging in    the token has expired
             alice · waiting for the browser until 13:48

○ voicemail  login needed  nobody has logged in yet
             alice · no login opens by itself before 13:49
             the last login failed at 13:35: no node of the cluster answered
             → ping cucm-pub.example.com

✕ factory    disabled      nobody has logged in yet
             alice · no login opens by itself
             the last login failed at 13:35: single sign-on is switched off on the cluster
             → ucssoctl login factory
"
    );
}

#[test]
fn at_80_columns() {
    assert_eq!(
        picture(80).lines().skip(3).take(4).collect::<Vec<_>>(),
        [
            "● hq         token valid   ━━━━━━━━━━━━━━━━━━━────  47 min left  until 14:32 CET",
            "             alice on cucm-pub.example.com:8443",
            "             renews at 14:20 if a program used it lately",
            "",
        ]
    );
}

#[test]
fn at_60_columns_the_moment_of_expiry_is_below() {
    assert_eq!(
        picture(60).lines().skip(8).take(7).collect::<Vec<_>>(),
        [
            "◐ emea       renewing      ━━━─────────────────   7 min left",
            "             valid until 13:52 CET",
            "             alice on cucm-pub.example.com:8443",
            "             waiting for the browser until 13:49",
            "             the last login failed at 13:35: nobody logged",
            "             in within 5 minutes",
            "",
        ]
    );
}

#[test]
fn at_40_columns_there_is_no_bar_and_nothing_runs_over() {
    let picture = picture(40);

    assert!(!picture.contains('━'), "{picture}");
    assert!(picture.contains("47 min left"), "{picture}");
    assert!(picture.contains("valid until 14:32 CET"), "{picture}");
}

#[test]
fn without_a_terminal_it_is_ascii_in_columns() {
    let drawn = draw(&estate(), 0, Canvas::Plain);

    let picture = anstream::adapter::strip_str(&drawn).to_string();

    assert!(picture.is_ascii());
    assert_eq!(
        picture.lines().skip(3).take(6).collect::<Vec<_>>(),
        [
            "* hq         token valid   47 min left  until 14:32 CET",
            "             alice on cucm-pub.example.com:8443; renews at 14:20 if a program used it \
             lately",
            "",
            "~ emea       renewing       7 min left  until 13:52 CET",
            "             alice on cucm-pub.example.com:8443; waiting for the browser until 13:49",
            "             the last login failed at 13:35: nobody logged in within 5 minutes",
        ]
    );
}

#[test]
fn the_time_left_goes_on_after_the_answer_came() {
    let canvas = Canvas::Terminal { columns: 100, unicode: false };

    assert!(draw(&estate(), 400, canvas).contains("20 s left"));
    assert!(draw(&estate(), 500, canvas).contains("0 s left"));
}

#[test]
fn every_mood_has_a_mark_of_its_own() {
    for glyphs in [layout::UNICODE, layout::ASCII] {
        let marks: std::collections::HashSet<_> = glyphs.marks.into_iter().collect();

        assert_eq!(marks.len(), glyphs.marks.len());
    }
}

#[test]
fn what_the_daemon_says_cannot_draw_on_the_terminal() {
    let mut status = estate();
    status.clusters[3].failure = failure("\u{1b}[2J\u{7}gone", "\r\nucssoctl");
    status.clusters[0].user = "al\u{1b}]0;x".to_owned();

    let drawn = draw(&status, 0, Canvas::Terminal { columns: 100, unicode: true });

    let picture = anstream::adapter::strip_str(&drawn).to_string();
    assert!(!picture.contains(|c: char| c.is_control() && c != '\n'), "{picture:?}");
    assert!(picture.contains("[2J"), "shown, not obeyed: {picture:?}");
}

#[test]
fn lines_to_be_copied_are_not_broken() {
    let advice = "compare it, and then pin it with these lines in the configuration:\n\
                  [clusters.hq]\n\
                  pins.\"cucm\" = [\"sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"]";
    let mut status = estate();
    status.clusters = vec![status.clusters.remove(3)];
    status.clusters[0].failure = failure("no trust", advice);

    let drawn = draw(&status, 0, Canvas::Terminal { columns: 72, unicode: false });

    let picture = anstream::adapter::strip_str(&drawn).to_string();
    assert_eq!(
        picture.lines().skip(6).collect::<Vec<_>>(),
        [
            "             > compare it, and then pin it with these lines in the",
            "               configuration:",
            "               [clusters.hq]",
            "   pins.\"cucm\" = [\"sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\"]",
        ]
    );
}

#[test]
fn a_name_that_is_too_long_for_its_column_has_a_line_of_its_own() {
    let name = "x".repeat(40);
    let status = GetStatusResponse {
        clusters: vec![
            valid(&name, ClusterState::Fresh, 60),
            cluster("b", ClusterState::Cold, Lapse::LoggedOut),
        ],
        server: None,
    };

    let drawn = draw(&status, 0, Canvas::Terminal { columns: 80, unicode: false });

    let picture = anstream::adapter::strip_str(&drawn).to_string();
    let lines: Vec<_> = picture.lines().collect();
    assert_eq!(lines[2], format!("* {name}"));
    assert!(lines[3].starts_with(&format!("{}token valid", " ".repeat(24))), "{picture}");
    assert!(lines.iter().any(|line| line.starts_with("- b ") && line.contains("logged out")));
}

#[test]
fn each_way_to_renew_has_its_words() {
    let said = |status: ClusterStatus| {
        let status = GetStatusResponse { clusters: vec![status], server: None };
        draw(&status, 0, Canvas::Plain)
    };
    let fresh = |renew: &str, renew_time| ClusterStatus {
        renew: renew.to_owned(),
        renew_time,
        ..valid("hq", ClusterState::Fresh, 2850)
    };

    assert!(said(fresh("ahead", at(60))).contains("renews at 13:46\u{1b}"));
    assert!(said(fresh("when-used", at(60))).contains("renews at 13:46 if a program used it"));
    assert!(said(fresh("when-used", None)).contains("renews when a program uses it"));
    assert!(said(fresh("on-request", None)).contains("renews when a program asks for more"));
    assert!(
        said(cluster("hq", ClusterState::Authenticating, Lapse::Rejected))
            .contains("waiting until another cluster's login is done")
    );
}
