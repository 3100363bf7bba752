//! The daemon as a user has it who ran `ucssoctl service install`: a lab in this process, and the
//! units in a session of their own.

use std::collections::BTreeMap;

use ucsso::lab::{Lab, LabConfig, walk::Walk};

use crate::{
    estate::Login,
    process::{free_port, run_well},
    user_session::UserSession,
};

/// The service.
pub(crate) const SERVICE: &str = "ucssod.service";

/// A browser that writes down what it was allowed, and what it is to open.
const BROWSER: &str = "#!/bin/sh
grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status >\"$HOME/browser\"
readlink /proc/self/ns/user /proc/self/ns/mnt >>\"$HOME/browser\"
printf '%s\\n' \"$1\" >>\"$HOME/browser\"
";

/// A session, and a lab that the configuration in it is for.
pub(crate) struct Installed {
    pub(crate) session: UserSession,
    pub(crate) lab: Lab,
    pub(crate) port: u16,
}

impl Installed {
    /// Starts both, and writes the configuration.
    pub(crate) async fn configured() -> Self {
        Self::configured_in(UserSession::start().await).await
    }

    /// The same in a session that is there.
    pub(crate) async fn configured_in(session: UserSession) -> Self {
        let port = free_port();
        let registered = |cluster| vec![format!("http://127.0.0.1:{port}/cb/{cluster}")];
        let redirect_uris = BTreeMap::from(["hq", "vm"].map(|name| (name, registered(name))));
        let lab = Lab::start(LabConfig { redirect_uris, ..LabConfig::default() }).await.unwrap();
        let home = session.home();
        session.write(".config/ucsso/ca.pem", lab.ca_pem(), 0o600);
        session.write("open", BROWSER, 0o755);
        let toml = lab.ucsso_toml(port, &home.join(".config/ucsso/ca.pem"));
        let browser = format!("browser = [\"{}/open\", \"{{url}}\"]\n\n", home.display());
        session.write(".config/ucsso/config.toml", &format!("{browser}{toml}"), 0o600);
        Self { session, lab, port }
    }

    /// Runs `ucssoctl` in the session, and returns what it said.
    pub(crate) async fn ctl(&self, words: &str) -> String {
        run_well(self.session.command("ucssoctl").args(words.split(' '))).await
    }

    /// The same with the units installed, and the daemon not yet running.
    pub(crate) async fn installed() -> Self {
        let installed = Self::configured().await;
        installed.ctl("service install").await;
        installed
    }

    /// Has alice log in, and returns her token.
    pub(crate) async fn logged_in(&self, cluster: &str) -> String {
        let login = Login::begin(&mut self.session.command("ucssoctl"), cluster).await;
        let walk = Walk::new(self.lab.ca_pem(), "alice", "alicepw").unwrap();
        let walked = self.session.walked(walk, &login.start_url).await;
        assert!(walked.ok, "{walked:?}");
        login.end().await;
        self.token(cluster).await
    }

    /// The token that the broker holds, without asking anybody for it.
    pub(crate) async fn token(&self, cluster: &str) -> String {
        self.ctl(&format!("token --no-login {cluster}")).await.trim_end().to_owned()
    }

    /// Settings of the user's own for the service, in a drop-in.
    pub(crate) async fn set(&self, settings: &str) {
        let text = format!("[Service]\n{settings}\n");
        self.session.write(".config/systemd/user/ucssod.service.d/50-own.conf", &text, 0o644);
        self.session.systemctl("daemon-reload").await;
    }
}
