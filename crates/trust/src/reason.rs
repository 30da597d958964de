//! The one taxonomy of refusals.
//!
//! [`Reason::code`] is the same text in logs, metrics, headers, error pages, the API and `explain`. The table below is the only place
//! where a reason gets its words; `docs/reasons.md` is generated from it, so that every change of a code or a sentence is visible in review.

use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident { code: $code:literal, title: $title:literal, sentence: $sentence:literal, remedy: $remedy:literal, })*) => {
        /// Why a client, a request or a connection was refused.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* #[doc = $sentence] $variant,)*
        }

        impl Reason {
            /// Every reason, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable name: snake case, the same on every surface.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// A few words for a heading.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// One sentence for a person, without the evidence of the case.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* }
            }

            /// What to do about it, in general.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
            }

            /// The reason that has this code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

reasons! {
    Missing {
        code: "missing",
        title: "No client certificate",
        sentence: "The client sent no certificate.",
        remedy: "Configure the client with its certificate, its intermediates and its private key. Clients pick a certificate by the CA names that the server sends: check that the list of CA names is on, or choose the certificate explicitly.",
    }
    Malformed {
        code: "malformed",
        title: "Malformed certificate",
        sentence: "A certificate that the client sent cannot be read as X.509.",
        remedy: "Export the certificate again, or issue it again with a tool that writes valid DER.",
    }
    TooManyCertificates {
        code: "too_many_certificates",
        title: "Too many certificates",
        sentence: "The client sent more certificates than are accepted.",
        remedy: "Send the client certificate and the intermediates that lead to its root, nothing else.",
    }
    ChainTooLarge {
        code: "chain_too_large",
        title: "Certificates too large",
        sentence: "The certificates that the client sent are together larger than is accepted.",
        remedy: "Send the client certificate and its intermediates only; look for certificates with unusually large extensions.",
    }
    Expired {
        code: "expired",
        title: "Certificate expired",
        sentence: "The client's certificate is past its end date.",
        remedy: "Renew the client certificate. If it should still be valid, compare the clocks of the client's CA and of this server.",
    }
    NotYetValid {
        code: "not_yet_valid",
        title: "Certificate not yet valid",
        sentence: "The client's certificate is before its start date.",
        remedy: "Wait until the start date, or compare the clocks of the issuing CA and of this server.",
    }
    UnknownIssuer {
        code: "unknown_issuer",
        title: "Unknown issuer",
        sentence: "The certificate leads to an issuer that the CA set does not contain.",
        remedy: "If these clients should be let in, add their CA certificate to the CA set and activate the new version; otherwise give the client a certificate of a CA in the set.",
    }
    IncompleteChain {
        code: "incomplete_chain",
        title: "Incomplete chain",
        sentence: "An intermediate certificate between the client's certificate and the CA set is missing.",
        remedy: "Configure the client to send its intermediate certificates after its own certificate, or add the intermediate to the CA set.",
    }
    NotInCaSet {
        code: "not_in_ca_set",
        title: "Another CA set",
        sentence: "The certificate is good for another CA set, not for one that is asked for here.",
        remedy: "Use a certificate of a CA in the CA set that is asked for, or add its CA to that set.",
    }
    BadSignature {
        code: "bad_signature",
        title: "Bad signature",
        sentence: "A certificate's signature does not fit its issuer's key.",
        remedy: "Check that the CA set holds the CA certificate with the key that signed, not an older or newer one of the same name, and that the certificate is unaltered.",
    }
    WeakSignature {
        code: "weak_signature",
        title: "Weak signature",
        sentence: "A certificate is signed with a hash that is no longer safe.",
        remedy: "Issue the certificate again with SHA-256 or better. SHA-1 (and nothing weaker) can be allowed for a version of the CA set while clients are replaced: `countersign ca-set version update SET VERSION --allow-sha1 true`.",
    }
    WeakKey {
        code: "weak_key",
        title: "Weak key",
        sentence: "A certificate's public key is too weak.",
        remedy: "Issue the certificate again with RSA of at least 2048 bits, ECDSA P-256, P-384 or P-521, or Ed25519.",
    }
    UnsupportedAlgorithm {
        code: "unsupported_algorithm",
        title: "Unsupported algorithm",
        sentence: "A certificate uses an algorithm that is not supported.",
        remedy: "Issue the certificate again with RSA, ECDSA (P-256, P-384, P-521), Ed25519 or ML-DSA.",
    }
    NotACa {
        code: "not_a_ca",
        title: "Issuer is not a CA",
        sentence: "A certificate was issued by a certificate that is not a CA.",
        remedy: "Issue the intermediate again with basicConstraints CA:TRUE, or issue the client certificate from a CA.",
    }
    KeyUsage {
        code: "key_usage",
        title: "Key usage forbids it",
        sentence: "A certificate's keyUsage extension does not allow what its key was used for.",
        remedy: "CAs need keyCertSign; client certificates need digitalSignature. Issue the certificate again with that key usage.",
    }
    PathLength {
        code: "path_length",
        title: "Path too long",
        sentence: "There are more intermediates below a CA than its path length constraint allows.",
        remedy: "Issue from a CA higher up, or issue the CA again with a larger pathLenConstraint.",
    }
    EkuMissing {
        code: "eku_missing",
        title: "Not for client authentication",
        sentence: "A certificate's extended key usage does not include client authentication.",
        remedy: "Issue the certificate with extendedKeyUsage clientAuth. Public web CAs no longer do; use a private CA for client certificates. While clients are replaced, `countersign ca-set extended-key-usage` can make the CA set accept serverAuth until a date.",
    }
    NameConstraint {
        code: "name_constraint",
        title: "Name outside the CA's constraints",
        sentence: "A certificate holds a name that a CA above it may not issue for.",
        remedy: "Issue the certificate with names inside the CA's permitted subtrees, or from a CA without that constraint.",
    }
    CertificatePolicy {
        code: "certificate_policy",
        title: "No common certificate policy",
        sentence: "A CA on the path requires a certificate policy, and the certificates below have none that is allowed.",
        remedy: "Issue the certificates below that CA with one of its certificate policies, or issue the CA again without the requirement (requireExplicitPolicy).",
    }
    UnknownCriticalExtension {
        code: "unknown_critical_extension",
        title: "Unknown critical extension",
        sentence: "A certificate has a critical extension that is not understood.",
        remedy: "Issue the certificate again without that extension, or with it marked not critical.",
    }
    UnsupportedVersion {
        code: "unsupported_version",
        title: "Unsupported certificate version",
        sentence: "A CA certificate is not X.509 version 3.",
        remedy: "Issue the CA certificate again as X.509 v3 with basicConstraints CA:TRUE.",
    }
    IssuerExpired {
        code: "issuer_expired",
        title: "Issuer expired",
        sentence: "A CA certificate on the path is past its end date.",
        remedy: "Renew the CA certificate; put the renewed one into the CA set, or let clients send the renewed intermediate.",
    }
    IssuerNotYetValid {
        code: "issuer_not_yet_valid",
        title: "Issuer not yet valid",
        sentence: "A CA certificate on the path is before its start date.",
        remedy: "Wait until the start date, or compare the clocks of the CA and of this server.",
    }
    Revoked {
        code: "revoked",
        title: "Certificate revoked",
        sentence: "A certificate on the path was revoked.",
        remedy: "Issue a new certificate with a new key. If the revocation was a mistake, only a new certificate helps, unless it was put on hold and the hold is released.",
    }
    RevocationUnknown {
        code: "revocation_unknown",
        title: "Revocation status unknown",
        sentence: "The CA set requires revocation information, and there is none for a certificate on the path.",
        remedy: "Provide a CRL or an OCSP responder for that CA, or change the revocation policy of the CA set from require to prefer.",
    }
    RevocationStale {
        code: "revocation_stale",
        title: "Revocation information stale",
        sentence: "The CA set requires revocation information, and what is known is too old.",
        remedy: "Find out why the CA's CRL or OCSP responder is not updated, or widen the stale grace of the CA set for the time being.",
    }
    SearchExhausted {
        code: "search_exhausted",
        title: "Path search given up",
        sentence: "The certificates lead to so many possible paths that the search was given up.",
        remedy: "Send only the certificates that lead to the root; remove CAs of the same name from the CA set, or issue certificates with an authority key identifier.",
    }
    NoServerName {
        code: "no_server_name",
        title: "No server name",
        sentence: "The client did not say which server name it wants.",
        remedy: "Use a client that sends SNI, and connect by hostname rather than by address.",
    }
    UnknownServerName {
        code: "unknown_server_name",
        title: "Unknown server name",
        sentence: "No configuration is active for the server name.",
        remedy: "Check the hostname, and that its configuration is active on this network.",
    }
    TlsRequired {
        code: "tls_required",
        title: "HTTPS required",
        sentence: "The request came without TLS for a name that is served over TLS only.",
        remedy: "Ask with https://. For people who type the name without it, the redirect of its edge certificate can be switched on.",
    }
    MisdirectedRequest {
        code: "misdirected_request",
        title: "Misdirected request",
        sentence: "The request is for a hostname whose client policy differs from that of the connection.",
        remedy: "Open a new connection for that hostname; browsers do so by themselves on status 421.",
    }
    DeniedByRule {
        code: "denied_by_rule",
        title: "Denied by rule",
        sentence: "A rule of the hostname's configuration denies the request.",
        remedy: "Look at the rule that the log names, and at the values that it compared.",
    }
    AmbiguousPath {
        code: "ambiguous_path",
        title: "Ambiguous path",
        sentence: "The request path can be understood in several ways.",
        remedy: "Send the path without dot segments, doubled slashes, backslashes, path parameters in dot segments or needless percent-encoding.",
    }
    MalformedRequest {
        code: "malformed_request",
        title: "Malformed request",
        sentence: "The request breaks the rules of its protocol.",
        remedy: "Use a client that follows the protocol; look for duplicated Host headers and conflicting lengths.",
    }
    RequestTooLarge {
        code: "request_too_large",
        title: "Request too large",
        sentence: "The request is larger than is accepted.",
        remedy: "Send fewer or smaller headers or a smaller body, or raise the limit in the configuration.",
    }
    RateLimited {
        code: "rate_limited",
        title: "Too many requests",
        sentence: "The client sent more requests than a rule allows in this time.",
        remedy: "Wait and try again; look at the rate limit in the rule that the log names.",
    }
    Overloaded {
        code: "overloaded",
        title: "Overloaded",
        sentence: "The server has more connections or requests at once than it accepts, in all or from one address.",
        remedy: "Try again in a moment. If it lasts, the log says which limit: raise it in the configuration, or add edge nodes.",
    }
    HandshakeTimeout {
        code: "handshake_timeout",
        title: "Handshake timeout",
        sentence: "The TLS handshake took too long.",
        remedy: "Check the network between client and server, and whether the client waits for a person or a smart card.",
    }
    HandshakeFailed {
        code: "handshake_failed",
        title: "Handshake failed",
        sentence: "The TLS handshake failed.",
        remedy: "Compare the TLS versions and cipher suites of client and server; see the alert in the log.",
    }
    TrustUnavailable {
        code: "trust_unavailable",
        title: "Trust unavailable",
        sentence: "The server has no trust configuration that it could enforce.",
        remedy: "Activate a version of the CA set on this network, and look at the log for why the last one was refused.",
    }
    OriginUnreachable {
        code: "origin_unreachable",
        title: "Origin unreachable",
        sentence: "The origin could not be connected to.",
        remedy: "Check the origin's address, port, name resolution and firewall, and that it is running.",
    }
    OriginUnhealthy {
        code: "origin_unhealthy",
        title: "Origin unhealthy",
        sentence: "No address of the origin passes its health check.",
        remedy: "Check that the origin is running and answers the health check as it is expected to; the log says what the last check found.",
    }
    OriginOverloaded {
        code: "origin_overloaded",
        title: "Origin overloaded",
        sentence: "The origin has more requests in flight than it is to be burdened with.",
        remedy: "Try again in a moment; if it lasts, find out why the origin is slow, or raise its limits in the configuration.",
    }
    OriginTimeout {
        code: "origin_timeout",
        title: "Origin timeout",
        sentence: "The origin did not answer in time.",
        remedy: "Check the origin's load, or raise its timeout.",
    }
    OriginUntrusted {
        code: "origin_untrusted",
        title: "Origin untrusted",
        sentence: "The origin's certificate could not be verified.",
        remedy: "Add the origin's CA to its trust, and check that its certificate holds the name that is verified and is in its validity.",
    }
    OriginRefusedCertificate {
        code: "origin_refused_certificate",
        title: "Origin refused our certificate",
        sentence: "The origin refused the client credential of the edge.",
        remedy: "Check that the origin trusts the CA of the client credential, and that the credential is attached and in its validity.",
    }
    OriginDidNotAsk {
        code: "origin_did_not_ask",
        title: "Origin did not ask for our certificate",
        sentence: "The origin did not ask for the client credential of the edge, and the rules say that it has to.",
        remedy: "Make the origin ask for client certificates (nginx: ssl_verify_client, haproxy: verify required), or set authClientCert to false in mtlsOriginKeystore when it need not know the edge.",
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_snake_case_and_read_back() {
        let codes: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for &reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
            assert!(
                reason
                    .code()
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            );
        }
        assert_eq!(Reason::from_code("Expired"), None);
    }

    #[test]
    fn every_reason_has_a_whole_sentence_and_a_remedy() {
        for reason in Reason::ALL {
            assert!(reason.sentence().ends_with('.'), "{reason}");
            assert!(reason.remedy().ends_with('.'), "{reason}");
            assert!(!reason.title().ends_with('.'), "{reason}");
        }
    }
}
