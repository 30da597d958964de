//! Signs requests on their way to the origin by HTTP Message Signatures (RFC 9421), so that it can tell what the edge says about a client
//! from what somebody else says (threats C4.4).

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand;
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_snapshot::{ForwardingKey, SealError, SealingKey, ServerName, is_identity_header};
use countersign_trust::{Clock, UnixTime};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;

use super::identity::strip_where;

/// The name that the client asked for. Whatever `Host` the origin is asked for, this name belongs to one property of the network.
const HOSTNAME: HeaderName = HeaderName::from_static("countersign-hostname");
const SIGNATURE: HeaderName = HeaderName::from_static("signature");
const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
/// The label of the signature, and its tag.
const LABEL: &str = "countersign";
/// How long an origin may take a signature for good: the way to it, with the difference of two clocks.
const LIFETIME: Duration = Duration::from_secs(60);
const NONCE_BYTES: usize = 16;

/// The keys of a snapshot, opened.
pub(crate) struct RequestSigner {
    /// The one that is used from the latest time on comes first.
    keys: Vec<Key>,
    clock: Arc<dyn Clock>,
}

struct Key {
    id: String,
    used_from: UnixTime,
    pair: Ed25519KeyPair,
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenKeyError {
    #[error("the sealed key cannot be opened")]
    Seal(#[from] SealError),
    #[error("it is no Ed25519 key in PKCS#8")]
    Kind,
}

impl RequestSigner {
    /// Opens the keys of a snapshot; none when there is none.
    pub(crate) fn open(
        keys: &[ForwardingKey],
        sealing_key: &SealingKey,
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<Self>, OpenKeyError> {
        let mut opened = keys
            .iter()
            .map(|key| {
                let secret = sealing_key.open(ForwardingKey::SEAL_CONTEXT, &key.key)?;
                Ok(Key {
                    id: key.id.clone(),
                    used_from: key.used_from,
                    pair: Ed25519KeyPair::from_pkcs8(secret.expose())
                        .map_err(|_| OpenKeyError::Kind)?,
                })
            })
            .collect::<Result<Vec<_>, OpenKeyError>>()?;
        opened.sort_by_key(|key| std::cmp::Reverse(key.used_from));
        Ok((!opened.is_empty()).then(|| Self {
            keys: opened,
            clock: Arc::clone(clock),
        }))
    }

    /// The key to use; where the clock is before all of them, the first there ever was.
    fn key(&self, now: UnixTime) -> Option<&Key> {
        let begun = self.keys.iter().find(|key| key.used_from <= now);
        begun.or(self.keys.last())
    }
}

impl fmt::Debug for RequestSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.keys.iter().map(|key| &key.id))
            .finish()
    }
}

/// A signature that a request is to have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signing<'a> {
    pub(crate) signer: &'a RequestSigner,
    /// The name that the client asked for.
    pub(crate) name: &'a ServerName,
}

impl Signing<'_> {
    /// Signs the request as it goes to this host; what it had of signatures is gone. None when it cannot be signed, and must not be sent.
    pub(crate) fn sign(&self, parts: &mut Parts, host: &str, is_tls: bool) -> Option<()> {
        strip_where(&mut parts.headers, is_signature_header);
        let name = HeaderValue::from_str(self.name.as_str()).ok()?;
        parts.headers.insert(HOSTNAME, name);
        let now = self.signer.clock.now();
        let key = self.signer.key(now)?;
        let mut nonce = [0; NONCE_BYTES];
        rand::fill(&mut nonce).ok()?;
        let (input, base) = texts(parts, host, is_tls, key, now, &nonce)?;
        let signature = key.pair.sign(base.as_bytes());
        let signature = format!("{LABEL}=:{}:", STANDARD.encode(signature));
        for (name, value) in [(SIGNATURE_INPUT, input), (SIGNATURE, signature)] {
            parts.headers.insert(
                name,
                HeaderValue::from_maybe_shared(bytes::Bytes::from(value)).ok()?,
            );
        }
        Some(())
    }
}

/// The value of `Signature-Input`, and the signature base (RFC 9421 §2.5).
fn texts(
    parts: &Parts,
    host: &str,
    is_tls: bool,
    key: &Key,
    now: UnixTime,
    nonce: &[u8],
) -> Option<(String, String)> {
    let mut base = String::with_capacity(4096);
    let mut covered = String::with_capacity(256);
    let mut cover = |component: &str, value: fmt::Arguments<'_>| {
        let separator = if covered.is_empty() { "" } else { " " };
        write!(covered, "{separator}\"{component}\"").ok()?;
        writeln!(base, "\"{component}\": {value}").ok()
    };
    cover("@method", format_args!("{}", parts.method))?;
    cover("@authority", format_args!("{}", authority(host, is_tls)))?;
    cover("@path", format_args!("{}", parts.uri.path()))?;
    // §2.2.7: without a query, the question mark alone.
    let query = parts.uri.query().unwrap_or_default();
    cover("@query", format_args!("?{query}"))?;
    for name in parts.headers.keys().filter(|name| is_identity_header(name)) {
        let value = combined(&parts.headers, name)?;
        cover(name.as_str(), format_args!("{value}"))?;
    }
    let expires = now.saturating_add(LIFETIME).as_secs();
    let parameters = format!(
        "({covered});created={};expires={expires};nonce=\"{}\";alg=\"ed25519\";keyid=\"{}\";tag=\"{LABEL}\"",
        now.as_secs(),
        URL_SAFE_NO_PAD.encode(nonce),
        key.id,
    );
    write!(base, "\"@signature-params\": {parameters}").ok()?;
    Some((format!("{LABEL}={parameters}"), base))
}

/// §2.2.3: in lower case, without the default port of the scheme.
fn authority(host: &str, is_tls: bool) -> String {
    let default = if is_tls { ":443" } else { ":80" };
    host.strip_suffix(default)
        .unwrap_or(host)
        .to_ascii_lowercase()
}

/// §2.1: the values without white space around them, joined by `, `. What the edge says is visible ASCII.
fn combined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut combined = String::new();
    for (at, value) in headers.get_all(name).iter().enumerate() {
        if at > 0 {
            combined.push_str(", ");
        }
        combined.push_str(value.to_str().ok()?.trim());
    }
    Some(combined)
}

/// Whether a field is one of RFC 9421, in the spellings that origins take for the same.
pub(super) fn is_signature_header(name: &HeaderName) -> bool {
    let name = name.as_str().as_bytes();
    let is = |wanted: &str| {
        let like = |(is, wanted): (&u8, &u8)| {
            is == wanted || (*wanted == b'-' && !is.is_ascii_alphanumeric())
        };
        name.len() == wanted.len() && name.iter().zip(wanted.as_bytes()).all(like)
    };
    is("signature") || is("signature-input")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_is_normalised() {
        for (host, is_tls, expected) in [
            ("A.test", true, "a.test"),
            ("a.test:443", true, "a.test"),
            ("a.test:443", false, "a.test:443"),
            ("a.test:80", false, "a.test"),
            ("[2001:DB8::1]:8080", false, "[2001:db8::1]:8080"),
        ] {
            assert_eq!(authority(host, is_tls), expected);
        }
    }

    #[test]
    fn every_spelling_of_a_signature_is_known() {
        for (name, expected) in [
            ("signature", true),
            ("signature-input", true),
            ("signature_input", true),
            ("signature.input", true),
            ("signatures", false),
            ("signature-agent", false),
        ] {
            let name = HeaderName::from_static(name);
            assert_eq!(is_signature_header(&name), expected, "{name}");
        }
    }
}
