//! Two clusters of one trust domain, with one redirect URI.

use reqwest::StatusCode;

use crate::{estate::Estate, process::Process, rig::estate};

/// An estate whose `vm` shares the redirect URI of `hq`.
async fn of_one_domain() -> Estate {
    let shared = |toml: &str| {
        let toml = toml.replace("/cb/vm\"", "/cb/hq\"");
        toml.replace("redirect_uri = ", "trust_domain = \"lab\"\nredirect_uri = ")
    };
    let estate = Estate::launch(<_>::default(), shared).await;
    estate.lab.allow_redirect("vm", &estate.redirect_uri("hq"));
    estate
}

#[tokio::test]
async fn a_login_at_a_shared_redirect_waits_for_the_other_clusters() {
    let estate = of_one_domain().await;
    let mut walk = estate.walk("alice");
    let hq = estate.log_in("hq").await;
    let vm = Process::start(estate.home.ucssoctl().args(["login", "--no-browser", "vm"]));
    vm.line_with("vm: waiting until the login of another cluster is done").await;
    assert!(!vm.output().contains("/start/"), "{}", vm.output());

    let walked = hq.walked(&mut walk).await.unwrap();
    assert!(walked.ok && walked.title.contains("hq"), "{walked:?}");
    hq.end().await;
    let line = vm.line_with("/start/").await;
    let walked = walk.login(&line.trim().parse().unwrap()).await.unwrap();

    assert!(walked.ok && walked.title.contains("vm"), "{walked:?}");
    assert!(vm.end().await.0.success());
    let (hq, vm) = (estate.token("hq").await, estate.token("vm").await);
    let messages = "/vmrest/mailbox/folders/inbox/messages";
    assert_eq!(estate.ask("cucm-pub", "/cucm-uds/user/alice", &hq).await.0, StatusCode::OK);
    assert_eq!(estate.ask("cuc", messages, &vm).await.0, StatusCode::OK);
    assert_eq!(estate.ask("cuc", messages, &hq).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_start_page_of_the_cluster_before_is_worth_nothing_at_a_shared_redirect() {
    let estate = of_one_domain().await;
    let given_up = estate.log_in("hq").await;
    estate.ctl_output(&["cancel", "hq"]).await;
    let vm = estate.log_in("vm").await;

    let late = given_up.walked(&mut estate.walk("alice")).await;
    let walked = vm.walked(&mut estate.walk("alice")).await.unwrap();

    assert!(late.is_err(), "{late:?}");
    assert!(walked.ok && walked.title.contains("vm"), "{walked:?}");
    estate.refused(&["token", "hq", "--no-login"]).await.is(4, &["not now"]);
}

#[tokio::test]
async fn clusters_without_a_trust_domain_share_no_redirect() {
    let estate = estate().await;
    let toml = std::fs::read_to_string(estate.home.path("config.toml")).unwrap();
    estate.home.configure(&toml.replace("/cb/vm\"", "/cb/hq\""));

    let file = estate.home.path("config.toml");
    let end = estate.refused(&["config", "check", file.to_str().unwrap()]).await;

    end.is(1, &["clusters.vm.redirect_uri: the cluster `hq` has the same redirect URI"]);
}
