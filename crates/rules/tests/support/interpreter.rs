//! The meaning of a rule tree, as plainly as it can be written: it walks the JSON, remembers everything that applied,
//! and looks at the end for the last of each kind. It shares no code with the program.

use std::collections::BTreeMap;

use countersign_rules::{
    CertificateState, Facts, Feature, NameAttribute, Rule, RuleTree, SanKind, Satisfy,
};
use serde_json::Value;

use super::request::Request;

/// What was decided, as plain data.
#[derive(Debug, Default, Eq, PartialEq)]
pub(crate) struct Plain {
    pub(crate) outcome: String,
    pub(crate) origin: Option<String>,
    pub(crate) log: Option<String>,
    pub(crate) presets: Vec<String>,
    pub(crate) verified: bool,
    pub(crate) enforced: Option<(String, bool)>,
    pub(crate) request_headers: BTreeMap<String, String>,
}

pub(crate) fn interpret(tree: &RuleTree, request: &Request) -> Plain {
    let first_generation = tree.rule_format.to_string().as_str() < "v2026-02-16"
        && tree.rule_format.to_string() != "latest";
    let mut walk = Walk {
        request,
        first_generation,
        applied: Vec::new(),
    };
    walk.visit(&tree.rules, "");
    walk.conclude()
}

struct Walk<'a> {
    request: &'a Request,
    first_generation: bool,
    applied: Vec<(String, &'a Feature)>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, rule: &'a Rule, parents: &str) {
        let mut results = rule
            .criteria
            .iter()
            .map(|criterion| self.criterion(criterion));
        let matched = rule.criteria.is_empty()
            || match rule.criteria_must_satisfy {
                Satisfy::All => results.all(|result| result),
                Satisfy::Any => results.any(|result| result),
            };
        if !matched {
            return;
        }
        let path = if parents.is_empty() {
            rule.name.clone()
        } else {
            format!("{parents} / {}", rule.name)
        };
        self.applied.extend(
            rule.behaviors
                .iter()
                .map(|behavior| (path.clone(), behavior)),
        );
        for child in &rule.children {
            self.visit(child, &path);
        }
    }

    fn last(&self, name: &str) -> Option<&(String, &'a Feature)> {
        self.applied
            .iter()
            .rev()
            .find(|(_, behavior)| behavior.name == name)
    }

    fn passed(&self) -> bool {
        let valid = self.request.state == CertificateState::Valid;
        let Some((_, check)) = self.last("enforceMtlsSettings") else {
            return valid;
        };
        let auth_set = truth(check, "enableAuthSet");
        let ocsp = truth(check, "enableOcspStatus");
        let in_set = strings(check, "certificateAuthoritySet")
            .iter()
            .any(|set| self.request.satisfied.contains(set));
        valid && (!auth_set || in_set) && (!ocsp || self.request.revocation_good)
    }

    fn criterion(&self, criterion: &Feature) -> bool {
        let text = |name: &str| {
            criterion
                .options
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let values = strings(criterion, "values");
        let operator = text("matchOperator");
        let request = self.request;
        let any = |found: &mut dyn FnMut(&str) -> bool| values.iter().any(|value| found(value));
        let identity = |holds: bool| self.passed() && holds;
        let holds = match criterion.name.as_str() {
            "hostname" => any(&mut |value| glob(&value.to_lowercase(), &request.hostname)),
            "path" => any(&mut |value| {
                if truth(criterion, "matchCaseSensitive") {
                    glob(value, &request.path)
                } else {
                    glob(&value.to_lowercase(), &request.path.to_lowercase())
                }
            }),
            "requestMethod" => request.method == text("value"),
            "requestHeader" => {
                let name = text("headerName").to_lowercase();
                let found: Vec<&String> = request
                    .headers
                    .iter()
                    .filter(|(header, _)| *header == name)
                    .map(|(_, value)| value)
                    .collect();
                match operator {
                    "EXISTS" | "DOES_NOT_EXIST" => !found.is_empty(),
                    _ => found
                        .iter()
                        .any(|found| any(&mut |value| value.eq_ignore_ascii_case(found))),
                }
            }
            "clientCertificate" => self.certificate(criterion),
            "clientCaSet" => any(&mut |value| request.satisfies_ca_set(value)),
            "clientReason" => any(&mut |value| request.refusal_code() == Some(value)),
            "clientSubject" | "clientIssuer" => {
                let wanted = NameAttribute::ALL
                    .into_iter()
                    .find(|known| known.name() == text("attribute"))
                    .unwrap();
                let name = match criterion.name.as_str() {
                    "clientSubject" => &request.subject,
                    _ => &request.issuer,
                };
                identity(any(&mut |value| name.contains(&(wanted, value.to_owned()))))
            }
            "clientSan" => {
                let (kind, octets): (_, fn(&str) -> Vec<u8>) = match text("type") {
                    "DNS" => (SanKind::Dns, |value| value.into()),
                    "IP" => (SanKind::Ip, |value| {
                        value.split('.').map(|part| part.parse().unwrap()).collect()
                    }),
                    _ => (SanKind::Uri, |value| value.into()),
                };
                identity(any(&mut |value| {
                    request.sans.contains(&(kind, octets(value)))
                }))
            }
            "clientFingerprint" => identity(any(&mut |value| {
                request
                    .fingerprint
                    .is_some_and(|found| hex(&found) == digits(value))
            })),
            "clientSpki" => identity(any(&mut |value| {
                request
                    .spki
                    .is_some_and(|found| hex(&found) == digits(value))
            })),
            "clientSerial" => identity(any(&mut |value| {
                let number = |text: &str| text.trim_start_matches('0').to_owned();
                let found = request.serial.as_deref().map(hex);
                found.is_some_and(|found| number(&found) == number(&digits(value)))
            })),
            other => panic!("the interpreter does not know {other}"),
        };
        let negated = operator.contains("_NOT_") || operator == "IS_NOT";
        holds != negated
    }

    fn certificate(&self, criterion: &Feature) -> bool {
        let text = |name: &str, default: &str| {
            criterion
                .options
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or(default)
                .to_owned()
        };
        let present = self.request.state != CertificateState::Missing;
        if self.first_generation {
            if truth(criterion, "enforceMtls") {
                return !self.passed();
            }
            if criterion.options.get("isCertificatePresent") == Some(&Value::Bool(false)) {
                return !present;
            }
            return present
                && match text("isCertificateValid", "IGNORE").as_str() {
                    "VALID" => self.passed(),
                    "INVALID" => !self.passed(),
                    _ => true,
                };
        }
        match text("enforceMtls", "FAIL").as_str() {
            "FAIL" => !self.passed(),
            "PASS" => self.passed(),
            _ => match text("certificateState", "").as_str() {
                "MISSING" => !present,
                "PRESENT" => present,
                "PRESENT_VALID" => present && self.passed(),
                _ => present && !self.passed(),
            },
        }
    }

    fn conclude(&self) -> Plain {
        let on = |feature: &Feature, option: &str| {
            feature.options.get(option) != Some(&Value::Bool(false))
        };
        let check = self.last("enforceMtlsSettings");
        let check = check
            .filter(|(_, check)| truth(check, "enableAuthSet") || truth(check, "enableOcspStatus"));
        let denied = |reason: &str| {
            let last = self.applied.iter().rev().find(|(_, behavior)| {
                behavior.name == "denyAccess"
                    && behavior.options.get("reason") == Some(&Value::from(reason))
            });
            last.filter(|(_, behavior)| on(behavior, "enabled"))
        };
        let response = self
            .last("constructResponse")
            .filter(|(_, response)| on(response, "enabled"));
        let outcome = match check {
            Some((rule, check)) if truth(check, "enableDenyRequest") && !self.passed() => {
                format!("certificate required by {rule}")
            }
            // Reasons come in the order in which the tree first names them; the generator names r1 before r2.
            _ => match (
                denied("r1").or_else(|| denied("r2")),
                response,
                self.last("redirect"),
            ) {
                (Some((rule, behavior)), _, _) => {
                    format!("denied by {rule}: {}", behavior.options["reason"])
                }
                (None, Some(_), _) => "answered".to_owned(),
                (None, None, Some(_)) => "redirected".to_owned(),
                (None, None, None) => "forwarded".to_owned(),
            },
        };
        let mut presets = self
            .last("forwardClientIdentity")
            .map(|(_, forward)| strings(forward, "presets"))
            .unwrap_or_default();
        presets.sort();
        let mut request_headers = BTreeMap::new();
        for (_, behavior) in self
            .applied
            .iter()
            .filter(|(_, behavior)| behavior.name == "modifyIncomingRequestHeader")
        {
            let option = |name: &str| {
                behavior
                    .options
                    .get(name)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            let name = option("customHeaderName").to_lowercase();
            match option("action").as_str() {
                "PASS" => request_headers.remove(&name),
                "DELETE" => request_headers.insert(name, "delete".to_owned()),
                "ADD" => request_headers.insert(name, format!("add {}", option("headerValue"))),
                _ => request_headers.insert(name, format!("set {}", option("newHeaderValue"))),
            };
        }
        let log = self
            .last("logCustom")
            .filter(|(_, log)| on(log, "logCustomLogField"));
        Plain {
            outcome,
            origin: self
                .last("origin")
                .map(|(_, origin)| origin.options["originId"].as_str().unwrap().to_owned()),
            log: log.map(|(_, log)| log.options["customLogField"].as_str().unwrap().to_owned()),
            presets,
            verified: self.passed(),
            enforced: check.map(|(rule, _)| (rule.clone(), self.passed())),
            request_headers,
        }
    }
}

fn truth(feature: &Feature, option: &str) -> bool {
    feature.options.get(option) == Some(&Value::Bool(true))
}

fn strings(feature: &Feature, option: &str) -> Vec<String> {
    let items = feature.options.get(option).and_then(Value::as_array);
    items
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Hexadecimal digits without colons, in lower case.
fn digits(text: &str) -> String {
    text.replace(':', "").to_lowercase()
}

fn glob(pattern: &str, text: &str) -> bool {
    let mut pattern_chars = pattern.chars();
    match pattern_chars.next() {
        None => text.is_empty(),
        Some('*') => (0..=text.len()).any(|start| {
            text.is_char_boundary(start) && glob(pattern_chars.as_str(), &text[start..])
        }),
        Some(wanted) => {
            let mut text_chars = text.chars();
            text_chars.next().is_some_and(|found| {
                (wanted == '?' || wanted == found)
                    && glob(pattern_chars.as_str(), text_chars.as_str())
            })
        }
    }
}
