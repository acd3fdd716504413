//! Holds a JSON value against a JSON Schema, of which it knows the part that our schemas use; another keyword is an error.

use serde_json::Value;

/// What of the value is not as the schema says, by paths.
pub(crate) fn violations(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Check { root: schema, found: &mut found }.value(schema, value, "$");
    found
}

struct Check<'s> {
    root: &'s Value,
    found: &'s mut Vec<String>,
}

impl Check<'_> {
    fn value(&mut self, schema: &Value, value: &Value, path: &str) {
        for (keyword, rule) in schema.as_object().expect("a schema is an object") {
            match keyword.as_str() {
                "$schema" | "$defs" | "title" | "description" => {}
                "$ref" => {
                    let name =
                        rule.as_str().and_then(|rule| rule.strip_prefix("#")).expect("a reference inside");
                    let target = self.root.pointer(name).unwrap_or_else(|| panic!("{name} leads nowhere"));
                    self.value(target, value, path);
                }
                "anyOf" => {
                    let fits = |option: &&Value| {
                        let mut found = Vec::new();
                        Check { root: self.root, found: &mut found }.value(option, value, path);
                        found.is_empty()
                    };
                    let any = list(rule).iter().any(|option| fits(&option));
                    self.hold(any, path, "it fits no option");
                }
                "enum" => self.hold(list(rule).contains(value), path, "it is not one of the values"),
                "type" => {
                    let all = if rule.is_array() { list(rule).to_vec() } else { vec![rule.clone()] };
                    self.hold(
                        all.iter().any(|name| is_of(name.as_str().unwrap(), value)),
                        path,
                        "its type is wrong",
                    );
                }
                "minimum" => self.hold(value.as_i64() >= rule.as_i64(), path, "it is too small"),
                "minItems" => {
                    let least = rule.as_u64().unwrap();
                    self.hold(list(value).len() as u64 >= least, path, "it is too short");
                }
                "uniqueItems" => {
                    let twice =
                        list(value).iter().enumerate().any(|(at, item)| list(value)[..at].contains(item));
                    self.hold(!twice, path, "an item is there twice");
                }
                "items" => {
                    for (at, item) in list(value).iter().enumerate() {
                        self.value(rule, item, &format!("{path}[{at}]"));
                    }
                }
                "required" => {
                    for name in list(rule) {
                        let there = value.get(name.as_str().unwrap()).is_some();
                        self.hold(there, path, &format!("{name} is missing"));
                    }
                }
                "properties" => {
                    for (name, schema) in rule.as_object().unwrap() {
                        if let Some(value) = value.get(name) {
                            self.value(schema, value, &format!("{path}.{name}"));
                        }
                    }
                }
                "additionalProperties" => self.others(schema, rule, value, path),
                other => panic!("this check does not know `{other}`"),
            }
        }
    }

    fn others(&mut self, schema: &Value, rule: &Value, value: &Value, path: &str) {
        for (name, value) in value.as_object().into_iter().flatten() {
            if schema.get("properties").and_then(|known| known.get(name)).is_some() {
                continue;
            }
            match rule {
                Value::Bool(false) => self.hold(false, path, &format!("`{name}` is too much")),
                rule => self.value(rule, value, &format!("{path}.{name}")),
            }
        }
    }

    fn hold(&mut self, holds: bool, path: &str, wrong: &str) {
        if !holds {
            self.found.push(format!("{path}: {wrong}"));
        }
    }
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("this check does not know the type `{other}`"),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn what_is_wrong_is_found() {
    let schema = serde_json::json!({
        "type": "object",
        "properties": { "a": { "type": "array", "items": { "$ref": "#/$defs/n" }, "uniqueItems": true } },
        "required": ["a"],
        "additionalProperties": false,
        "$defs": { "n": { "anyOf": [{ "type": "null" }, { "type": "integer", "minimum": 1 }] } },
    });
    let check =
        |value: Value, expected: &[&str]| assert_eq!(violations(&schema, &value), expected, "{value}");
    check(serde_json::json!({ "a": [1, null, 2] }), &[]);
    check(serde_json::json!([]), &["$: its type is wrong", "$: \"a\" is missing"]);
    check(
        serde_json::json!({ "a": [1, 0, 1, "x"], "b": 1 }),
        &[
            "$.a[1]: it fits no option",
            "$.a[3]: it fits no option",
            "$.a: an item is there twice",
            "$: `b` is too much",
        ],
    );
}
