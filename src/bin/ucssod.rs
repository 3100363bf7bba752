//! `ucssod`.

fn main() {}
