//! `ucssoctl log-filter`: has the daemon's log say more, or less.

use clap::Args;

use super::{
    error::Error,
    terminal::{self, harmless},
};
use crate::rpc::{
    client::Client,
    proto::{SetLogFilterRequest, SetLogFilterResponse},
};

/// More about the command.
pub(super) const HELP: &str = "\
A filter is a level (`off`, `error`, `warn`, `info`, `debug` or `trace`), or several with the part of the \
daemon that each is for:

  ucssoctl log-filter debug
  ucssoctl log-filter info,ucsso::broker=trace

It lasts until the daemon ends; what a daemon starts with is in its RUST_LOG. Each change is a \
line in the log. Under any filter the libraries that see tokens go by say no more than `info`.";

/// `ucssoctl log-filter`.
#[derive(Debug, Args)]
pub(super) struct LogFilterArgs {
    /// Which lines the log has [default: those that it had when the daemon started]
    filter: Option<String>,
}

/// Sets it, and shows what was there before.
pub(super) async fn run(client: &Client, args: LogFilterArgs) -> Result<(), Error> {
    let request = SetLogFilterRequest { filter: args.filter.unwrap_or_default() };
    let response = client.admin().set_log_filter(request).await?.into_inner();
    let SetLogFilterResponse { filter, filter_before } = response;
    terminal::out(&format!("{}, before {}\n", harmless(&filter), harmless(&filter_before)))
}
