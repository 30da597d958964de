//! Keys and signatures.

use std::path::Path;
use std::process::{Command, Stdio};

use countersign_testkit::der;
use countersign_testkit::pki::{Ca, KeyKind, Pki};
use countersign_trust::{
    CaSetVersion, Certificate, PeerChain, Policy, RevocationIndex, Sha1Signatures, UnixTime,
    Verdict, evaluate, parse_bundle,
};

use crate::check::{Case, check};

#[test]
fn every_supported_algorithm_signs_cas_and_clients() {
    for kind in [
        KeyKind::Ed25519,
        KeyKind::MlDsa44,
        KeyKind::MlDsa65,
        KeyKind::MlDsa87,
        KeyKind::P256,
        KeyKind::P384,
        KeyKind::P521,
        KeyKind::Rsa2048,
        KeyKind::Rsa3072,
    ] {
        let root = Pki::new().keys(kind).root("root");
        let client = root.intermediate("issuing").client("a").issue();
        check(&client, &[&root], "valid");
    }
}

/// A directory of openssl's own, gone when dropped.
struct OpenSsl(tempfile::TempDir);

impl OpenSsl {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, arguments: &[&str]) -> &Self {
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(self.path())
            .stdin(Stdio::null())
            .output()
            .expect("openssl is needed for this test");
        assert!(
            output.status.success(),
            "openssl {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        self
    }

    fn line(&self, line: &str) -> &Self {
        self.run(&line.split_whitespace().collect::<Vec<_>>())
    }

    fn certificates(&self, name: &str) -> Vec<Certificate> {
        let pem = std::fs::read(self.path().join(name)).unwrap();
        parse_bundle(&pem)
            .unwrap()
            .certificates
            .into_iter()
            .map(|entry| entry.certificate)
            .collect()
    }

    /// The verdict on `client.pem` with `root.pem` as the set.
    #[track_caller]
    fn is(&self, sha1: Sha1Signatures, expected: &str) {
        let chain: Vec<_> = self
            .certificates("client.pem")
            .iter()
            .map(|certificate| certificate.der().to_vec())
            .collect();
        let set = CaSetVersion::new(self.certificates("root.pem"), sha1).unwrap();
        let now = UnixTime::from_micros(
            i64::try_from(
                std::time::SystemTime::now()
                    .duration_since(std::time::UNIX_EPOCH)
                    .unwrap()
                    .as_micros(),
            )
            .unwrap(),
        );
        let verdict = evaluate(
            &PeerChain::from_der(&chain).unwrap(),
            &set,
            &RevocationIndex::empty(),
            &Policy::default(),
            now,
        );
        let found = verdict.reason().map_or("valid", |reason| reason.code());
        assert_eq!(found, expected, "{verdict:#?}");
    }

    fn root_and_client(&self, key: &str, root: &str, client: &str) -> &Self {
        self.line(&format!("{key} -out root.key"))
            .line(&format!("req -x509 -new -key root.key -subj /CN=root -days 10 -out root.pem {root}"))
            .line("ecparam -name prime256v1 -genkey -noout -out client.key")
            .line("req -new -key client.key -subj /CN=client -out client.csr")
            .line(&format!(
                "x509 -req -in client.csr -CA root.pem -CAkey root.key -CAcreateserial -days 5 -out client.pem {client}"
            ))
    }
}

#[test]
fn sha_1_is_accepted_where_the_version_allows_it() {
    for key in [
        "genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048",
        "ecparam -name prime256v1 -genkey -noout",
    ] {
        let openssl = OpenSsl::new();
        openssl.root_and_client(key, "-sha256", "-sha1");
        openssl.is(Sha1Signatures::Refuse, "weak_signature");
        openssl.is(Sha1Signatures::Allow, "valid");
    }
}

#[test]
fn md5_is_never_accepted() {
    let openssl = OpenSsl::new();
    openssl.root_and_client(
        "genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048",
        "-sha256",
        "-md5",
    );
    openssl.is(Sha1Signatures::Allow, "weak_signature");
}

#[test]
fn rsa_pss_is_accepted_with_any_salt_and_the_mask_of_its_hash() {
    for (hash, more, expected) in [
        ("sha256", "-sigopt rsa_pss_saltlen:32", "valid"),
        ("sha384", "-sigopt rsa_pss_saltlen:48", "valid"),
        ("sha512", "-sigopt rsa_pss_saltlen:64", "valid"),
        ("sha256", "-sigopt rsa_pss_saltlen:20", "valid"),
        // What OpenSSL 3.0 does unless it is told otherwise.
        ("sha256", "-sigopt rsa_pss_saltlen:max", "valid"),
        (
            "sha256",
            "-sigopt rsa_mgf1_md:sha512",
            "unsupported_algorithm",
        ),
    ] {
        let openssl = OpenSsl::new();
        openssl.root_and_client(
            "genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048",
            "-sha256",
            &format!("-{hash} -sigopt rsa_padding_mode:pss {more}"),
        );
        openssl.is(Sha1Signatures::Refuse, expected);
    }
}

/// A key whose own identifier is id-RSASSA-PSS (RFC 4055 §1.2), restricted to SHA-256 with a salt of at least 32 octets.
const RESTRICTED: &str = "genpkey -algorithm rsa-pss -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_pss_keygen_md:sha256 -pkeyopt rsa_pss_keygen_mgf1_md:sha256 -pkeyopt rsa_pss_keygen_saltlen:32";
const UNRESTRICTED: &str = "genpkey -algorithm rsa-pss -pkeyopt rsa_keygen_bits:2048";

#[test]
fn cas_whose_key_is_for_rsa_pss_only_sign_clients() {
    for key in [
        UNRESTRICTED,
        RESTRICTED,
        "genpkey -algorithm rsa-pss -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_pss_keygen_md:sha384 -pkeyopt rsa_pss_keygen_mgf1_md:sha384",
    ] {
        let openssl = OpenSsl::new();
        openssl.root_and_client(key, "", "");
        openssl.is(Sha1Signatures::Refuse, "valid");
    }
}

/// The same numbers as a key without restrictions, which openssl signs anything with.
#[test]
fn a_signature_outside_of_what_the_ca_key_allows_does_not_count() {
    for (how, expected) in [
        (
            "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32",
            "valid",
        ),
        (
            "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:48",
            "valid",
        ),
        (
            "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:20",
            "bad_signature",
        ),
        (
            "-sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:48",
            "bad_signature",
        ),
        ("-sha256", "unsupported_algorithm"),
    ] {
        let openssl = OpenSsl::new();
        openssl
            .root_and_client(RESTRICTED, "", "")
            .line("rsa -in root.key -traditional -out free.key");
        let free = openssl.path().join("free.key");
        let pem = std::fs::read_to_string(&free).unwrap();
        std::fs::write(&free, pem.replace("RSA-PSS PRIVATE", "RSA PRIVATE")).unwrap();
        openssl
            .line("req -x509 -new -key free.key -subj /CN=root -days 10 -out free.pem")
            .line(&format!(
                "x509 -req -in client.csr -CA free.pem -CAkey free.key -set_serial 7 -days 5 -out client.pem {how}"
            ));
        openssl.is(Sha1Signatures::Refuse, expected);
    }
}

#[test]
fn clients_whose_key_is_for_rsa_pss_only_are_accepted() {
    let root = Pki::new().root("root");
    for key in [UNRESTRICTED, RESTRICTED] {
        with_key(&root, key).is("valid");
    }
}

#[test]
fn a_client_by_openssl_x509_req_is_version_1_and_accepted() {
    let openssl = OpenSsl::new();
    openssl.root_and_client(
        "genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048",
        "-sha256",
        "-sha256",
    );
    assert_eq!(
        openssl.certificates("client.pem")[0].version(),
        countersign_trust::Version::V1
    );
    openssl.is(Sha1Signatures::Refuse, "valid");
}

/// As operators' guides make roots: an encrypted RSA-4096 key, a configuration file without keyUsage, 1024 days.
#[test]
fn a_root_as_operators_make_it_is_accepted() {
    let openssl = OpenSsl::new();
    std::fs::write(
        openssl.path().join("root.conf"),
        "[req]\ndistinguished_name = name\nx509_extensions = extensions\nprompt = no\n[name]\nC = US\nO = Example\nCN = Example Root\n[extensions]\nbasicConstraints = CA:TRUE\n",
    )
    .unwrap();
    openssl
        .line("genrsa -des3 -passout pass:secret -out root.key 4096")
        .line("req -x509 -new -key root.key -passin pass:secret -config root.conf -sha256 -days 1024 -out root.pem")
        .line("genrsa -out client.key 2048")
        .line("req -new -key client.key -subj /O=Example/CN=client -out client.csr")
        .line("x509 -req -in client.csr -CA root.pem -CAkey root.key -passin pass:secret -CAcreateserial -sha256 -days 500 -out client.pem");
    assert!(openssl.certificates("root.pem")[0].key_usage().is_none());
    openssl.is(Sha1Signatures::Refuse, "valid");
}

fn with_key(root: &Ca, arguments: &str) -> Case {
    let openssl = OpenSsl::new();
    openssl
        .line(&format!("{arguments} -out key.pem"))
        .line("pkey -in key.pem -pubout -outform DER -out key.der");
    let spki = std::fs::read(openssl.path().join("key.der")).unwrap();
    let client = root.client("weak").edit(|tbs| tbs.spki = spki).issue();
    Case::of(&client, &[root])
}

#[test]
fn weak_and_unknown_keys_are_refused_by_name() {
    let root = Pki::new().root("root");
    let cases = [
        (
            "genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:1024",
            "weak_key",
            "RSA with 1024 bits",
        ),
        (
            "ecparam -name secp224r1 -genkey -noout",
            "weak_key",
            "224 bits",
        ),
        (
            "ecparam -name secp256k1 -genkey -noout",
            "unsupported_algorithm",
            "1.3.132.0.10",
        ),
        ("genpkey -algorithm ed448", "unsupported_algorithm", "Ed448"),
        (
            "genpkey -algorithm rsa-pss -pkeyopt rsa_keygen_bits:1024",
            "weak_key",
            "RSASSA-PSS with 1024 bits",
        ),
        (
            "genpkey -algorithm rsa-pss -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_pss_keygen_md:sha1",
            "unsupported_algorithm",
            "RSASSA-PSS with unusual parameters",
        ),
    ];
    for (arguments, expected, words) in cases {
        let verdict = with_key(&root, arguments).is(expected);
        let explanation = crate::check::explanation(&verdict).0;
        assert!(explanation.contains(words), "{explanation}");
    }
}

#[test]
fn a_weak_ca_is_refused_by_name_though_its_signature_is_not_even_checked() {
    let openssl = OpenSsl::new();
    openssl.root_and_client(
        "genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:1024",
        "-sha256",
        "-sha256",
    );
    openssl.is(Sha1Signatures::Allow, "weak_key");
}

#[test]
fn an_unknown_signature_algorithm_is_named() {
    let root = Pki::new().root("root");
    let odd = || der::sequence([der::oid("1.2.3.4.5")]);
    let client = root
        .client("a")
        .edit(move |tbs| tbs.signature = odd())
        .issue();
    let verdict = check(&client, &[&root], "unsupported_algorithm");
    assert!(
        matches!(&verdict, Verdict::Invalid(refusal) if refusal.explanation().contains("1.2.3.4.5"))
    );
}
