//! The foreign identity provider itself: that it asks for the password, and whom it answers.

use crate::{simplesamlphp::SimpleSamlPhp, webdriver::Browser};

/// A service provider that only receives. Nobody listens where it says.
const SP_METADATA: &str = r#"
<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="urn:test:sp">
  <SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <AssertionConsumerService index="0" Location="http://localhost:1/acs"
      Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"/>
  </SPSSODescriptor>
</EntityDescriptor>"#;

#[tokio::test]
async fn the_foreign_identity_provider_answers_the_right_password_alone() {
    let idp = SimpleSamlPhp::start().await;
    idp.trust("test", SP_METADATA);
    let browser = Browser::start(None).await;

    browser.goto(&idp.login_url("urn:test:sp")).await;
    idp.log_in(&browser, "alice", "bobpw").await;
    browser.wait_for_text("body", "Incorrect username or password").await;
    idp.log_in(&browser, "", "alicepw").await;

    browser.wait_for_url("http://localhost:1/acs").await;
    assert!(idp.metadata().await.contains("IDPSSODescriptor"));
}
