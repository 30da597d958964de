//! The other implementation that everybody has: `openssl s_client`.

use std::path::Path;
use std::process::{Output, Stdio};

use countersign_testkit::{Ca, Credential, Key, KeyKind};
use countersign_tls::{Accepted, RefusedHandshake};
use countersign_trust::Reason;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::support::*;

struct Files {
    directory: TempDir,
}

impl Files {
    fn new(servers: &Ca, client: &Credential) -> Self {
        let directory = TempDir::new().unwrap();
        let write =
            |name: &str, text: String| std::fs::write(directory.path().join(name), text).unwrap();
        write("servers.pem", servers.pem());
        write("client.pem", client.pem());
        write("chain.pem", client.chain_pem());
        write("client.key", client.key_pem());
        Self { directory }
    }

    fn path(&self, name: &str) -> String {
        self.directory
            .path()
            .join(name)
            .to_str()
            .unwrap()
            .to_owned()
    }
}

/// Runs `openssl s_client` against the node, until the node hangs up.
async fn s_client(
    node: &Node,
    name: &str,
    arguments: &[&str],
) -> (Result<Accepted<TcpStream>, RefusedHandshake>, Output) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = async {
        let (socket, _) = listener.accept().await.unwrap();
        let mut accepted = node.accept(socket).await?;
        accepted
            .stream
            .write_all(b"hello from the edge\n")
            .await
            .unwrap();
        accepted.stream.shutdown().await.unwrap();
        Ok(accepted)
    };
    let client = Command::new("openssl")
        .args([
            "s_client",
            "-connect",
            &address,
            "-servername",
            name,
            "-ign_eof",
        ])
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let (accepted, output) = tokio::join!(server, client);
    (accepted, output.unwrap())
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test]
async fn openssl_authenticates_and_resumes_in_both_versions() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let alice = authorities.alice();
    for version in ["-tls1_2", "-tls1_3"] {
        for tickets in [&[][..], &["-no_ticket"]] {
            if version == "-tls1_3" && !tickets.is_empty() {
                continue;
            }
            let files = Files::new(&authorities.servers, &alice);
            let [servers, certificate, chain, key, session] = [
                "servers.pem",
                "client.pem",
                "chain.pem",
                "client.key",
                "session",
            ]
            .map(|name| files.path(name));
            let common = [
                version,
                "-CAfile",
                &servers,
                "-verify_return_error",
                "-cert",
                &certificate,
                "-cert_chain",
                &chain,
                "-key",
                &key,
            ];
            let first = [&common[..], tickets, &["-sess_out", &session]].concat();
            let (full, output) = s_client(&node, "a.test", &first).await;
            let full = full.unwrap_or_else(|refused| panic!("{refused:?}: {}", text(&output)));
            assert!(!full.facts.resumed);
            assert!(full.verdicts.overall().is_valid());
            assert!(text(&output).contains("hello from the edge"));
            let again = [&common[..], tickets, &["-sess_in", &session]].concat();
            let (resumed, output) = s_client(&node, "a.test", &again).await;
            let resumed = resumed.unwrap();
            assert!(
                resumed.facts.resumed,
                "{version} {tickets:?}: {}",
                text(&output)
            );
            assert!(text(&output).contains("Reused, TLSv1."));
            let digest = |accepted: &Accepted<_>| accepted.peer.chain().unwrap().digest();
            assert_eq!(digest(&resumed), digest(&full));
            // Threat C1.1 with another implementation: the session of one name, sent with another.
            let (other, _) = s_client(&node, "b.test", &again).await;
            assert_eq!(other.unwrap_err().reason, Reason::UnknownIssuer);
        }
    }
}

#[tokio::test]
async fn openssl_is_told_why() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    for version in ["-tls1_2", "-tls1_3"] {
        let (missing, output) = s_client(&node, "a.test", &[version]).await;
        assert_eq!(missing.unwrap_err().reason, Reason::Missing);
        // OpenSSL has no name for certificate_required in TLS 1.2.
        assert!(
            text(&output).contains("alert number 116"),
            "{}",
            text(&output)
        );
        let (unknown, output) = s_client(&node, "nobody.test", &[version]).await;
        assert_eq!(unknown.unwrap_err().reason, Reason::UnknownServerName);
        assert!(
            text(&output).contains("unrecognized name"),
            "{}",
            text(&output)
        );
        let files = Files::new(&authorities.servers, &authorities.bob());
        let arguments = [
            version,
            "-cert",
            &files.path("client.pem"),
            "-key",
            &files.path("client.key"),
        ];
        let (stranger, output) = s_client(&node, "a.test", &arguments).await;
        assert_eq!(stranger.unwrap_err().reason, Reason::UnknownIssuer);
        assert!(text(&output).contains("unknown ca"), "{}", text(&output));
    }
}

#[tokio::test]
async fn old_versions_are_refused() {
    let node = Node::new(&Authorities::new());
    for version in ["-tls1", "-tls1_1"] {
        let (refused, output) =
            s_client(&node, "open.test", &[version, "-cipher", "ALL:@SECLEVEL=0"]).await;
        assert_eq!(refused.unwrap_err().reason, Reason::HandshakeFailed);
        assert!(!text(&output).contains("hello from the edge"));
        assert!(text(&output).contains("alert"), "{}", text(&output));
    }
}

/// SHA-1 is for the verdict, not for the proof of possession.
#[tokio::test]
async fn a_sha1_certificate_is_heard_where_one_is_requested() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    let old = sha1_client(&authorities.a).await;
    for client in [client().tls12(), client().tls13()] {
        let client = client.presenting(&old);
        let (accepted, _) = node.meet("ask.test", &client).await.welcome();
        assert_eq!(
            accepted.verdicts.overall().reason(),
            Some(Reason::WeakSignature)
        );
        node.meet("a.test", &client).await.refused(
            Reason::WeakSignature,
            rustls::AlertDescription::UnsupportedCertificate,
        );
    }
}

/// Keys that are for RSASSA-PSS only (RFC 4055): TLS 1.3 has schemes of their own for them. In TLS 1.2 they are not offered, and OpenSSL then
/// does not show such a certificate.
#[tokio::test]
async fn openssl_proves_keys_that_are_for_rsa_pss_only() {
    let authorities = Authorities::new();
    let node = Node::new(&authorities);
    for hash in ["sha256", "sha384", "sha512", ""] {
        let directory = pss_client(&authorities.a, hash).await;
        let [certificate, key] =
            ["leaf", "key"].map(|name| directory.path().join(name).to_str().unwrap().to_owned());
        let client = ["-cert", &certificate, "-key", &key];
        let (accepted, output) =
            s_client(&node, "a.test", &[&client[..], &["-tls1_3"]].concat()).await;
        let accepted = accepted.unwrap_or_else(|refused| panic!("{refused:?}: {}", text(&output)));
        assert!(accepted.verdicts.overall().is_valid());
        assert!(text(&output).contains("hello from the edge"));
        let (refused, _) = s_client(&node, "a.test", &[&client[..], &["-tls1_2"]].concat()).await;
        assert_eq!(refused.unwrap_err().reason, Reason::Missing);
    }
}

/// A client certificate whose key is for RSASSA-PSS only, with that hash if one is given.
async fn pss_client(ca: &Ca, hash: &str) -> TempDir {
    let directory = TempDir::new().unwrap();
    let mut generate =
        "genpkey -algorithm rsa-pss -pkeyopt rsa_keygen_bits:2048 -out key".to_owned();
    if !hash.is_empty() {
        generate.push_str(&format!(
            " -pkeyopt rsa_pss_keygen_md:{hash} -pkeyopt rsa_pss_keygen_mgf1_md:{hash}"
        ));
    }
    for line in [&*generate, "pkey -in key -pubout -outform DER -out spki"] {
        openssl(directory.path(), &line.split(' ').collect::<Vec<_>>()).await;
    }
    let spki = std::fs::read(directory.path().join("spki")).unwrap();
    let client = ca.client("pss").edit(|tbs| tbs.spki = spki).issue();
    std::fs::write(directory.path().join("leaf"), client.pem()).unwrap();
    directory
}

/// A client certificate that OpenSSL signed with SHA-1, since nothing else here does.
async fn sha1_client(ca: &Ca) -> Credential {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name);
    let key = Key::generate(KeyKind::P256);
    std::fs::write(path("ca.pem"), ca.pem()).unwrap();
    std::fs::write(path("ca.key"), ca.key().pem()).unwrap();
    std::fs::write(path("key"), key.pem()).unwrap();
    openssl(
        directory.path(),
        &[
            "req", "-new", "-key", "key", "-subj", "/CN=old", "-out", "request",
        ],
    )
    .await;
    let sign = "x509 -req -in request -CA ca.pem -CAkey ca.key -sha1 -days 3650 -set_serial 77 -outform DER -out leaf";
    openssl(directory.path(), &sign.split(' ').collect::<Vec<_>>()).await;
    Credential::from_parts(vec![std::fs::read(path("leaf")).unwrap()], key)
}

async fn openssl(directory: &Path, arguments: &[&str]) {
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(directory)
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
}
