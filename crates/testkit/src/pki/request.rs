//! What a certificate is to be.

use std::{
    fmt,
    net::IpAddr,
    sync::atomic::{AtomicI64, Ordering},
};

use aws_lc_rs::digest::{SHA256, digest};

use super::{Ca, Credential, Key, KeyKind, Pki, Tbs, eku};
use crate::der;

/// A bit of the key usage extension (RFC 5280 §4.2.1.3), by its number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[allow(missing_docs)]
pub enum KeyUsage {
    DigitalSignature = 0,
    ContentCommitment = 1,
    KeyEncipherment = 2,
    DataEncipherment = 3,
    KeyAgreement = 4,
    KeyCertSign = 5,
    CrlSign = 6,
    EncipherOnly = 7,
    DecipherOnly = 8,
}

/// A certificate in the making. Ends with [`issue`](Request::issue) or [`issue_ca`](Request::issue_ca).
pub struct Request {
    pki: Pki,
    issuer: Option<Ca>,
    key: Option<Key>,
    subject: Vec<u8>,
    serial: Vec<u8>,
    not_before: i64,
    not_after: i64,
    basic_constraints: Option<(bool, Option<u8>)>,
    key_usage: Vec<KeyUsage>,
    extended_key_usage: Vec<String>,
    names: Vec<Vec<u8>>,
    permitted: Vec<Vec<u8>>,
    excluded: Vec<Vec<u8>>,
    key_identifiers: bool,
    extensions: Vec<Vec<u8>>,
    edits: Vec<Edit>,
}

type Edit = Box<dyn FnOnce(&mut Tbs)>;

impl Request {
    pub(super) fn new(pki: Pki, issuer: Option<Ca>, subject: Vec<u8>) -> Self {
        // Serial numbers need only differ within one authority; a counter keeps them short to read.
        static SERIALS: AtomicI64 = AtomicI64::new(0x1000);
        Self {
            pki,
            issuer,
            key: None,
            subject,
            serial: der::integer(SERIALS.fetch_add(1, Ordering::Relaxed)),
            not_before: pki.not_before,
            not_after: pki.not_after,
            basic_constraints: None,
            key_usage: Vec::new(),
            extended_key_usage: Vec::new(),
            names: Vec::new(),
            permitted: Vec::new(),
            excluded: Vec::new(),
            key_identifiers: true,
            extensions: Vec::new(),
            edits: Vec::new(),
        }
    }

    pub(super) fn authority(mut self) -> Self {
        self.basic_constraints = Some((true, None));
        self.key_usage(&[KeyUsage::KeyCertSign, KeyUsage::CrlSign])
    }

    pub(super) fn client(self) -> Self {
        self.key_usage(&[KeyUsage::DigitalSignature])
            .extended_key_usage(&[eku::CLIENT_AUTH])
    }

    pub(super) fn server(self) -> Self {
        self.key_usage(&[KeyUsage::DigitalSignature])
            .extended_key_usage(&[eku::SERVER_AUTH])
    }

    /// The subject, as (type, value) pairs: see [`der::name`].
    pub fn subject(self, attributes: &[(&str, &str)]) -> Self {
        self.subject_der(der::name(attributes))
    }

    /// The subject as a whole `Name` element.
    pub fn subject_der(mut self, name: Vec<u8>) -> Self {
        self.subject = name;
        self
    }

    /// A new key of this kind instead of the PKI's.
    pub fn key_kind(mut self, kind: KeyKind) -> Self {
        self.key = Some(Key::generate(kind));
        self
    }

    /// An existing key.
    pub fn key(mut self, key: &Key) -> Self {
        self.key = Some(key.clone());
        self
    }

    /// The serial number as an unsigned big-endian magnitude.
    pub fn serial(mut self, magnitude: &[u8]) -> Self {
        self.serial = der::unsigned(magnitude);
        self
    }

    /// The validity in seconds since the epoch; both ends belong to it.
    pub fn valid(mut self, not_before: i64, not_after: i64) -> Self {
        (self.not_before, self.not_after) = (not_before, not_after);
        self
    }

    /// `notAfter` is one second before `at`.
    pub fn expired(mut self, at: i64) -> Self {
        self.not_after = at - 1;
        self
    }

    /// `notBefore` is one second after `at`.
    pub fn not_yet_valid(mut self, at: i64) -> Self {
        self.not_before = at + 1;
        self
    }

    /// The path length constraint of an authority.
    pub fn path_length(mut self, intermediates: u8) -> Self {
        self.basic_constraints = Some((true, Some(intermediates)));
        self
    }

    /// Basic constraints with this `cA` flag and no path length.
    pub fn basic_constraints(mut self, authority: bool) -> Self {
        self.basic_constraints = Some((authority, None));
        self
    }

    /// No basic constraints at all.
    pub fn no_basic_constraints(mut self) -> Self {
        self.basic_constraints = None;
        self
    }

    /// The key usage; an empty list leaves the extension out.
    pub fn key_usage(mut self, usages: &[KeyUsage]) -> Self {
        self.key_usage = usages.to_vec();
        self
    }

    /// The extended key usage in dotted form (see [`eku`]); an empty list leaves the extension out.
    pub fn extended_key_usage(mut self, purposes: &[&str]) -> Self {
        self.extended_key_usage = purposes.iter().map(|oid| (*oid).to_owned()).collect();
        self
    }

    /// Adds a DNS name.
    pub fn dns(self, name: &str) -> Self {
        self.name(der::dns(name))
    }

    /// Adds an e-mail address.
    pub fn email(self, address: &str) -> Self {
        self.name(der::email(address))
    }

    /// Adds a URI, such as a SPIFFE ID.
    pub fn uri(self, uri: &str) -> Self {
        self.name(der::uri(uri))
    }

    /// Adds an IP address.
    pub fn ip(self, address: impl Into<IpAddr>) -> Self {
        self.name(der::ip(address.into()))
    }

    /// Adds a Microsoft user principal name.
    pub fn upn(self, principal: &str) -> Self {
        self.name(der::upn(principal))
    }

    /// Adds a subject alternative name that is any `GeneralName` element.
    pub fn name(mut self, general_name: Vec<u8>) -> Self {
        self.names.push(general_name);
        self
    }

    /// Adds a permitted subtree to the name constraints.
    pub fn permit(mut self, general_name: Vec<u8>) -> Self {
        self.permitted.push(general_name);
        self
    }

    /// Adds an excluded subtree to the name constraints.
    pub fn exclude(mut self, general_name: Vec<u8>) -> Self {
        self.excluded.push(general_name);
        self
    }

    /// Neither subject nor authority key identifier.
    pub fn no_key_identifiers(mut self) -> Self {
        self.key_identifiers = false;
        self
    }

    /// A CRL distribution point with these URIs as its full name.
    pub fn crl_distribution_point(self, uris: &[&str]) -> Self {
        let full_name = der::explicit(
            0,
            der::explicit(
                0,
                uris.iter()
                    .map(|uri| der::uri(uri))
                    .collect::<Vec<_>>()
                    .concat(),
            ),
        );
        self.extension(
            "2.5.29.31",
            false,
            der::sequence([der::sequence([full_name])]),
        )
    }

    /// Authority information access with an OCSP responder's URI.
    pub fn ocsp_responder(self, uri: &str) -> Self {
        let description = der::sequence([der::oid("1.3.6.1.5.5.7.48.1"), der::uri(uri)]);
        self.extension("1.3.6.1.5.5.7.1.1", false, der::sequence([description]))
    }

    /// Adds an extension whose value is this DER.
    pub fn extension(mut self, dotted: &str, critical: bool, value: Vec<u8>) -> Self {
        self.extensions
            .push(der::extension(dotted, critical, value));
        self
    }

    /// Changes the raw fields right before signing.
    pub fn edit(mut self, edit: impl FnOnce(&mut Tbs) + 'static) -> Self {
        self.edits.push(Box::new(edit));
        self
    }

    /// Issues it, for a client or a server.
    pub fn issue(self) -> Credential {
        let ca = self.issue_ca();
        Credential {
            certificate: ca.certificate,
            intermediates: ca.above,
            key: ca.key,
        }
    }

    /// Issues it, to issue others with.
    pub fn issue_ca(self) -> Ca {
        let key = self
            .key
            .clone()
            .unwrap_or_else(|| Key::generate(self.pki.keys));
        let issuer = self.issuer.clone();
        let issuer_key = issuer.as_ref().map_or(&key, |issuer| issuer.key());
        let mut tbs = Tbs {
            version: Some(der::explicit(0, der::integer(2))),
            serial: self.serial.clone(),
            signature: issuer_key.signature_algorithm(),
            issuer: issuer
                .as_ref()
                .map_or_else(|| self.subject.clone(), Ca::subject_der),
            validity: der::sequence([der::time(self.not_before), der::time(self.not_after)]),
            subject: self.subject.clone(),
            spki: key.spki_der(),
            unique_ids: Vec::new(),
            extensions: self.extension_list(&key),
            outer_signature: None,
        };
        for edit in self.edits {
            edit(&mut tbs);
        }
        Ca {
            pki: self.pki,
            certificate: tbs.sign(issuer_key),
            above: issuer.as_ref().map(Ca::chain_for_below).unwrap_or_default(),
            root: issuer.is_none(),
            key: key.clone(),
        }
    }

    fn extension_list(&self, key: &Key) -> Vec<Vec<u8>> {
        let mut list = Vec::new();
        if let Some((authority, path_length)) = self.basic_constraints {
            let mut fields = Vec::new();
            if authority {
                fields.push(der::boolean(true));
            }
            fields.extend(path_length.map(|length| der::integer(length.into())));
            list.push(der::extension("2.5.29.19", true, der::sequence(fields)));
        }
        if !self.key_usage.is_empty() {
            let bits: Vec<u8> = self.key_usage.iter().map(|usage| *usage as u8).collect();
            list.push(der::extension("2.5.29.15", true, der::named_bits(&bits)));
        }
        if !self.extended_key_usage.is_empty() {
            let purposes = self.extended_key_usage.iter().map(|oid| der::oid(oid));
            list.push(der::extension("2.5.29.37", false, der::sequence(purposes)));
        }
        if !self.names.is_empty() {
            // RFC 5280 §4.2.1.6: critical when the subject is empty.
            let critical = der::content(&self.subject).is_empty();
            let names = der::sequence(&self.names);
            list.push(der::extension("2.5.29.17", critical, names));
        }
        if !(self.permitted.is_empty() && self.excluded.is_empty()) {
            let trees = [(0, &self.permitted), (1, &self.excluded)];
            let fields = trees.into_iter().filter(|(_, names)| !names.is_empty());
            let constraints = der::sequence(fields.map(|(number, names)| {
                let subtrees: Vec<Vec<u8>> =
                    names.iter().map(|name| der::sequence([name])).collect();
                der::explicit(number, subtrees.concat())
            }));
            list.push(der::extension("2.5.29.30", true, constraints));
        }
        if self.key_identifiers {
            let own = der::octet_string(key_identifier(&key.spki_der()));
            list.push(der::extension("2.5.29.14", false, own));
            if let Some(identifier) = self.issuer.as_ref().and_then(Ca::key_identifier) {
                let theirs = der::sequence([der::implicit(0, identifier)]);
                list.push(der::extension("2.5.29.35", false, theirs));
            }
        }
        list.extend(self.extensions.iter().cloned());
        list
    }
}

/// RFC 7093 §2(1): the leftmost 160 bits of the SHA-256 hash (here of the whole SPKI).
fn key_identifier(spki: &[u8]) -> Vec<u8> {
    digest(&SHA256, spki).as_ref()[..20].to_vec()
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Request").finish_non_exhaustive()
    }
}
