//! What a program answers.

use std::fmt;
use std::ops::BitOr;

use crate::facts::Facts;
use crate::template::Template;

/// Everything a program decided about one request. Borrows from the program; holds no allocation.
#[derive(Clone, Debug)]
pub struct Decision<'p> {
    /// What happens to the request.
    pub outcome: Outcome<'p>,
    /// Key of the origin to use, one of [`Program::origins`](crate::Program::origins); `None` if no rule chose one.
    pub origin: Option<&'p str>,
    /// What the origin sees as host; `None` if no rule says it, and the origin's own setting holds.
    pub forward_host: Option<ForwardHost<'p>>,
    /// The client credential to present to the origin, if a rule chose one.
    pub origin_credential: Option<OriginCredential<'p>>,
    /// How the origin learns who the client is.
    pub forward_identity: ForwardIdentity,
    /// Whether the client's certificate passed the check that was in force at the end; if none was, whether it is
    /// valid for any CA set of the binding. Without it, nothing from the certificate may be forwarded as an identity.
    pub client_verified: bool,
    /// The text for the custom log field.
    pub custom_log: Option<&'p Template>,
    /// The limit that this request counts against.
    pub rate_limit: Option<&'p RateLimit>,
    /// Changes to the request's headers on the way to the origin.
    pub request_headers: HeaderChanges<'p>,
    /// Changes to the response's headers on the way to the client.
    pub response_headers: HeaderChanges<'p>,
    /// The result of the mutual-TLS check that was in force at the end, also when it does not deny. The edge logs a
    /// failure that was not denied as one that would have been.
    pub enforced: Option<Enforced<'p>>,
}

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome<'p> {
    /// It is refused.
    Deny(Denial<'p>),
    /// It goes to the origin.
    Forward,
    /// The client is sent elsewhere.
    Redirect(&'p Redirect),
    /// The edge answers by itself.
    Respond(&'p Response),
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Denial<'p> {
    /// A `denyAccess` behavior.
    AccessDenied {
        /// Names from the top rule to the rule that denied, joined by ` / `.
        rule: &'p str,
        /// The reason written in the rule.
        reason: &'p str,
    },
    /// An `enforceMtlsSettings` behavior whose check failed.
    CertificateRequired {
        /// Names from the top rule to the rule that asked, joined by ` / `.
        rule: &'p str,
        /// Ids of the CA sets of which the certificate had to satisfy one; empty if only revocation was asked for.
        ca_sets: &'p [String],
        /// Whether a certificate of a right CA set was presented and only its revocation status was not good.
        revocation_only: bool,
    },
}

impl<'p> Denial<'p> {
    /// Names from the top rule to the rule that refused, joined by ` / `.
    pub fn rule(&self) -> &'p str {
        match *self {
            Denial::AccessDenied { rule, .. } | Denial::CertificateRequired { rule, .. } => rule,
        }
    }
}

/// The mutual-TLS check that was in force at the end of the tree.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Enforced<'p> {
    /// Names from the top rule to the rule that asked, joined by ` / `.
    pub rule: &'p str,
    /// Ids of the CA sets asked for.
    pub ca_sets: &'p [String],
    /// How the check ended.
    pub result: EnforcementResult,
    /// Whether a failure refuses the request.
    pub denies: bool,
}

/// How a mutual-TLS check ended.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum EnforcementResult {
    /// The client did not meet it.
    Failed,
    /// The client met it.
    Passed,
}

/// What the origin sees as host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ForwardHost<'p> {
    /// This name.
    Custom(&'p str),
    /// The origin's own name.
    Origin,
    /// The host that the client asked for.
    Request,
}

/// The client credential to present to the origin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OriginCredential<'p> {
    /// Its version, as named by the keystore.
    pub version_guid: &'p str,
    /// Whether the origin must ask for it: if it does not, the connection is given up.
    pub origin_must_ask: bool,
}

/// How the origin learns who the client is. The default forwards nothing.
///
/// # Security
/// Unless [`Decision::client_verified`] holds, no header of `presets` or `attributes` may be sent; only the validation
/// status may, since it says that the client is not verified.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ForwardIdentity {
    /// Header conventions.
    pub presets: IdentityPresets,
    /// Single attributes in the vendor's headers.
    pub attributes: ClientAttributes,
    /// Whether the validation status is told in the vendor's header.
    pub validation_status: bool,
    /// Whether the request is signed, with everything that it says about the client (RFC 9421).
    pub signed: bool,
}

impl ForwardIdentity {
    /// Whether nothing is forwarded.
    pub fn is_nothing(&self) -> bool {
        *self == ForwardIdentity::default()
    }
}

macro_rules! flag_set {
    ($(#[$meta:meta])* $name:ident { $($(#[$item_meta:meta])* $item:ident = $bit:expr, $text:literal;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
        pub struct $name(u8);

        impl $name {
            $($(#[$item_meta])* pub const $item: $name = $name(1 << $bit);)*

            /// Every member with its name in the rule format.
            pub const ALL: &'static [($name, &'static str)] = &[$(($name::$item, $text)),*];

            /// None of them.
            pub const fn empty() -> $name {
                $name(0)
            }

            /// Whether there is none.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// Whether every member of `other` is in it.
            pub const fn contains(self, other: $name) -> bool {
                self.0 & other.0 == other.0
            }

            /// Names of the members in the rule format.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                $name::ALL.iter().filter(move |(member, _)| self.contains(*member)).map(|(_, name)| *name)
            }
        }

        impl BitOr for $name {
            type Output = $name;

            fn bitor(self, other: $name) -> $name {
                $name(self.0 | other.0)
            }
        }

        impl FromIterator<$name> for $name {
            fn from_iter<I: IntoIterator<Item = $name>>(members: I) -> $name {
                members.into_iter().fold($name::empty(), |all, member| all | member)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_set().entries(self.names()).finish()
            }
        }
    };
}

flag_set! {
    /// A set of header conventions for the client's identity.
    IdentityPresets {
        /// `Client-Cert` and `Client-Cert-Chain` of RFC 9440.
        RFC9440 = 0, "RFC9440";
        /// `Akamai-CC-DER`.
        AKAMAI_CC_DER = 1, "AKAMAI_CC_DER";
        /// `Client-to-Edge-HTTP-Auth`, the older texts' single header.
        CLIENT_TO_EDGE = 2, "CLIENT_TO_EDGE";
        /// Envoy's `x-forwarded-client-cert`.
        XFCC = 3, "XFCC";
        /// The `X-Amzn-Mtls-Clientcert-…` headers.
        ALB = 4, "ALB";
        /// The `ssl-client-…` headers of nginx configurations.
        NGINX = 5, "NGINX";
    }
}

flag_set! {
    /// A set of attributes of the client certificate.
    ClientAttributes {
        /// The subject.
        SUBJECT = 0, "SUBJECT";
        /// The common name of the subject.
        COMMON_NAME = 1, "COMMON_NAME";
        /// The SHA-256 fingerprint.
        SHA256_FINGERPRINT = 2, "SHA256_FINGERPRINT";
        /// The issuer.
        ISSUER = 3, "ISSUER";
    }
}

/// A limit on requests per client identity.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RateLimit {
    /// Its name: requests decided by rules with the same name share one counter per key.
    pub name: String,
    /// How many requests…
    pub requests: u32,
    /// …in how many seconds.
    pub seconds: u32,
    /// What a client is counted by.
    pub key: LimitKey,
}

/// What a client is counted by.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum LimitKey {
    /// The fingerprint of the certificate.
    Fingerprint,
    /// The fingerprint of the public key, which survives a renewal with the same key.
    Spki,
    /// The subject.
    Subject,
}

/// An answer that the edge gives by itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Body, `text/html` by convention of the vendor.
    pub body: String,
}

/// Where a client is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Redirect {
    /// Status code: 301, 302, 303, 307 or 308.
    pub status: u16,
    pub(crate) location: Template,
}

impl Redirect {
    /// Writes the value of the `Location` header.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn write_location(&self, facts: &impl Facts, out: &mut dyn fmt::Write) -> fmt::Result {
        // A location names hosts and paths only, never anything of a certificate.
        self.location.render_for_header(facts, false, out)
    }
}

/// What is done with one header.
#[derive(Clone, Debug, PartialEq)]
pub struct HeaderChange {
    /// Name in lower case.
    pub name: String,
    /// What is done.
    pub operation: HeaderOperation,
}

/// What is done with a header.
#[derive(Clone, Debug, PartialEq)]
pub enum HeaderOperation {
    /// A value is added beside those that are there.
    Add(Template),
    /// Every value is removed.
    Delete,
    /// Every value is replaced by one.
    Set(Template),
}

/// At most this many different headers may be changed by one program, per direction.
pub(crate) const MAX_CHANGED_HEADERS: usize = 32;

/// The changes to apply to headers; at most one per header name.
#[derive(Clone, Copy)]
pub struct HeaderChanges<'p> {
    chosen: [Option<&'p HeaderChange>; MAX_CHANGED_HEADERS],
    /// Beyond these there are none.
    end: usize,
}

impl<'p> HeaderChanges<'p> {
    pub(crate) const fn none() -> HeaderChanges<'p> {
        HeaderChanges {
            chosen: [None; MAX_CHANGED_HEADERS],
            end: 0,
        }
    }

    /// Sets what is done to the header with this slot.
    pub(crate) fn choose(&mut self, slot: usize, change: Option<&'p HeaderChange>) {
        if let Some(chosen) = self.chosen.get_mut(slot) {
            *chosen = change;
            self.end = self.end.max(slot + 1);
        }
    }

    /// The changes, one per header.
    pub fn iter(&self) -> impl Iterator<Item = &'p HeaderChange> + '_ {
        self.chosen.iter().take(self.end).copied().flatten()
    }
}

impl fmt::Debug for HeaderChanges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
