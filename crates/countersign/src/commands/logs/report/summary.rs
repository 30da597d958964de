//! Counting refusals.

use std::collections::HashMap;

use countersign_trust::{Reason, UnixTime};
use serde_json::{Value, json};

/// Beyond so many different hosts, issuers or clients the rest is counted as one: a log is written by strangers too.
const NAMES_MAX: usize = 100_000;
const THE_REST: &str = "(others)";
/// Hosts of a reason, and reasons of everything else, to choose the most frequent from.
const OTHERS_MAX: usize = 60;
/// So much of a name is enough to know it by.
const NAME_MAX_CHARS: usize = 200;

/// What was counted so far.
#[derive(Debug, Default)]
pub(super) struct Summary {
    since: Option<UnixTime>,
    until: Option<UnixTime>,
    totals: Ranked,
    reasons: Counts,
    hosts: Counts,
    issuers: Counts,
    clients: Counts,
}

/// What is shown.
#[derive(Debug, Default)]
pub(super) struct Ranked {
    pub(super) records: u64,
    pub(super) requests: u64,
    pub(super) refused: u64,
    pub(super) would_deny: u64,
    pub(super) dropped: u64,
    pub(super) unreadable: u64,
    pub(super) first: Option<UnixTime>,
    pub(super) last: Option<UnixTime>,
    pub(super) reasons: Vec<Group>,
    pub(super) hosts: Vec<Group>,
    pub(super) issuers: Vec<Group>,
    pub(super) clients: Vec<Group>,
}

/// The refusals that have something in common.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) refused: u64,
    /// For a reason the host, for everything else the reason that most of them have.
    pub(super) mostly: String,
    pub(super) last: String,
    pub(super) last_request_id: String,
}

type Counts = HashMap<String, Count>;

#[derive(Debug, Default)]
struct Count {
    refused: u64,
    others: HashMap<String, u64>,
    last: Option<UnixTime>,
    last_request_id: String,
}

impl Summary {
    pub(super) fn new(since: Option<UnixTime>, until: Option<UnixTime>) -> Self {
        Self {
            since,
            until,
            ..Self::default()
        }
    }

    /// Counts a line.
    pub(super) fn add(&mut self, line: &[u8]) {
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let Ok(record) = serde_json::from_slice::<Value>(line) else {
            self.totals.unreadable += 1;
            return;
        };
        let text = |field: &str| {
            record
                .get(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let number = |field: &str| record.get(field).and_then(Value::as_u64);
        if text("event") == "records_dropped" {
            let dropped = number("records").unwrap_or_default();
            self.totals.dropped = self.totals.dropped.saturating_add(dropped);
            return;
        }
        let Ok(time) = text("time").parse::<UnixTime>() else {
            self.totals.unreadable += 1;
            return;
        };
        if self.since.is_some_and(|since| time < since)
            || self.until.is_some_and(|until| time >= until)
        {
            return;
        }
        let totals = &mut self.totals;
        let stands_for = number("sampled_one_in").unwrap_or(1).max(1);
        totals.records += 1;
        totals.first = Some(totals.first.map_or(time, |first| first.min(time)));
        totals.last = Some(totals.last.map_or(time, |last| last.max(time)));
        if text("event") == "request" {
            totals.requests = totals.requests.saturating_add(stands_for);
        }
        if !text("would_deny").is_empty() {
            totals.would_deny = totals.would_deny.saturating_add(stands_for);
        }
        let reason = text("reason");
        if reason.is_empty() {
            return;
        }
        totals.refused = totals.refused.saturating_add(stands_for);
        let host = [text("host"), text("server_name"), "(no server name)"]
            .into_iter()
            .find(|name| !name.is_empty())
            .unwrap_or_default();
        let client = [text("client_subject"), text("client_address")]
            .into_iter()
            .find(|name| !name.is_empty())
            .unwrap_or("(unknown)");
        let count = |counts: &mut Counts, name: &str, other: &str| {
            let (name, other) = (short(name), short(other));
            let name = if counts.len() >= NAMES_MAX && !counts.contains_key(name) {
                THE_REST
            } else {
                name
            };
            let count = counts.entry(name.to_owned()).or_default();
            count.refused = count.refused.saturating_add(stands_for);
            let known = count.others.contains_key(other);
            let other = if known || count.others.len() < OTHERS_MAX {
                other
            } else {
                THE_REST
            };
            let of_other = count.others.entry(other.to_owned()).or_default();
            *of_other = of_other.saturating_add(stands_for);
            if count.last.is_none_or(|last| time >= last) {
                count.last = Some(time);
                short(text("request_id")).clone_into(&mut count.last_request_id);
            }
        };
        count(&mut self.reasons, reason, host);
        count(&mut self.hosts, host, reason);
        count(&mut self.clients, client, reason);
        let issuer = text("client_issuer");
        if !issuer.is_empty() {
            count(&mut self.issuers, issuer, reason);
        }
    }

    /// The largest groups first; all reasons, and of everything else so many.
    pub(super) fn ranked(self, top: usize) -> Ranked {
        Ranked {
            reasons: ranked(self.reasons, usize::MAX),
            hosts: ranked(self.hosts, top),
            issuers: ranked(self.issuers, top),
            clients: ranked(self.clients, top),
            ..self.totals
        }
    }
}

fn short(name: &str) -> &str {
    let end = name.char_indices().nth(NAME_MAX_CHARS);
    end.and_then(|(end, _)| name.get(..end)).unwrap_or(name)
}

fn ranked(counts: Counts, top: usize) -> Vec<Group> {
    let mut groups: Vec<Group> = counts
        .into_iter()
        .map(|(name, count)| Group {
            name,
            refused: count.refused,
            mostly: count
                .others
                .into_iter()
                .max_by(|(one, more), (other, less)| more.cmp(less).then(other.cmp(one)))
                .map(|(name, _)| name)
                .unwrap_or_default(),
            last: count.last.map(|last| last.to_string()).unwrap_or_default(),
            last_request_id: count.last_request_id,
        })
        .collect();
    groups.sort_by(|one, other| (other.refused, &one.name).cmp(&(one.refused, &other.name)));
    groups.truncate(top);
    groups
}

impl Ranked {
    pub(super) fn to_json(&self) -> Value {
        let time = |time: Option<UnixTime>| time.map(|time| time.to_string());
        let groups = |groups: &[Group], mostly: &str| -> Vec<Value> {
            groups
                .iter()
                .map(|group| {
                    json!({
                        "name": group.name,
                        "refused": group.refused,
                        mostly: group.mostly,
                        "last": group.last,
                        "lastRequestId": group.last_request_id,
                    })
                })
                .collect()
        };
        let mut reasons = groups(&self.reasons, "mostlyHost");
        for entry in &mut reasons {
            let reason = entry.get("name").and_then(Value::as_str);
            let reason = reason.and_then(Reason::from_code);
            if let (Some(reason), Some(fields)) = (reason, entry.as_object_mut()) {
                fields.insert("sentence".to_owned(), reason.sentence().into());
                fields.insert("remedy".to_owned(), reason.remedy().into());
            }
        }
        json!({
            "records": self.records,
            "requests": self.requests,
            "refused": self.refused,
            "wouldDeny": self.would_deny,
            "recordsDropped": self.dropped,
            "unreadableLines": self.unreadable,
            "first": time(self.first),
            "last": time(self.last),
            "reasons": reasons,
            "hosts": groups(&self.hosts, "mostlyReason"),
            "issuers": groups(&self.issuers, "mostlyReason"),
            "clients": groups(&self.clients, "mostlyReason"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(lines: &[&str]) -> Ranked {
        let mut summary = Summary::new(None, Some(UnixTime::from_secs(4_000_000_000)));
        for line in lines {
            summary.add(line.as_bytes());
        }
        summary.ranked(1)
    }

    #[test]
    fn refusals_are_counted_by_what_they_have_in_common() {
        let found = summary(&[
            r#"{"event":"request","time":"2026-06-01T00:00:00Z","host":"a.test","reason":"expired","client_subject":"CN=a","client_issuer":"CN=I","request_id":"1"}"#,
            r#"{"event":"request","time":"2026-06-01T00:00:02Z","host":"a.test","reason":"expired","client_subject":"CN=a","client_issuer":"CN=I","request_id":"3"}"#,
            r#"{"event":"request","time":"2026-06-01T00:00:01Z","host":"b.test","reason":"missing","client_address":"192.0.2.1","request_id":"2"}"#,
            r#"{"event":"request","time":"2026-06-01T00:00:03Z","host":"b.test","reason":null,"would_deny":"r","sampled_one_in":10}"#,
            r#"{"event":"request","time":"2100-01-01T00:00:00Z","host":"b.test","reason":"missing"}"#,
            r#"{"event":"records_dropped","records":5}"#,
            "",
            "not json",
            r#"{"event":"request"}"#,
        ]);
        assert_eq!((found.records, found.requests, found.refused), (4, 13, 3));
        assert_eq!(
            (found.dropped, found.unreadable, found.would_deny),
            (5, 2, 10)
        );
        let first = &found.reasons[0];
        assert_eq!((first.name.as_str(), first.refused), ("expired", 2));
        assert_eq!(
            (first.mostly.as_str(), first.last_request_id.as_str()),
            ("a.test", "3")
        );
        assert_eq!(found.reasons.len(), 2, "all reasons");
        assert_eq!(found.hosts.len(), 1, "of hosts the first");
        assert_eq!(found.issuers[0].name, "CN=I");
        assert_eq!(found.clients[0].name, "CN=a");
        let json = found.to_json();
        assert!(
            json["reasons"][0]["remedy"]
                .as_str()
                .unwrap()
                .contains("Renew")
        );
        assert_eq!(json["hosts"][0]["mostlyReason"], "expired");
    }

    #[test]
    fn the_last_is_the_last_to_the_fraction_of_a_second_and_no_number_overflows() {
        let line = |time: &str, id: &str| {
            format!(
                r#"{{"event":"request","time":"{time}","reason":"expired","would_deny":"r","sampled_one_in":{},"request_id":"{id}"}}"#,
                u64::MAX
            )
        };
        let found = summary(&[
            &line("2026-06-01T00:00:05.5Z", "later"),
            &line("2026-06-01T00:00:05Z", "earlier"),
            r#"{"event":"records_dropped","records":18446744073709551615}"#,
            r#"{"event":"records_dropped","records":18446744073709551615}"#,
        ]);
        assert_eq!(found.reasons[0].last_request_id, "later");
        assert_eq!((found.refused, found.dropped), (u64::MAX, u64::MAX));
    }

    #[test]
    fn a_name_of_whatever_length_takes_up_little() {
        let name = "é".repeat(100_000);
        let line = format!(
            r#"{{"event":"request","time":"2026-06-01T00:00:00Z","host":"{name}","reason":"expired","client_subject":"{name}","request_id":"{name}"}}"#
        );
        let found = summary(&[&line]);
        let client = &found.clients[0];
        assert_eq!(client.name.chars().count(), NAME_MAX_CHARS);
        assert_eq!(client.last_request_id.chars().count(), NAME_MAX_CHARS);
        assert_eq!(found.reasons[0].mostly.chars().count(), NAME_MAX_CHARS);
    }

    proptest::proptest! {
        /// What strangers made the edge write never stops the report.
        #[test]
        fn no_line_stops_the_report(line in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let mut summary = Summary::new(None, None);
            summary.add(&line);
            summary.ranked(3).to_json();
        }
    }
}
