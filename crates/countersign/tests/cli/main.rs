//! The client commands as people and programs use them: the real binary against a real instance, whole outputs compared.
//!
//! Each `.txt` file here is a transcript: every line that starts with `$ ` is run, in order, and what is below it has to come out. Lines
//! of standard error start with `! `. `UPDATE_GOLDEN=1` writes the transcripts anew, for review.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::os::unix::fs::PermissionsExt as _;

use countersign_testkit::wait;
use support::World;

#[test]
fn ca_sets_are_made_activated_rotated_rolled_back_and_deleted() {
    World::started().check("ca_sets.txt");
}

#[test]
fn a_site_is_one_command_and_certificates_can_be_kept_apart() {
    World::started().check("sites.txt");
}

#[test]
fn client_credentials_are_activated_rotated_and_rolled_back() {
    World::started().check("client_credentials.txt");
}

#[test]
fn people_without_a_ca_get_certificates_that_openssl_believes() {
    World::empty().check("pki.txt");
}

#[test]
fn certificates_are_revoked_by_hand_and_let_in_again() {
    World::started().check("revoke.txt");
}

#[test]
fn what_a_network_says_is_explained_without_sending_anything() {
    World::started().check("explain.txt");
}

/// The certificate of a refused client is in the log; what it was told and what is explained are the same.
#[test]
fn a_refusal_is_explained_from_its_log_record_alone() {
    let world = World::started();
    let edge = world.edge();
    for (client, reason) in [
        ("expired", "expired"),
        ("unknown", "unknown_issuer"),
        ("", "missing"),
    ] {
        let cert = match client {
            "" => String::new(),
            name => format!("--cert countersign-data/demo/{name}.pem"),
        };
        let curl =
            format!("curl -sS --cacert countersign-data/demo/server-ca.pem {cert} {edge}/a?b=c");
        let told: serde_json::Value = serde_json::from_slice(&world.shell(&curl).stdout).unwrap();
        assert_eq!(told["reason"], reason);
        let id = told["request_id"].as_str().unwrap();
        let explained = wait::until("the record", || {
            let output = world.run(&format!(
                "explain --log-record countersign-data/access.log --request-id {id} -o json"
            ));
            assert_ne!(output.status.code(), Some(2));
            serde_json::from_slice::<serde_json::Value>(&output.stdout)
                .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())
        });
        assert_eq!(explained["record"]["reason"], reason);
        let explanation = &explained["explanation"];
        assert_eq!(explanation["decision"]["reason"], reason);
        assert_eq!(explanation["request"]["path"], "/a");
        assert_eq!(explanation["generation"], explained["record"]["generation"]);
    }
}

#[test]
fn refusals_in_logs_are_summarised_with_what_to_do() {
    World::empty().check("logs.txt");
}

/// What strangers made the edge write, or a disk that was full: a gigabyte without an end of line, halves of records, no UTF-8, and names that
/// would write on the terminal. The report has a quarter of that memory.
#[test]
fn a_hostile_log_is_summarised_in_little_memory_and_shows_nothing_as_it_is() {
    let world = World::empty();
    let record = |host: &str, subject: &str| {
        format!(
            "{{\"event\":\"request\",\"time\":\"2026-06-01T00:00:00Z\",\"host\":\"{host}\",\"client_subject\":\"{subject}\",\"reason\":\"expired\"}}\n"
        )
    };
    let mut log = record("a.test\\u001b[2J", "CN=\\u202egnp\\u0007\\u009b31m").into_bytes();
    log.extend_from_slice(b"{\"event\":\"request\",\"time\":\"2026-06-0");
    log.extend_from_slice(b"\n\xff\xfe\x00 no text\n");
    let mut long = vec![b'x'; 5 << 20];
    long.push(b'\n');
    log.extend_from_slice(&long);
    log.extend_from_slice(record("b.test", "CN=b").as_bytes());
    std::fs::write(world.path("hostile.log"), log).unwrap();
    let sparse = std::fs::File::create(world.path("sparse.log")).unwrap();
    sparse.set_len(1 << 30).unwrap();
    let script = "ulimit -v 262144; countersign logs report sparse.log hostile.log";
    let output = world.shell(script);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("refused       2"), "{text}");
    assert!(text.contains("unreadable    2 lines"), "{text}");
    assert!(text.contains("a.test\\u{1b}[2J"), "{text}");
    let is_bad = |it: char| (it.is_control() && it != '\n') || it == '\u{202e}';
    assert!(!text.contains(is_bad), "{text:?}");
}

#[test]
fn mistakes_are_explained_with_what_helps() {
    World::started().check("mistakes.txt");
}

#[test]
fn api_clients_of_a_running_instance_prove_themselves_by_token_and_by_signature() {
    let world = World::started();
    world.check("api_clients.txt");
    for file in ["token", "edgerc"] {
        let mode = std::fs::metadata(world.path(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn a_stopped_instance_is_worked_on_directly() {
    let mut world = World::started();
    world.stop();
    world.check("stopped.txt");
}

#[test]
fn programs_get_the_answers_of_the_api_as_json() {
    let world = World::started();
    let sets = world.json("ca-set list -o json");
    assert_eq!(sets["caSets"][0]["caSetName"], "demo");
    let set = world.json("ca-set show demo -o json");
    assert_eq!(set["productionVersion"], 1);
    world.json("ca-set version create demo --ca countersign-data/demo/other-ca.pem -o json");
    let diff = world.json("ca-set version diff demo 1 2 -o json");
    assert_eq!(
        diff["removed"][0]["subject"],
        "CN=Demo Root CA,O=Countersign Demo"
    );
    assert_eq!(
        diff["added"][0]["subject"],
        "CN=Stranger Root CA,O=Somebody Else"
    );
    assert_eq!(diff["unchanged"], 0);
    let activation = world.json("ca-set activate demo 2 --network staging --yes --wait -o json");
    assert_eq!(activation["activationStatus"], "COMPLETE");
    let entries = world.json("audit list --limit 1 -o json");
    assert_eq!(entries["entries"].as_array().unwrap().len(), 1);
}

#[test]
fn usage_errors_have_the_exit_code_2() {
    let world = World::empty();
    for arguments in [
        "ca-set",
        "ca-set activate x 0 --network staging",
        "ca-set activate x 1 --network moon",
        "audit list --limit 0",
    ] {
        let output = world.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments}");
    }
}
