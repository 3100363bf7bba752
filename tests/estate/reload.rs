//! The configuration, read again while programs hold tokens, wait for them, and watch.

use std::fs;

use rustix::process::{Signal, kill_process};
use tokio::time::timeout;
use ucsso::rpc::{
    client,
    proto::{ReloadRequest, WatchTokenRequest},
};

use crate::{
    estate::{Estate, Home},
    process::{PATIENCE, Process, free_port, run, until},
    rig::{End, estate, estate_with_browser, redirected_to},
    victim::Victim,
    wire,
};

/// A configuration in which `hq`, its first cluster, is bob's.
fn bobs(toml: &str) -> String {
    toml.replacen("user = \"alice\"", "user = \"bob\"", 1)
}

/// The part of a configuration that is about `hq` alone.
fn without_vm(toml: &str) -> String {
    toml[..toml.find("[clusters.vm]").unwrap()].to_owned()
}

/// A configuration with one more setting of `hq`.
fn with(setting: &str, toml: &str) -> String {
    toml.replacen("[clusters.hq]\n", &format!("[clusters.hq]\n{setting}\n"), 1)
}

/// An estate where no login to `hq` begins because a token in use was lost.
async fn on_request() -> Estate {
    Estate::launch(<_>::default(), |toml| with("renew = \"on-request\"", toml)).await
}

impl Estate {
    pub(crate) fn configuration(&self) -> String {
        fs::read_to_string(self.home.path("config.toml")).unwrap()
    }

    /// Has another configuration read, and returns what is said to have become of the clusters.
    pub(crate) async fn reload(&self, toml: &str) -> String {
        self.home.configure(toml);
        let output = self.ctl_output(&["reload"]).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn hang_up(&self) {
        kill_process(self.daemon.pid().unwrap(), Signal::HUP).unwrap();
    }

    /// Waits until the daemon has said this so often.
    async fn said(&self, text: &str, times: usize) {
        let enough = async || (self.daemon.output().matches(text).count() >= times).then_some(());
        until("the daemon says it", enough).await;
    }
}

#[tokio::test]
async fn a_cluster_whose_user_changed_loses_its_token() {
    let estate = on_request().await;
    estate.logged_in("hq").await;
    let vm = estate.logged_in("vm").await;

    let said = estate.reload(&bobs(&estate.configuration())).await;

    assert_eq!(said, "hq  changed, a token is dropped: user\nvm  unchanged\n");
    let refused = estate.refused(&["token", "hq", "--no-login"]).await;
    refused.is(4, &["the settings of `hq` have changed", "ucssoctl login hq"]);
    assert_eq!(estate.status_of("hq").await["user"], "bob");
    assert_eq!(estate.token("vm").await, vm);
    let login = estate.log_in("hq").await;
    assert!(login.walked(&mut estate.walk("bob")).await.unwrap().ok);
    login.end().await;
    assert_eq!(estate.status_of("hq").await["generation"], 2, "counted on");
}

#[tokio::test]
async fn a_login_under_way_survives_a_reload_that_does_not_concern_it() {
    let estate = estate().await;
    let login = estate.log_in("hq").await;

    let toml = with("snooze = \"1h\"\nlifetime = { max = \"1h\" }", &estate.configuration());
    let said = estate.reload(&toml).await;
    let again = estate.reload(&without_vm(&toml)).await;

    assert_eq!(said, "hq  changed, a token is kept: lifetime, snooze\nvm  unchanged\n");
    assert_eq!(again, "hq  unchanged\nvm  removed\n");
    assert!(login.walked(&mut estate.walk("alice")).await.unwrap().ok);
    login.end().await;
    estate.token("hq").await;
}

#[tokio::test]
async fn a_callback_of_a_login_before_the_settings_changed_comes_too_late() {
    let estate = estate().await;
    let (victim, before) = (Victim::of(&estate, "hq").await, estate.configuration());
    let fragment = victim.good_fragment(&estate).await;
    let landing = estate.redirect_uri("hq");

    estate.reload(&bobs(&before)).await;
    let late = wire::delivery(&landing, &victim.nonce, &fragment);
    let reply = wire::exchange(wire::port_of(&landing), late.as_bytes(), false).await;

    assert!(!reply.is_of_a_redirect_taken(), "{reply:?}");
    victim.login.ended().await.is(4, &["the settings of `hq` have changed"]);
    let other = Victim::of(&estate, "vm").await;
    let fragment = other.good_fragment(&estate).await;
    estate.reload(&before).await;
    assert!(other.gets_in(&fragment).await, "the same of a cluster that is as before");
    estate.refused(&["token", "hq", "--no-login"]).await.is(4, &["have changed"]);
}

#[tokio::test]
async fn what_is_in_the_file_of_authorities_is_a_setting_too() {
    let estate = on_request().await;
    estate.logged_in("hq").await;
    let untouched = estate.reload(&estate.configuration()).await;

    let ca_file = estate.home.path("ca.pem");
    fs::write(&ca_file, format!("of another day\n{}", estate.lab.ca_pem())).unwrap();
    let said = estate.reload(&estate.configuration()).await;

    assert_eq!(untouched, "hq  unchanged\nvm  unchanged\n");
    assert_eq!(said.lines().next(), Some("hq  changed, a token is dropped: ca_file"));
    estate.refused(&["token", "hq", "--no-login"]).await.is(4, &["have changed"]);
    estate.logged_in("hq").await;
}

#[tokio::test]
async fn a_bad_file_changes_nothing() {
    let estate = estate().await;
    let token = estate.logged_in("hq").await;
    let good = estate.configuration();
    let file = estate.home.path("config.toml");

    estate.home.configure(&good.replace("user = \"alice\"", "user = 7"));
    let end = estate.refused(&["reload"]).await;
    end.is(
        1,
        &["clusters.hq.user: ", "clusters.vm.user: ", "config.toml:4:", "nothing has changed"],
    );
    estate.hang_up();
    estate.said("the configuration stays as it was", 2).await;
    let log = estate.daemon.output();
    assert!(log.contains(&format!("{}:4: clusters.hq.user: ", file.display())), "{log}");

    estate.home.configure(&good.replace("ca.pem", "none.pem"));
    estate.refused(&["reload"]).await.is(1, &["`hq` cannot be set up", "nothing has changed"]);
    fs::remove_file(&file).unwrap();
    estate.refused(&["reload"]).await.is(1, &["there is no configuration at", "config init"]);
    fs::create_dir(&file).unwrap();
    estate.refused(&["reload"]).await.is(1, &["it is not a regular file"]);
    fs::remove_dir(&file).unwrap();
    estate.home.configure(&bobs(&good));
    let others = std::os::unix::fs::PermissionsExt::from_mode(0o622);
    fs::set_permissions(&file, others).unwrap();
    estate.refused(&["reload"]).await.is(1, &["others can write it", "chmod go-w"]);

    assert_eq!(estate.token("hq").await, token);
    assert_eq!(estate.reload(&good).await, "hq  unchanged\nvm  unchanged\n");
}

#[tokio::test]
async fn a_removed_cluster_is_unknown() {
    let estate = estate().await;
    estate.logged_in("vm").await;
    let all = estate.configuration();
    let watcher = Process::start(estate.home.ucssoctl().args(["status", "vm", "--watch"]));
    watcher.line_with("vm").await;
    let broker = estate.client().await;
    let request = WatchTokenRequest { cluster: "vm".into() };
    let mut tokens = broker.broker().watch_token(request).await.unwrap().into_inner();
    assert!(tokens.message().await.unwrap().unwrap().token.is_some());

    let said = estate.reload(&without_vm(&all)).await;

    assert_eq!(said, "hq  unchanged\nvm  removed\n");
    let end = loop {
        match tokens.message().await {
            Ok(message) => assert_eq!(message.unwrap().token, None, "it is gone"),
            Err(status) => break status,
        }
    };
    assert_eq!(client::reason(&end).as_deref(), Some("CLUSTER_UNKNOWN"));
    assert_eq!(watcher.end().await.0.code(), Some(7));
    estate.refused(&["token", "vm"]).await.is(7, &["no cluster `vm` is configured"]);
    assert_eq!(estate.status().await["clusters"].as_array().unwrap().len(), 1);
    assert_eq!(estate.reload(&all).await, "hq  unchanged\nvm  added\n");
    estate.logged_in("vm").await;
}

#[tokio::test]
async fn whoever_waits_for_a_cluster_that_is_removed_is_told_so() {
    let estate = estate_with_browser(&["true", "{url}"]).await;
    let waiting = Process::start(estate.home.ucssoctl().args(["token", "vm"]));
    estate.daemon.line_with("a login begins").await;

    estate.reload(&without_vm(&estate.configuration())).await;

    let (status, said) = waiting.end().await;
    assert_eq!(status.code(), Some(7), "{said}");
    assert!(said.contains("no cluster `vm` is configured any more"), "{said}");
}

#[tokio::test]
async fn a_watcher_sees_the_cluster_that_is_added() {
    let estate = Estate::launch(<_>::default(), without_vm).await;
    let watcher = Process::start(estate.home.ucssoctl().args(["status", "--watch", "--json"]));
    watcher.line_with("\"cluster\":\"hq\"").await;
    let hq = estate.configuration();
    let vm = hq.replace("[clusters.hq]", "[clusters.other]").replace("/cb/hq", "/cb/other");

    let said = estate.reload(&format!("{hq}\n{vm}")).await;

    assert_eq!(said, "hq     unchanged\nother  added\n");
    watcher.line_with("\"cluster\":\"other\"").await;
}

#[tokio::test]
async fn a_redirect_that_moved_is_listened_for_where_it_leads_now_and_nowhere_else() {
    let estate = Estate::launch(<_>::default(), without_vm).await;
    let port = free_port();
    let before = estate.redirect_uri("hq").split('/').nth(2).unwrap().to_owned();
    let uri = format!("http://127.0.0.1:{port}/cb/hq");
    estate.lab.allow_redirect("hq", &uri);

    let said = estate.reload(&redirected_to(&uri, &estate.configuration())).await;

    assert_eq!(said, "hq  changed, a token is dropped: redirect_uri\n");
    assert!(std::net::TcpListener::bind(before).is_ok(), "the old port is free");
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    estate.logged_in("hq").await;
}

#[tokio::test]
async fn reloads_at_once_are_done_one_after_another_and_storms_do_no_harm() {
    let estate = estate().await;
    let token = estate.logged_in("hq").await;
    let (this, that) = (estate.configuration(), with("snooze = \"1h\"", &estate.configuration()));
    let broker = estate.client().await;

    let mut reloads = tokio::task::JoinSet::new();
    for n in 0..20 {
        estate.home.configure(if n % 2 == 0 { &that } else { &this });
        estate.hang_up();
        let mut admin = broker.admin();
        reloads.spawn(async move { admin.reload(ReloadRequest {}).await });
    }
    for _ in 0..1000 {
        estate.hang_up();
    }

    while let Some(done) = reloads.join_next().await {
        done.unwrap().unwrap();
    }
    assert_eq!(estate.token("hq").await, token);
    assert_eq!(estate.reload(&this).await, "hq  unchanged\nvm  unchanged\n");
}

#[tokio::test]
async fn a_service_manager_hears_when_a_reload_begins_and_when_it_is_over() {
    let home = Home::new();
    home.configure("[clusters.hq]\nnodes = [\"cucm-pub.example.com\"]\nuser = \"alice\"\n");
    let manager = tokio::net::UnixDatagram::bind(home.path("notify")).unwrap();
    let mut command = home.ucssod();
    let daemon = Process::start(command.env("NOTIFY_SOCKET", home.path("notify")));
    daemon.line_with("ready").await;
    home.configure("wrong");

    kill_process(daemon.pid().unwrap(), Signal::HUP).unwrap();

    // What else it says does not matter here.
    let heard = async |word: &str| loop {
        let mut message = [0; 1024];
        let length = manager.recv(&mut message).await.unwrap();
        let message = String::from_utf8_lossy(&message[..length]).into_owned();
        if message.lines().any(|line| line == word) {
            break message;
        }
    };
    let began = timeout(PATIENCE, heard("RELOADING=1")).await.unwrap();
    assert!(began.contains("MONOTONIC_USEC="), "{began}");
    timeout(PATIENCE, heard("READY=1")).await.unwrap();
}

#[tokio::test]
async fn a_signal_that_comes_before_the_daemon_serves_is_not_lost() {
    let home = Home::new();
    home.configure("[clusters.hq]\nnodes = [\"cucm-pub.example.com\"]\nuser = \"alice\"\n");
    let daemon = Process::start(&mut home.ucssod());
    let pid = daemon.pid().unwrap();
    until("the signal is caught", async || {
        let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).ok()?;
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t"))?;
        (u64::from_str_radix(caught, 16).unwrap() & 1 == 1).then_some(())
    })
    .await;

    kill_process(pid, Signal::HUP).unwrap();

    daemon.line_with("the configuration was read again").await;
    let end = End::of(&run(home.ucssoctl().args(["token", "hq", "--no-login"])).await);
    end.is(4, &["nobody has logged in"]);
}
