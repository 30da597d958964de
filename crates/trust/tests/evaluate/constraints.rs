//! Path length, name constraints and certificate policies.

use countersign_testkit::der;
use countersign_testkit::pki::{Ca, Pki, Request};

use crate::check::check;

#[test]
fn path_length_counts_intermediates_below() {
    let root = Pki::new().request_root("root").path_length(1).issue_ca();
    let one = root.intermediate("one");
    check(&one.client("a").issue(), &[&root], "valid");
    let two = one.intermediate("two");
    check(&two.client("b").issue(), &[&root], "path_length");
    let zero = root.request_intermediate("zero").path_length(0).issue_ca();
    check(&zero.client("c").issue(), &[&root], "valid");
    check(
        &zero.intermediate("below").client("d").issue(),
        &[&root],
        "path_length",
    );
}

#[test]
fn self_issued_intermediates_do_not_count() {
    let root = Pki::new().request_root("root").path_length(0).issue_ca();
    let re_keyed = root.request_intermediate("root").issue_ca();
    check(&re_keyed.client("a").issue(), &[&root], "valid");
}

fn constrained(limit: impl FnOnce(Request) -> Request) -> (Ca, Ca) {
    let root = Pki::new().root("root");
    let issuing = limit(root.request_intermediate("issuing")).issue_ca();
    (root, issuing)
}

#[test]
fn dns_names_stay_inside() {
    let (root, issuing) = constrained(|ca| {
        ca.permit(der::dns("example.com"))
            .exclude(der::dns("secret.example.com"))
    });
    for (name, expected) in [
        ("a.example.com", "valid"),
        ("example.com", "valid"),
        ("a.example.org", "name_constraint"),
        ("a.secret.example.com", "name_constraint"),
        ("*.example.com", "name_constraint"),
        ("a.example.com.", "name_constraint"),
    ] {
        check(&issuing.client("x").dns(name).issue(), &[&root], expected);
    }
    check(
        &issuing
            .client("x")
            .dns("a.example.com")
            .dns("b.evil")
            .issue(),
        &[&root],
        "name_constraint",
    );
    // A name of another kind is not bound by it.
    check(
        &issuing.client("x").uri("https://evil/").issue(),
        &[&root],
        "valid",
    );
}

#[test]
fn mail_addresses_stay_inside_also_in_the_subject() {
    let (root, issuing) = constrained(|ca| ca.permit(der::email("example.com")));
    check(
        &issuing.client("x").email("a@example.com").issue(),
        &[&root],
        "valid",
    );
    check(
        &issuing.client("x").email("a@evil.com").issue(),
        &[&root],
        "name_constraint",
    );
    let attribute = |address: &str| {
        der::sequence([der::set([der::sequence([
            der::oid("1.2.840.113549.1.9.1"),
            der::ia5_string(address),
        ])])])
    };
    check(
        &issuing
            .client("x")
            .subject_der(attribute("a@example.com"))
            .issue(),
        &[&root],
        "valid",
    );
    check(
        &issuing
            .client("x")
            .subject_der(attribute("a@evil.com"))
            .issue(),
        &[&root],
        "name_constraint",
    );
}

/// RUSTSEC-2026-0098: URI constraints are not ignored.
#[test]
fn uris_stay_inside() {
    let (root, issuing) = constrained(|ca| ca.permit(der::uri("example.com")));
    check(
        &issuing.client("x").uri("spiffe://example.com/a").issue(),
        &[&root],
        "valid",
    );
    check(
        &issuing.client("x").uri("spiffe://evil.com/a").issue(),
        &[&root],
        "name_constraint",
    );
    check(
        &issuing.client("x").uri("urn:a:b").issue(),
        &[&root],
        "name_constraint",
    );
    let (root, issuing) = constrained(|ca| ca.exclude(der::uri(".evil.com")));
    check(
        &issuing.client("x").uri("https://a.evil.com/").issue(),
        &[&root],
        "name_constraint",
    );
    check(
        &issuing.client("x").uri("https://a.good.com/").issue(),
        &[&root],
        "valid",
    );
}

#[test]
fn addresses_stay_inside() {
    let network = der::implicit(7, [192, 0, 2, 0, 255, 255, 255, 0]);
    let (root, issuing) = constrained(|ca| ca.permit(network));
    check(
        &issuing.client("x").ip([192, 0, 2, 9]).issue(),
        &[&root],
        "valid",
    );
    check(
        &issuing.client("x").ip([192, 0, 3, 9]).issue(),
        &[&root],
        "name_constraint",
    );
    check(
        &issuing.client("x").ip([0_u16, 0, 0, 0, 0, 0, 0, 1]).issue(),
        &[&root],
        "name_constraint",
    );
}

#[test]
fn subjects_stay_inside_a_directory_name() {
    let base = der::name(&[("C", "US"), ("O", "Example")]);
    let (root, issuing) = constrained(|ca| ca.permit(der::explicit(4, base)));
    let client = |subject: &[(&str, &str)]| issuing.client("").subject(subject).issue();
    check(
        &client(&[("C", "us"), ("O", "EXAMPLE"), ("CN", "x")]),
        &[&root],
        "valid",
    );
    check(
        &client(&[("C", "US"), ("O", "Other"), ("CN", "x")]),
        &[&root],
        "name_constraint",
    );
    check(
        &client(&[("O", "Example"), ("C", "US")]),
        &[&root],
        "name_constraint",
    );
}

#[test]
fn every_ca_of_the_path_has_its_say_and_so_has_the_anchor() {
    let root = Pki::new()
        .request_root("root")
        .permit(der::dns("example.com"))
        .issue_ca();
    let issuing = root
        .request_intermediate("i")
        .permit(der::dns("a.example.com"))
        .issue_ca();
    check(
        &issuing.client("x").dns("a.example.com").issue(),
        &[&root],
        "valid",
    );
    check(
        &issuing.client("x").dns("b.example.com").issue(),
        &[&root],
        "name_constraint",
    );
    check(
        &root.client("x").dns("evil.com").issue(),
        &[&root],
        "name_constraint",
    );
    // An intermediate's own names are bound as well.
    let named = root.request_intermediate("n").dns("evil.com").issue_ca();
    check(&named.client("x").issue(), &[&root], "name_constraint");
}

#[test]
fn constraints_on_names_that_we_cannot_compare_refuse_such_names() {
    let other = || {
        der::explicit(
            0,
            [der::oid("1.2.3"), der::explicit(0, der::utf8_string("x"))].concat(),
        )
    };
    let (root, issuing) = constrained(|ca| ca.permit(other()));
    check(&issuing.client("x").issue(), &[&root], "valid");
    check(
        &issuing.client("x").name(other()).issue(),
        &[&root],
        "name_constraint",
    );
    let (root, issuing) = constrained(|ca| ca.exclude(other()));
    check(
        &issuing.client("x").name(other()).issue(),
        &[&root],
        "name_constraint",
    );
}

#[test]
fn comparing_names_has_a_budget() {
    let root = Pki::new().root("root");
    let mut request = root.request_intermediate("issuing");
    for number in 0..1_000 {
        request = request.exclude(der::dns(&format!("x{number}.example")));
    }
    let issuing = request.issue_ca();
    let mut request = issuing.client("a");
    for number in 0..1_000 {
        request = request.dns(&format!("y{number}.example"));
    }
    check(&request.issue(), &[&root], "search_exhausted");
}

/// `requireExplicitPolicy` after so many certificates.
fn requires_policy(request: Request, after: u8) -> Request {
    let value = der::sequence([der::implicit(0, [after])]);
    request.extension("2.5.29.36", true, value)
}

fn with_policies(request: Request, policies: &[&str]) -> Request {
    let policies = policies
        .iter()
        .map(|policy| der::sequence([der::oid(policy)]));
    request.extension("2.5.29.32", false, der::sequence(policies))
}

const ANY_POLICY: &str = "2.5.29.32.0";

#[test]
fn policies_matter_only_when_a_ca_asks_for_one() {
    let root = Pki::new().root("root");
    let free = with_policies(root.request_intermediate("free"), &["1.2.3"]).issue_ca();
    check(&free.client("a").issue(), &[&root], "valid");
    check(
        &with_policies(free.client("a"), &["1.2.4"]).issue(),
        &[&root],
        "valid",
    );
    let strict = with_policies(
        requires_policy(root.request_intermediate("strict"), 0),
        &["1.2.3"],
    )
    .issue_ca();
    check(
        &with_policies(strict.client("a"), &["1.2.4", "1.2.3"]).issue(),
        &[&root],
        "valid",
    );
    check(
        &with_policies(strict.client("a"), &[ANY_POLICY]).issue(),
        &[&root],
        "valid",
    );
    check(
        &with_policies(strict.client("a"), &["1.2.4"]).issue(),
        &[&root],
        "certificate_policy",
    );
    check(&strict.client("a").issue(), &[&root], "certificate_policy");
}

/// Deviation: an anchor's policy constraints hold.
#[test]
fn an_anchor_may_ask_for_a_policy() {
    let root = requires_policy(Pki::new().request_root("root"), 0).issue_ca();
    check(
        &with_policies(root.client("a"), &["1.2.3"]).issue(),
        &[&root],
        "valid",
    );
    check(&root.client("a").issue(), &[&root], "certificate_policy");
    // After one certificate, which is the client's own.
    let later = requires_policy(Pki::new().request_root("root"), 2).issue_ca();
    check(&later.client("a").issue(), &[&later], "valid");
}

/// CVE-2023-0464: policies and mappings without end cost nothing much.
#[test]
fn many_policies_and_mappings_are_no_explosion() {
    let root = Pki::new().root("root");
    let policies: Vec<_> = (0..200).map(|number| format!("1.2.3.{number}")).collect();
    let names: Vec<_> = policies.iter().map(String::as_str).collect();
    let mappings = || {
        let pairs = names.iter().flat_map(|from| {
            names
                .iter()
                .take(3)
                .map(move |to| der::sequence([der::oid(from), der::oid(to)]))
        });
        der::sequence(pairs)
    };
    let mut ca = root.clone();
    for _ in 0..4 {
        ca = with_policies(requires_policy(ca.request_intermediate("ca"), 0), &names)
            .extension("2.5.29.33", true, mappings())
            .issue_ca();
    }
    check(
        &with_policies(ca.client("a"), &names[..1]).issue(),
        &[&root],
        "valid",
    );
    check(
        &with_policies(ca.client("a"), &names[9..]).issue(),
        &[&root],
        "certificate_policy",
    );
}
