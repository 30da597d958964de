use countersign_api::v1::sites::{SiteMutualAuthentication, SiteOrigin, SiteSettings};
use countersign_snapshot::{SealingKey, Secret, ServerCertificate, VersionNumber};
use countersign_testkit::Pki;
use countersign_trust::Sha1Signatures;

use super::*;
use crate::app::sites::CheckedEdgeCertificate;

const NETWORK: Network = Network::Staging;

/// Sites that share an edge certificate; each knows one of the CA sets.
fn state(sites: u32, ca_sets: u32) -> NetworkState {
    let ca = Pki::new().root("Root");
    let server = ca.server(["*.a.test"]).issue();
    let key = SealingKey::generate().unwrap();
    let secret = Secret::new(server.key_der().to_vec());
    let certificate = ServerCertificate {
        id: made_id("key-pair", 1),
        chain: server.chain_der(),
        key: key.seal(ServerCertificate::SEAL_CONTEXT, &secret).unwrap(),
    };
    let mut state = NetworkState::default();
    let enforced = EnforcedEdgeCertificate {
        settings: CheckedEdgeCertificate::new(&Default::default()).unwrap(),
        certificates: vec![certificate],
    };
    let certificates = &mut state.edge_certificates;
    certificates.insert(EdgeCertificateId::new(1), Arc::new(enforced));
    for number in 1..=ca_sets {
        let id = CaSetId::new(number.into());
        let set = CaSet {
            id,
            owner: None,
            name: format!("set-{number}"),
            version: VersionNumber::new(1),
            sha1: Sha1Signatures::Refuse,
            certificates: vec![ca.der().to_vec()],
            policy: countersign_trust::Policy::default(),
        };
        state.ca_sets.insert(id, Arc::new(set));
    }
    for number in 1..=sites {
        let settings = SiteSettings {
            hostnames: vec![format!("site-{number}.a.test")],
            edge_certificate_ids: vec!["1".to_owned()],
            mutual_authentication: Some(SiteMutualAuthentication {
                ca_set_ids: vec![(number % ca_sets + 1).to_string()],
                open_paths: vec!["/health".to_owned()],
                ..SiteMutualAuthentication::default()
            }),
            origin: SiteOrigin {
                url: "http://127.0.0.1:8080".to_owned(),
                ..SiteOrigin::default()
            },
            ..SiteSettings::default()
        };
        let site = Activated {
            pinned: Vec::new(),
            version: PropertyVersion {
                name: format!("site {number}"),
                version: VersionNumber::new(1),
            },
            checked: Arc::new(CheckedSite::new(&settings).unwrap()),
        };
        state.sites.insert(SiteId::new(number.into()), site);
    }
    state
}

fn publish(state: &NetworkState, generation: u64, key: &SigningKey) -> Compiled {
    let created = UnixTime::from_secs(i64::try_from(generation).unwrap());
    state
        .publishable(NETWORK, Generation::new(generation), created, key)
        .unwrap()
}

#[test]
fn the_same_state_gives_the_same_bytes_but_for_number_and_time() {
    let key = SigningKey::generate().unwrap().0;
    let state = state(20, 5);
    let (first, second) = (publish(&state, 1, &key), publish(&state, 2, &key));
    assert_eq!(first.content, second.content);
    assert_ne!(first.signed.digest(), second.signed.digest());
    assert_eq!(publish(&state, 1, &key).signed, first.signed);
    assert_eq!(state.content(NETWORK, &key).unwrap(), first.content);
}

#[test]
fn what_is_missing_is_named_and_nothing_is_signed() {
    let key = SigningKey::generate().unwrap().0;
    let refusal = |state: &NetworkState| {
        let (generation, created) = (Generation::new(1), UnixTime::from_secs(1));
        let refused = state.publishable(NETWORK, generation, created, &key);
        refused.unwrap_err().to_string()
    };
    let mut without_set = state(3, 3);
    without_set.ca_sets.remove(&CaSetId::new(2));
    assert!(refusal(&without_set).contains("site 1 needs the CA set 2"));
    let mut without_certificate = state(1, 1);
    without_certificate.edge_certificates.clear();
    assert!(refusal(&without_certificate).contains("site 1 needs the edge certificate 1"));
}

/// 2,000 sites and 200 CA sets in an unoptimised build: anything that looks at each pair would not end in time.
#[test]
fn the_work_grows_with_the_number_of_things_not_of_pairs() {
    let key = SigningKey::generate().unwrap().0;
    let time = |sites: u32, ca_sets: u32| {
        let state = state(sites, ca_sets);
        let begin = std::time::Instant::now();
        publish(&state, 1, &key);
        begin.elapsed()
    };
    let (small, large) = (time(200, 20), time(2_000, 200));
    println!("200 × 20: {small:?}, 2,000 × 200: {large:?}");
    assert!(large < small * 40, "{small:?} became {large:?}");
}
