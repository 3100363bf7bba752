//! Nodes whose certificate is not trusted, and what it takes to trust them.

use ucsso::lab::{Certificates, LabConfig};

use crate::{estate::Estate, process::run, rig::End};

/// A configuration without the lab's authority.
fn without_authority(toml: &str) -> String {
    let others = toml.split_inclusive('\n').filter(|line| !line.starts_with("ca_file"));
    others.collect()
}

fn lab(certificates: Certificates) -> LabConfig {
    LabConfig { certificates, ..LabConfig::default() }
}

/// What is to be pasted: the lines from the table's name to the last pin.
fn pin_lines(said: &str) -> String {
    let lines = said.lines().map(str::trim).skip_while(|line| !line.starts_with('['));
    let pasted = lines.take_while(|line| line.starts_with('[') || line.contains("sha256/"));
    pasted.flat_map(|line| [line, "\n"]).collect()
}

impl Estate {
    /// Adds lines to the end of the configuration, and starts the daemon again.
    async fn with_added(self, lines: &str) -> Self {
        let written = std::fs::read_to_string(self.home.path("config.toml")).unwrap();
        self.home.configure(&format!("{written}\n{lines}"));
        self.restarted().await
    }
}

#[tokio::test]
async fn the_pins_that_are_printed_make_an_unknown_authority_s_nodes_trusted() {
    let estate = Estate::launch(lab(Certificates::Signed), without_authority).await;

    for cluster in ["hq", "vm"] {
        let end = estate.refused(&["login", cluster]).await;
        end.is(8, &["its certificate is signed by an authority that is not trusted", "sha256/"]);
    }
    let pasted = [
        pin_lines(&estate.refused(&["login", "hq"]).await.said),
        pin_lines(&estate.refused(&["login", "vm"]).await.said),
    ];
    let estate = estate.with_added(&pasted.concat()).await;

    estate.logged_in("hq").await;
    estate.logged_in("vm").await;
    assert!(!estate.daemon.output().contains("not trusted"), "{}", estate.daemon.output());
}

#[tokio::test]
async fn the_pins_that_are_printed_make_self_signed_nodes_trusted() {
    let estate = Estate::launch(lab(Certificates::SelfSigned), without_authority).await;

    let end = estate.refused(&["login", "hq"]).await;
    let pasted = pin_lines(&end.said);
    let estate = estate.with_added(&pasted).await;

    end.is(8, &["its certificate is self-signed"]);
    for node in ["cucm-pub", "cucm-sub"] {
        assert!(pasted.contains(&pin_of(&estate, node)), "{node}: {pasted}");
    }
    // The walk trusts the lab's authority alone, so it ends here; the cluster was asked.
    drop(estate.log_in("hq").await);
}

#[tokio::test]
async fn a_wrong_pin_trusts_nobody() {
    let pin = |toml: &str| {
        let nodes = toml.lines().find(|line| line.starts_with("nodes = ")).unwrap();
        let node = nodes.split('"').nth(1).unwrap();
        let wrong = format!("sha256/{}=", "A".repeat(43));
        format!("{}\n[clusters.hq.pins]\n\"{node}\" = [\"{wrong}\"]\n", without_authority(toml))
    };
    let estate = Estate::launch(lab(Certificates::SelfSigned), pin).await;

    let end = estate.refused(&["login", "hq"]).await;

    end.is(8, &["its certificate is self-signed", &pin_of(&estate, "cucm-pub")]);
    assert_eq!(estate.lab.requests(), [], "nothing was asked");
}

#[tokio::test]
async fn an_authority_in_a_file_does_not_excuse_a_wrong_name_or_an_end() {
    for (certificates, word) in [
        (Certificates::WrongHost, "is for another host name"),
        (Certificates::Expired, "has expired"),
    ] {
        let estate = Estate::launch(lab(certificates), ToOwned::to_owned).await;

        let end = estate.refused(&["login", "hq"]).await;

        end.is(8, &[word]);
        assert_eq!(estate.lab.requests(), [], "nothing was asked");
    }
}

#[tokio::test]
async fn a_file_of_authorities_that_is_none_stops_the_daemon() {
    let estate = Estate::launch(lab(Certificates::Signed), ToOwned::to_owned).await;
    let home = crate::estate::Home::new();
    home.configure(&estate.lab.ucsso_toml(1024, &home.path("missing.pem")));

    let end = End::of(&run(&mut home.ucssod()).await);

    end.is(1, &["the cluster `hq` cannot be set up", "missing.pem", "No such file"]);
}

/// A pin of a node as the configuration has it.
fn pin_of(estate: &Estate, node: &str) -> String {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    format!("sha256/{}", BASE64_STANDARD.encode(estate.lab.node_spki_sha256(node)))
}
