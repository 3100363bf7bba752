//! The signature of an identity provider that somebody else wrote, checked by Debian's `xmlsec1`.
//!
//! `xmlsec1` says whether a signature holds; what it covers is decided here, because that is where
//! signature wrapping happens: the signature must be a child of the response or of its only
//! assertion, its one reference must be the `ID` of that parent, and no two elements may share
//! an `ID`. In the lab only; nothing in the daemon reads SAML.

use std::{
    collections::HashSet,
    fs::{DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;

use super::{super::random, ForeignIdp, Refusal, SIGNATURE, xml::Element};

/// Succeeds if `idp` has signed the response, or at least its assertion.
pub(super) async fn verify(
    idp: &ForeignIdp,
    document: &str,
    root: &Element,
    assertion: &Element,
) -> Result<(), Refusal> {
    let (signed, path) = if root.all(SIGNATURE, "Signature").next().is_some() {
        (root, "/*/*[local-name()='Signature']")
    } else {
        (assertion, "/*/*[local-name()='Assertion']/*[local-name()='Signature']")
    };
    if !has_unique_ids(root) || covered_id(signed).is_none() {
        return Err(Refusal::Signature);
    }
    let folder = Folder::new().map_err(|_| Refusal::Malformed)?;
    let certificate =
        folder.put("idp.pem", &idp.certificate_pem()).map_err(|_| Refusal::Malformed)?;
    let response = folder.put("response.xml", document).map_err(|_| Refusal::Malformed)?;
    let status = Command::new("xmlsec1")
        // Without `--enabled-key-data`, any key that the document itself brings along is good
        // enough for xmlsec1 (CVE-2021-21239 in pysaml2).
        .args(["--verify", "--enabled-key-data", "raw-x509-cert"])
        .args(["--enabled-reference-uris", "same-doc"])
        .args(["--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:protocol:Response"])
        .args(["--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion"])
        .args(["--node-xpath", path])
        .arg("--pubkey-cert-pem")
        .arg(certificate)
        .arg(response)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await;
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(Refusal::Signature),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Refusal::NoXmlsec1),
        Err(_) => Err(Refusal::Malformed),
    }
}

fn has_unique_ids(root: &Element) -> bool {
    let mut seen = HashSet::new();
    root.descendants()
        .iter()
        .filter_map(|element| element.attribute("ID"))
        .all(|id| seen.insert(id))
}

/// The `ID` of `signed`, if the one signature directly in it covers just that, with algorithms
/// that are still good.
fn covered_id(signed: &Element) -> Option<&str> {
    let signature = signed.only(SIGNATURE, "Signature")?;
    if signature.all(SIGNATURE, "Object").next().is_some() {
        return None;
    }
    let signed_info = signature.only(SIGNATURE, "SignedInfo")?;
    let method = signed_info.only(SIGNATURE, "SignatureMethod")?.attribute("Algorithm")?;
    let reference = signed_info.only(SIGNATURE, "Reference")?;
    let digest = reference.only(SIGNATURE, "DigestMethod")?.attribute("Algorithm")?;
    let transforms = reference.only(SIGNATURE, "Transforms")?;
    let plain = transforms.all(SIGNATURE, "Transform").all(|transform| {
        transform.attribute("Algorithm").is_some_and(|name| TRANSFORMS.contains(&name))
    });
    let id = signed.attribute("ID")?;
    let covers = reference.attribute("URI")?.strip_prefix('#')? == id;
    (covers && plain && METHODS.contains(&method) && DIGESTS.contains(&digest)).then_some(id)
}

/// Those that SAML allows (SAML Core 5.4.4).
const TRANSFORMS: [&str; 2] = [
    "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
    "http://www.w3.org/2001/10/xml-exc-c14n#",
];

const METHODS: [&str; 6] = [
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
];

const DIGESTS: [&str; 3] = [
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512",
];

/// A folder of one's own that goes away.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("ucsso-lab-{}", random::hex::<16>()));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    fn put(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.0.join(name);
        let mut file = create(&path)?;
        file.write_all(text.as_bytes())?;
        Ok(path)
    }
}

fn create(path: &Path) -> io::Result<std::fs::File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind is a response that has been used and a public certificate.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
