//! The text of `PEX-INFO`: JSON as the runtime's own writer makes it. Knows no files.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Value, json};

use super::entry::EntryPoint;
use super::options::PexOptions;
use super::runtime::RUNTIME;
use super::spec::PexSpec;

/// Writes the `PEX-INFO` of `spec`: keys sorted, no spaces, everything beyond ASCII escaped. Without `pex_hash`
/// it is the text that the hash is made of.
pub(super) fn render(spec: &PexSpec, entry: &EntryPoint, code_hash: &str, pex_hash: Option<&str>) -> String {
    let options = &spec.options;
    let mut info = options_part(options);
    let wheels: BTreeMap<_, _> =
        spec.wheels.iter().map(|wheel| (wheel.name.as_str(), wheel.sha256.as_str())).collect();
    info.extend([
        ("bootstrap_hash", json!(RUNTIME.bootstrap_hash(options.includes_tools()))),
        ("build_properties", build_properties(options)),
        ("code_hash", json!(code_hash)),
        ("deps_are_wheel_files", json!(!wheels.is_empty())),
        ("distributions", json!(wheels)),
        ("requirements", sorted(&spec.requirements)),
    ]);
    match entry {
        EntryPoint::Repl => None,
        EntryPoint::Module(module) => info.insert("entry_point", json!(module)),
        EntryPoint::Script(script) => info.insert("script", json!(script)),
    };
    if let Some(pex_hash) = pex_hash {
        info.insert("pex_hash", json!(pex_hash));
    }
    to_ascii(&info)
}

fn options_part(options: &PexOptions) -> BTreeMap<&'static str, Value> {
    let venv = options.venv();
    let chosen = venv.cloned().unwrap_or_else(|| super::options::VenvOptions {
        bin_path: super::options::BinPath::False,
        ..super::options::VenvOptions::default()
    });
    let mut info = BTreeMap::from([
        ("bind_resource_paths", json!(options.bind_resource_paths)),
        ("emit_warnings", json!(options.emit_warnings)),
        ("excluded", sorted(&options.excluded)),
        ("ignore_errors", json!(options.ignore_errors)),
        ("includes_tools", json!(options.includes_tools())),
        ("inherit_path", json!(options.inherit_path)),
        ("inject_args", json!(options.inject_args)),
        ("inject_env", json!(options.inject_env)),
        ("inject_python_args", json!(options.inject_python_args)),
        ("interpreter_constraints", sorted(&options.interpreter_constraints)),
        ("interpreter_selection_strategy", json!(options.interpreter_selection_strategy)),
        ("max_install_jobs", json!(options.max_install_jobs)),
        ("overridden", sorted(&options.overridden)),
        ("pex_path", json!(options.pex_path.join(":"))),
        ("pex_paths", json!(options.pex_path)),
        ("strip_pex_env", json!(options.strip_pex_env)),
        ("venv", json!(venv.is_some())),
        ("venv_bin_path", json!(chosen.bin_path)),
        ("venv_copies", json!(chosen.copies)),
        ("venv_hermetic_scripts", json!(chosen.hermetic_scripts)),
        ("venv_site_packages_copies", json!(chosen.site_packages_copies)),
        ("venv_system_site_packages", json!(chosen.system_site_packages)),
    ]);
    if let Some(root) = &options.pex_root {
        info.insert("pex_root", json!(root));
    }
    info
}

fn build_properties(options: &PexOptions) -> Value {
    let mut properties: BTreeMap<_, _> =
        options.build_properties.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    properties.insert("pex_version", RUNTIME.version);
    json!(properties)
}

fn sorted(texts: &[String]) -> Value {
    let mut texts: Vec<_> = texts.iter().collect();
    texts.sort();
    texts.dedup();
    json!(texts)
}

/// Compact JSON in which every character but printable ASCII is escaped, as Python's encoder does it.
fn to_ascii(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).expect("maps with text as keys can always be written");
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, ' '..='~') {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}").expect("writing to a text cannot fail");
            }
        }
    }
    out
}
