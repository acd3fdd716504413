//! The settings that change what is built: what stands for all of them, and each for people.

use std::collections::BTreeMap;

use super::has_no_effect;
use super::sources::Settings;
use super::value::Value;

/// Stands for the settings, without those that change no answer.
pub(super) fn digest(settings: &Settings) -> [u8; 32] {
    let mut digest = blake3::Hasher::new();
    for ((section, name), setting) in settings {
        if !has_no_effect(section, name) {
            let text = format!("{section}\0{name}\0{:?}", setting.value);
            digest.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
    }
    *digest.finalize().as_bytes()
}

/// The same settings by their keys, with their values for people.
pub(super) fn settled(settings: &Settings) -> BTreeMap<String, String> {
    let kept = settings.iter().filter(|((section, name), _)| !has_no_effect(section, name));
    kept.map(|((section, name), setting)| (format!("[{section}] {name}"), shown(&setting.value))).collect()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("{text:?}"),
        Value::Flag(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Texts(texts) => format!("{texts:?}"),
        Value::Color(color) => color.to_string(),
        Value::Indexes(indexes) => format!("{} indexes", indexes.len()),
    }
}
