//! The schemas of origins.

use serde_json::{Value, json};

use super::{boolean, choice, integer, list, object, reference, sites::texts, text};

pub(super) fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("SiteOrigin", origin()),
        (
            "OriginAddress",
            object(&[
                ("host", text()),
                ("port?", integer()),
                ("weight?", integer()),
            ]),
        ),
        (
            "OriginTimeouts",
            object(&[
                ("connectMs?", integer()),
                ("firstByteMs?", integer()),
                ("idleMs?", integer()),
            ]),
        ),
        (
            "ForwardedHeaders",
            object(&[
                (
                    "form?",
                    choice(&["both", "forwarded", "none", "xForwarded"]),
                ),
                ("trustedFronts?", texts()),
            ]),
        ),
        (
            "HealthCheck",
            object(&[
                ("expectedStatuses?", text()),
                ("healthyAfter?", integer()),
                ("host?", text()),
                ("intervalMs?", integer()),
                ("kind?", choice(&["grpc", "http", "tcp"])),
                ("path?", text()),
                ("service?", text()),
                ("timeoutMs?", integer()),
                ("unhealthyAfter?", integer()),
            ]),
        ),
        (
            "Outliers",
            object(&[
                ("consecutiveFailures?", integer()),
                ("ejectionMs?", integer()),
                ("maxEjectedPercent?", integer()),
            ]),
        ),
        (
            "Retries",
            object(&[("attempts?", integer()), ("budgetPercent?", integer())]),
        ),
        (
            "OriginLimits",
            object(&[("connecting?", integer()), ("requests?", integer())]),
        ),
    ]
}

fn origin() -> Value {
    object(&[
        ("addresses?", list("OriginAddress")),
        ("caPem?", text()),
        ("clientCredentialId?", text()),
        (
            "connectionSharing?",
            choice(&["perClientConnection", "shared"]),
        ),
        ("forwardedHeaders?", reference("ForwardedHeaders")),
        ("healthCheck?", reference("HealthCheck")),
        (
            "hostHeader?",
            json!({"oneOf": [
                {"type": "string", "enum": ["origin", "request"]},
                object(&[("custom", text())]),
            ]}),
        ),
        ("limits?", reference("OriginLimits")),
        ("minimumTlsVersion?", choice(&["1.2", "1.3"])),
        ("mustAsk?", boolean()),
        ("outliers?", reference("Outliers")),
        (
            "protocol?",
            choice(&["automatic", "http1", "http2", "negotiated"]),
        ),
        ("resolveEveryMs?", integer()),
        ("retries?", reference("Retries")),
        ("serverName?", text()),
        ("slowStartMs?", integer()),
        ("timeouts?", reference("OriginTimeouts")),
        ("url", text()),
    ])
}
