//! Complete-platform files, as `pex3 interpreter inspect --markers --tags` writes them: an interpreter and its platform by
//! the tags that it accepts and what markers see there. Knows no path.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::Version;
use crate::named_platform::{abi, tag};
use crate::platform::Platform;
use crate::python::Minor;
use crate::target::Target;

/// So many tags are named where several are not what they should be.
const MAX_TOLD: usize = 3;

/// Why a file describes nothing that can be built for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompleteError {
    /// It cannot be read.
    #[error("cannot read it: {0}")]
    Unreadable(String),
    /// It is not JSON of the form.
    #[error("expected an object with `marker_environment` and `compatible_tags`: {0}")]
    Form(String),
    /// It has no tags.
    #[error("it has no `compatible_tags`, which say what wheels can be installed")]
    NoTags,
    /// It is of another implementation.
    #[error("expected CPython, found `{0}`")]
    Implementation(String),
    /// It is for a Python that is not supported.
    #[error("expected Python 2.7, or 3.6 or later, found {0}")]
    Python(Minor),
    /// It is for a platform that is not supported.
    #[error(
        "expected the tags of Linux with glibc or musl or of macOS, on x86-64 or 64-bit Arm, found `{0}`"
    )]
    Platform(String),
    /// What markers see does not belong to the tags.
    #[error("its marker variable `{name}` is `{found}`, and its tags are those of `{expected}`")]
    Marker {
        /// The variable.
        name: &'static str,
        /// Its value.
        found: String,
        /// What the tags say.
        expected: String,
    },
    /// The tags are not those of such a Python.
    #[error("its tags are not those of `{target}`: {differences}")]
    Tags {
        /// What it seems to be.
        target: String,
        /// The first of the differences.
        differences: String,
    },
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    marker_environment: Option<BTreeMap<String, Option<String>>>,
    #[serde(default)]
    compatible_tags: Vec<String>,
}

/// Reads the content of a file. The tags have to be those of CPython on a platform, whose floor they tell: then all that is
/// known of platforms holds for it too.
///
/// # Errors
/// See [`CompleteError`].
pub fn read(content: &[u8]) -> Result<Target, CompleteError> {
    let file: File =
        serde_json::from_slice(content).map_err(|error| CompleteError::Form(error.to_string()))?;
    let best = file.compatible_tags.first().ok_or(CompleteError::NoTags)?;
    let mut parts = best.splitn(3, '-');
    let (python, abi_tag, _) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next());
    let digits = python.strip_prefix("cp").filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let numbers = digits.and_then(|digits| digits.split_at_checked(1));
    let numbers = numbers.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    let (major, minor) = numbers.ok_or_else(|| CompleteError::Implementation(python.to_owned()))?;
    let minor = Minor::new(major, minor);
    if !minor.is_supported() {
        return Err(CompleteError::Python(minor));
    }
    let abi = abi(minor, abi_tag).ok_or_else(|| CompleteError::Implementation(abi_tag.to_owned()))?;
    let platform = platform(&file.compatible_tags, &format!("{python}-{abi_tag}-"))
        .ok_or_else(|| CompleteError::Platform(best.clone()))?;
    let mut target = Target { abi, micro: None, platform };
    if let Some(markers) = &file.marker_environment {
        target.micro = markers_agree(markers, &target)?;
    }
    tags_agree(&file.compatible_tags, &target)?;
    Ok(target)
}

/// The newest of the platforms that the interpreter's own wheels may be for.
fn platform(tags: &[String], own: &str) -> Option<Platform> {
    let names = tags.iter().filter_map(|tag| tag.strip_prefix(own));
    // `linux_x86_64` tells of no C library.
    let found: Vec<Platform> = names.filter(|name| !name.starts_with("linux_")).filter_map(tag).collect();
    found.iter().find(|one| found.iter().all(|other| other.runs_on(**one))).copied()
}

/// Checks what markers see; gives the third number of the version.
fn markers_agree(
    markers: &BTreeMap<String, Option<String>>,
    target: &Target,
) -> Result<Option<u16>, CompleteError> {
    let value = |name: &str| markers.get(name).and_then(Option::as_deref);
    let minor = target.minor().to_string();
    let system = if matches!(target.platform, Platform::Macos { .. }) { "darwin" } else { "linux" };
    let expected = [
        ("python_version", minor.as_str()),
        ("platform_machine", target.platform.machine()),
        ("platform_python_implementation", "CPython"),
    ];
    for (name, expected) in expected {
        if let Some(found) = value(name).filter(|found| *found != expected) {
            return Err(CompleteError::Marker {
                name,
                found: found.to_owned(),
                expected: expected.to_owned(),
            });
        }
    }
    // Python 2 says `linux2`.
    if let Some(found) = value("sys_platform").filter(|found| !found.starts_with(system)) {
        let (name, expected) = ("sys_platform", system.to_owned());
        return Err(CompleteError::Marker { name, found: found.to_owned(), expected });
    }
    let Some(full) = value("python_full_version") else { return Ok(None) };
    let version: Option<Version> = full.parse().ok();
    let release = version.as_ref().map(Version::release).unwrap_or_default().to_vec();
    let is_same = release.starts_with(&[u64::from(target.minor().major), u64::from(target.minor().minor)]);
    match release.get(2).and_then(|micro| u16::try_from(*micro).ok()).filter(|_| is_same) {
        Some(micro) => Ok(Some(micro)),
        None => {
            let (name, found) = ("python_full_version", full.to_owned());
            Err(CompleteError::Marker { name, found, expected: minor })
        }
    }
}

fn tags_agree(tags: &[String], target: &Target) -> Result<(), CompleteError> {
    let given: BTreeSet<&str> = tags.iter().map(String::as_str).collect();
    let all = target.tags();
    let ours: Vec<String> = all.iter().collect();
    let known: BTreeSet<&str> = ours.iter().map(String::as_str).collect();
    // Older tools did not know that an interpreter takes its own wheels for any platform.
    let absent: Vec<&str> = ours.iter().map(String::as_str).filter(|tag| !given.contains(tag)).collect();
    let absent: Vec<&str> =
        absent.into_iter().filter(|tag| !(tag.starts_with("cp") && tag.ends_with("-none-any"))).collect();
    let besides: Vec<&str> = tags.iter().map(String::as_str).filter(|tag| !known.contains(tag)).collect();
    let told = |what: &str, tags: &[&str]| {
        let first: Vec<String> = tags.iter().take(MAX_TOLD).map(|tag| format!("`{tag}`")).collect();
        let more = tags.len().saturating_sub(MAX_TOLD);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!tags.is_empty()).then(|| format!("{what} {}{more}", first.join(", ")))
    };
    let differences: Vec<String> =
        told("it lacks", &absent).into_iter().chain(told("it has besides", &besides)).collect();
    if differences.is_empty() {
        return Ok(());
    }
    Err(CompleteError::Tags { target: target.to_string(), differences: differences.join(", and ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, expect: &str) {
        let found = match read(content.as_bytes()) {
            Ok(target) => format!("{target} {:?}", target.micro),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expect, "{content}");
    }

    fn file(target: &str, markers: &str, without: &str) -> String {
        let (python, platform) = target.split_once(' ').unwrap();
        let target = Target::new(python.parse().unwrap(), platform.parse().unwrap());
        let tags: Vec<String> = target.tags().iter().filter(|tag| !tag.contains(without)).collect();
        format!(
            "{{\"path\": \"/bin/python\", \"marker_environment\": {markers}, \"compatible_tags\": {tags:?}}}"
        )
    }

    #[test]
    fn files_are_read() {
        let markers = r#"{"python_full_version": "3.11.7", "python_version": "3.11", "sys_platform": "linux",
            "platform_machine": "x86_64", "platform_python_implementation": "CPython", "platform_release": "6.1"}"#;
        let linux = "3.11 linux-x86_64-manylinux_2_36";
        check(&file(linux, markers, "no tag"), "cp311-linux_x86_64_manylinux_2_36 Some(7)");
        check(&file(linux, "null", "cp311-none-any"), "cp311-linux_x86_64_manylinux_2_36 None");
        check(&file("2.7 linux-aarch64-musl", "{}", "no tag"), "cp27-linux_aarch64_musl None");
        check(&file("3.13t macos-arm64-14.0", "{}", "no tag"), "cp313t-macos_arm64_14_0 None");
    }

    #[test]
    fn what_cannot_be_built_for_is_refused() {
        check(
            &file("3.11 macos-arm64", "{\"sys_platform\": \"linux\"}", "no tag"),
            "its marker variable `sys_platform` is `linux`, and its tags are those of `darwin`",
        );
        check(
            &file("3.11 linux-x86_64", "{\"python_full_version\": \"3.12.1\"}", "no tag"),
            "its marker variable `python_full_version` is `3.12.1`, and its tags are those of `3.11`",
        );
        check(
            &file("3.11 linux-x86_64", "{}", "manylinux_2_17_x86_64"),
            "its tags are not those of `cp311-linux_x86_64`: it lacks `cp311-cp311-manylinux_2_17_x86_64`, \
             `cp311-abi3-manylinux_2_17_x86_64`, `cp311-none-manylinux_2_17_x86_64` and 22 more",
        );
        check(
            r#"{"compatible_tags": []}"#,
            "it has no `compatible_tags`, which say what wheels can be installed",
        );
        check(r#"{"compatible_tags": ["pp39-pypy39_pp73-linux_x86_64"]}"#, "expected CPython, found `pp39`");
        check(
            r#"{"compatible_tags": ["cp35-cp35m-linux_x86_64"]}"#,
            "expected Python 2.7, or 3.6 or later, found 3.5",
        );
        check(
            r#"{"compatible_tags": ["cp311-cp311-win_amd64"]}"#,
            "expected the tags of Linux with glibc or musl or of macOS, on x86-64 or 64-bit Arm, found `cp311-cp311-win_amd64`",
        );
        assert!(matches!(read(b"[1]"), Err(CompleteError::Form(_))));
    }
}
