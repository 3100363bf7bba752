//! What the user manager says of a reload.

use crate::{
    installed::{Installed, SERVICE},
    process::run,
};

const CONFIGURATION: &str = ".config/ucsso/config.toml";

#[tokio::test]
async fn a_reload_of_the_unit_fails_where_the_configuration_is_wrong_and_costs_nothing() {
    let service = Installed::installed().await;
    let token = service.logged_in("hq").await;
    let good = service.session.read(CONFIGURATION);

    let bad = good.replace("user = \"alice\"", "user = 7");
    service.session.write(CONFIGURATION, &bad, 0o600);
    let mut reload = service.session.command("systemctl");
    let refused = run(reload.args(["--user", "reload", SERVICE])).await;

    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let log = service.session.journal(SERVICE).await;
    for part in ["clusters.hq.user: this is a TOML integer", "nothing has changed"] {
        assert!(log.contains(part), "`{part}` is missing in {log}");
    }
    assert_eq!(service.session.property(SERVICE, "ActiveState").await, "active");
    service.session.write(CONFIGURATION, &good, 0o600);
    service.session.systemctl("reload ucssod.service").await;
    assert_eq!(service.token("hq").await, token);
}
