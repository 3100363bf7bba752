//! What `log-filter` asks for, and what it prints.

use tonic::Code;
use ucsso::rpc::proto::SetLogFilterResponse;

use crate::{
    ask, assert_says,
    fake_daemon::{FakeDaemon, Script, refusal},
};

#[test]
fn the_filter_and_the_one_before_are_said() {
    let filter = "info,ucsso::broker=trace".to_owned();
    let response = SetLogFilterResponse { filter, filter_before: "in\u{1b}fo".into() };
    let daemon = FakeDaemon::start(Script { log_filter: Some(Ok(response)), ..Script::default() });

    let output = ask(&daemon, "log-filter info,ucsso::broker=trace");
    let reset = ask(&daemon, "log-filter");

    assert_says(&output, 0, "info,ucsso::broker=trace, before in\u{fffd}fo\n", "");
    assert_eq!(reset.status.code(), Some(0));
    assert_eq!(daemon.calls(), ["SetLogFilter info,ucsso::broker=trace", "SetLogFilter "]);
}

#[test]
fn a_filter_that_is_refused_comes_with_how_to_write_one() {
    let status = refusal(
        Code::InvalidArgument,
        "LOG_FILTER_INVALID",
        "`a=b` is no part of a log filter; nothing has changed",
        "write it as `debug`",
    );
    let daemon = FakeDaemon::start(Script { log_filter: Some(Err(status)), ..Script::default() });

    let output = ask(&daemon, "log-filter a=b");

    let said = "ucssoctl: `a=b` is no part of a log filter; nothing has changed\n  help: write it as `debug`\n";
    assert_says(&output, 2, "", said);
}
