//! A redirect by https: without its certificate, with it, and with one that is of no use.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
};

use serde_json::json;
use ucsso::lab::walk::Walk;

use crate::{
    estate::Estate,
    process::{free_port, run_well},
    rig::{WRITING, redirected_to, with_browser},
};

const MENDED_BY: &str = "run `ucssoctl trust redirect`";

async fn by_https() -> Estate {
    let uri = format!("https://localhost:{}/cb/hq", free_port());
    let edit = |toml: &str| with_browser(&WRITING, &redirected_to(&uri, toml));
    let estate = Estate::launch(<_>::default(), edit).await;
    estate.lab.allow_redirect("hq", &uri);
    estate
}

impl Estate {
    fn identity(&self) -> std::path::PathBuf {
        self.home.path(".local/share/ucsso/redirect/identity.pem")
    }

    async fn warnings(&self) -> serde_json::Value {
        self.status().await["server"]["warnings"].clone()
    }
}

#[tokio::test]
async fn without_a_certificate_it_is_said_what_to_run_and_with_one_nothing_has_to_be_restarted() {
    let estate = by_https().await;
    let sentence = "the redirect by https cannot be served: there is no certificate for it yet";
    let warning = format!("{sentence}: logins to `hq` will fail; {MENDED_BY}");
    estate.daemon.line_with(&warning).await;

    let refused = estate.refused(&["login", "hq"]).await;
    let warned = estate.warnings().await;
    run_well(estate.home.ucssoctl().args(["trust", "redirect"])).await;
    let quiet = estate.warnings().await;
    let login = estate.log_in("hq").await;
    let authority = fs::read_to_string(estate.identity().with_file_name("authority.pem")).unwrap();
    let trusted = [estate.lab.ca_pem(), &authority].concat();
    let walked = login.walked(&mut Walk::new(&trusted, "alice", "alicepw").unwrap()).await.unwrap();

    refused.is(4, &[sentence, MENDED_BY]);
    assert_eq!(estate.opened(), [""; 0]);
    assert_eq!((warned, quiet), (json!([warning]), json!([])));
    assert!(walked.ok, "{walked:?}");
    assert!(login.end().await.contains("hq: logged in as alice"));
    estate.token("hq").await;
}

#[tokio::test]
async fn a_key_that_others_could_have_read_is_not_used() {
    let estate = by_https().await;
    run_well(estate.home.ucssoctl().args(["trust", "redirect"])).await;
    fs::set_permissions(estate.identity(), Permissions::from_mode(0o644)).unwrap();

    let refused = estate.refused(&["login", "hq"]).await;
    let shown = estate.refused(&["trust", "redirect"]).await;
    run_well(estate.home.ucssoctl().args(["trust", "redirect", "--renew"])).await;

    for (end, code) in [(refused, 4), (shown, 1)] {
        end.is(
            code,
            &[
                "is not private: its mode is 644, so that others have access to it",
                "run `ucssoctl trust redirect --renew`",
            ],
        );
    }
    assert_eq!(estate.opened(), [""; 0]);
    estate.log_in("hq").await;
}

#[tokio::test]
async fn a_certificate_that_is_there_is_shown_and_not_replaced() {
    let estate = by_https().await;
    let trust = async |renew: &[&str]| {
        run_well(estate.home.ucssoctl().args(["trust", "redirect"]).args(renew)).await
    };
    let fingerprint = |said: &str| {
        let line = said.lines().find(|line| line.contains("SHA-256")).unwrap();
        line.rsplit(' ').next().unwrap().to_owned()
    };

    let first = trust(&[]).await;
    let before = fs::read(estate.identity()).unwrap();
    let again = trust(&[]).await;
    let kept = fs::read(estate.identity()).unwrap();
    let renewed = trust(&["--renew"]).await;

    assert!(first.starts_with(&format!("wrote {}\n", estate.identity().display())), "{first}");
    assert!(again.contains("is there already; `--renew` replaces it\n"), "{again}");
    assert_eq!(fingerprint(&first), fingerprint(&again));
    assert_eq!(before, kept);
    assert_ne!(fingerprint(&first), fingerprint(&renewed));
    let old: String = fingerprint(&first).chars().filter(|c| *c != ':').take(8).collect();
    assert!(renewed.contains(&format!("-D -n \"ucsso redirect {old}\"")), "{renewed}");
    assert!(!first.contains("PRIVATE"), "{first}");
}
