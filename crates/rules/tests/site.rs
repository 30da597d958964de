//! The short form means what it says, and falls to the stricter side.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[path = "support/request.rs"]
mod request;

use countersign_rules::{
    Denial, Enforcement, EnforcementResult, IdentityPresets, Outcome, Program, RuleTree,
    SiteOrigin, SiteRules, compile, site_rules,
};
use request::Request;

fn site() -> SiteRules {
    SiteRules {
        ca_sets: vec!["one".to_owned()],
        enforcement: Enforcement::Deny,
        open_paths: Vec::new(),
        denied_paths: Vec::new(),
        certificate_paths: Vec::new(),
        forward: IdentityPresets::RFC9440 | IdentityPresets::XFCC,
        sign: false,
        origin: SiteOrigin::Id("main".to_owned()),
    }
}

fn paths(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

fn program(site: SiteRules) -> Program {
    let tree = site_rules(site);
    assert_eq!(
        RuleTree::from_json(&tree.to_json()).unwrap(),
        tree,
        "it is an ordinary tree"
    );
    let program = compile(&tree).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert!(program.warnings().is_empty(), "{:?}", program.warnings());
    program
}

#[track_caller]
fn check(program: &Program, request: &Request, expected: &str) {
    let found = match program.decide(request).outcome {
        Outcome::Deny(Denial::CertificateRequired { .. }) => "certificate",
        Outcome::Deny(Denial::AccessDenied { .. }) => "denied",
        Outcome::Forward => "forward",
        other => panic!("{other:?}"),
    };
    assert_eq!(found, expected, "{}", request.path);
}

#[test]
fn a_certificate_is_needed_everywhere_but_on_open_paths() {
    let program = program(SiteRules {
        open_paths: paths(&["/health", "/public/*"]),
        ..site()
    });
    for (path, expected) in [
        ("/", "certificate"),
        ("/health", "forward"),
        ("/Health", "certificate"),
        ("/health/x", "certificate"),
        ("/healthy", "certificate"),
        ("/public/a", "forward"),
        ("/public", "certificate"),
        ("/PUBLIC/a", "certificate"),
    ] {
        check(&program, &Request::to(path), expected);
        check(
            &program,
            &Request::to(path).with_certificate(&["two"]),
            expected,
        );
        check(
            &program,
            &Request::to(path).with_certificate(&["one"]),
            "forward",
        );
    }
    let request = Request::to("/").with_certificate(&["one"]);
    let decision = program.decide(&request);
    assert_eq!(decision.origin, Some("main"));
    assert!(decision.client_verified);
    assert_eq!(
        decision.forward_identity.presets,
        IdentityPresets::RFC9440 | IdentityPresets::XFCC
    );
}

#[test]
fn certificate_paths_include_everything_below_them_in_any_case() {
    for pattern in ["/admin", "/admin/", "/admin/*"] {
        let program = program(SiteRules {
            certificate_paths: paths(&[pattern]),
            ..site()
        });
        for (path, expected) in [
            ("/admin", "certificate"),
            ("/admin/", "certificate"),
            ("/admin/x/y", "certificate"),
            ("/ADMIN/x", "certificate"),
            ("/administrator", "forward"),
            ("/", "forward"),
        ] {
            check(&program, &Request::to(path), expected);
        }
    }
    let everything = program(SiteRules {
        certificate_paths: paths(&["/"]),
        ..site()
    });
    check(&everything, &Request::to("/"), "certificate");
    check(&everything, &Request::to("/x"), "certificate");
}

#[test]
fn certificate_paths_win_over_open_paths_and_denied_paths_over_all() {
    let program = program(SiteRules {
        open_paths: paths(&["/*"]),
        certificate_paths: paths(&["/admin"]),
        denied_paths: paths(&["/admin/internal"]),
        ..site()
    });
    check(&program, &Request::to("/admin/x"), "certificate");
    check(
        &program,
        &Request::to("/admin/x").with_certificate(&["one"]),
        "forward",
    );
    check(
        &program,
        &Request::to("/Admin/Internal/x").with_certificate(&["one"]),
        "denied",
    );
    check(
        &program,
        &Request::to("/admin/internal").with_certificate(&["one"]),
        "denied",
    );
    check(&program, &Request::to("/x"), "forward");
}

/// Threats C3.8: recording and denying differ in nothing but the denial.
#[test]
fn recording_lets_through_and_says_what_would_have_been_refused() {
    let open_paths = paths(&["/open/*"]);
    let denying = program(SiteRules {
        open_paths: open_paths.clone(),
        ..site()
    });
    let recording = program(SiteRules {
        open_paths,
        enforcement: Enforcement::Record,
        ..site()
    });
    for request in [
        Request::to("/"),
        Request::to("/open/x"),
        Request::to("/").with_certificate(&["two"]),
        Request::to("/").with_certificate(&["one"]),
    ] {
        let would_deny = |program: &Program| {
            program
                .decide(&request)
                .enforced
                .is_some_and(|enforced| enforced.result == EnforcementResult::Failed)
        };
        check(&recording, &request, "forward");
        let denied = matches!(denying.decide(&request).outcome, Outcome::Deny(_));
        assert_eq!(
            (would_deny(&denying), would_deny(&recording)),
            (denied, denied),
            "{}",
            request.path
        );
        assert_eq!(
            denying.decide(&request).client_verified,
            recording.decide(&request).client_verified
        );
    }
}

#[test]
fn nothing_is_asked_for_when_enforcement_is_off_but_denied_paths_stay_denied() {
    let program = program(SiteRules {
        enforcement: Enforcement::Off,
        ca_sets: Vec::new(),
        certificate_paths: paths(&["/admin"]),
        denied_paths: paths(&["/internal"]),
        ..site()
    });
    check(&program, &Request::to("/admin"), "forward");
    check(&program, &Request::to("/internal/x"), "denied");
    let request = Request::to("/");
    assert!(!program.decide(&request).client_verified);
}

/// Invariant I1: enforcement without a CA set does not compile, rather than letting everyone or no one in.
#[test]
fn enforcement_without_a_ca_set_is_refused() {
    for enforcement in [Enforcement::Deny, Enforcement::Record] {
        let problems = compile(&site_rules(SiteRules {
            ca_sets: Vec::new(),
            enforcement,
            ..site()
        }))
        .unwrap_err();
        assert_eq!(problems[0].code, "no_values");
        assert_eq!(
            problems[0].pointer,
            "/rules/behaviors/2/options/certificateAuthoritySet"
        );
    }
}

#[test]
fn an_origin_may_be_an_address() {
    let origin = SiteOrigin::Host {
        hostname: "origin.example.com".to_owned(),
        https_port: 8443,
    };
    let program = program(SiteRules { origin, ..site() });
    let request = Request::to("/").with_certificate(&["one"]);
    assert_eq!(
        program.decide(&request).origin,
        Some("origin.example.com:8443")
    );
    assert_eq!(program.ca_sets(), ["one"]);
}
