//! Query strings, read strictly.

use countersign_trust::UnixTime;

use super::operation::{Operation, ParameterKind};
use crate::app::{ErrorCode, ServiceError};

/// Every operation lets this pass, since the vendor's clients add it to any request. It changes nothing: a caller has one account.
const TOLERATED: &str = "accountSwitchKey";

/// The parameters of a request; each is one of the operation's and is there once.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query string for an operation.
    ///
    /// # Errors
    /// When it has parameters that the operation does not know, or values that the parameters cannot have.
    pub(crate) fn read(operation: &Operation, query: Option<&str>) -> Result<Self, ServiceError> {
        let mut pairs = Vec::new();
        for pair in query.unwrap_or_default().split('&') {
            if pair.is_empty() {
                continue;
            }
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(name), Some(value)) = (decode(name), decode(value)) else {
                return Err(ServiceError::new(
                    ErrorCode::TypeMismatch,
                    "The query string has a percent sign without two hexadecimal digits, or is not UTF-8.",
                ));
            };
            pairs.push((name, value));
        }
        let known = |name: &str| operation.query.iter().find(|known| known.name == name);
        let mut unknown: Vec<_> = pairs
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| known(name).is_none() && *name != TOLERATED)
            .map(|name| name.chars().take(64).collect::<String>())
            .collect();
        if !unknown.is_empty() {
            unknown.dedup();
            let allowed: Vec<_> = operation.query.iter().map(|known| known.name).collect();
            return Err(ServiceError::new(
                ErrorCode::UnknownQueryParameters,
                format!("The operation does not know: {}.", unknown.join(", ")),
            )
            .with("allowedQueryParameters", allowed)
            .with("parameters", unknown));
        }
        pairs.retain(|(name, _)| name != TOLERATED);
        let mut query = Self(Vec::new());
        for (name, value) in pairs {
            if query.text(&name).is_some() {
                return Err(mismatch(&name, &value, "it may be there once only"));
            }
            if let Some(parameter) = known(&name) {
                check(parameter.kind, &name, &value)?;
            }
            query.0.push((name, value));
        }
        Ok(query)
    }

    /// A parameter as text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A parameter that is `true`.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    /// A parameter that is a number.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// A parameter that is a time.
    pub(crate) fn time(&self, name: &str) -> Option<UnixTime> {
        self.text(name)?.parse().ok()
    }

    /// The values of a parameter that is a list.
    pub(crate) fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        self.text(name)
            .unwrap_or_default()
            .split(',')
            .filter(|value| !value.is_empty())
    }
}

fn check(kind: ParameterKind, name: &str, value: &str) -> Result<(), ServiceError> {
    let allowed = |allowed: &[&str]| {
        let shown: String = value.chars().take(64).collect();
        Err(ServiceError::new(
            ErrorCode::InvalidField,
            format!(
                "The query parameter `{name}` is `{shown}`, but it may be: {}.",
                allowed.join(" ")
            ),
        )
        .with("parameter", name)
        .with("value", shown)
        .with("allowedValues", allowed.to_vec()))
    };
    match kind {
        ParameterKind::Boolean if !matches!(value, "true" | "false") => {
            Err(mismatch(name, value, "it is `true` or `false`"))
        }
        ParameterKind::Choice(choices) if !choices.contains(&value) => allowed(choices),
        ParameterKind::Choices(choices)
            if value.is_empty() || !value.split(',').all(|value| choices.contains(&value)) =>
        {
            allowed(choices)
        }
        ParameterKind::Integer(minimum)
            if !value.parse::<i64>().is_ok_and(|number| number >= minimum) =>
        {
            Err(mismatch(
                name,
                value,
                &format!("it is a number of at least {minimum}"),
            ))
        }
        ParameterKind::Time if value.parse::<UnixTime>().is_err() => Err(mismatch(
            name,
            value,
            "it is a time such as `2026-11-21T07:00:00Z`",
        )),
        _ => Ok(()),
    }
}

fn mismatch(name: &str, value: &str, expected: &str) -> ServiceError {
    let shown: String = value.chars().take(64).collect();
    ServiceError::new(
        ErrorCode::TypeMismatch,
        format!("The query parameter `{name}` is `{shown}`, but {expected}."),
    )
    .with("parameter", name)
    .with("value", shown)
}

/// Percent-decodes. A plus sign stays one: `STAGING+PRODUCTION` and time offsets have it, and nothing here has a space.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first != b'%' {
            bytes.push(first);
            rest = tail;
            continue;
        }
        let (digits, tail) = tail.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok()?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn percent_signs_are_decoded_and_plus_signs_kept() {
        assert_eq!(decode("a%2Bb+c%20d").as_deref(), Some("a+b+c d"));
        for bad in ["%", "%2", "%zz", "%+1", "%ff"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
