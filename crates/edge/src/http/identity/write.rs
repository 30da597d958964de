//! Sets the headers that a decision asks for.

use countersign_rules::{ClientAttributes, ForwardIdentity, IdentityPresets};
use countersign_trust::{Certificate, GeneralName, Reason, ValidChain};
use http::header::{HeaderName, HeaderValue};

use super::value::{
    byte_sequence, byte_sequences, distinguished_name, element_value, escaped_pem,
    escaped_pem_chain, hex, quoted_distinguished_name, text,
};

macro_rules! names {
    ($($constant:ident = $name:literal;)*) => {
        $(const $constant: HeaderName = HeaderName::from_static($name);)*

        /// Every header that this module sets.
        #[cfg(test)]
        pub(super) const NAMES: &[&str] = &[$($name),*];
    };
}

names! {
    CLIENT_CERT = "client-cert";
    CLIENT_CERT_CHAIN = "client-cert-chain";
    VERDICT = "countersign-client-verdict";
    AKAMAI_CC_DER = "akamai-cc-der";
    AKAMAI_CC_SUBJECT = "akamai-cc-subject";
    AKAMAI_CC_COMMON_NAME = "akamai-cc-common-name";
    AKAMAI_CC_SHA256_FINGERPRINT = "akamai-cc-sha256-fingerprint";
    AKAMAI_CC_ISSUER = "akamai-cc-issuer";
    AKAMAI_CC_STATUS = "akamai-cc-status";
    CLIENT_TO_EDGE = "client-to-edge-http-auth";
    XFCC = "x-forwarded-client-cert";
    ALB_SERIAL = "x-amzn-mtls-clientcert-serial-number";
    ALB_ISSUER = "x-amzn-mtls-clientcert-issuer";
    ALB_SUBJECT = "x-amzn-mtls-clientcert-subject";
    ALB_VALIDITY = "x-amzn-mtls-clientcert-validity";
    ALB_LEAF = "x-amzn-mtls-clientcert-leaf";
    NGINX_VERIFY = "ssl-client-verify";
    NGINX_CERT = "ssl-client-cert";
    NGINX_SUBJECT = "ssl-client-subject-dn";
    NGINX_ISSUER = "ssl-client-issuer-dn";
}

/// What is known about the client, in the words of the headers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Identity<'a> {
    /// A certificate came and was refused for this reason. None of its contents is ever forwarded.
    Invalid(Reason),
    /// No certificate came.
    Missing,
    /// The chain that satisfied a CA set. Its path is the only source of identity: certificate 0 of the verified path, never another one
    /// that the client sent along (threats C3.5).
    Valid(&'a ValidChain),
}

/// Headers that an origin gets, each name once.
pub(super) type Headers = Vec<(HeaderName, HeaderValue)>;

/// Makes what the decision asks for.
pub(super) fn encode(wanted: ForwardIdentity, identity: Identity<'_>) -> Headers {
    let mut headers = Headers::new();
    if wanted.is_nothing() {
        return headers;
    }
    // Kept apart from the identity itself, so that an unverified identity cannot be mistaken for a verified one.
    set(&mut headers, VERDICT, verdict(identity));
    if wanted.validation_status {
        set(&mut headers, AKAMAI_CC_STATUS, verdict(identity));
    }
    if wanted.presets.contains(IdentityPresets::NGINX) {
        set(&mut headers, NGINX_VERIFY, nginx_verify(identity));
    }
    if let Identity::Valid(chain) = identity
        && let Some((leaf, above)) = chain.path().split_first()
    {
        write_presets(&mut headers, wanted.presets, leaf, above, chain.path());
        write_attributes(&mut headers, wanted.attributes, leaf);
    }
    headers
}

/// A value that no header can carry is left out: it was made from a certificate.
fn set(headers: &mut Headers, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(value)) {
        headers.push((name, value));
    }
}

fn verdict(identity: Identity<'_>) -> String {
    match identity {
        Identity::Valid(_) => "valid".to_owned(),
        Identity::Missing => "missing; reason=missing".to_owned(),
        Identity::Invalid(reason) => format!("invalid; reason={}", reason.code()),
    }
}

fn nginx_verify(identity: Identity<'_>) -> String {
    match identity {
        Identity::Valid(_) => "SUCCESS".to_owned(),
        Identity::Missing => "NONE".to_owned(),
        Identity::Invalid(reason) => format!("FAILED:{}", reason.code()),
    }
}

fn write_presets(
    headers: &mut Headers,
    presets: IdentityPresets,
    leaf: &Certificate,
    above: &[Certificate],
    path: &[Certificate],
) {
    if presets.contains(IdentityPresets::RFC9440) {
        set(headers, CLIENT_CERT, byte_sequence(leaf.der()));
        // RFC 9440 §2.3: the trust anchor may be left out; the origin has it, and headers have limits.
        let intermediates = above
            .split_last()
            .map_or(above, |(_, intermediates)| intermediates);
        if !intermediates.is_empty() {
            set(headers, CLIENT_CERT_CHAIN, byte_sequences(intermediates));
        }
    }
    if presets.contains(IdentityPresets::AKAMAI_CC_DER) {
        set(headers, AKAMAI_CC_DER, byte_sequence(leaf.der()));
    }
    if presets.contains(IdentityPresets::CLIENT_TO_EDGE) {
        set(headers, CLIENT_TO_EDGE, byte_sequence(leaf.der()));
    }
    if presets.contains(IdentityPresets::XFCC) {
        set(headers, XFCC, xfcc(leaf, path));
    }
    if presets.contains(IdentityPresets::ALB) {
        write_alb(headers, leaf);
    }
    if presets.contains(IdentityPresets::NGINX) {
        set(headers, NGINX_CERT, escaped_pem(leaf.der(), b""));
        set(headers, NGINX_SUBJECT, distinguished_name(leaf.subject()));
        set(headers, NGINX_ISSUER, distinguished_name(leaf.issuer()));
    }
}

fn write_attributes(headers: &mut Headers, attributes: ClientAttributes, leaf: &Certificate) {
    if attributes.contains(ClientAttributes::SUBJECT) {
        set(
            headers,
            AKAMAI_CC_SUBJECT,
            distinguished_name(leaf.subject()),
        );
    }
    if attributes.contains(ClientAttributes::ISSUER) {
        set(headers, AKAMAI_CC_ISSUER, distinguished_name(leaf.issuer()));
    }
    if attributes.contains(ClientAttributes::COMMON_NAME)
        && let Some(name) = leaf.subject().common_name()
    {
        set(headers, AKAMAI_CC_COMMON_NAME, text(name));
    }
    if attributes.contains(ClientAttributes::SHA256_FINGERPRINT) {
        set(
            headers,
            AKAMAI_CC_SHA256_FINGERPRINT,
            leaf.fingerprint().to_string(),
        );
    }
}

/// One element: the edge replaces what came in, it is not one of several proxies that vouch for each other.
fn xfcc(leaf: &Certificate, path: &[Certificate]) -> String {
    let mut element = format!(
        "Hash={};Cert=\"{}\";Chain=\"{}\";Subject={}",
        leaf.fingerprint(),
        escaped_pem(leaf.der(), b""),
        escaped_pem_chain(path.split_last().map_or(path, |(_, below)| below), b""),
        quoted_distinguished_name(leaf.subject()),
    );
    let names = leaf.subject_alternative_names();
    let uris = names.iter().filter_map(|name| match name {
        GeneralName::Uri(uri) => Some(("URI", uri)),
        _ => None,
    });
    let hosts = names.iter().filter_map(|name| match name {
        GeneralName::Dns(host) => Some(("DNS", host)),
        _ => None,
    });
    for (key, name) in uris.chain(hosts) {
        if let Some(value) = element_value(name) {
            element.push(';');
            element.push_str(key);
            element.push('=');
            element.push_str(&value);
        }
    }
    element
}

fn write_alb(headers: &mut Headers, leaf: &Certificate) {
    let validity = leaf.validity();
    set(
        headers,
        ALB_SERIAL,
        hex(leaf.serial().as_bytes()).to_ascii_uppercase(),
    );
    set(headers, ALB_ISSUER, distinguished_name(leaf.issuer()));
    set(headers, ALB_SUBJECT, distinguished_name(leaf.subject()));
    set(
        headers,
        ALB_VALIDITY,
        format!(
            "NotBefore={};NotAfter={}",
            validity.not_before, validity.not_after
        ),
    );
    // These three stay as they are in that convention.
    set(headers, ALB_LEAF, escaped_pem(leaf.der(), b"+=/"));
}
