//! Schemas of what requests are signed with.

use serde_json::Value;

use super::{choice, integer, list, object, text, time};

pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("ForwardingKeys", object(&[("keys", list("ForwardingKey"))])),
        (
            "ForwardingKey",
            object(&[
                ("alg", choice(&["EdDSA"])),
                ("crv", choice(&["Ed25519"])),
                ("kid", text()),
                ("kty", choice(&["OKP"])),
                ("use", choice(&["sig"])),
                ("usedFrom", time()),
                ("usedUntil?", time()),
                ("x", text()),
            ]),
        ),
        (
            "ForwardingKeyRotation",
            object(&[("useAfterSeconds?", integer())]),
        ),
    ]
}
