//! JSON bodies, read strictly: everything that is wrong with the form, at once.

use countersign_trust::{Sha1Signatures, UnixTime};
use serde_json::{Map, Value};

use crate::app::{
    ErrorCode, ErrorItem, NewCaSet, NewVersion, ServiceError, SubmittedCertificate,
    holds_private_key,
};

const DESCRIPTION_MAX_CHARS: usize = 255;

/// Reads a body, noting what is wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    problems: Vec<ErrorItem>,
}

/// One object of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Object<'v> {
    fields: Option<&'v Map<String, Value>>,
    pointer: Pointer,
}

/// Where in the body an object is: at its root, or in a list of it.
#[derive(Clone, Copy, Debug)]
enum Pointer {
    Root,
    Entry(&'static str, usize),
}

impl Pointer {
    fn to_field(self, field: &str) -> String {
        let field = field.replace('~', "~0").replace('/', "~1");
        match self {
            Self::Root => format!("/{field}"),
            Self::Entry(list, position) => format!("/{list}/{position}/{field}"),
        }
    }

    fn to_self(self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Entry(list, position) => format!("/{list}/{position}"),
        }
    }
}

/// Reads one of the wire types, strictly. Says which field is wrong and what was expected, and does not repeat what was found: it may be a
/// key at the wrong place.
pub(crate) fn typed<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, ServiceError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let pointer: String = error
            .path()
            .iter()
            .filter_map(|segment| match segment {
                serde_path_to_error::Segment::Seq { index } => Some(format!("/{index}")),
                serde_path_to_error::Segment::Map { key } => {
                    Some(format!("/{}", key.replace('~', "~0").replace('/', "~1")))
                }
                _ => None,
            })
            .collect();
        let said = error.inner().to_string();
        let detail = match said.split_once(", expected ") {
            Some((found, expected)) if !found.starts_with("unknown field") => {
                format!("the value is of another kind; expected is {expected}")
            }
            _ => said.chars().take(400).collect(),
        };
        let detail = format!("The body cannot be used: `{pointer}`: {detail}.");
        ServiceError::new(ErrorCode::JsonSchemaValidationError, detail).at(pointer)
    })
}

/// Parses JSON.
pub(crate) fn parse(body: &[u8]) -> Result<Value, ServiceError> {
    serde_json::from_slice(body).map_err(|error| {
        // The parser's text may repeat what it read; the place says enough.
        let detail = if body.is_empty() {
            "The body is empty.".to_owned()
        } else {
            format!(
                "The body is not JSON; it stops being so at line {}, column {}.",
                error.line(),
                error.column()
            )
        };
        ServiceError::new(ErrorCode::InvalidJson, detail)
    })
}

impl Reader {
    /// The body itself.
    pub(crate) fn root<'v>(&mut self, value: &'v Value) -> Object<'v> {
        self.object(value, Pointer::Root)
    }

    /// Refuses fields that are neither known nor among those that an answer has and a request may repeat.
    pub(crate) fn only(&mut self, object: Object<'_>, known: &[&str], repeated: &[&str]) {
        for (field, _) in object.fields.into_iter().flatten() {
            if known.contains(&field.as_str()) || repeated.contains(&field.as_str()) {
                continue;
            }
            let shown: String = field.chars().take(64).collect();
            self.note(
                object.pointer.to_field(&shown),
                format!("the field is not known; known are {}", known.join(", ")),
            );
        }
    }

    /// A text that has to be there.
    pub(crate) fn text(&mut self, object: Object<'_>, field: &str) -> String {
        match object.get(field) {
            Some(Value::String(text)) => return text.clone(),
            None | Some(Value::Null) => self.missing(object, field),
            Some(_) => self.note(object.pointer.to_field(field), "it has to be a text"),
        }
        String::new()
    }

    /// A text out of a few, which has to be there.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        object: Object<'_>,
        field: &str,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let text = self.text(object, field);
        let chosen = choices.iter().find(|(name, _)| *name == text);
        if chosen.is_none() && matches!(object.get(field), Some(Value::String(_))) {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            self.note(
                object.pointer.to_field(field),
                format!("it has to be one of {}", names.join(", ")),
            );
        }
        chosen.map(|(_, value)| *value)
    }

    /// A remark: null, absent, or 1 to 255 characters.
    pub(crate) fn description(&mut self, object: Object<'_>) -> Option<String> {
        match object.get("description") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if holds_private_key(text) => {
                // Descriptions are stored and shown; a slip of the clipboard must not end there.
                self.note(
                    object.pointer.to_field("description"),
                    "it holds a private key, which was neither stored nor logged; treat it as disclosed",
                );
                None
            }
            Some(Value::String(text))
                if (1..=DESCRIPTION_MAX_CHARS).contains(&text.chars().count()) =>
            {
                Some(text.clone())
            }
            Some(_) => {
                self.note(
                    object.pointer.to_field("description"),
                    "it has to be null or a text of 1 to 255 characters",
                );
                None
            }
        }
    }

    /// True or false; false when absent.
    pub(crate) fn boolean(&mut self, object: Object<'_>, field: &str) -> bool {
        match object.get(field) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(value)) => *value,
            Some(_) => {
                self.note(object.pointer.to_field(field), "it has to be true or false");
                false
            }
        }
    }

    /// A list of objects with at least one entry.
    pub(crate) fn list<'v>(&mut self, object: Object<'v>, field: &'static str) -> Vec<Object<'v>> {
        match object.get(field) {
            Some(Value::Array(entries)) if !entries.is_empty() => entries
                .iter()
                .enumerate()
                .map(|(position, entry)| self.object(entry, Pointer::Entry(field, position)))
                .collect(),
            None | Some(Value::Null) => {
                self.missing(object, field);
                Vec::new()
            }
            Some(Value::Array(_)) => {
                self.note(
                    object.pointer.to_field(field),
                    "it has to have at least one entry",
                );
                Vec::new()
            }
            Some(_) => {
                self.note(object.pointer.to_field(field), "it has to be a list");
                Vec::new()
            }
        }
    }

    /// Refuses when something was noted.
    pub(crate) fn finish(self) -> Result<(), ServiceError> {
        let Some(first) = self.problems.first() else {
            return Ok(());
        };
        let detail = match self.problems.len() {
            1 => format!(
                "The body cannot be used: `{}`: {}.",
                first.pointer.as_deref().unwrap_or_default(),
                first.detail
            ),
            count => format!("The body cannot be used, for {count} reasons."),
        };
        let pointer = first.pointer.clone();
        let mut error = ServiceError::new(ErrorCode::JsonSchemaValidationError, detail)
            .with_items(self.problems);
        if error.items.len() == 1 {
            error.pointer = pointer;
        }
        Err(error)
    }

    fn object<'v>(&mut self, value: &'v Value, pointer: Pointer) -> Object<'v> {
        if !value.is_object() {
            self.note(pointer.to_self(), "it has to be an object");
        }
        Object {
            fields: value.as_object(),
            pointer,
        }
    }

    /// A text that may be absent.
    pub(crate) fn optional_text<'v>(&mut self, object: Object<'v>, field: &str) -> Option<&'v str> {
        match object.get(field) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                let pointer = object.pointer.to_field(field);
                if !self
                    .problems
                    .iter()
                    .any(|it| it.pointer.as_ref() == Some(&pointer))
                {
                    self.note(pointer, "it has to be a text");
                }
                None
            }
        }
    }

    /// A time that may be absent.
    pub(crate) fn time(&mut self, object: Object<'_>, field: &str) -> Option<UnixTime> {
        let parsed = self.optional_text(object, field)?.parse().ok();
        if parsed.is_none() {
            self.problem(
                object,
                field,
                "it has to be a time such as `2026-11-21T07:00:00Z`",
            );
        }
        parsed
    }

    /// Notes what is wrong with a field whose form is good.
    pub(crate) fn problem(&mut self, object: Object<'_>, field: &str, detail: impl Into<String>) {
        self.note(object.pointer.to_field(field), detail);
    }

    fn missing(&mut self, object: Object<'_>, field: &str) {
        // Whoever sent no object at all has been told so.
        if object.fields.is_some() {
            self.note(object.pointer.to_field(field), "it is required");
        }
    }

    fn note(&mut self, pointer: String, detail: impl Into<String>) {
        self.problems.push(ErrorItem {
            code: ErrorCode::JsonSchemaValidationError.slug().to_owned(),
            title: ErrorCode::JsonSchemaValidationError.title().to_owned(),
            detail: detail.into(),
            pointer: Some(pointer),
            context: Map::new(),
        });
    }
}

impl<'v> Object<'v> {
    fn get(self, field: &str) -> Option<&'v Value> {
        self.fields?.get(field)
    }
}

/// What a CA set is to be called.
pub(crate) fn new_ca_set(body: &[u8]) -> Result<NewCaSet, ServiceError> {
    let value = parse(body)?;
    let mut reader = Reader::default();
    let root = reader.root(&value);
    reader.only(root, &["caSetName", "description"], &[]);
    let name = reader.text(root, "caSetName");
    let description = reader.description(root);
    reader.finish()?;
    Ok(NewCaSet { name, description })
}

/// What a version is to be.
pub(crate) fn new_version(body: &[u8]) -> Result<NewVersion, ServiceError> {
    // What an answer has beside: people send back what they got, with a change.
    const REPEATED: &[&str] = &[
        "caSetId",
        "caSetName",
        "caSetVersionStatus",
        "createdBy",
        "createdDate",
        "modifiedBy",
        "modifiedDate",
        "productionStatus",
        "removalDate",
        "stagingStatus",
        "validation",
        "version",
        "versionLink",
    ];
    let value = parse(body)?;
    let mut reader = Reader::default();
    let root = reader.root(&value);
    reader.only(
        root,
        &["allowInsecureSha1", "certificates", "description"],
        REPEATED,
    );
    let description = reader.description(root);
    let (sha1, certificates) = certificates(&mut reader, root);
    reader.finish()?;
    Ok(NewVersion {
        description,
        sha1,
        certificates,
    })
}

/// Certificates to judge.
pub(crate) fn certificates_to_judge(
    body: &[u8],
) -> Result<(Sha1Signatures, Vec<SubmittedCertificate>), ServiceError> {
    let value = parse(body)?;
    let mut reader = Reader::default();
    let root = reader.root(&value);
    reader.only(
        root,
        &["allowInsecureSha1", "certificates"],
        &["validation"],
    );
    let submitted = certificates(&mut reader, root);
    reader.finish()?;
    Ok(submitted)
}

fn certificates(
    reader: &mut Reader,
    root: Object<'_>,
) -> (Sha1Signatures, Vec<SubmittedCertificate>) {
    const REPEATED: &[&str] = &[
        "createdBy",
        "createdDate",
        "endDate",
        "fingerprint",
        "issuer",
        "serialNumber",
        "signatureAlgorithm",
        "startDate",
        "subject",
    ];
    let sha1 = if reader.boolean(root, "allowInsecureSha1") {
        Sha1Signatures::Allow
    } else {
        Sha1Signatures::Refuse
    };
    let certificates = reader
        .list(root, "certificates")
        .into_iter()
        .map(|entry| {
            reader.only(entry, &["certificatePem", "description"], REPEATED);
            SubmittedCertificate {
                text: reader.text(entry, "certificatePem"),
                description: reader.description(entry),
            }
        })
        .collect();
    (sha1, certificates)
}
