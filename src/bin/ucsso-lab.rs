//! `ucsso-lab`.

fn main() {}
