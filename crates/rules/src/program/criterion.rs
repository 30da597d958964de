//! Conditions: read once, then held against requests.

mod certificate;
mod identity;
mod network;
mod pairs;

use crate::catalogue;
use crate::decision::EnforcementResult;
use crate::facts::{Facts, Protocol};
use crate::problem::Problem;
use crate::suggest::{nearest, quote};
use crate::tree::{Feature, Generation};

use super::options::Options;
use super::values::{Case, ValueSet, Wildcards};
use certificate::CertificateTest;
pub(super) use identity::IdentityPart;
use identity::IdentityTest;
use network::Network;
use pairs::Pairs;

/// One condition.
#[derive(Debug)]
pub(crate) struct Criterion {
    name: &'static str,
    negated: bool,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Certificate(CertificateTest),
    ClientIp(Vec<Network>),
    Header(Pairs),
    Hostname(ValueSet),
    Identity(IdentityTest),
    Method(String),
    Path(ValueSet),
    Protocol(Protocol),
    Query(Pairs),
}

/// What of a request leads to the rules that it can match. Of two that are as good, the first is taken.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Key {
    /// A beginning of the path, in lower case.
    PathPrefix,
    /// The host, in lower case.
    Host,
    /// A value of this part of the client's identity.
    Identity(IdentityPart),
}

const ONE_OF: [(&str, bool); 2] = [("IS_ONE_OF", false), ("IS_NOT_ONE_OF", true)];

impl Criterion {
    /// Reads a criterion; `None` if something is wrong with it, which is then among the problems.
    pub(super) fn parse(
        feature: &Feature,
        at: &str,
        generation: Generation,
        problems: &mut Vec<Problem>,
    ) -> Option<Criterion> {
        let Some(entry) = catalogue::find(catalogue::CRITERIA, &feature.name, generation) else {
            problems.push(Problem::error(
                format!("{at}/name"),
                "unknown_criterion",
                format!("There is no criterion {}", quote(&feature.name)),
                nearest(&feature.name, catalogue::names(catalogue::CRITERIA)),
            ));
            return None;
        };
        let mut options = Options::new(feature, entry, at, problems);
        let name = entry.name;
        let parsed = match name {
            "clientCertificate" => certificate::parse(&mut options, generation)
                .map(|test| (false, Test::Certificate(test))),
            "clientIp" => client_ip(&mut options),
            "hostname" => hostname(&mut options),
            "path" => path(&mut options),
            "queryStringParameter" => {
                pairs::query(&mut options).map(|(negated, pairs)| (negated, Test::Query(pairs)))
            }
            "requestHeader" => {
                pairs::header(&mut options).map(|(negated, pairs)| (negated, Test::Header(pairs)))
            }
            "requestMethod" => method(&mut options),
            "requestProtocol" => {
                let table = [("HTTP", Protocol::Http), ("HTTPS", Protocol::Https)];
                options
                    .choice("value", &table, None)
                    .map(|protocol| (false, Test::Protocol(protocol)))
            }
            _ => identity::parse(name, &mut options)
                .map(|(negated, test)| (negated, Test::Identity(test))),
        };
        options.finish(parsed).map(|(negated, test)| Criterion {
            name,
            negated,
            test,
        })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Whether it holds. `checked` is the result of the mutual-TLS check in force at this point of the tree.
    pub(super) fn holds(&self, facts: &impl Facts, checked: EnforcementResult) -> bool {
        let holds = match &self.test {
            Test::Certificate(test) => test.holds(facts.certificate_state(), checked),
            Test::ClientIp(networks) => {
                let address = facts.client_ip().to_canonical();
                networks.iter().any(|network| network.contains(address))
            }
            Test::Header(pairs) => pairs.hold_for_headers(facts),
            Test::Hostname(hosts) => hosts.contains(facts.hostname().as_bytes()),
            Test::Identity(test) => test.holds(facts, checked),
            Test::Method(method) => facts.method() == method,
            Test::Path(paths) => path_is_in(paths, facts.path()),
            Test::Protocol(protocol) => facts.protocol() == *protocol,
            Test::Query(pairs) => pairs.hold_for_query(facts.query().unwrap_or_default()),
        };
        holds != self.negated
    }

    /// What it asks for, for people.
    pub(super) fn expected(&self) -> String {
        let not = if self.negated { "not " } else { "" };
        let wanted = match &self.test {
            Test::Certificate(test) => test.expected().to_owned(),
            Test::ClientIp(networks) => {
                let texts: Vec<String> = networks
                    .iter()
                    .map(|network| format!("`{network}`"))
                    .collect();
                texts.join(", ")
            }
            Test::Header(pairs) => pairs.expected("header"),
            Test::Hostname(values) | Test::Path(values) => values.describe(),
            Test::Identity(test) => test.expected(),
            Test::Method(method) => format!("`{method}`"),
            Test::Protocol(protocol) => protocol_name(*protocol).to_owned(),
            Test::Query(pairs) => pairs.expected("parameter"),
        };
        format!("{not}{wanted}")
    }

    /// What the request has, for people.
    pub(super) fn actual(&self, facts: &impl Facts, checked: EnforcementResult) -> String {
        match &self.test {
            Test::Certificate(_) => certificate::actual(facts, checked),
            Test::ClientIp(_) => quote(&facts.client_ip().to_canonical().to_string()),
            Test::Header(pairs) => pairs.actual_headers(facts),
            Test::Hostname(_) => quote(facts.hostname()),
            Test::Identity(test) => test.actual(facts, checked),
            Test::Method(_) => quote(facts.method()),
            Test::Path(_) => quote(facts.path()),
            Test::Protocol(_) => protocol_name(facts.protocol()).to_owned(),
            Test::Query(pairs) => pairs.actual_query(facts.query().unwrap_or_default()),
        }
    }

    /// Values of which a request must have one for it to hold, if it can hold for few requests only.
    pub(super) fn needs_one_of(&self) -> Option<(Key, Vec<Box<[u8]>>)> {
        match &self.test {
            _ if self.negated => None,
            Test::Hostname(hosts) => Some((Key::Host, hosts.exact_values()?.to_vec())),
            Test::Identity(IdentityTest::Value(part, values)) => {
                Some((Key::Identity(*part), values.exact_octets()?.to_vec()))
            }
            Test::Path(paths) => {
                let prefixes: Vec<_> = paths.literal_prefixes().collect();
                // A pattern that begins with a wildcard, or has one right after the slash, rules nothing out.
                let narrow = prefixes.iter().all(|prefix| prefix.len() > 1);
                narrow.then_some((Key::PathPrefix, prefixes))
            }
            _ => None,
        }
    }

    /// Whether it looks at the result of the mutual-TLS check as such.
    pub(super) fn reads_enforcement(&self) -> bool {
        matches!(self.test, Test::Certificate(CertificateTest::Check(_)))
    }

    /// Whether a client decides by itself whether it holds, by adding or leaving out a header or a parameter.
    pub(super) fn is_client_chosen(&self) -> bool {
        matches!(self.test, Test::Header(_) | Test::Query(_))
    }
}

fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http => "HTTP",
        Protocol::Https => "HTTPS",
    }
}

fn client_ip(options: &mut Options<'_>) -> Option<(bool, Test)> {
    let negated = options.choice("matchOperator", &ONE_OF, Some(false))?;
    if options.flag("useHeaders") == Some(true) {
        options.error(
            "useHeaders",
            "client_ip_from_headers",
            "A client can write any address into a header".to_owned(),
            "Set it to false: the address of the connection is compared",
        );
    }
    let mut networks = Vec::new();
    for (index, text) in options.values("values") {
        match text.parse::<Network>() {
            Ok(network) => networks.push(network),
            Err(problem) => {
                let detail = format!("{} is not a network: {problem}", quote(text));
                let remedy =
                    "Write an address or a CIDR block such as `192.0.2.0/24` or `2001:db8::/32`";
                options.error(&format!("values/{index}"), "bad_network", detail, remedy);
            }
        }
    }
    Some((negated, Test::ClientIp(networks)))
}

fn hostname(options: &mut Options<'_>) -> Option<(bool, Test)> {
    let negated = options.choice("matchOperator", &ONE_OF, Some(false))?;
    let mut hosts = Vec::new();
    for (index, text) in options.values("values") {
        let bad = if !text.is_ascii() {
            Some("it is not ASCII; write its A-label (`xn--…`)")
        } else if text.ends_with('.') {
            Some("it ends in a dot; remove it")
        } else if text
            .bytes()
            .any(|byte| !(byte.is_ascii_alphanumeric() || b"-_.*?[]:".contains(&byte)))
        {
            Some("it has characters that no host name has")
        } else if text.contains(':') && !text.starts_with('[') {
            Some("it has a port; rules compare names without port")
        } else {
            None
        };
        match bad {
            None => hosts.push(text),
            Some(why) => {
                let detail = format!("{} never equals a host name: {why}", quote(text));
                let remedy =
                    "Write a host name such as `api.example.com`, with `?` and `*` as wildcards";
                options.error(&format!("values/{index}"), "bad_hostname", detail, remedy);
            }
        }
    }
    Some((
        negated,
        Test::Hostname(ValueSet::new(hosts, Case::Insensitive, Wildcards::Match)),
    ))
}

fn method(options: &mut Options<'_>) -> Option<(bool, Test)> {
    let negated = options.choice(
        "matchOperator",
        &[("IS", false), ("IS_NOT", true)],
        Some(false),
    )?;
    let value = options.required_text("value")?;
    // The vendor calls DELETE `HTTP_DELETE` and WebDAV's methods `DAV_…`.
    let method = value
        .strip_prefix("HTTP_")
        .or_else(|| value.strip_prefix("DAV_"))
        .unwrap_or(value);
    let token = !method.is_empty()
        && method
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    if !token || value.starts_with("AKAMAI_") {
        let remedy = "Write a method in capitals, such as `GET`, `POST` or `DELETE`";
        options.error(
            "value",
            "bad_method",
            format!("{} is not a method that reaches the edge", quote(value)),
            remedy,
        );
    }
    Some((negated, Test::Method(method.to_owned())))
}

fn path(options: &mut Options<'_>) -> Option<(bool, Test)> {
    let table = [("MATCHES_ONE_OF", false), ("DOES_NOT_MATCH_ONE_OF", true)];
    let negated = options.choice("matchOperator", &table, Some(false))?;
    let case = match options.flag("matchCaseSensitive") {
        Some(true) => Case::Sensitive,
        _ => Case::Insensitive,
    };
    if options.flag("normalize") == Some(true) {
        options.warning(
            "normalize",
            "normalize_has_no_effect",
            "`normalize` changes nothing: paths that could be read in two ways are refused before any rule sees them, \
             and rules compare the bytes that the origin gets"
                .to_owned(),
            "Write the path as the origin gets it, and set it to false",
        );
    }
    let mut paths = Vec::new();
    for (index, text) in options.values("values") {
        let bad = if !text.starts_with(['/', '*', '?']) {
            Some("it does not begin with `/`")
        } else if text.bytes().any(|byte| !(b'!'..=b'~').contains(&byte)) {
            Some("it has characters that are percent-encoded in every request")
        } else if text.contains('#') {
            Some("a fragment is never sent")
        } else {
            None
        };
        match bad {
            None => paths.push((upper_case_escapes(text.bytes()).collect(), text)),
            Some(why) => {
                let detail = format!("{} never equals a path: {why}", quote(text));
                let remedy = "Write the path as it is sent, such as `/caf%C3%A9/*`";
                options.error(&format!("values/{index}"), "bad_path", detail, remedy);
            }
        }
    }
    Some((
        negated,
        Test::Path(ValueSet::from_octets(paths, case, Wildcards::Match)),
    ))
}

/// Whether the path is in the set. `%c3` and `%C3` are the same octet (RFC 3986 §6.2.2.1), for every origin, so that
/// a client cannot leave a rule by writing one for the other. Nothing else about the path is interpreted.
fn path_is_in(paths: &ValueSet, path: &str) -> bool {
    if path.contains('%') {
        paths.contains_octets(upper_case_escapes(path.bytes()))
    } else {
        paths.contains(path.as_bytes())
    }
}

fn upper_case_escapes(
    octets: impl Iterator<Item = u8> + Clone,
) -> impl Iterator<Item = u8> + Clone {
    octets.scan(0_u8, |escape, octet| {
        let shown = if *escape > 0 {
            octet.to_ascii_uppercase()
        } else {
            octet
        };
        *escape = if octet == b'%' {
            2
        } else {
            escape.saturating_sub(1)
        };
        Some(shown)
    })
}
