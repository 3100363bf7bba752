//! Debian's SimpleSAMLphp as an identity provider: SAML by people who never saw our code.
//!
//! Runs in PHP's own web server on plain HTTP, with the configuration in the folder beside this
//! file and everything it writes in a temporary one. `alice` (`alicepw`) and `bob` (`bobpw`) can
//! log in; the assertion has their name as `uid`.

use std::{fs, path::Path};

use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    components, http,
    process::{Process, free_port},
    webdriver::Browser,
};

/// A running identity provider.
pub(crate) struct SimpleSamlPhp {
    /// Where it is reached, `http://localhost:<port>/`.
    url: String,
    server: Process,
    folder: TempDir,
}

impl SimpleSamlPhp {
    /// Starts an identity provider that trusts no service provider yet.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["cert", "data", "log", "tmp", "trusted"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        // RSA, because it signs with rsa-sha256.
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        let certificate = CertificateParams::default().self_signed(&key).unwrap();
        fs::write(folder.path().join("cert/idp.key"), key.serialize_pem()).unwrap();
        fs::write(folder.path().join("cert/idp.crt"), certificate.pem()).unwrap();

        let port = free_port();
        let url = format!("http://localhost:{port}/");
        let configuration =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/simplesamlphp/config/");
        let server = Process::start(
            Command::new(components::php())
                .arg("-S")
                .arg(format!("127.0.0.1:{port}"))
                .arg("-t")
                .arg(components::simplesamlphp())
                .env_clear()
                .env("PATH", "/usr/local/bin:/usr/bin:/bin")
                .env("SIMPLESAMLPHP_CONFIG_DIR", configuration)
                .env("UCSSO_IDP_URL", &url)
                .env("UCSSO_IDP_FOLDER", folder.path()),
        );
        server.line_with(") started").await;
        Self { url, server, folder }
    }

    /// Its SAML metadata.
    pub(crate) async fn metadata(&self) -> String {
        let url = format!("{}saml2/idp/metadata.php", self.url);
        let answer = http::client(None).get(url).send().await.unwrap();
        let well = answer.status().is_success();
        let text = answer.text().await.unwrap();
        assert!(well, "no metadata; it wrote:\n{}\n{text}", self.server.output());
        text
    }

    /// Where a login for a service provider begins that the service provider did not ask for.
    pub(crate) fn login_url(&self, sp: &str) -> String {
        format!("{}saml2/idp/SSOService.php?spentityid={sp}", self.url)
    }

    /// Fills in the login form that `browser` shows.
    pub(crate) async fn log_in(&self, browser: &Browser, user: &str, password: &str) {
        browser.wait_for_url(&self.url).await;
        browser.type_into("#username", user).await;
        browser.type_into("#password", password).await;
        browser.click("#submit_button").await;
    }

    /// Trusts the service providers in this SAML metadata from now on.
    pub(crate) fn trust(&self, name: &str, sp_metadata: &str) {
        fs::write(self.folder.path().join(format!("trusted/{name}.xml")), sp_metadata).unwrap();
    }
}
