//! OCSP: who is believed, and what an answer does.

use std::process::Command;

use countersign_testkit::der;
use countersign_testkit::pki::{Ca, Credential, Key, Pki, eku};
use countersign_trust::ocsp::{
    CertIdHash, CertificateState, NoncePolicy, OcspAnswer, Question, VerifyOcspError, verify,
};
use countersign_trust::{RevocationReason, Sha1Signatures, UnixTime};

use crate::check::{DAY, GOOD, NOW, REVOKED, STALE, UNKNOWN, World, parsed};

/// A response in the making.
struct Response {
    about: Vec<Vec<u8>>,
    signer: Vec<u8>,
    key: Key,
    certificates: Vec<Vec<u8>>,
    nonce: Option<Vec<u8>>,
    with_sha1: bool,
}

fn certificate_id(
    issuer: &Ca,
    client: &Credential,
    hash: &'static aws_lc_rs::digest::Algorithm,
    oid: &str,
) -> Vec<u8> {
    use aws_lc_rs::digest::digest;
    let key = parsed(issuer.der());
    let spki = der::elements(der::content(&key.public_key().spki_der))[1].to_vec();
    der::sequence([
        der::sequence([der::oid(oid), der::null()]),
        der::octet_string(digest(hash, &issuer.subject_der())),
        der::octet_string(digest(hash, &der::content(&spki)[1..])),
        der::integer_octets(client.serial()),
    ])
}

fn good() -> Vec<u8> {
    der::implicit(0, [])
}

fn revoked(at: i64) -> Vec<u8> {
    let info = [
        der::generalized_time_of(at),
        der::explicit(0, der::enumerated(1)),
    ];
    der::explicit(1, info.concat())
}

fn single(id: Vec<u8>, state: Vec<u8>, this_update: i64, next_update: Option<i64>) -> Vec<u8> {
    let mut fields = vec![id, state, der::generalized_time_of(this_update)];
    fields.extend(next_update.map(|at| der::explicit(0, der::generalized_time_of(at))));
    der::sequence(fields)
}

fn about(issuer: &Ca, client: &Credential, state: Vec<u8>) -> Vec<u8> {
    let id = certificate_id(
        issuer,
        client,
        &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY,
        "1.3.14.3.2.26",
    );
    single(id, state, NOW - 10, Some(NOW + DAY))
}

impl Response {
    /// The CA itself answers.
    fn direct(issuer: &Ca, about: Vec<u8>) -> Self {
        Self {
            about: vec![about],
            signer: issuer.subject_der(),
            key: issuer.key().clone(),
            certificates: Vec::new(),
            nonce: None,
            with_sha1: false,
        }
    }

    fn delegated(responder: &Credential, about: Vec<u8>) -> Self {
        Self {
            about: vec![about],
            signer: countersign_testkit::pki::Tbs::of(responder.der()).subject,
            key: responder.key().clone(),
            certificates: vec![responder.der().to_vec()],
            nonce: None,
            with_sha1: false,
        }
    }

    fn to_der(&self) -> Vec<u8> {
        let mut fields = vec![
            der::explicit(1, &self.signer),
            der::generalized_time_of(NOW - 10),
            der::sequence(&self.about),
        ];
        if let Some(nonce) = &self.nonce {
            let value = der::octet_string(nonce);
            let extension = der::extension("1.3.6.1.5.5.7.48.1.2", false, value);
            fields.push(der::explicit(1, der::sequence([extension])));
        }
        let data = der::sequence(fields);
        let (algorithm, signature) = if self.with_sha1 {
            (Key::ecdsa_with_sha1(), self.key.sign_with_sha1(&data))
        } else {
            (self.key.signature_algorithm(), self.key.sign(&data))
        };
        let mut basic = vec![data, algorithm, der::bit_string(signature)];
        if !self.certificates.is_empty() {
            basic.push(der::explicit(0, der::sequence(&self.certificates)));
        }
        let bytes = der::sequence([
            der::oid("1.3.6.1.5.5.7.48.1.1"),
            der::octet_string(der::sequence(basic)),
        ]);
        der::sequence([der::enumerated(0), der::explicit(0, bytes)])
    }
}

fn check(response: &[u8], issuer: &Ca, client: &Credential) -> Result<OcspAnswer, VerifyOcspError> {
    check_nonce(response, issuer, client, None, NoncePolicy::Prefer)
}

fn loaded(response: &Response, issuer: &Ca, client: &Credential) -> OcspAnswer {
    let (certificate, issuer) = (parsed(client.der()), parsed(issuer.der()));
    let question = Question {
        certificate: &certificate,
        issuer: &issuer,
        nonce: None,
    };
    let now = UnixTime::from_secs(NOW);
    let (ignore, allow) = (NoncePolicy::Ignore, Sha1Signatures::Allow);
    verify(&response.to_der(), &question, ignore, allow, now).unwrap()
}

fn check_nonce(
    response: &[u8],
    issuer: &Ca,
    client: &Credential,
    nonce: Option<&[u8]>,
    policy: NoncePolicy,
) -> Result<OcspAnswer, VerifyOcspError> {
    let (certificate, issuer) = (parsed(client.der()), parsed(issuer.der()));
    let question = Question {
        certificate: &certificate,
        issuer: &issuer,
        nonce,
    };
    verify(
        response,
        &question,
        policy,
        Sha1Signatures::Refuse,
        UnixTime::from_secs(NOW),
    )
}

#[test]
fn the_ca_itself_may_answer() {
    let root = Pki::new().root("root");
    let client = root.client("a").issue();
    let answer = check(
        &Response::direct(&root, about(&root, &client, good())).to_der(),
        &root,
        &client,
    )
    .unwrap();
    assert_eq!(answer.state(), CertificateState::Good);
    assert!(answer.delegate().is_none());
    World::new(&[&root]).ocsp(answer).build().is(&client, GOOD);

    let response = Response::direct(&root, about(&root, &client, revoked(NOW - 100)));
    let answer = check(&response.to_der(), &root, &client).unwrap();
    assert_eq!(
        answer.state(),
        CertificateState::Revoked {
            at: UnixTime::from_secs(NOW - 100),
            reason: RevocationReason::KeyCompromise
        }
    );
    World::new(&[&root])
        .ocsp(answer)
        .build()
        .is(&client, REVOKED);

    let response = Response::direct(&root, about(&root, &client, der::implicit(2, [])));
    let answer = check(&response.to_der(), &root, &client).unwrap();
    World::new(&[&root])
        .ocsp(answer)
        .build()
        .is(&client, UNKNOWN);
}

#[test]
fn sha_256_names_the_certificate_as_well() {
    let root = Pki::new().root("root");
    let client = root.client("a").issue();
    let id = certificate_id(
        &root,
        &client,
        &aws_lc_rs::digest::SHA256,
        "2.16.840.1.101.3.4.2.1",
    );
    let response = Response::direct(&root, single(id, good(), NOW, Some(NOW + 1)));
    assert!(check(&response.to_der(), &root, &client).is_ok());
}

#[test]
fn a_delegate_needs_the_ca_s_word() {
    let root = Pki::new().root("root");
    let client = root.client("a").issue();
    let responder = |issuer: &Ca| {
        issuer
            .client("responder")
            .extended_key_usage(&[eku::OCSP_SIGNING])
    };
    let verdict = |responder: Credential| {
        check(
            &Response::delegated(&responder, about(&root, &client, good())).to_der(),
            &root,
            &client,
        )
    };
    let why = |responder: Credential| match verdict(responder) {
        Err(VerifyOcspError::Unauthorized { why }) => why,
        other => panic!("{other:?}"),
    };
    assert!(
        verdict(responder(&root).issue())
            .unwrap()
            .delegate()
            .is_some()
    );
    assert_eq!(
        why(root.client("responder").issue()),
        "its certificate is not for OCSP signing"
    );
    assert_eq!(
        why(root.client("responder").extended_key_usage(&[]).issue()),
        "its certificate is not for OCSP signing"
    );
    assert_eq!(
        why(responder(&root).expired(NOW).issue()),
        "its certificate is out of time"
    );
    // A CA of the same name, and an intermediate: neither is the CA itself.
    assert_eq!(
        why(responder(&Pki::new().root("root")).issue()),
        "its certificate is not from the CA itself"
    );
    assert_eq!(
        why(responder(&root.intermediate("x")).issue()),
        "its certificate is not from the CA itself"
    );
    let mut absent = Response::delegated(&responder(&root).issue(), about(&root, &client, good()));
    absent.certificates.clear();
    assert_eq!(
        check(&absent.to_der(), &root, &client).unwrap_err(),
        VerifyOcspError::Unauthorized {
            why: "its certificate is not in the response"
        }
    );
}

#[test]
fn a_revoked_delegate_is_not_believed_unless_nobody_is_to_ask() {
    let root = Pki::new().root("root");
    let client = root.client("a").issue();
    let request = || {
        root.client("responder")
            .extended_key_usage(&[eku::OCSP_SIGNING])
    };
    let unrevoked = request().issue();
    let no_check = request()
        .extension("1.3.6.1.5.5.7.48.1.5", false, der::null())
        .issue();
    for (responder, expected) in [(&unrevoked, UNKNOWN), (&no_check, REVOKED)] {
        let response = Response::delegated(responder, about(&root, &client, revoked(NOW - 5)));
        let answer = check(&response.to_der(), &root, &client).unwrap();
        // The CRL is stale, so that it says nothing good about the client.
        let crl = root
            .crl()
            .updates(NOW - 3 * DAY, Some(NOW - DAY))
            .revoke(responder)
            .issue();
        let world = World::new(&[&root]).ocsp(answer).crl(&crl).build();
        world.is(&client, if expected == UNKNOWN { STALE } else { expected });
    }
}

#[test]
fn answers_for_others_of_other_times_and_by_others_are_refused() {
    let root = Pki::new().root("root");
    let client = root.client("a").issue();
    let other = root.client("b").issue();
    let error = |response: &Response| check(&response.to_der(), &root, &client).unwrap_err();
    let direct = |single| Response::direct(&root, single);
    assert_eq!(
        error(&direct(about(&root, &other, good()))),
        VerifyOcspError::AnotherCertificate
    );
    // The same serial number under another key of the same name.
    let twin = Pki::new().root("root");
    assert_eq!(
        error(&direct(about(&twin, &client, good()))),
        VerifyOcspError::AnotherCertificate
    );
    let id = || {
        certificate_id(
            &root,
            &client,
            &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY,
            "1.3.14.3.2.26",
        )
    };
    let timed = |this_update, next_update| direct(single(id(), good(), this_update, next_update));
    assert_eq!(
        error(&timed(NOW + 301, Some(NOW + DAY))),
        VerifyOcspError::Future
    );
    assert_eq!(
        error(&timed(NOW - DAY, Some(NOW - 301))),
        VerifyOcspError::Old
    );
    assert_eq!(error(&timed(NOW - DAY, None)), VerifyOcspError::Old);
    assert!(check(&timed(NOW - 60, None).to_der(), &root, &client).is_ok());
    let mut forged = direct(about(&root, &client, good()));
    forged.key = twin.key().clone();
    assert!(matches!(error(&forged), VerifyOcspError::Signature(_)));
    let try_later = der::sequence([der::enumerated(3)]);
    assert_eq!(
        check(&try_later, &root, &client).unwrap_err(),
        VerifyOcspError::Unsuccessful { status: "tryLater" }
    );
    assert_eq!(
        check(b"<html>", &root, &client).unwrap_err(),
        VerifyOcspError::Malformed {
            part: "outer sequence"
        }
    );
}

/// As for CRLs: an answer with SHA-1 says something to the CA set that accepts it, and hides none that says something to the others.
#[test]
fn an_answer_with_sha1_counts_for_the_ca_set_that_accepts_it_and_for_no_other() {
    let root = Pki::new().root("root");
    let client = root.client("a").issue();
    let mut weak = Response::direct(&root, about(&root, &client, revoked(NOW - 100)));
    weak.with_sha1 = true;
    assert_eq!(
        check(&weak.to_der(), &root, &client).unwrap_err(),
        VerifyOcspError::WeakSignature
    );
    let weak = loaded(&weak, &root, &client);
    let world = || World::new(&[&root]).ocsp(weak.clone());
    world().accepting_sha1().build().is(&client, REVOKED);
    world().build().is(&client, UNKNOWN);
    let newer = about(&root, &client, good());
    let id = der::elements(der::content(&newer))[0].to_vec();
    let older = single(id, good(), NOW - 20, Some(NOW + DAY));
    let older = loaded(&Response::direct(&root, older), &root, &client);
    for [first, second] in [[&weak, &older], [&older, &weak]] {
        let world = || {
            World::new(&[&root])
                .ocsp(first.clone())
                .ocsp(second.clone())
        };
        world().accepting_sha1().build().is(&client, REVOKED);
        world().build().is(&client, GOOD);
    }
}

/// What the CA says about its responder is as weak as its signature.
#[test]
fn a_delegate_whose_certificate_is_signed_with_sha1_needs_a_ca_set_that_accepts_it() {
    let root = Pki::new().root("root");
    let client = root.client("a").issue();
    let responder = root
        .client("responder")
        .extended_key_usage(&[eku::OCSP_SIGNING])
        .issue();
    let mut tbs = countersign_testkit::pki::Tbs::of(responder.der());
    tbs.signature = Key::ecdsa_with_sha1();
    let data = tbs.to_der();
    let signature = der::bit_string(root.key().sign_with_sha1(&data));
    let certificate = der::sequence([data, Key::ecdsa_with_sha1(), signature]);
    let mut response = Response::delegated(&responder, about(&root, &client, good()));
    response.certificates = vec![certificate];
    assert_eq!(
        check(&response.to_der(), &root, &client).unwrap_err(),
        VerifyOcspError::WeakSignature
    );
    let world = || World::new(&[&root]).ocsp(loaded(&response, &root, &client));
    world().accepting_sha1().build().is(&client, GOOD);
    world().build().is(&client, UNKNOWN);
}

#[test]
fn nonces_are_looked_at_as_the_policy_says() {
    let root = Pki::new().root("root");
    let client = root.client("a").issue();
    let respond = |nonce: Option<&[u8]>| {
        let mut response = Response::direct(&root, about(&root, &client, good()));
        response.nonce = nonce.map(<[u8]>::to_vec);
        response.to_der()
    };
    let sent: &[u8] = &[7; 32];
    let other: &[u8] = &[8; 32];
    let verdict = |policy, found| {
        check_nonce(&respond(found), &root, &client, Some(sent), policy)
            .err()
            .map_or("good", |error| match error {
                VerifyOcspError::NonceMissing => "missing",
                VerifyOcspError::NonceMismatch => "mismatch",
                other => panic!("{other:?}"),
            })
    };
    for (policy, expected) in [
        (NoncePolicy::Ignore, ["good", "good", "good"]),
        (NoncePolicy::Prefer, ["good", "good", "mismatch"]),
        (NoncePolicy::Require, ["good", "missing", "mismatch"]),
    ] {
        assert_eq!(
            [Some(sent), None, Some(other)].map(|found| verdict(policy, found)),
            expected
        );
    }
}

/// The whole way with somebody else's responder.
#[test]
fn openssl_understands_our_requests_and_we_its_answers() {
    let root = Pki::new().root("root");
    let (a, b) = (root.client("a").issue(), root.client("b").issue());
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, contents: &[u8]| {
        std::fs::write(directory.path().join(name), contents).unwrap()
    };
    write("root.pem", root.pem().as_bytes());
    write("root.key", root.key().pem().as_bytes());
    let serial = |client: &Credential| parsed(client.der()).serial().to_string().to_uppercase();
    write(
        "index.txt",
        format!(
            "V\t491231235959Z\t\t{}\tunknown\t/CN=a\nR\t491231235959Z\t240101000000Z,keyCompromise\t{}\tunknown\t/CN=b\n",
            serial(&a),
            serial(&b)
        )
        .as_bytes(),
    );
    let issuer = parsed(root.der());
    let now = UnixTime::from_secs(
        i64::try_from(
            std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap()
                .as_secs(),
        )
        .unwrap(),
    );
    for (client, hash) in [(&a, CertIdHash::Sha1), (&b, CertIdHash::Sha256)] {
        let certificate = parsed(client.der());
        let question = Question {
            certificate: &certificate,
            issuer: &issuer,
            nonce: Some(&[9; 32]),
        };
        write("request.der", &question.to_der(hash));
        let output = Command::new("openssl")
            .args("ocsp -index index.txt -CA root.pem -rsigner root.pem -rkey root.key -rmd sha256 -ndays 1 -reqin request.der -respout response.der".split(' '))
            .current_dir(directory.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let response = std::fs::read(directory.path().join("response.der")).unwrap();
        let answer = verify(
            &response,
            &question,
            NoncePolicy::Require,
            Sha1Signatures::Refuse,
            now,
        )
        .unwrap();
        match (hash, answer.state()) {
            (CertIdHash::Sha1, CertificateState::Good) => {}
            (CertIdHash::Sha256, CertificateState::Revoked { reason, .. }) => {
                assert_eq!(reason, RevocationReason::KeyCompromise);
            }
            other => panic!("{other:?}"),
        }
    }
}
