//! Reading DER.
