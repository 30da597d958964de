//! The openssl commands that do the same, as a shell (bash) runs them.

use std::fmt::Display;
use std::path::Path;

use crate::shell::word;

/// A key of the kind that is made here, and what goes with it.
pub(super) const NEW_KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -utf8";

/// What `openssl ca` needs to be told besides.
pub(super) const CA: &str = "openssl ca -config <(printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index.txt\\ndefault_md=sha256\\nunique_subject=no\\n')";

pub(super) fn path(path: &Path) -> String {
    word(path.display())
}

/// `-subj` for a common name.
pub(super) fn subject(common_name: &str) -> String {
    let mut text = String::from("/");
    if !common_name.is_empty() {
        text.push_str("CN=");
    }
    for character in common_name.chars() {
        if "/+\\".contains(character) {
            text.push('\\');
        }
        text.push(character);
    }
    format!("-subj {}", word(text))
}

/// Signs with the authority in a directory: `-CA`, `-CAkey`, `-days` and the extensions, one a line.
pub(super) fn signed_by(authority: &Path, days: i64, extensions: impl Display) -> String {
    format!(
        "-CA {}.pem -CAkey {}.key -days {days} -extfile <(echo {})",
        path(authority),
        path(authority),
        word(extensions)
    )
}
