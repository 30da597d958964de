//! The identifiers that we understand, as DER contents octets.

// Extensions.
/// 2.5.29.14
pub(crate) const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x0e];
/// 2.5.29.15
pub(crate) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
/// 2.5.29.17
pub(crate) const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// 2.5.29.18
pub(crate) const ISSUER_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x12];
/// 2.5.29.19
pub(crate) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
/// 2.5.29.20
pub(crate) const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 0x14];
/// 2.5.29.21
pub(crate) const REASON_CODE: &[u8] = &[0x55, 0x1d, 0x15];
/// 2.5.29.24
pub(crate) const INVALIDITY_DATE: &[u8] = &[0x55, 0x1d, 0x18];
/// 2.5.29.27
pub(crate) const DELTA_CRL_INDICATOR: &[u8] = &[0x55, 0x1d, 0x1b];
/// 2.5.29.28
pub(crate) const ISSUING_DISTRIBUTION_POINT: &[u8] = &[0x55, 0x1d, 0x1c];
/// 2.5.29.29
pub(crate) const CERTIFICATE_ISSUER: &[u8] = &[0x55, 0x1d, 0x1d];
/// 2.5.29.30
pub(crate) const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x1e];
/// 2.5.29.31
pub(crate) const CRL_DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1d, 0x1f];
/// 2.5.29.32
pub(crate) const CERTIFICATE_POLICIES: &[u8] = &[0x55, 0x1d, 0x20];
/// 2.5.29.35
pub(crate) const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x23];
/// 2.5.29.37
pub(crate) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
/// 2.5.29.46
pub(crate) const FRESHEST_CRL: &[u8] = &[0x55, 0x1d, 0x2e];
/// 1.3.6.1.5.5.7.1.1
pub(crate) const AUTHORITY_INFORMATION_ACCESS: &[u8] =
    &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01];
/// 1.3.6.1.5.5.7.1.11
pub(crate) const SUBJECT_INFORMATION_ACCESS: &[u8] =
    &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x0b];
/// 1.3.6.1.5.5.7.48.1.5
pub(crate) const OCSP_NO_CHECK: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x05];
/// 1.3.6.1.5.5.7.48.1.2
pub(crate) const OCSP_NONCE: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02];
/// 1.3.6.1.5.5.7.48.1.1
pub(crate) const OCSP_BASIC: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];
/// 2.5.29.33
pub(crate) const POLICY_MAPPINGS: &[u8] = &[0x55, 0x1d, 0x21];
/// 2.5.29.36
pub(crate) const POLICY_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x24];
/// 2.5.29.54
pub(crate) const INHIBIT_ANY_POLICY: &[u8] = &[0x55, 0x1d, 0x36];
/// 2.5.29.32.0
pub(crate) const ANY_POLICY: &[u8] = &[0x55, 0x1d, 0x20, 0x00];

// Purposes.
/// 2.5.29.37.0
pub(crate) const ANY_EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];
/// 1.3.6.1.5.5.7.3.1
pub(crate) const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
/// 1.3.6.1.5.5.7.3.2
pub(crate) const CLIENT_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];
/// 1.3.6.1.5.5.7.3.9
pub(crate) const OCSP_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09];

// Access methods.
/// 1.3.6.1.5.5.7.48.1
pub(crate) const ACCESS_OCSP: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01];
/// 1.3.6.1.5.5.7.48.2
pub(crate) const ACCESS_CA_ISSUERS: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02];

// Attributes.
/// 2.5.4.3
pub(crate) const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// 2.5.4.4
pub(crate) const SURNAME: &[u8] = &[0x55, 0x04, 0x04];
/// 2.5.4.5
pub(crate) const SERIAL_NUMBER: &[u8] = &[0x55, 0x04, 0x05];
/// 2.5.4.6
pub(crate) const COUNTRY: &[u8] = &[0x55, 0x04, 0x06];
/// 2.5.4.7
pub(crate) const LOCALITY: &[u8] = &[0x55, 0x04, 0x07];
/// 2.5.4.8
pub(crate) const STATE: &[u8] = &[0x55, 0x04, 0x08];
/// 2.5.4.9
pub(crate) const STREET: &[u8] = &[0x55, 0x04, 0x09];
/// 2.5.4.10
pub(crate) const ORGANIZATION: &[u8] = &[0x55, 0x04, 0x0a];
/// 2.5.4.11
pub(crate) const ORGANIZATIONAL_UNIT: &[u8] = &[0x55, 0x04, 0x0b];
/// 2.5.4.12
pub(crate) const TITLE: &[u8] = &[0x55, 0x04, 0x0c];
/// 2.5.4.42
pub(crate) const GIVEN_NAME: &[u8] = &[0x55, 0x04, 0x2a];
/// 2.5.4.43
pub(crate) const INITIALS: &[u8] = &[0x55, 0x04, 0x2b];
/// 2.5.4.44
pub(crate) const GENERATION: &[u8] = &[0x55, 0x04, 0x2c];
/// 2.5.4.46
pub(crate) const DN_QUALIFIER: &[u8] = &[0x55, 0x04, 0x2e];
/// 0.9.2342.19200300.100.1.25
pub(crate) const DOMAIN_COMPONENT: &[u8] =
    &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19];
/// 0.9.2342.19200300.100.1.1
pub(crate) const USER_ID: &[u8] = &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01];
/// 1.2.840.113549.1.9.1
pub(crate) const EMAIL_ADDRESS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01];

// Keys.
/// 1.2.840.113549.1.1.1
pub(crate) const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.2.840.113549.1.1.10
pub(crate) const RSASSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
/// 1.2.840.113549.1.1.8
pub(crate) const MGF1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08];
/// 1.2.840.10045.2.1
pub(crate) const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// 1.2.840.10040.4.1
pub(crate) const DSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01];
/// 1.3.101.112
pub(crate) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
/// 1.3.101.113
pub(crate) const ED448: &[u8] = &[0x2b, 0x65, 0x71];
/// 2.16.840.1.101.3.4.3.17
pub(crate) const ML_DSA_44: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x11];
/// 2.16.840.1.101.3.4.3.18
pub(crate) const ML_DSA_65: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12];
/// 2.16.840.1.101.3.4.3.19
pub(crate) const ML_DSA_87: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x13];
/// 1.2.840.10045.3.1.7
pub(crate) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// 1.3.132.0.34
pub(crate) const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
/// 1.3.132.0.35
pub(crate) const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
/// 1.3.132.0.10
pub(crate) const SECP256K1: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x0a];
/// 1.3.132.0.33
pub(crate) const P224: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x21];
/// 1.2.156.10197.1.301 (GB/T 32918)
pub(crate) const SM2: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d];
/// 1.2.840.10045.3.1.1
pub(crate) const P192: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01];

// Signatures.
/// 1.2.840.113549.1.1.2
pub(crate) const RSA_MD2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x02];
/// 1.2.840.113549.1.1.3
pub(crate) const RSA_MD4: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x03];
/// 1.2.840.113549.1.1.4
pub(crate) const RSA_MD5: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04];
/// 1.2.840.113549.1.1.5
pub(crate) const RSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05];
/// 1.3.14.3.2.29
pub(crate) const RSA_SHA1_OIW: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1d];
/// 1.2.840.113549.1.1.11
pub(crate) const RSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
/// 1.2.840.113549.1.1.12
pub(crate) const RSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c];
/// 1.2.840.113549.1.1.13
pub(crate) const RSA_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d];
/// 1.2.840.113549.1.1.14
pub(crate) const RSA_SHA224: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0e];
/// 1.2.840.10045.4.1
pub(crate) const ECDSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];
/// 1.2.840.10045.4.3.1
pub(crate) const ECDSA_SHA224: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x01];
/// 1.2.840.10045.4.3.2
pub(crate) const ECDSA_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
/// 1.2.840.10045.4.3.3
pub(crate) const ECDSA_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
/// 1.2.840.10045.4.3.4
pub(crate) const ECDSA_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04];
/// 1.2.840.10040.4.3
pub(crate) const DSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03];
/// 2.16.840.1.101.3.4.3.1
pub(crate) const DSA_SHA224: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x01];
/// 2.16.840.1.101.3.4.3.2
pub(crate) const DSA_SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x02];

// Hashes.
/// 1.3.14.3.2.26
pub(crate) const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
/// 2.16.840.1.101.3.4.2.1
pub(crate) const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
/// 2.16.840.1.101.3.4.2.2
pub(crate) const SHA384: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02];
/// 2.16.840.1.101.3.4.2.3
pub(crate) const SHA512: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ObjectIdentifier;

    #[test]
    fn octets_say_what_the_comments_say() {
        for (octets, dotted) in [
            (POLICY_MAPPINGS, "2.5.29.33"),
            (POLICY_CONSTRAINTS, "2.5.29.36"),
            (INHIBIT_ANY_POLICY, "2.5.29.54"),
            (ANY_POLICY, "2.5.29.32.0"),
            (SUBJECT_KEY_IDENTIFIER, "2.5.29.14"),
            (KEY_USAGE, "2.5.29.15"),
            (SUBJECT_ALTERNATIVE_NAME, "2.5.29.17"),
            (ISSUER_ALTERNATIVE_NAME, "2.5.29.18"),
            (BASIC_CONSTRAINTS, "2.5.29.19"),
            (CRL_NUMBER, "2.5.29.20"),
            (REASON_CODE, "2.5.29.21"),
            (INVALIDITY_DATE, "2.5.29.24"),
            (DELTA_CRL_INDICATOR, "2.5.29.27"),
            (ISSUING_DISTRIBUTION_POINT, "2.5.29.28"),
            (CERTIFICATE_ISSUER, "2.5.29.29"),
            (NAME_CONSTRAINTS, "2.5.29.30"),
            (CRL_DISTRIBUTION_POINTS, "2.5.29.31"),
            (CERTIFICATE_POLICIES, "2.5.29.32"),
            (AUTHORITY_KEY_IDENTIFIER, "2.5.29.35"),
            (EXTENDED_KEY_USAGE, "2.5.29.37"),
            (FRESHEST_CRL, "2.5.29.46"),
            (AUTHORITY_INFORMATION_ACCESS, "1.3.6.1.5.5.7.1.1"),
            (SUBJECT_INFORMATION_ACCESS, "1.3.6.1.5.5.7.1.11"),
            (OCSP_NO_CHECK, "1.3.6.1.5.5.7.48.1.5"),
            (OCSP_NONCE, "1.3.6.1.5.5.7.48.1.2"),
            (OCSP_BASIC, "1.3.6.1.5.5.7.48.1.1"),
            (ANY_EXTENDED_KEY_USAGE, "2.5.29.37.0"),
            (SERVER_AUTH, "1.3.6.1.5.5.7.3.1"),
            (CLIENT_AUTH, "1.3.6.1.5.5.7.3.2"),
            (OCSP_SIGNING, "1.3.6.1.5.5.7.3.9"),
            (ACCESS_OCSP, "1.3.6.1.5.5.7.48.1"),
            (ACCESS_CA_ISSUERS, "1.3.6.1.5.5.7.48.2"),
            (COMMON_NAME, "2.5.4.3"),
            (SURNAME, "2.5.4.4"),
            (SERIAL_NUMBER, "2.5.4.5"),
            (COUNTRY, "2.5.4.6"),
            (LOCALITY, "2.5.4.7"),
            (STATE, "2.5.4.8"),
            (STREET, "2.5.4.9"),
            (ORGANIZATION, "2.5.4.10"),
            (ORGANIZATIONAL_UNIT, "2.5.4.11"),
            (TITLE, "2.5.4.12"),
            (GIVEN_NAME, "2.5.4.42"),
            (INITIALS, "2.5.4.43"),
            (GENERATION, "2.5.4.44"),
            (DN_QUALIFIER, "2.5.4.46"),
            (DOMAIN_COMPONENT, "0.9.2342.19200300.100.1.25"),
            (USER_ID, "0.9.2342.19200300.100.1.1"),
            (EMAIL_ADDRESS, "1.2.840.113549.1.9.1"),
            (RSA_ENCRYPTION, "1.2.840.113549.1.1.1"),
            (RSASSA_PSS, "1.2.840.113549.1.1.10"),
            (MGF1, "1.2.840.113549.1.1.8"),
            (EC_PUBLIC_KEY, "1.2.840.10045.2.1"),
            (DSA, "1.2.840.10040.4.1"),
            (ED25519, "1.3.101.112"),
            (ED448, "1.3.101.113"),
            (ML_DSA_44, "2.16.840.1.101.3.4.3.17"),
            (ML_DSA_65, "2.16.840.1.101.3.4.3.18"),
            (ML_DSA_87, "2.16.840.1.101.3.4.3.19"),
            (P256, "1.2.840.10045.3.1.7"),
            (P384, "1.3.132.0.34"),
            (P521, "1.3.132.0.35"),
            (SECP256K1, "1.3.132.0.10"),
            (P224, "1.3.132.0.33"),
            (SM2, "1.2.156.10197.1.301"),
            (P192, "1.2.840.10045.3.1.1"),
            (RSA_MD2, "1.2.840.113549.1.1.2"),
            (RSA_MD4, "1.2.840.113549.1.1.3"),
            (RSA_MD5, "1.2.840.113549.1.1.4"),
            (RSA_SHA1, "1.2.840.113549.1.1.5"),
            (RSA_SHA1_OIW, "1.3.14.3.2.29"),
            (RSA_SHA256, "1.2.840.113549.1.1.11"),
            (RSA_SHA384, "1.2.840.113549.1.1.12"),
            (RSA_SHA512, "1.2.840.113549.1.1.13"),
            (RSA_SHA224, "1.2.840.113549.1.1.14"),
            (ECDSA_SHA1, "1.2.840.10045.4.1"),
            (ECDSA_SHA224, "1.2.840.10045.4.3.1"),
            (ECDSA_SHA256, "1.2.840.10045.4.3.2"),
            (ECDSA_SHA384, "1.2.840.10045.4.3.3"),
            (ECDSA_SHA512, "1.2.840.10045.4.3.4"),
            (DSA_SHA1, "1.2.840.10040.4.3"),
            (DSA_SHA224, "2.16.840.1.101.3.4.3.1"),
            (DSA_SHA256, "2.16.840.1.101.3.4.3.2"),
            (SHA1, "1.3.14.3.2.26"),
            (SHA256, "2.16.840.1.101.3.4.2.1"),
            (SHA384, "2.16.840.1.101.3.4.2.2"),
            (SHA512, "2.16.840.1.101.3.4.2.3"),
        ] {
            let oid = ObjectIdentifier::from_der_contents(octets).unwrap();
            assert_eq!(oid.to_string(), dotted);
        }
    }
}
