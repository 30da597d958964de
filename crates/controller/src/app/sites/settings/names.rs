//! Lists of names in settings: hostnames, edge certificates, paths and forms of identity.

use countersign_api::v1::sites::SiteSettings;
use countersign_rules::IdentityPresets;
use countersign_snapshot::NamePattern;

use crate::app::input::{Problems, short};
use crate::model::EdgeCertificateId;

const HOSTNAMES_MAX: usize = 100;
const PATHS_MAX: usize = 200;
const PATH_MAX_BYTES: usize = 1_024;

pub(super) fn hostnames(texts: &[String], problems: &mut Problems) -> Vec<NamePattern> {
    if texts.is_empty() || texts.len() > HOSTNAMES_MAX {
        problems.add(
            "/hostnames",
            "invalid-hostnames",
            format!(
                "A site has 1 to {HOSTNAMES_MAX} hostnames; {} are given.",
                texts.len()
            ),
        );
        return Vec::new();
    }
    let mut names: Vec<NamePattern> = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match text.parse() {
            Ok(name) if names.contains(&name) => {}
            Ok(name) => names.push(name),
            Err(error) => problems.add(
                format!("/hostnames/{index}"),
                "invalid-hostname",
                format!("`{}` cannot be a hostname: {error}.", short(text)),
            ),
        }
    }
    names
}

pub(super) fn edge_certificates(
    settings: &SiteSettings,
    problems: &mut Problems,
) -> Vec<EdgeCertificateId> {
    let texts = &settings.edge_certificate_ids;
    if texts.is_empty() && !settings.plain_http {
        problems.add(
            "/edgeCertificateIds",
            "missing-edge-certificate",
            "A site needs a server certificate: upload one as `certificate`, name edge certificates in `edgeCertificateIds`, or have one that covers its hostnames.",
        );
    }
    let mut ids = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match EdgeCertificateId::from_text(text) {
            Some(id) if ids.contains(&id) => {}
            Some(id) => ids.push(id),
            None => problems.add(
                format!("/edgeCertificateIds/{index}"),
                "invalid-edge-certificate-id",
                format!(
                    "`{}` is no edge certificate id: a decimal number.",
                    short(text)
                ),
            ),
        }
    }
    ids
}

pub(super) fn paths(patterns: &[String], pointer: &str, problems: &mut Problems) -> Vec<String> {
    if patterns.len() > PATHS_MAX {
        problems.add(
            pointer,
            "too-many-paths",
            format!("{PATHS_MAX} patterns are the most."),
        );
    }
    for (index, pattern) in patterns.iter().enumerate() {
        let is_good = pattern.starts_with('/')
            && pattern.len() <= PATH_MAX_BYTES
            && pattern.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_good {
            problems.add(
                format!("{pointer}/{index}"),
                "invalid-path",
                format!("`{}` cannot be a pattern of paths: it begins with `/`, and has no blanks and no characters outside ASCII.", short(pattern)),
            );
        }
    }
    patterns.to_vec()
}

pub(super) fn presets(names: &[String], problems: &mut Problems) -> IdentityPresets {
    let mut presets = IdentityPresets::empty();
    for (index, name) in names.iter().enumerate() {
        match IdentityPresets::ALL.iter().find(|(_, known)| known == name) {
            Some((preset, _)) => presets = presets | *preset,
            None => {
                let known: Vec<_> = IdentityPresets::ALL.iter().map(|(_, name)| *name).collect();
                problems.add(
                    format!("/forwardIdentity/{index}"),
                    "unknown-identity-form",
                    format!(
                        "`{}` is no known form; there are {}.",
                        short(name),
                        known.join(", ")
                    ),
                );
            }
        }
    }
    presets
}
