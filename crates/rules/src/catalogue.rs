//! Every criterion and behavior with its options: what a document may say at all. The reader refuses what is not
//! here, and the published JSON Schema is made from it.

use crate::tree::Generation;

/// A criterion or a behavior.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    /// The only generation that has these options; `None` if both have.
    pub(crate) generation: Option<Generation>,
    pub(crate) options: &'static [(&'static str, Kind)],
}

/// What an option may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Flag,
    Integer,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Some of these words.
    Words(&'static [&'static str]),
    Text,
    Texts,
    /// Read and without effect: the vendor's option for something that does not exist here.
    Unused,
}

use Kind::{Flag, Integer, Text, Texts, Unused, Word, Words};

const ONE_OF: Kind = Word(&["IS_ONE_OF", "IS_NOT_ONE_OF"]);
const ATTRIBUTE: Kind = Word(&[
    "COMMON_NAME",
    "ORGANIZATION",
    "ORGANIZATIONAL_UNIT",
    "COUNTRY",
    "STATE_OR_PROVINCE",
    "LOCALITY",
    "SERIAL_NUMBER",
    "EMAIL_ADDRESS",
    "USER_ID",
    "DOMAIN_COMPONENT",
]);
const CLIENT_ATTRIBUTES: Kind = Words(&["SUBJECT", "COMMON_NAME", "SHA256_FINGERPRINT", "ISSUER"]);
const VALUES: &[(&str, Kind)] = &[("matchOperator", ONE_OF), ("values", Texts)];
const ATTRIBUTE_VALUES: &[(&str, Kind)] = &[
    ("attribute", ATTRIBUTE),
    ("matchOperator", ONE_OF),
    ("values", Texts),
];

const fn both(name: &'static str, options: &'static [(&'static str, Kind)]) -> Entry {
    Entry {
        name,
        generation: None,
        options,
    }
}

const fn only(
    generation: Generation,
    name: &'static str,
    options: &'static [(&'static str, Kind)],
) -> Entry {
    Entry {
        name,
        generation: Some(generation),
        options,
    }
}

/// Every criterion, by name.
pub(crate) const CRITERIA: &[Entry] = &[
    both("clientCaSet", VALUES),
    only(
        Generation::First,
        "clientCertificate",
        &[
            ("isCertificatePresent", Flag),
            ("isCertificateValid", Word(&["VALID", "INVALID", "IGNORE"])),
            ("enforceMtls", Flag),
        ],
    ),
    only(
        Generation::Second,
        "clientCertificate",
        &[
            ("enforceMtls", Word(&["FAIL", "PASS", "IGNORE"])),
            (
                "certificateState",
                Word(&["MISSING", "PRESENT", "PRESENT_VALID", "PRESENT_INVALID"]),
            ),
        ],
    ),
    both(
        "clientDaysLeft",
        &[
            ("matchOperator", Word(&["IS_LESS_THAN", "IS_MORE_THAN"])),
            ("value", Integer),
        ],
    ),
    both("clientFingerprint", VALUES),
    both(
        "clientIp",
        &[
            ("matchOperator", ONE_OF),
            ("values", Texts),
            ("useHeaders", Flag),
        ],
    ),
    both("clientIssuer", ATTRIBUTE_VALUES),
    both("clientReason", VALUES),
    both(
        "clientSan",
        &[
            ("type", Word(&["DNS", "EMAIL", "IP", "UPN", "URI"])),
            ("matchOperator", ONE_OF),
            ("values", Texts),
        ],
    ),
    both("clientSerial", VALUES),
    both("clientSpki", VALUES),
    both("clientSubject", ATTRIBUTE_VALUES),
    both("hostname", VALUES),
    both(
        "path",
        &[
            (
                "matchOperator",
                Word(&["MATCHES_ONE_OF", "DOES_NOT_MATCH_ONE_OF"]),
            ),
            ("values", Texts),
            ("matchCaseSensitive", Flag),
            ("normalize", Flag),
        ],
    ),
    both(
        "queryStringParameter",
        &[
            ("parameterName", Text),
            (
                "matchOperator",
                Word(&[
                    "IS_ONE_OF",
                    "IS_NOT_ONE_OF",
                    "EXISTS",
                    "DOES_NOT_EXIST",
                    "IS_LESS_THAN",
                    "IS_MORE_THAN",
                    "IS_BETWEEN",
                ]),
            ),
            ("values", Texts),
            ("lowerBound", Integer),
            ("upperBound", Integer),
            ("matchWildcardName", Flag),
            ("matchCaseSensitiveName", Flag),
            ("matchWildcardValue", Flag),
            ("matchCaseSensitiveValue", Flag),
            ("escapeValue", Flag),
        ],
    ),
    both(
        "requestHeader",
        &[
            ("headerName", Text),
            (
                "matchOperator",
                Word(&["IS_ONE_OF", "IS_NOT_ONE_OF", "EXISTS", "DOES_NOT_EXIST"]),
            ),
            ("values", Texts),
            ("matchWildcardName", Flag),
            ("matchWildcardValue", Flag),
            ("matchCaseSensitiveValue", Flag),
        ],
    ),
    both(
        "requestMethod",
        &[("matchOperator", Word(&["IS", "IS_NOT"])), ("value", Text)],
    ),
    both("requestProtocol", &[("value", Word(&["HTTP", "HTTPS"]))]),
];

/// Every behavior, by name.
pub(crate) const BEHAVIORS: &[Entry] = &[
    both(
        "clientCertificateAuth",
        &[
            ("enable", Flag),
            ("enableCompleteClientCertificate", Flag),
            ("clientCertificateAttributes", CLIENT_ATTRIBUTES),
            ("enableClientCertificateValidationStatus", Flag),
        ],
    ),
    both(
        "constructResponse",
        &[
            ("enabled", Flag),
            ("body", Text),
            ("responseCode", Integer),
            ("forceEviction", Unused),
            ("ignorePurge", Unused),
        ],
    ),
    both("denyAccess", &[("reason", Text), ("enabled", Flag)]),
    only(
        Generation::First,
        "enforceMtlsSettings",
        &[
            ("enableAuthSet", Flag),
            ("certificateAuthoritySet", Texts),
            ("enableOcspStatus", Flag),
            ("enableDenyRequest", Flag),
        ],
    ),
    only(
        Generation::Second,
        "enforceMtlsSettings",
        &[
            ("enableAuthSet", Flag),
            ("certificateAuthoritySet", Texts),
            ("enableOcspStatus", Flag),
            ("enableDenyRequest", Flag),
            ("enableCompleteClientCertificate", Flag),
            ("clientCertificateAttributes", CLIENT_ATTRIBUTES),
        ],
    ),
    both(
        "forwardClientIdentity",
        &[
            ("enabled", Flag),
            (
                "presets",
                Words(&[
                    "RFC9440",
                    "AKAMAI_CC_DER",
                    "CLIENT_TO_EDGE",
                    "XFCC",
                    "ALB",
                    "NGINX",
                ]),
            ),
            ("sign", Flag),
        ],
    ),
    both(
        "logCustom",
        &[
            ("logCustomLogField", Flag),
            ("customLogField", Text),
            ("mPulse", Unused),
        ],
    ),
    both(
        "modifyIncomingRequestHeader",
        &[
            ("action", Word(&["ADD", "DELETE", "MODIFY", "PASS"])),
            ("standardAddHeaderName", Text),
            ("standardDeleteHeaderName", Text),
            ("standardModifyHeaderName", Text),
            ("standardPassHeaderName", Text),
            ("customHeaderName", Text),
            ("headerValue", Text),
            ("newHeaderValue", Text),
            ("avoidDuplicateHeaders", Unused),
        ],
    ),
    both(
        "modifyOutgoingResponseHeader",
        &[
            ("action", Word(&["ADD", "DELETE", "MODIFY"])),
            ("standardAddHeaderName", Text),
            ("standardDeleteHeaderName", Text),
            ("standardModifyHeaderName", Text),
            ("customHeaderName", Text),
            ("headerValue", Text),
            ("newHeaderValue", Text),
            ("avoidDuplicateHeaders", Unused),
        ],
    ),
    both(
        "mtlsOriginKeystore",
        &[
            ("enable", Flag),
            ("clientCertificateVersionGuid", Text),
            ("authClientCert", Flag),
        ],
    ),
    both(
        "origin",
        &[
            ("originId", Text),
            ("originType", Word(&["CUSTOMER"])),
            ("hostname", Text),
            ("httpsPort", Integer),
            (
                "forwardHostHeader",
                Word(&["REQUEST_HOST_HEADER", "ORIGIN_HOSTNAME", "CUSTOM"]),
            ),
            ("customForwardHostHeader", Text),
            ("verificationMode", Word(&["PLATFORM_SETTINGS"])),
            ("originSni", Flag),
            ("enableTrueClientIp", Flag),
            ("cacheKeyHostname", Unused),
            ("compress", Unused),
            ("httpPort", Unused),
            ("ipVersion", Unused),
            ("ports", Unused),
            ("trueClientIpClientSetting", Unused),
            ("trueClientIpHeader", Unused),
        ],
    ),
    both(
        "rateLimitPerIdentity",
        &[
            ("enabled", Flag),
            ("name", Text),
            ("requests", Integer),
            ("seconds", Integer),
            ("key", Word(&["FINGERPRINT", "SPKI", "SUBJECT"])),
        ],
    ),
    both(
        "redirect",
        &[
            ("mobileDefaultChoice", Word(&["DEFAULT"])),
            (
                "destinationProtocol",
                Word(&["SAME_AS_REQUEST", "HTTP", "HTTPS"]),
            ),
            (
                "destinationHostname",
                Word(&["SAME_AS_REQUEST", "SUBDOMAIN", "SIBLING", "OTHER"]),
            ),
            ("destinationHostnameSubdomain", Text),
            ("destinationHostnameSibling", Text),
            ("destinationHostnameOther", Text),
            (
                "destinationPath",
                Word(&["SAME_AS_REQUEST", "PREFIX_REQUEST", "OTHER"]),
            ),
            ("destinationPathPrefix", Text),
            (
                "destinationPathSuffixStatus",
                Word(&["NO_SUFFIX", "SUFFIX"]),
            ),
            ("destinationPathSuffix", Text),
            ("destinationPathOther", Text),
            ("queryString", Word(&["APPEND", "IGNORE"])),
            ("responseCode", Integer),
        ],
    ),
];

/// The entry of this name in this generation.
pub(crate) fn find(
    entries: &'static [Entry],
    name: &str,
    generation: Generation,
) -> Option<&'static Entry> {
    entries
        .iter()
        .find(|entry| entry.name == name && entry.generation.is_none_or(|only| only == generation))
}

/// The names of the entries, each once.
pub(crate) fn names(entries: &'static [Entry]) -> impl Iterator<Item = &'static str> + Clone {
    entries
        .iter()
        .filter(|entry| entry.generation != Some(Generation::First))
        .map(|entry| entry.name)
}
