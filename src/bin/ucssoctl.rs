//! `ucssoctl`.

fn main() {}
