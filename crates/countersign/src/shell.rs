//! What is printed for a shell to run.

/// A text as one word of a shell: quoted when it has to be.
pub(crate) fn word(text: impl ToString) -> String {
    let text = text.to_string();
    let plain = |character: char| character.is_ascii_alphanumeric() || "/._-".contains(character);
    if !text.is_empty() && text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_when_a_shell_would_split_them() {
        assert_eq!(word("countersign-data/demo"), "countersign-data/demo");
        assert_eq!(word("my data"), "'my data'");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word(""), "''");
    }
}
