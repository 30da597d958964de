//! Whether an answer is what its schema says.

use serde_json::Value;

/// Follows references, lists, nullables and objects; that is all that the schemas of answers use.
pub fn conforms(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document.pointer(&reference[1..]).unwrap();
        return conforms(document, schema, value, place);
    }
    if let Some(any) = schema["anyOf"].as_array() {
        if !value.is_null() {
            conforms(document, &any[0], value, place);
        }
        return;
    }
    match schema["type"].as_str() {
        Some("object") => {
            let fields = value
                .as_object()
                .unwrap_or_else(|| panic!("{place}: {value}"));
            for required in schema["required"].as_array().into_iter().flatten() {
                assert!(
                    fields.contains_key(required.as_str().unwrap()),
                    "{place}: {required}"
                );
            }
            let open = schema["additionalProperties"] == true;
            for (name, value) in fields {
                let schema = &schema["properties"][name];
                assert!(
                    open || !schema.is_null(),
                    "{place}: {name} is not described"
                );
                conforms(document, schema, value, &format!("{place}/{name}"));
            }
        }
        Some("array") => {
            for value in value.as_array().unwrap() {
                conforms(document, &schema["items"], value, place);
            }
        }
        Some("string") => {
            assert!(value.is_string(), "{place}: {value}");
            if let Some(choices) = schema["enum"].as_array() {
                assert!(choices.contains(value), "{place}: {value}");
            }
        }
        Some("integer") => assert!(value.is_i64() || value.is_u64(), "{place}: {value}"),
        Some("boolean") => assert!(value.is_boolean(), "{place}: {value}"),
        _ => {}
    }
}
