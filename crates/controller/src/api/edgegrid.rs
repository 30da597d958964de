//! EdgeGrid request signing (EG1-HMAC-SHA256), the server's half: reading the header and checking the signature.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_snapshot::Secret;
use countersign_trust::UnixTime;

/// The scheme's name in the `Authorization` header.
pub(super) const SCHEME: &str = "EG1-HMAC-SHA256";
/// Clients hash no more of a body than this unless told otherwise.
const BODY_MAX_OCTETS: usize = 131_072;
const NONCE_MAX_OCTETS: usize = 128;

/// The header, read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Authorization<'h> {
    pub(super) client_token: &'h str,
    pub(super) access_token: &'h str,
    pub(super) timestamp: UnixTime,
    pub(super) nonce: &'h str,
    timestamp_text: &'h str,
    signature: Vec<u8>,
    /// Everything before the signature: what is signed last.
    unsigned: &'h str,
}

/// What of a request is signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct SignedRequest<'r> {
    pub(super) method: &'r str,
    pub(super) scheme: &'r str,
    pub(super) host: &'r str,
    /// With the query, exactly as on the wire.
    pub(super) path: &'r str,
    pub(super) body: &'r [u8],
}

/// Why a header cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum MalformedAuthorization {
    #[error("Malformed authorization header")]
    Header,
    #[error("Invalid timestamp")]
    Timestamp,
}

impl<'h> Authorization<'h> {
    /// Reads the value of an `Authorization` header with the scheme.
    pub(super) fn read(header: &'h str) -> Result<Self, MalformedAuthorization> {
        const MALFORMED: MalformedAuthorization = MalformedAuthorization::Header;
        let fields = header
            .strip_prefix(SCHEME)
            .and_then(|rest| rest.strip_prefix(' '))
            .ok_or(MALFORMED)?;
        let (before, signature) = header.rsplit_once("signature=").ok_or(MALFORMED)?;
        let fields = fields
            .strip_suffix(signature)
            .and_then(|fields| fields.strip_suffix("signature="))
            .and_then(|fields| fields.strip_suffix(';'))
            .ok_or(MALFORMED)?;
        let mut values = [None; 4];
        const NAMES: [&str; 4] = ["client_token", "access_token", "timestamp", "nonce"];
        for field in fields.split(';') {
            let (name, value) = field.split_once('=').ok_or(MALFORMED)?;
            let slot = NAMES
                .iter()
                .position(|known| *known == name)
                .and_then(|position| values.get_mut(position))
                .ok_or(MALFORMED)?;
            if value.is_empty() || slot.replace(value).is_some() {
                return Err(MALFORMED);
            }
        }
        let [
            Some(client_token),
            Some(access_token),
            Some(timestamp_text),
            Some(nonce),
        ] = values
        else {
            return Err(MALFORMED);
        };
        if nonce.len() > NONCE_MAX_OCTETS {
            return Err(MALFORMED);
        }
        Ok(Self {
            client_token,
            access_token,
            timestamp: timestamp(timestamp_text).ok_or(MalformedAuthorization::Timestamp)?,
            nonce,
            timestamp_text,
            signature: STANDARD.decode(signature).map_err(|_| MALFORMED)?,
            unsigned: before,
        })
    }

    /// Whether the holder of the secret signed the request. Takes the same time whatever the signature is.
    pub(super) fn is_signed(&self, secret: &Secret, request: SignedRequest<'_>) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
        // The text of the base64, not what it stands for, is the key of the next step.
        let key = STANDARD.encode(hmac::sign(&key, self.timestamp_text.as_bytes()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        hmac::verify(&key, self.signed_text(request).as_bytes(), &self.signature).is_ok()
    }

    fn signed_text(&self, request: SignedRequest<'_>) -> String {
        let content_hash = if request.method == "POST" && !request.body.is_empty() {
            let end = request.body.len().min(BODY_MAX_OCTETS);
            STANDARD.encode(digest(&SHA256, request.body.get(..end).unwrap_or_default()))
        } else {
            String::new()
        };
        // The fifth field has the signed headers; no client of these APIs signs any.
        [
            request.method,
            request.scheme,
            request.host,
            request.path,
            "",
            &content_hash,
            self.unsigned,
        ]
        .join("\t")
    }
}

/// Reads `20260321T07:00:00+0000`; nothing but UTC.
fn timestamp(text: &str) -> Option<UnixTime> {
    let (date, time) = text.strip_suffix("+0000")?.split_once('T')?;
    if date.len() != 8 || time.len() != 8 {
        return None;
    }
    let (year, month, day) = (date.get(..4)?, date.get(4..6)?, date.get(6..)?);
    format!("{year}-{month}-{day}T{time}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_header_is_read_or_refused(
            text in ".*",
            pieces in proptest::collection::vec(
                proptest::sample::select(vec![
                    SCHEME, " ", "client_token=a;", "access_token=b;", "timestamp=20261121T07:00:00+0000;", "timestamp=é;", "nonce=n;", "signature=c2ln", "signature=", ";", "=",
                ]),
                0..10,
            ),
        ) {
            let pieced = pieces.concat();
            for header in [&text, &pieced] {
                if let Ok(read) = Authorization::read(header) {
                    prop_assert!(header.contains(read.client_token) && header.contains(read.nonce));
                }
            }
        }
    }

    const HEADER: &str = "EG1-HMAC-SHA256 client_token=akab-c;access_token=akab-a;timestamp=20261121T07:00:00+0000;nonce=n-1;signature=c2ln";

    #[test]
    fn a_header_is_read_to_its_parts() {
        let read = Authorization::read(HEADER).unwrap();
        assert_eq!(read.client_token, "akab-c");
        assert_eq!(read.access_token, "akab-a");
        assert_eq!(read.nonce, "n-1");
        assert_eq!(read.timestamp, "2026-11-21T07:00:00Z".parse().unwrap());
        assert_eq!(read.signature, b"sig");
        assert!(read.unsigned.ends_with("nonce=n-1;"));
    }

    #[test]
    fn headers_with_missing_repeated_or_foreign_parts_are_refused() {
        for (from, to) in [
            ("client_token=akab-c;", ""),
            ("nonce=n-1;", "nonce=n-1;nonce=n-2;"),
            ("nonce=n-1;", "nonce=;"),
            ("nonce=n-1;", "colour=red;"),
            (";signature", "signature"),
            ("signature=c2ln", "signature=?"),
            ("signature=c2ln", ""),
            ("+0000", "+0100"),
            ("20261121T", "2026-11-21T"),
            ("EG1-HMAC-SHA256 ", "EG1-HMAC-SHA256"),
        ] {
            let header = HEADER.replace(from, to);
            assert!(Authorization::read(&header).is_err(), "{header}");
        }
    }

    /// The vendor's own signing vectors, as the Python client ships them. Those that sign headers are left out: no client of these APIs does.
    #[test]
    fn the_vendors_signing_vectors_are_accepted_and_nothing_near_them() {
        let script = "import akamai.edgegrid as e, os; print(os.path.join(os.path.dirname(e.__file__), 'test'))";
        let output = std::process::Command::new("python3")
            .args(["-c", script])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "edgegrid-python is not installed: run scripts/install-test-data, or the tests with ./test"
        );
        let dir = std::path::PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
        let read = |name: &str| -> serde_json::Value {
            serde_json::from_slice(&std::fs::read(dir.join(name)).unwrap()).unwrap()
        };
        let (data, cases) = (read("testdata.json"), read("testcases.json"));
        let secret = Secret::new(data["client_secret"].as_str().unwrap().as_bytes().to_vec());
        let host = data["base_url"].as_str().unwrap();
        let host = host.trim_start_matches("https://").trim_end_matches('/');
        let limit = usize::try_from(data["max_body"].as_u64().unwrap()).unwrap();
        let mut accepted = 0;
        for case in cases.as_array().unwrap() {
            let request = &case["request"];
            if request["headers"].to_string().contains("X-Test") {
                continue;
            }
            let body = request["data"].as_str().unwrap_or_default().as_bytes();
            let signed = SignedRequest {
                method: request["method"].as_str().unwrap(),
                scheme: "https",
                host,
                path: request["path"].as_str().unwrap(),
                // The vectors hash at most this much; the server's own limit is larger.
                body: &body[..body.len().min(limit)],
            };
            let header = case["expectedAuthorization"].as_str().unwrap();
            let name = &case["testName"];
            let read = Authorization::read(header).unwrap();
            assert!(read.is_signed(&secret, signed), "{name}");
            let other_path = SignedRequest {
                path: "/other",
                ..signed
            };
            assert!(!read.is_signed(&secret, other_path), "{name}");
            let other_host = SignedRequest {
                host: "other.test",
                ..signed
            };
            assert!(!read.is_signed(&secret, other_host), "{name}");
            let other_secret = Secret::new(b"other".to_vec());
            assert!(!read.is_signed(&other_secret, signed), "{name}");
            accepted += 1;
        }
        assert!(accepted >= 10, "only {accepted} vectors");
    }
}
