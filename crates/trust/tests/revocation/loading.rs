//! What makes a CRL unusable.

use countersign_testkit::der;
use countersign_testkit::pki::{KeyUsage, Pki};
use countersign_trust::{Crl, LoadCrlError, ObjectIdentifier, Sha1Signatures, SignatureError};

use crate::check::parsed;

fn oid(dotted: &str) -> ObjectIdentifier {
    ObjectIdentifier::from_der_contents(der::content(&der::oid(dotted))).unwrap()
}

#[test]
fn der_and_pem_are_read() {
    let root = Pki::new().root("root");
    let client = root.client("a").issue();
    let crl = root.crl().number(&[0x12, 0x34]).revoke(&client).issue();
    let pem = der::pem("X509 CRL", &crl);
    for input in [crl.as_slice(), pem.as_bytes()] {
        let crl = Crl::load(input, &[parsed(root.der())], Sha1Signatures::Refuse).unwrap();
        assert_eq!(crl.len(), 1);
        assert_eq!(crl.number().as_deref(), Some("1234"));
        assert_eq!(crl.issuer().to_rfc2253(), "CN=root");
        assert!(!crl.is_delta());
    }
}

#[test]
fn each_way_to_be_unusable_has_its_error() {
    let root = Pki::new().root("root");
    let twin = Pki::new().root("root");
    let other = Pki::new().root("other");
    let no_crl_sign = Pki::new()
        .request_root("root")
        .key_usage(&[KeyUsage::KeyCertSign])
        .issue_ca();
    let load = |crl: &[u8], signer: &countersign_testkit::pki::Ca| {
        Crl::load(crl, &[parsed(signer.der())], Sha1Signatures::Refuse).unwrap_err()
    };
    let good = root.crl().issue();
    let issuer = "CN=root".to_owned();
    assert_eq!(
        load(&good, &other),
        LoadCrlError::NoSigner {
            issuer: issuer.clone()
        }
    );
    assert_eq!(
        load(&good, &twin),
        LoadCrlError::Signature {
            issuer: issuer.clone(),
            cause: SignatureError::Bad
        }
    );
    assert_eq!(
        load(&no_crl_sign.crl().issue(), &no_crl_sign),
        LoadCrlError::NotAllowed { issuer }
    );
    assert_eq!(
        load(
            &root.crl().extension("1.2.3.4", true, der::null()).issue(),
            &root
        ),
        LoadCrlError::UnknownCriticalExtension {
            extension: oid("1.2.3.4")
        }
    );
    assert_eq!(
        load(&root.crl().number(&[1; 22]).issue(), &root),
        LoadCrlError::Malformed { part: "cRLNumber" }
    );
    assert_eq!(
        load(b"junk", &root),
        LoadCrlError::Malformed { part: "PEM" }
    );
    assert_eq!(
        load(&good[..good.len() - 1], &root),
        LoadCrlError::Malformed {
            part: "outer sequence"
        }
    );
}
