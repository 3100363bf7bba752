//! How the certificate is made, and by whom it is signed.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CidrSubnet, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints,
};
use zeroize::Zeroizing;

use super::NAMES;

/// How long the certificate is good. Long enough not to nag, shorter than any browser refuses.
const LIFETIME: Duration = Duration::from_hours(24 * 730);

/// How far the clocks of browser and daemon may be apart.
const SLACK: Duration = Duration::from_hours(24);

/// A certificate with its key, and the certificate of its authority, as PEM (RFC 7468).
pub struct Minted {
    /// What the daemon reads: the key, its certificate, the authority.
    pub(super) identity: Zeroizing<String>,
    /// What browsers are to trust.
    pub(super) authority: String,
}

/// Makes a certificate for this machine's loopback, good from `now` on (counted from 1970-01-01
/// UTC), and throws away the key of the authority that signed it.
///
/// # Errors
///
/// If no key can be made.
pub fn mint(now: Duration) -> Result<Minted, rcgen::Error> {
    let mut authority = params("ucsso redirect authority", [].into(), now)?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    authority.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::V4(Ipv4Addr::LOCALHOST.octets(), [255; 4])),
            GeneralSubtree::IpAddress(CidrSubnet::V6(Ipv6Addr::LOCALHOST.octets(), [255; 16])),
        ],
        excluded_subtrees: Vec::new(),
    });
    // The only place where this key ever is.
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

    let key = KeyPair::generate()?;
    let mut leaf = params("ucsso redirect", NAMES.map(str::to_owned).into(), now)?;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let leaf = leaf.signed_by(&key, &authority)?;

    let key = Zeroizing::new(key.serialize_pem());
    let identity = Zeroizing::new([key.as_str(), &leaf.pem(), &authority.pem()].concat());
    Ok(Minted { identity, authority: authority.pem() })
}

fn params(
    name: &str,
    names: Vec<String>,
    now: Duration,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let now = rcgen::date_time_ymd(1970, 1, 1) + now;
    params.not_before = now - SLACK;
    params.not_after = now + LIFETIME;
    Ok(params)
}
