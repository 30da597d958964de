//! From a decoded snapshot to one that can be enforced whole, or a list of everything that stands against it (invariant I1).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use countersign_rules::{Program, RuleTree, compile};
use countersign_trust::{CaSetVersion, Certificate, Policy, RevocationMode, RevocationScope};

use crate::{
    Binding, BindingId, CaSet, CaSetId, ClientAuth, ClientAuthMode, ClientCredential,
    ForwardingKey, Generation, HealthCheck, HealthCheckKind, NamePattern, Network, Origin,
    OriginAsks, OriginProtocol, OriginTrust, PlainHttp, PolicyIdentity, Resolver,
    ServerCertificate, ServerName, Service, Snapshot, VersionNumber,
};

/// One reason why a snapshot cannot be enforced: where, and what.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct CheckProblem {
    /// The part of the snapshot, as a person would call it.
    pub place: String,
    /// What is wrong with it.
    pub problem: String,
}

/// The active version of a CA set, indexed for evaluation.
#[derive(Debug)]
pub struct CheckedCaSet {
    /// Its id.
    pub id: CaSetId,
    /// The id as rules write it, so that a comparison allocates nothing.
    pub id_text: String,
    /// Its name.
    pub name: String,
    /// The active version.
    pub version: VersionNumber,
    /// The trust anchors; never empty.
    pub anchors: CaSetVersion,
    /// What the set says about how its clients are judged; see [`CheckedCaSet::policy`].
    pub own_policy: Policy,
}

impl CheckedCaSet {
    /// How a binding's policy judges the clients of this set. Invariant I9: what must be known about a CA's clients is the affair of its
    /// own set.
    #[must_use]
    pub fn policy(&self, of_binding: &Policy) -> Policy {
        of_binding.for_ca_set(&self.own_policy)
    }
}

/// A binding of which every reference is known to hold.
#[derive(Debug)]
pub struct CheckedBinding {
    /// The binding as written.
    pub binding: Binding,
    /// When two bindings decide about clients alike.
    pub policy_identity: PolicyIdentity,
    /// The CA sets of its client-auth policy, in its order; empty exactly when it never asks.
    pub ca_sets: Vec<Arc<CheckedCaSet>>,
    /// The decision program of its rules.
    pub program: Arc<Program>,
}

/// A snapshot that can be enforced whole. Made only by [`CheckedSnapshot::check`]; its existence is the proof.
#[derive(Debug)]
pub struct CheckedSnapshot {
    network: Network,
    generation: Generation,
    bindings: Vec<Arc<CheckedBinding>>,
    by_id: HashMap<BindingId, usize>,
    resolver: Resolver<usize>,
    ca_sets: HashMap<CaSetId, (CaSet, Arc<CheckedCaSet>)>,
    server_certificates: Vec<ServerCertificate>,
    client_credentials: Vec<ClientCredential>,
    origins: Vec<Origin>,
    forwarding_keys: Vec<ForwardingKey>,
}

impl CheckedSnapshot {
    /// Checks everything and compiles what can be compiled.
    ///
    /// # Errors
    /// Every problem found, in the order of the snapshot; nothing of it may then be enforced.
    pub fn check(snapshot: Snapshot) -> Result<Self, Vec<CheckProblem>> {
        Self::check_after(snapshot, None)
    }

    /// The same, with the parsed certificates and compiled rules of an earlier snapshot taken over where they are equal. Every reference is
    /// checked anew: what it leads to may be gone.
    ///
    /// # Errors
    /// As [`CheckedSnapshot::check`].
    pub fn check_after(
        snapshot: Snapshot,
        earlier: Option<&Self>,
    ) -> Result<Self, Vec<CheckProblem>> {
        let mut problems = Problems::default();
        let ca_sets = check_ca_sets(&snapshot.ca_sets, earlier, &mut problems);
        check_unique(
            "server certificate",
            snapshot.server_certificates.iter().map(|it| &it.id),
            &mut problems,
        );
        check_unique(
            "client credential",
            snapshot.client_credentials.iter().map(|it| &it.id),
            &mut problems,
        );
        check_unique(
            "origin",
            snapshot.origins.iter().map(|it| &it.id),
            &mut problems,
        );
        check_unique(
            "binding",
            snapshot.bindings.iter().map(|it| &it.id),
            &mut problems,
        );
        let known_chains: HashMap<_, _> = earlier
            .map(|earlier| earlier.server_certificates.as_slice())
            .unwrap_or_default()
            .iter()
            .map(|known| (&known.id, &known.chain))
            .collect();
        for certificate in &snapshot.server_certificates {
            if known_chains.get(&certificate.id) == Some(&&certificate.chain) {
                continue;
            }
            check_chain(
                &format!("server certificate {}", certificate.id),
                &certificate.chain,
                &mut problems,
            );
        }
        for credential in &snapshot.client_credentials {
            check_chain(
                &format!("client credential {}", credential.id),
                &credential.chain,
                &mut problems,
            );
        }
        check_forwarding_keys(&snapshot.forwarding_keys, &mut problems);
        let known = Known::new(&snapshot, ca_sets);
        for origin in &snapshot.origins {
            check_origin(origin, &known, &mut problems);
        }
        let mut resolver = Resolver::default();
        let mut bindings = Vec::with_capacity(snapshot.bindings.len());
        for (index, binding) in snapshot.bindings.iter().enumerate() {
            check_names(binding, index, &mut resolver, &mut problems);
            let before = earlier.and_then(|earlier| earlier.binding(&binding.id));
            bindings.extend(check_binding(binding, &known, before, &mut problems));
        }
        let checked = known.ca_sets;
        let ca_sets = checked
            .into_iter()
            .map(|(id, (set, checked))| (id, (set.clone(), checked)))
            .collect();
        if problems.0.is_empty() {
            Ok(Self {
                by_id: bindings
                    .iter()
                    .enumerate()
                    .map(|(index, checked)| (checked.binding.id.clone(), index))
                    .collect(),
                ca_sets,
                network: snapshot.network,
                generation: snapshot.generation,
                bindings,
                resolver,
                server_certificates: snapshot.server_certificates,
                client_credentials: snapshot.client_credentials,
                origins: snapshot.origins,
                forwarding_keys: snapshot.forwarding_keys,
            })
        } else {
            Err(problems.0)
        }
    }

    /// The network it is for.
    #[must_use]
    pub const fn network(&self) -> Network {
        self.network
    }

    /// Its generation.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// Its bindings, in the order of the snapshot.
    #[must_use]
    pub fn bindings(&self) -> &[Arc<CheckedBinding>] {
        &self.bindings
    }

    fn binding(&self, id: &BindingId) -> Option<&Arc<CheckedBinding>> {
        self.bindings.get(*self.by_id.get(id)?)
    }

    /// The position in [`CheckedSnapshot::bindings`] of what a name is bound to.
    #[must_use]
    pub fn resolve(&self, name: &ServerName) -> Option<usize> {
        self.resolver.resolve(name).copied()
    }

    /// The certificates that the edge presents.
    #[must_use]
    pub fn server_certificates(&self) -> &[ServerCertificate] {
        &self.server_certificates
    }

    /// The credentials that the edge presents to origins.
    #[must_use]
    pub fn client_credentials(&self) -> &[ClientCredential] {
        &self.client_credentials
    }

    /// Where requests go.
    #[must_use]
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }

    /// What requests are signed with.
    #[must_use]
    pub fn forwarding_keys(&self) -> &[ForwardingKey] {
        &self.forwarding_keys
    }
}

/// What references may point to, indexed, so that the check stays linear in the size of the snapshot.
struct Known<'a> {
    network: Network,
    ca_sets: HashMap<CaSetId, (&'a CaSet, Arc<CheckedCaSet>)>,
    server_certificates: HashSet<&'a str>,
    client_credentials: HashSet<&'a str>,
    /// By id, with whether they take HTTP.
    origins: HashMap<&'a str, bool>,
    can_sign: bool,
}

impl<'a> Known<'a> {
    fn new(snapshot: &'a Snapshot, mut checked: HashMap<CaSetId, Arc<CheckedCaSet>>) -> Self {
        Self {
            network: snapshot.network,
            ca_sets: snapshot
                .ca_sets
                .iter()
                .filter_map(|set| Some((set.id, (set, checked.remove(&set.id)?))))
                .collect(),
            server_certificates: snapshot
                .server_certificates
                .iter()
                .map(|it| it.id.as_str())
                .collect(),
            client_credentials: snapshot
                .client_credentials
                .iter()
                .map(|it| it.id.as_str())
                .collect(),
            origins: snapshot
                .origins
                .iter()
                .map(|it| (it.id.as_str(), it.scheme.is_http()))
                .collect(),
            can_sign: !snapshot.forwarding_keys.is_empty(),
        }
    }
}

#[derive(Default)]
struct Problems(Vec<CheckProblem>);

impl Problems {
    fn add(&mut self, place: &str, problem: impl Into<String>) {
        self.0.push(CheckProblem {
            place: place.to_owned(),
            problem: problem.into(),
        });
    }
}

fn check_unique<'a, T: std::fmt::Display + Eq + std::hash::Hash + 'a>(
    kind: &str,
    ids: impl Iterator<Item = &'a T>,
    problems: &mut Problems,
) {
    let mut seen = HashSet::new();
    for id in ids {
        if !seen.insert(id) {
            problems.add(&format!("{kind} {id}"), "stands twice");
        }
    }
}

fn check_ca_sets(
    ca_sets: &[CaSet],
    earlier: Option<&CheckedSnapshot>,
    problems: &mut Problems,
) -> HashMap<CaSetId, Arc<CheckedCaSet>> {
    let mut checked = HashMap::new();
    for set in ca_sets {
        let place = format!("CA set {} version {}", set.name, set.version);
        let known = earlier.and_then(|earlier| earlier.ca_sets.get(&set.id));
        if let Some((_, known)) = known.filter(|(before, _)| before == set) {
            if checked.insert(set.id, Arc::clone(known)).is_some() {
                problems.add(&place, "stands twice");
            }
            continue;
        }
        let certificates: Result<Vec<_>, _> = set
            .certificates
            .iter()
            .map(|der| Certificate::from_der(der))
            .collect();
        let anchors = match certificates {
            Ok(certificates) => CaSetVersion::new(certificates, set.sha1),
            Err(error) => {
                problems.add(&place, format!("holds a broken certificate: {error}"));
                continue;
            }
        };
        match anchors {
            Ok(anchors) => {
                let set = CheckedCaSet {
                    id: set.id,
                    id_text: set.id.to_string(),
                    name: set.name.clone(),
                    version: set.version,
                    anchors: anchors.owned_by(set.owner.clone()),
                    own_policy: set.policy.clone(),
                };
                if checked.insert(set.id, Arc::new(set)).is_some() {
                    problems.add(&place, "stands twice");
                }
            }
            // Invariant I1: an empty pool would have to mean something, so there is none.
            Err(_) => problems.add(&place, "holds no certificate"),
        }
    }
    checked
}

fn check_chain(place: &str, chain: &[Vec<u8>], problems: &mut Problems) {
    if chain.is_empty() {
        problems.add(place, "has no certificate");
    }
    for der in chain {
        if let Err(error) = Certificate::from_der(der) {
            problems.add(place, format!("holds a broken certificate: {error}"));
        }
    }
}

/// Their ids stand in quotes in a header (RFC 8941 §3.3.3).
fn check_forwarding_keys(keys: &[ForwardingKey], problems: &mut Problems) {
    let ids = keys.iter().map(|it| &it.id);
    check_unique("forwarding key", ids.clone(), problems);
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_id = |id: &str| (1..=64).contains(&id.len()) && id.bytes().all(is_base64url);
    if ids.clone().any(|id| !is_id(id)) {
        problems.add("forwarding keys", "have an id that is no base64url");
    }
}

fn check_origin(origin: &Origin, known: &Known<'_>, problems: &mut Problems) {
    let place = format!("origin {}", origin.id);
    if origin.endpoints.iter().all(|endpoint| endpoint.weight == 0) {
        problems.add(&place, "has no endpoint that may be chosen");
    }
    let policy = &origin.policy;
    if policy.outliers.max_ejected_percent > 100 {
        problems.add(&place, "may leave out more than all of its addresses");
    }
    if policy.resolve_every.is_zero() {
        problems.add(&place, "looks its names up without a pause");
    }
    if let Some(check) = &policy.health_check {
        check_health_check(check, &place, problems);
        let is_possible = match check.kind {
            HealthCheckKind::Grpc { .. } => {
                origin.scheme.is_http() && policy.protocol != OriginProtocol::Http1
            }
            HealthCheckKind::Http => origin.scheme.is_http(),
            HealthCheckKind::Tcp => true,
        };
        if !is_possible {
            problems.add(
                &place,
                "has a health check in another protocol than its own",
            );
        }
    }
    if policy.asks == OriginAsks::Always && origin.scheme.tls().is_none() {
        problems.add(
            &place,
            "has to ask for a certificate, without TLS to ask in",
        );
    }
    if let Some(tls) = origin.scheme.tls() {
        if let OriginTrust::Bundle(authorities) = &tls.trust {
            check_chain(&place, authorities, problems);
        }
        if let Some(id) = &tls.client_credential
            && !known.client_credentials.contains(id.as_str())
        {
            problems.add(
                &place,
                format!("needs the client credential {id}, which is not in the snapshot"),
            );
        }
    }
}

fn check_health_check(check: &HealthCheck, place: &str, problems: &mut Problems) {
    let (first, last) = check.expected_statuses;
    let wrong = [
        (
            !check.path.starts_with('/') || !check.path.bytes().all(|byte| byte.is_ascii_graphic()),
            "has a health check whose path is none",
        ),
        (
            check.interval.is_zero() || check.timeout.is_zero(),
            "has a health check without a pause or without time",
        ),
        (
            check.healthy_after == 0 || check.unhealthy_after == 0,
            "has a health check that needs no answer to change its mind",
        ),
        (
            first > last,
            "has a health check that expects no status at all",
        ),
    ];
    for (_, problem) in wrong.into_iter().filter(|(is_wrong, _)| *is_wrong) {
        problems.add(place, problem);
    }
}

fn check_names(
    binding: &Binding,
    index: usize,
    resolver: &mut Resolver<usize>,
    problems: &mut Problems,
) {
    let place = format!("binding {}", binding.id);
    if binding.names.is_empty() {
        problems.add(&place, "has no server name");
    }
    for pattern in &binding.names {
        if resolver.insert(NamePattern::clone(pattern), index).is_err() {
            problems.add(&place, format!("binds {pattern}, which is bound already"));
        }
    }
}

fn check_binding(
    binding: &Binding,
    known: &Known<'_>,
    earlier: Option<&Arc<CheckedBinding>>,
    problems: &mut Problems,
) -> Option<Arc<CheckedBinding>> {
    let place = format!("binding {}", binding.id);
    let before = problems.0.len();
    check_transport(binding, &place, problems);
    for id in &binding.server_certificates {
        if !known.server_certificates.contains(id.as_str()) {
            problems.add(
                &place,
                format!("needs the server certificate {id}, which is not in the snapshot"),
            );
        }
    }
    if let Service::Tcp(tcp) = &binding.service {
        // RFC 7301 §3.1: `opaque ProtocolName<1..2^8-1>`.
        for name in tcp
            .alpn
            .iter()
            .filter(|name| !(1..=255).contains(&name.len()))
        {
            problems.add(
                &place,
                format!("offers the ALPN protocol `{name}`, which has not 1 to 255 octets"),
            );
        }
    }
    if binding.tls.minimum_version > binding.tls.maximum_version {
        problems.add(&place, "has a minimum TLS version above its maximum");
    }
    let is_off = binding.client_auth.mode == ClientAuthMode::Off;
    if is_off != binding.client_auth.ca_sets.is_empty() {
        problems.add(
            &place,
            if is_off {
                "names CA sets and never asks for a certificate"
            } else {
                "asks for certificates and names no CA set"
            },
        );
    }
    let mut model = Vec::with_capacity(binding.client_auth.ca_sets.len());
    let mut own_ca_sets = Vec::with_capacity(binding.client_auth.ca_sets.len());
    for id in &binding.client_auth.ca_sets {
        match known.ca_sets.get(id) {
            Some((set, checked)) => {
                model.push(*set);
                own_ca_sets.push(Arc::clone(checked));
            }
            None => problems.add(
                &place,
                format!(
                    "needs the CA set {id}, which is not active on {}",
                    known.network
                ),
            ),
        }
    }
    let compiled = earlier
        .filter(|earlier| earlier.binding.rules == binding.rules)
        .map(|earlier| Arc::clone(&earlier.program));
    let program = check_rules(binding, known, compiled, &place, problems)?;
    (problems.0.len() == before).then(|| {
        let mut client_auth = binding.client_auth.clone();
        let revocation = &mut client_auth.policy.revocation;
        // Rules that ask for the status make it looked at: there is one engine, and what it does not look at it cannot tell.
        if program.asks_for_revocation_status() && revocation.mode == RevocationMode::Off {
            (revocation.mode, revocation.scope) = (RevocationMode::Prefer, RevocationScope::Leaf);
        }
        if let Some(earlier) =
            earlier.filter(|earlier| is_as_before(earlier, binding, &client_auth, &own_ca_sets))
        {
            return Arc::clone(earlier);
        }
        let binding = Binding {
            client_auth,
            ..binding.clone()
        };
        Arc::new(CheckedBinding {
            policy_identity: PolicyIdentity::new(&binding.client_auth, model),
            binding,
            ca_sets: own_ca_sets,
            program,
        })
    })
}

/// TLS or none, and what is said about it.
fn check_transport(binding: &Binding, place: &str, problems: &mut Problems) {
    let is_plain = binding.plain_http == PlainHttp::Serve;
    let is_http = binding.service == Service::Http;
    let speaks = binding.strict_transport.is_some();
    let asks = binding.client_auth.mode != ClientAuthMode::Off;
    let wrong = [
        (
            !is_plain && binding.server_certificates.is_empty(),
            "has no server certificate",
        ),
        (
            is_plain && !binding.server_certificates.is_empty(),
            "is served without TLS and has a server certificate",
        ),
        (
            is_plain && asks,
            "is served without TLS and asks for client certificates",
        ),
        (
            is_plain && speaks,
            "is served without TLS and tells clients to come over TLS",
        ),
        (
            !is_http && (speaks || binding.plain_http != PlainHttp::Refuse),
            "passes bytes on and has something to say in HTTP",
        ),
    ];
    for (_, problem) in wrong.into_iter().filter(|(is_wrong, _)| *is_wrong) {
        problems.add(place, problem);
    }
}

/// Whether an earlier binding is this one, with the same CA sets.
fn is_as_before(
    earlier: &CheckedBinding,
    binding: &Binding,
    client_auth: &ClientAuth,
    ca_sets: &[Arc<CheckedCaSet>],
) -> bool {
    // Every field, so that a new one cannot be forgotten.
    let Binding {
        id,
        names,
        server_certificates,
        tls,
        client_auth: _,
        rules,
        origin,
        service,
        property,
        plain_http,
        strict_transport,
    } = binding;
    let before = &earlier.binding;
    before.id == *id
        && before.names == *names
        && before.server_certificates == *server_certificates
        && before.tls == *tls
        && before.client_auth == *client_auth
        && before.rules == *rules
        && before.origin == *origin
        && before.service == *service
        && before.property == *property
        && before.plain_http == *plain_http
        && before.strict_transport == *strict_transport
        && earlier.ca_sets.len() == ca_sets.len()
        && earlier
            .ca_sets
            .iter()
            .zip(ca_sets)
            .all(|(one, other)| Arc::ptr_eq(one, other))
}

fn check_rules(
    binding: &Binding,
    known: &Known<'_>,
    compiled: Option<Arc<Program>>,
    place: &str,
    problems: &mut Problems,
) -> Option<Arc<Program>> {
    let takes_http = binding.service == Service::Http;
    let check_origin = |id: &str, who: &str, problems: &mut Problems| match known.origins.get(id) {
        None => problems.add(
            place,
            format!("{who} the origin {id}, which is not in the snapshot"),
        ),
        Some(is_http) if *is_http != takes_http => problems.add(
            place,
            format!(
                "{who} the origin {id}, which takes {}",
                if *is_http {
                    "HTTP, not bytes"
                } else {
                    "bytes, not HTTP"
                }
            ),
        ),
        Some(_) => {}
    };
    check_origin(binding.origin.as_str(), "needs", problems);
    let program = match compiled.map_or_else(
        || {
            RuleTree::from_json(&binding.rules)
                .and_then(|tree| compile(&tree))
                .map(Arc::new)
        },
        Ok,
    ) {
        Ok(program) => program,
        Err(found) => {
            for problem in found {
                problems.add(place, format!("rules {problem}"));
            }
            return None;
        }
    };
    for origin in program.origins() {
        check_origin(&origin.key, "its rules need", problems);
    }
    // A set that the client-auth policy does not name is satisfied by nobody here: one tree serves names that are asked for certificates of
    // different sets. A set that the network does not know is a mistake.
    for ca_set in program.ca_sets() {
        let is_known = ca_set
            .parse()
            .is_ok_and(|id: CaSetId| known.ca_sets.contains_key(&id));
        if !is_known {
            problems.add(
                place,
                format!(
                    "its rules ask for the CA set {ca_set}, which is not active on {}",
                    known.network
                ),
            );
        }
    }
    // Nor is a request sent without the signature that it should have.
    if program.signs() && !known.can_sign {
        problems.add(
            place,
            "its rules have requests signed, and there is no key to sign with",
        );
    }
    // Without it, every request under that rule would fail.
    for credential in program.credentials() {
        if !known.client_credentials.contains(credential.as_str()) {
            problems.add(
                place,
                format!(
                    "its rules show the client credential {credential}, which is not active on {}",
                    known.network
                ),
            );
        }
    }
    Some(program)
}
