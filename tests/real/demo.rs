//! The README's first command, with tokens that live shorter than a Unified CM would let them.

use std::process::Stdio;

use tokio::process::Command;

use crate::process::run_well;

#[tokio::test]
async fn the_demonstration_ends_with_a_token_used_on_uds_and_a_renewal_seen() {
    let home = tempfile::tempdir().unwrap();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_ucsso-lab"));
    demo.args(["demo", "--once", "--no-browser", "--token-lifetime", "20s"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("TMPDIR", home.path())
        .stderr(Stdio::inherit());

    let told = run_well(&mut demo).await;

    let used = told.lines().filter(|line| line.contains("200, <userName>alice</userName>")).count();
    assert_eq!(used, 2, "{told}");
    assert!(told.contains("generation 2 came with 1 form filled in and 1 silent login"), "{told}");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "it leaves nothing behind");
}
