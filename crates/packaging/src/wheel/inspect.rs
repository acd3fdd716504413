//! Looks into a wheel once and tells all that building with it needs; installs nothing.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};

use serde::{Deserialize, Serialize};

use super::WheelFilename;
use super::archive::{self, Entry, Limits};
use super::entry_points::EntryPoints;
use super::error::{WheelError, WheelFault};
use super::metadata::{Metadata, headers};
use super::modules::{self, Namespaces, installed};
use crate::name::parse_name;

/// A file of `*.dist-info` may be this long, in bytes.
const MAX_METADATA: u64 = 16 << 20;
/// An `__init__.py` up to this long, in bytes, may be that of a namespace package.
const MAX_NAMESPACE: u64 = 4096;

/// What is inside a wheel whose every entry was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WheelContents {
    /// What its `METADATA` says.
    pub metadata: Metadata,
    /// `Root-Is-Purelib` of its `WHEEL`.
    pub root_is_purelib: bool,
    /// The commands that it declares.
    pub entry_points: EntryPoints,
    /// The names of the plain scripts in its `.data/scripts`, sorted.
    pub scripts: Vec<String>,
    /// The modules that it provides: top-level names, or dotted ones below a namespace package; sorted.
    pub modules: Vec<String>,
    /// The name of its `*.dist-info` folder.
    pub dist_info: String,
    /// Everything in it, in the order of the archive.
    pub entries: Vec<Entry>,
}

/// Reads a wheel from its first byte to its last and verifies every entry: its path, its kind, that no other has its
/// name or its bytes, its size and its checksum.
///
/// # Errors
/// Fails with everything that is wrong with the wheel, each fault with its entry.
pub fn inspect<R: Read + Seek>(
    wheel: &WheelFilename,
    mut reader: R,
    limits: &Limits,
) -> Result<WheelContents, Vec<WheelError>> {
    let told = |faults: Vec<WheelFault>| {
        faults.into_iter().map(|fault| WheelError { wheel: wheel.clone(), fault }).collect::<Vec<_>>()
    };
    let io = |error: std::io::Error| told(vec![WheelFault::Io { reason: error.to_string() }]);
    let length = reader.seek(SeekFrom::End(0)).map_err(io)?;
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut namespaces = Namespaces::new();
    let wants = |path: &str, size: u64| {
        is_metadata(path) && size <= MAX_METADATA || path.ends_with("/__init__.py") && size <= MAX_NAMESPACE
    };
    let entries = archive::walk(&mut reader, length, limits, wants, |path, bytes| {
        if let Some(folder) = path.strip_suffix("/__init__.py") {
            if modules::declares_namespace(&String::from_utf8_lossy(&bytes)) {
                namespaces.insert(installed(folder).unwrap_or(folder).to_owned());
            }
        } else {
            files.insert(path.to_owned(), bytes);
        }
    })
    .map_err(told)?;
    contents(wheel, &files, &namespaces, entries).map_err(told)
}

/// Whether a path is `x.dist-info/METADATA` or one of its like.
fn is_metadata(path: &str) -> bool {
    let known = ["METADATA", "WHEEL", "RECORD", "entry_points.txt"];
    path.split_once(".dist-info/").is_some_and(|(stem, file)| !stem.contains('/') && known.contains(&file))
}

/// Puts together what the files say.
fn contents(
    wheel: &WheelFilename,
    files: &BTreeMap<String, Vec<u8>>,
    namespaces: &Namespaces,
    entries: Vec<Entry>,
) -> Result<WheelContents, Vec<WheelFault>> {
    let dist_info = dist_info(wheel, &entries).map_err(|fault| vec![fault])?;
    let text = |file: &str| {
        files.get(&format!("{dist_info}/{file}")).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    };
    let mut faults = Vec::new();
    let mut fault = |file, reason: String| faults.push(WheelFault::Metadata { file, reason });
    let metadata = text("METADATA").map(|text| Metadata::parse(&text));
    match &metadata {
        None => fault("METADATA", "expected it in the folder `*.dist-info`".to_owned()),
        Some(found) => {
            if parse_name(&found.name).ok().as_ref() != Some(&wheel.name) {
                fault("METADATA", format!("expected the name `{}`, found `{}`", wheel.name, found.name));
            }
            if found.parsed_version().is_none_or(|version| version != wheel.version) {
                fault(
                    "METADATA",
                    format!("expected the version `{}`, found `{}`", wheel.version, found.version),
                );
            }
        }
    }
    let header = text("WHEEL").map(|text| headers(&text));
    let field = |name: &str| {
        let header = header.as_deref().unwrap_or_default();
        header.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    };
    match (&header, field("Wheel-Version").map(|version| version.split('.').next() == Some("1"))) {
        (Some(_), Some(true)) => {}
        (None, _) => fault("WHEEL", "expected it in the folder `*.dist-info`".to_owned()),
        (_, None) => fault("WHEEL", "expected a `Wheel-Version`".to_owned()),
        (_, Some(false)) => {
            let found = field("Wheel-Version").unwrap_or_default();
            fault("WHEEL", format!("expected `Wheel-Version` 1, found `{found}`"));
        }
    }
    if text("RECORD").is_none() {
        fault("RECORD", "expected it in the folder `*.dist-info`".to_owned());
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let paths = entries.iter().filter_map(|entry| installed(&entry.path));
    let modules = modules::provided(paths, namespaces);
    Ok(WheelContents {
        metadata: metadata.unwrap_or_default(),
        root_is_purelib: field("Root-Is-Purelib").is_some_and(|value| value.eq_ignore_ascii_case("true")),
        entry_points: text("entry_points.txt").map(|text| EntryPoints::parse(&text)).unwrap_or_default(),
        scripts: scripts(&entries),
        modules,
        dist_info,
        entries,
    })
}

/// The one folder `*.dist-info` at the root; it must be that of the project.
fn dist_info(wheel: &WheelFilename, entries: &[Entry]) -> Result<String, WheelFault> {
    let mut found: Vec<&str> = entries
        .iter()
        .filter_map(|entry| entry.path.split_once('/').map(|(first, _)| first))
        .filter(|first| first.ends_with(".dist-info"))
        .collect();
    found.sort_unstable();
    found.dedup();
    let failed = |reason| WheelFault::Metadata { file: "*.dist-info", reason };
    match found.as_slice() {
        [one] => {
            let stem = one.trim_end_matches(".dist-info");
            let name = stem.rsplit_once('-').map_or(stem, |(name, _)| name);
            if parse_name(name).ok().as_ref() == Some(&wheel.name) {
                Ok((*one).to_owned())
            } else {
                Err(failed(format!("expected that of `{}`, found `{one}`", wheel.name)))
            }
        }
        [] => Err(failed("expected one such folder, found none".to_owned())),
        _ => Err(failed(format!("expected one such folder, found `{}`", found.join("`, `")))),
    }
}

fn scripts(entries: &[Entry]) -> Vec<String> {
    let mut found: Vec<String> = entries
        .iter()
        .filter_map(|entry| {
            let (folder, rest) = entry.path.split_once('/')?;
            let name = rest.strip_prefix("scripts/")?;
            (folder.ends_with(".data") && !name.is_empty() && !name.contains('/')).then(|| name.to_owned())
        })
        .collect();
    found.sort_unstable();
    found
}
