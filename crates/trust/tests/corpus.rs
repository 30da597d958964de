//! Replays the corpus of every parser, and what one wrong octet makes of it: nothing panics, and no altered chain is believed.
//!
//! `corpus/PARSER/` holds seeds (made with `UPDATE_GOLDEN=1`) and inputs that once broke something; a new one is a new file.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::path::{Path, PathBuf};

use countersign_testkit::pki::{Pki, RevocationReason, eku};
use countersign_testkit::{DAY, NOW, der};
use countersign_trust::ocsp::{NoncePolicy, Question, verify};
use countersign_trust::{
    CaSetVersion, Certificate, Crl, DistinguishedName, PeerChain, Policy, RevocationIndex,
    Sha1Signatures, UnixTime, evaluate, parse_bundle, validate_ca_set,
};

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");

fn inputs(parser: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut inputs: Vec<_> = std::fs::read_dir(Path::new(CORPUS).join(parser))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "the corpus of {parser} is empty");
    inputs
}

/// The input, its beginnings, and what it is with one octet changed.
fn mutations(input: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let cut = (0..input.len()).map(|length| input[..length].to_vec());
    let changed = (0..input.len()).flat_map(|at| {
        [0x00, 0x01, 0x7f, 0x80, 0xff].map(|difference| {
            let mut changed = input.to_vec();
            changed[at] = if difference == 0 {
                0
            } else {
                changed[at] ^ difference
            };
            changed
        })
    });
    cut.chain(changed).chain([input.to_vec()])
}

fn replay(parser: &str, mut parse: impl FnMut(&[u8])) {
    for (_, input) in inputs(parser) {
        mutations(&input).for_each(|input| parse(&input));
    }
}

#[test]
fn certificates() {
    replay("certificate", |input| {
        if let Ok(certificate) = Certificate::from_der(input) {
            // Everything that describes it.
            let _ = (
                certificate.subject().to_rfc2253(),
                certificate.issuer().to_java_string(),
            );
            let _ = (
                certificate.is_self_issued(),
                certificate.crl_uris(),
                certificate.ocsp_uris(),
            );
            let _ = certificate
                .subject_alternative_names()
                .iter()
                .map(ToString::to_string)
                .count();
            let now = UnixTime::from_secs(NOW);
            let _ = validate_ca_set(&[certificate], Sha1Signatures::Refuse, now);
        }
    });
}

#[test]
fn bundles() {
    replay("bundle", |input| {
        let _ = parse_bundle(input);
    });
}

#[test]
fn names() {
    replay("name", |input| {
        if let Some(name) = DistinguishedName::from_der(input) {
            assert_eq!(name, name.clone());
            let _ = (name.to_rfc2253(), name.to_java_string());
        }
    });
}

#[test]
fn revocation_lists() {
    let signer = Certificate::from_der(
        &std::fs::read(Path::new(CORPUS).join("certificate/root.der")).unwrap(),
    )
    .unwrap();
    for (path, input) in inputs("crl") {
        let signers = std::slice::from_ref(&signer);
        assert!(
            Crl::load(&input, signers, Sha1Signatures::Refuse).is_ok(),
            "{}",
            path.display()
        );
        for altered in mutations(&input).filter(|altered| *altered != input) {
            assert!(
                Crl::load(&altered, signers, Sha1Signatures::Allow).is_err(),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn ocsp_responses() {
    let certificate = |name: &str| {
        Certificate::from_der(
            &std::fs::read(Path::new(CORPUS).join("certificate").join(name)).unwrap(),
        )
        .unwrap()
    };
    let (root, client) = (certificate("root.der"), certificate("client.der"));
    let question = Question {
        certificate: &client,
        issuer: &root,
        nonce: None,
    };
    replay("ocsp", |input| {
        let _ = verify(
            input,
            &question,
            NoncePolicy::Ignore,
            Sha1Signatures::Refuse,
            UnixTime::from_secs(NOW),
        );
    });
}

/// One octet of the client's certificate is changed: no verdict is valid.
#[test]
fn no_altered_chain_is_believed() {
    let file =
        |name: &str| std::fs::read(Path::new(CORPUS).join("certificate").join(name)).unwrap();
    let root = Certificate::from_der(&file("root.der")).unwrap();
    let set = CaSetVersion::new(vec![root], Sha1Signatures::Allow).unwrap();
    let valid = |leaf: &[u8], intermediate: &[u8]| {
        PeerChain::from_der(&[leaf, intermediate]).is_ok_and(|chain| {
            evaluate(
                &chain,
                &set,
                &RevocationIndex::empty(),
                &Policy::default(),
                UnixTime::from_secs(NOW),
            )
            .is_valid()
        })
    };
    let (leaf, intermediate) = (file("below.der"), file("intermediate.der"));
    assert!(valid(&leaf, &intermediate));
    for altered in mutations(&leaf).filter(|altered| *altered != leaf) {
        assert!(!valid(&altered, &intermediate), "{altered:02x?}");
    }
    for altered in mutations(&intermediate).filter(|altered| *altered != intermediate) {
        assert!(!valid(&leaf, &altered), "{altered:02x?}");
    }
}

/// Makes the seeds anew.
#[test]
fn seeds_are_there() {
    if std::env::var_os("UPDATE_GOLDEN").is_none() {
        return;
    }
    let write = |name: &str, contents: &[u8]| {
        let path = Path::new(CORPUS).join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
    };
    let root = Pki::new().root("root");
    let intermediate = root
        .request_intermediate("intermediate")
        .path_length(0)
        .permit(der::dns("example.com"))
        .exclude(der::implicit(7, [192, 0, 2, 0, 255, 255, 255, 0]))
        .crl_distribution_point(&["http://a.example/a.crl"])
        .ocsp_responder("http://a.example/ocsp")
        .issue_ca();
    let client = root.client("client").issue();
    let rich = root
        .client("")
        .subject(&[("C", "US"), ("O", "Ex, ample"), ("CN", "ü \"x\"")])
        .dns("a.example.com")
        .email("a@example.com")
        .uri("spiffe://example.com/a")
        .ip([192, 0, 2, 1])
        .upn("a@example.com")
        .name(der::explicit(4, der::name(&[("CN", "x")])))
        .extended_key_usage(&[eku::CLIENT_AUTH, eku::ANY])
        .issue();
    let below = intermediate.client("below").dns("a.example.com").issue();
    let version_1 = root.client("old").edit(|tbs| tbs.make_version_1()).issue();
    for (name, contents) in [
        ("root", root.der()),
        ("intermediate", intermediate.der()),
        ("client", client.der()),
        ("rich", rich.der()),
        ("below", below.der()),
        ("version_1", version_1.der()),
    ] {
        write(&format!("certificate/{name}.der"), contents);
    }
    write(
        "name/rich.der",
        &countersign_testkit::pki::Tbs::of(rich.der()).subject,
    );
    let bundle = format!(
        "# text\r\n{}between\n{}",
        root.pem(),
        client.pem().replace('\n', "\r\n")
    );
    write("bundle/two.pem", bundle.as_bytes());
    write("bundle/one.der", client.der());
    write(
        "bundle/key.pem",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    );
    let listed = root
        .crl()
        .revoke_serial(&[1, 2, 3], NOW - DAY, Some(RevocationReason::KeyCompromise))
        .revoke(&client)
        .issue();
    write("crl/listed.der", &listed);
    let delta = root
        .crl()
        .number(&[2])
        .extension("2.5.29.27", true, der::integer(1))
        .extension("2.5.29.28", true, der::sequence([der::implicit(4, [0xff])]))
        .issue();
    write("crl/delta.der", &delta);
}

proptest::proptest! {
    /// Any octets, and any that are a SEQUENCE so that they get past the first look.
    #[test]
    fn any_octets_are_read_without_panic(octets: Vec<u8>, wrapped: bool) {
        let input = if wrapped { der::tlv(0x30, &octets) } else { octets };
        let _ = Certificate::from_der(&input);
        let _ = PeerChain::from_der(&[&input, &input]);
        let _ = Crl::load(&input, &[], Sha1Signatures::Allow);
        let _ = parse_bundle(&input);
        let client = Certificate::from_der(&std::fs::read(Path::new(CORPUS).join("certificate/client.der")).unwrap()).unwrap();
        let question = Question { certificate: &client, issuer: &client, nonce: None };
        let _ = verify(&input, &question, NoncePolicy::Ignore, Sha1Signatures::Allow, UnixTime::from_secs(NOW));
    }
}
