//! What people write, on its way to something that can be believed.

use super::{ErrorCode, ErrorItem, ServiceError};

const NAME_MAX_CHARS: usize = 255;

/// Everything that is wrong with settings.
#[derive(Debug, Default)]
pub(crate) struct Problems(pub(crate) Vec<ErrorItem>);

impl Problems {
    /// Takes note of another one.
    pub(crate) fn add(
        &mut self,
        pointer: impl Into<String>,
        code: &str,
        detail: impl Into<String>,
    ) {
        self.0.push(ErrorItem {
            code: code.to_owned(),
            title: "A field is not valid.".to_owned(),
            detail: detail.into(),
            pointer: Some(pointer.into()),
            context: serde_json::Map::new(),
        });
    }

    /// What was read, when nothing is wrong with it.
    pub(crate) fn or<T>(self, checked: T) -> Result<T, Vec<ErrorItem>> {
        if self.0.is_empty() {
            Ok(checked)
        } else {
            Err(self.0)
        }
    }
}

/// The refusal of settings of which everything that is wrong is known.
pub(crate) fn invalid(items: Vec<ErrorItem>) -> ServiceError {
    let error = ServiceError::new(ErrorCode::InvalidField, "A setting is not good.");
    match items.first().and_then(|item| item.pointer.clone()) {
        Some(pointer) => error.at(pointer),
        None => error,
    }
    .with_items(items)
}

/// Refuses a name that nobody could type.
pub(crate) fn check_name(name: &str) -> Result<(), ServiceError> {
    let length = name.chars().count();
    if (1..=NAME_MAX_CHARS).contains(&length) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(ServiceError::new(
        ErrorCode::InvalidField,
        format!("`{}` cannot be a name: 1 to {NAME_MAX_CHARS} characters, none of them a control character.", short(name)),
    )
    .at("/name"))
}

/// Outside input in a message.
pub(crate) fn short(text: &str) -> String {
    text.chars().take(100).collect()
}
