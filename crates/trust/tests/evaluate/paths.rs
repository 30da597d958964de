//! Finding the path.

use std::time::Instant;

use countersign_testkit::der;
use countersign_testkit::pki::{Ca, Key, KeyKind, Pki};
use countersign_trust::{Certificate, Verdict};

use crate::check::{Case, NOW, check};

fn path_subjects(verdict: &Verdict) -> Vec<String> {
    match verdict {
        Verdict::Valid(chain) => chain
            .path()
            .iter()
            .map(|certificate| certificate.subject().to_rfc2253())
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_below_a_root_and_below_an_intermediate_is_valid() {
    let root = Pki::new().root("root");
    check(&root.client("a").issue(), &[&root], "valid");
    let issuing = root.intermediate("policy").intermediate("issuing");
    let verdict = check(&issuing.client("b").issue(), &[&root], "valid");
    assert_eq!(
        path_subjects(&verdict),
        ["CN=b", "CN=issuing", "CN=policy", "CN=root"]
    );
}

#[test]
fn an_intermediate_of_the_set_is_an_anchor() {
    let root = Pki::new().root("root");
    let issuing = root.intermediate("issuing");
    let client = issuing.client("a").issue();
    let verdict = check(&client, &[&issuing], "valid");
    assert_eq!(path_subjects(&verdict), ["CN=a", "CN=issuing"]);
    // … also when the client does not send it.
    check(&client.without_intermediates(), &[&issuing], "valid");
}

#[test]
fn the_set_supplies_intermediates_that_clients_do_not_send() {
    let root = Pki::new().root("root");
    let issuing = root.intermediate("issuing");
    let client = issuing.client("a").issue().without_intermediates();
    check(&client, &[&root, &issuing], "valid");
}

#[test]
fn order_roots_and_strangers_in_the_chain_do_not_matter() {
    let root = Pki::new().root("root");
    let policy = root.intermediate("policy");
    let issuing = policy.intermediate("issuing");
    let stranger = Pki::new().root("stranger");
    let client = issuing.client("a").issue();
    let der = |ca: &Ca| ca.der().to_vec();
    for chain in [
        vec![client.der().to_vec(), der(&policy), der(&issuing)],
        vec![
            client.der().to_vec(),
            der(&issuing),
            der(&policy),
            der(&root),
        ],
        vec![
            client.der().to_vec(),
            der(&root),
            der(&stranger),
            der(&policy),
            der(&policy),
            der(&issuing),
        ],
    ] {
        Case::new(chain, &[&root]).is("valid");
    }
}

/// Threats C3.5: identity is certificate 0 of the verified path and nothing else.
#[test]
fn a_stuffed_chain_never_lends_its_identity() {
    let root = Pki::new().root("root");
    let real = root.client("real").issue();
    let admin = Pki::new().self_signed("admin").issue();
    let good_first = Case::new(vec![real.der().to_vec(), admin.der().to_vec()], &[&root]);
    match good_first.is("valid") {
        Verdict::Valid(chain) => {
            assert_eq!(chain.identity().subject().to_rfc2253(), "CN=real");
        }
        other => panic!("{other:?}"),
    }
    Case::new(vec![admin.der().to_vec(), real.der().to_vec()], &[&root]).is("unknown_issuer");
}

#[test]
fn a_cross_signed_ca_is_found_over_either_root() {
    let old = Pki::new().root("old root");
    let new = Pki::new().root("new root");
    let crossed = old.cross_sign(&new);
    let issuing = new.intermediate("issuing");
    let client = issuing.client("a").issue().sending_also(&crossed);
    check(&client, &[&old], "valid");
    check(&client, &[&new], "valid");
    check(&client, &[&old, &new], "valid");
}

#[test]
fn two_roots_that_signed_each_other_are_no_endless_loop() {
    let a = Pki::new().root("a");
    let b = Pki::new().root("b");
    let a_by_b = b.cross_sign(&a);
    let b_by_a = a.cross_sign(&b);
    let other = Pki::new().root("other");
    let client = a
        .client("x")
        .issue()
        .sending_also(&a_by_b)
        .sending_also(&b_by_a)
        .sending_also(&b);
    check(&client, &[&b], "valid");
    check(&client, &[&other], "unknown_issuer");
}

#[test]
fn a_re_keyed_ca_of_the_same_name_is_told_apart_by_key() {
    let old = Pki::new().root("root");
    let new = Pki::new().root("root");
    let of_old = old.client("a").issue();
    let of_new = new.client("b").issue();
    for set in [[&old, &new], [&new, &old]] {
        check(&of_old, &set, "valid");
        check(&of_new, &set, "valid");
    }
    // The certificate says itself (authority key identifier) that another key of that name signed it.
    let verdict = check(&of_old, &[&new], "unknown_issuer");
    assert!(
        crate::check::explanation(&verdict)
            .0
            .contains("with another key")
    );
}

#[test]
fn same_names_without_key_identifiers_are_tried_until_a_key_fits() {
    let roots: Vec<_> = (0..30)
        .map(|_| {
            Pki::new()
                .request_root("root")
                .no_key_identifiers()
                .issue_ca()
        })
        .collect();
    let all: Vec<_> = roots.iter().collect();
    let client = roots[29].client("a").no_key_identifiers().issue();
    check(&client, &all, "valid");
    check(&client, &all[..29], "bad_signature");
}

#[test]
fn a_renewed_ca_with_the_same_key_saves_what_the_expired_one_issued() {
    let old = Pki::new().request_root("root").expired(NOW).issue_ca();
    let renewed = Pki::new().request_root("root").key(old.key()).issue_ca();
    let client = old.client("a").issue();
    check(&client, &[&old], "issuer_expired");
    check(&client, &[&old, &renewed], "valid");
}

#[test]
fn names_are_compared_as_rfc_5280_says() {
    let root = Pki::new().request_root("Example  Root").issue_ca();
    let client = root
        .client("a")
        .edit(|tbs| {
            tbs.issuer = der::name(&[("CN", "EXAMPLE ROOT")]);
        })
        .issue();
    check(&client, &[&root], "valid");
}

#[test]
fn valid_until_is_the_earliest_end_on_the_path() {
    let root = Pki::new().root("root");
    let issuing = root
        .request_intermediate("issuing")
        .valid(NOW - 10, NOW + 50)
        .issue_ca();
    let client = issuing.client("a").valid(NOW - 10, NOW + 100).issue();
    match check(&client, &[&root], "valid") {
        Verdict::Valid(chain) => {
            assert_eq!(chain.valid_until().as_secs(), NOW + 50);
            assert_eq!(chain.evaluated_at().as_secs(), NOW);
            assert_eq!(chain.anchor(), &Certificate::from_der(root.der()).unwrap());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_ends_of_validity_are_valid() {
    let root = Pki::new().root("root");
    let client = root.client("a").valid(NOW, NOW + 10).issue();
    Case::of(&client, &[&root]).at(NOW - 1).is("not_yet_valid");
    Case::of(&client, &[&root]).at(NOW).is("valid");
    Case::of(&client, &[&root]).at(NOW + 10).is("valid");
    Case::of(&client, &[&root]).at(NOW + 11).is("expired");
}

#[test]
fn a_version_1_leaf_is_believed_and_a_version_1_ca_is_not() {
    let root = Pki::new().root("root");
    let leaf = root.client("a").edit(|tbs| tbs.make_version_1()).issue();
    check(&leaf, &[&root], "valid");
    let intermediate = root
        .request_intermediate("issuing")
        .edit(|tbs| tbs.make_version_1())
        .issue_ca();
    check(
        &intermediate.client("b").no_key_identifiers().issue(),
        &[&root],
        "unsupported_version",
    );
    let anchor = Pki::new()
        .request_root("old")
        .edit(|tbs| tbs.make_version_1())
        .issue_ca();
    check(
        &anchor.client("c").no_key_identifiers().issue(),
        &[&anchor],
        "unsupported_version",
    );
}

/// Threats C3.4: many CAs that look alike cost little.
#[test]
fn two_hundred_cross_signed_look_alikes_are_searched_quickly() {
    let key = Key::generate(KeyKind::P256);
    let look_alikes: Vec<_> = (0..200)
        .map(|_| {
            Pki::new()
                .request_root("look-alike")
                .no_key_identifiers()
                .issue_ca()
        })
        .collect();
    let set: Vec<_> = look_alikes.iter().collect();
    let issuing = look_alikes[199]
        .request_intermediate("issuing")
        .key(&key)
        .no_key_identifiers()
        .issue_ca();
    let mut client = issuing.client("a").no_key_identifiers().issue();
    for crossing in look_alikes.iter().take(8) {
        client = client.sending_also(&crossing.cross_sign(&issuing));
    }
    let case = Case::of(&client, &set);
    let started = Instant::now();
    case.is("valid");
    // Parsing 200 certificates is in this, and the code is not optimised; the claim itself (50 ms) is in the benchmark.
    assert!(
        started.elapsed().as_millis() < 2_000,
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn a_search_without_end_is_given_up() {
    let look_alikes: Vec<_> = (0..500)
        .map(|_| {
            Pki::new()
                .request_root("look-alike")
                .no_key_identifiers()
                .issue_ca()
        })
        .collect();
    let set: Vec<_> = look_alikes[..499].iter().collect();
    let client = look_alikes[499].client("a").no_key_identifiers().issue();
    check(&client, &set, "search_exhausted");
}

#[test]
fn a_mesh_of_cas_with_one_name_and_one_key_is_no_maze() {
    let key = Key::generate(KeyKind::P256);
    let mesh: Vec<_> = (0..9)
        .map(|_| Pki::new().request_root("mesh").key(&key).issue_ca())
        .collect();
    let other = Pki::new().root("other");
    let mut chain = vec![mesh[0].client("a").issue().der().to_vec()];
    chain.extend(mesh.iter().map(|ca| ca.der().to_vec()));
    Case::new(chain, &[&other]).is("unknown_issuer");
}
