//! The configuration of an image: that of its base, with what is put upon it. Whatever else the base says, such as how its
//! health is checked, stays.

use std::collections::BTreeMap;

use oci_spec::image::ImageConfiguration;
use serde_json::{Map, Value, json};

use super::document::{canonical, digest_of, parse};
use super::layer::Digests;
use super::make::Variant;
use super::{ImageError, ImagePlatform};

/// What Docker says in a configuration of how that image came to be.
const OF_DOCKER: [&str; 5] = ["container", "container_config", "docker_version", "id", "parent"];
/// What a container of the base would start, and what is said of that.
const OF_BASE: [&str; 4] = ["ArgsEscaped", "Cmd", "Image", "OnBuild"];
/// Where programs are looked for unless a base says so.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The configuration of a variant with these layers upon those of its base, each with what it is.
pub(super) fn configuration(variant: &Variant, layers: &[(&str, Digests)]) -> Result<Vec<u8>, ImageError> {
    let what = "the configuration of the base";
    let mut config: Map<String, Value> = parse(variant.base.config.as_bytes(), what)?;
    OF_DOCKER.iter().for_each(|key| drop(config.remove(*key)));
    platform(&mut config, variant.platform);
    let own = object(&mut config, "config");
    OF_BASE.iter().for_each(|key| drop(own.remove(*key)));
    own.insert("Entrypoint".to_owned(), json!(variant.entrypoint));
    own.insert("Env".to_owned(), json!(environment(own.get("Env"), variant)));
    for (key, value) in [("User", &variant.user), ("WorkingDir", &variant.workdir)] {
        if let Some(value) = value {
            own.insert(key.to_owned(), json!(value));
        }
    }
    let labels = object(own, "Labels");
    for (name, value) in &variant.labels {
        labels.insert(name.clone(), json!(value));
    }
    let digests = layers.iter().map(|(_, layer)| json!(digest_of(&layer.unpacked)));
    list(object(&mut config, "rootfs"), "diff_ids").extend(digests);
    if config.contains_key("history") {
        let told = layers.iter().map(|(name, _)| json!({ "created_by": format!("pants: {name}") }));
        list(&mut config, "history").extend(told);
    }
    let bytes = canonical(&config);
    parse::<ImageConfiguration>(&bytes, what)?;
    Ok(bytes)
}

fn platform(config: &mut Map<String, Value>, platform: ImagePlatform) {
    config.insert("os".to_owned(), json!("linux"));
    config.insert("architecture".to_owned(), json!(platform.architecture().to_string()));
}

/// The variables of the base, with the folder of programs in front of its own, and those of the image.
fn environment(of_base: Option<&Value>, variant: &Variant) -> Vec<String> {
    let of_base = of_base.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let mut variables: Vec<(String, String)> = (of_base.filter_map(|variable| variable.split_once('=')))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let path = variables.iter().find(|(name, _)| name == "PATH").map_or(PATH, |(_, value)| value.as_str());
    let path = format!("{}:{path}", variant.programs);
    let own: BTreeMap<&str, &str> =
        variant.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for (name, value) in [("PATH", path.as_str())].into_iter().chain(own) {
        match variables.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => value.clone_into(known),
            None => variables.push((name.to_owned(), value.to_owned())),
        }
    }
    variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

/// The object at a key, made where there is none.
fn object<'m>(of: &'m mut Map<String, Value>, key: &str) -> &'m mut Map<String, Value> {
    let value = of.entry(key).or_insert(Value::Null);
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut().expect("it is one now")
}

/// The list at a key, made where there is none.
fn list<'m>(of: &'m mut Map<String, Value>, key: &str) -> &'m mut Vec<Value> {
    let value = of.entry(key).or_insert(Value::Null);
    if !value.is_array() {
        *value = json!([]);
    }
    value.as_array_mut().expect("it is one now")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Base;
    use crate::platform::Arch;

    #[test]
    fn what_a_base_says_stays_but_for_what_it_starts() {
        let base = json!({
            "os": "linux", "architecture": "amd64", "docker_version": "20",
            "config": {
                "Cmd": ["python3"], "Env": ["PATH=/usr/bin", "LANG=C.UTF-8"], "Healthcheck": { "Test": ["NONE"] },
                "Labels": { "a": "base", "b": "base" },
            },
            "rootfs": { "type": "layers", "diff_ids": [digest_of(&[1; 32])] },
            "history": [{ "created_by": "debian" }],
        });
        let variant = Variant {
            platform: ImagePlatform { arch: Arch::X86_64 },
            base: Base { config: base.to_string(), layers: Vec::new() },
            entrypoint: vec!["/app/__main__.py".to_owned()],
            programs: "/app/bin".to_owned(),
            env: BTreeMap::from([("LANG".to_owned(), "de".to_owned()), ("PORT".to_owned(), "80".to_owned())]),
            labels: BTreeMap::from([("b".to_owned(), "own".to_owned())]),
            annotations: BTreeMap::new(),
            user: Some("65532".to_owned()),
            workdir: None,
            layers: vec!["own code".to_owned()],
        };
        let layer = Digests { sha256: [2; 32], unpacked: [3; 32] };
        let found: Value = parse(&configuration(&variant, &[("own code", layer)]).unwrap(), "it").unwrap();
        let expected = json!({
            "os": "linux", "architecture": "amd64",
            "config": {
                "Entrypoint": ["/app/__main__.py"], "Env": ["PATH=/app/bin:/usr/bin", "LANG=de", "PORT=80"],
                "Healthcheck": { "Test": ["NONE"] }, "Labels": { "a": "base", "b": "own" }, "User": "65532",
            },
            "rootfs": { "type": "layers", "diff_ids": [digest_of(&[1; 32]), digest_of(&[3; 32])] },
            "history": [{ "created_by": "debian" }, { "created_by": "pants: own code" }],
        });
        assert_eq!(found, expected);
    }
}
