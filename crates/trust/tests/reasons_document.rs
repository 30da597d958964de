//! `docs/reasons.md` is what the table of reasons says, and what is promised there has a test.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Write as _;

use countersign_trust::{Reason, Severity, ca_set_rules};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reasons.md");

const WHERE: &str = "
## Where it shows

| a refusal of | the client gets | the code is also in |
|---|---|---|
| a handshake (TLS or QUIC) | the alert that fits | log `handshake_refused`, metric `countersign_edge_handshakes_total` |
| a connection beyond a budget (`overloaded`) | a closed connection, before any byte | the same |
| a request over HTTP/1.1, HTTP/2 or HTTP/3 | a page or `application/problem+json`, by `Accept` | log `request`, metric `countersign_edge_requests_total` |
| a call of gRPC | `grpc-status`, a message and `countersign-reason` | the same |
| a WebSocket that is open | close code 1008 with the code as its reason | the same |
| bytes of a site with `tcp` | the alert where a certificate is required, else a closed connection | log `connection` |
| a request without TLS | a page or problem | log `plain_request`, metric `countersign_edge_plain_requests_total` |
| what is no request: a head that cannot be read, is too large or does not come to its end | what the protocol has for it: 400 or 431 without a page in HTTP/1.1, a reset stream or GOAWAY in HTTP/2 and HTTP/3; a head with too many or too large fields gets a page in HTTP/2 and, of many fields, in HTTP/3 | log `request_unreadable`, metric `countersign_edge_requests_unreadable_total` |
| an operator's certificate at the API | problem with `reason` | – |

The engine of HTTP/2 answers heads of more than twice the limit with a bare 431; the first of a connection is recorded, unless that connection had a 431
before. When an edge node drains, it listens no more: new
connections are refused by the operating system, and no code tells of that.
";

fn document() -> String {
    let mut text = String::from(
        "# Reasons\n\
         \n\
         Every refusal has one reason. Its code is the same in the access log, metrics, headers, error pages, the API and `countersign explain`;\n\
         the explanation beside it has the evidence of the case. This page is generated from the table in `crates/trust/src/reason.rs`\n\
         (`UPDATE_GOLDEN=1 cargo nextest run -p countersign-trust`), and a test fails when the two differ.\n\
         \n\
         When several things are wrong, the one is told that is farthest from trust: the leaf's own time (`expired`, `not_yet_valid`) only when\n\
         everything else is in order. How the reasons about certificates come about is described in [validation.md](validation.md).\n",
    );
    text.push_str(WHERE);
    for reason in Reason::ALL {
        write!(
            text,
            "\n## {}\n\n**{}.** {}\n\nWhat to do: {}\n",
            reason.code(),
            reason.title(),
            reason.sentence(),
            reason.remedy()
        )
        .unwrap();
    }
    text.push_str(
        "\n## Findings about CA sets\n\n\
         A CA set is checked when it is uploaded and before it is activated; all findings are reported at once, each with its evidence and a remedy.\n\
         With an error a version cannot be activated.\n\n\
         | code | severity | |\n|---|---|---|\n",
    );
    for rule in ca_set_rules() {
        let severity = match rule.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(text, "| `{}` | {severity} | {} |", rule.code, rule.title).unwrap();
    }
    text
}

#[test]
fn the_document_is_what_the_table_says() {
    let expected = document();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(DOCUMENT, &expected).unwrap();
    }
    let found = std::fs::read_to_string(DOCUMENT).unwrap_or_default();
    assert!(
        found == expected,
        "docs/reasons.md differs from the table of reasons: run with UPDATE_GOLDEN=1 and review the difference"
    );
}

#[test]
fn every_rule_about_ca_sets_has_a_case() {
    let cases = include_str!("ca_set.rs");
    for rule in ca_set_rules() {
        assert!(
            cases.contains(&format!("\"{}", rule.code)),
            "{} has no case",
            rule.code
        );
    }
}

#[test]
fn every_reason_about_certificates_has_a_case() {
    let cases = [
        include_str!("evaluate/algorithms.rs"),
        include_str!("evaluate/constraints.rs"),
        include_str!("evaluate/paths.rs"),
        include_str!("evaluate/purposes.rs"),
        include_str!("evaluate/reasons.rs"),
        include_str!("revocation/check.rs"),
    ];
    let about_certificates = Reason::ALL
        .iter()
        .take_while(|reason| **reason != Reason::NoServerName)
        // Who compares the verdicts of several CA sets says so.
        .filter(|reason| **reason != Reason::NotInCaSet);
    for reason in about_certificates {
        let code = format!("\"{}\"", reason.code());
        assert!(
            cases.iter().any(|text| text.contains(&code)),
            "{code} has no case"
        );
    }
}
