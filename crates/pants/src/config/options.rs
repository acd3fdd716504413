//! Options of the command line that set keys, taken out before the goals read theirs. It does not know the goals.

use std::ffi::OsString;

use super::keys::{KEYS, Key, Kind};

/// An option that sets a key.
#[derive(Clone, Debug)]
pub(super) struct Flag {
    pub(super) key: &'static Key,
    /// As it is written, without its value.
    pub(super) name: String,
    /// None where it needs one and has none.
    pub(super) value: Option<String>,
}

/// Takes the options that set keys out of the arguments: `--python-default-resolve=a`, and for flags also `--no-…` and no
/// value. What follows `--` is for a program.
pub(super) fn split(arguments: Vec<OsString>) -> (Vec<OsString>, Vec<Flag>) {
    let (mut rest, mut flags) = (Vec::new(), Vec::new());
    let mut arguments = arguments.into_iter();
    for argument in arguments.by_ref() {
        if argument == "--" {
            rest.push(argument);
            break;
        }
        match argument.to_str().and_then(flag) {
            Some(flag) => flags.push(flag),
            None => rest.push(argument),
        }
    }
    rest.extend(arguments);
    (rest, flags)
}

fn flag(argument: &str) -> Option<Flag> {
    let text = argument.strip_prefix("--")?;
    let (option, value) = match text.split_once('=') {
        Some((option, value)) => (option, Some(value)),
        None => (text, None),
    };
    let find = |option: &str| KEYS.iter().find(|key| key.option().as_deref() == Some(option));
    let name = format!("--{option}");
    if let Some(key) = find(option) {
        let bare = (key.kind == Kind::Flag && key.name.is_some()).then_some("true");
        return Some(Flag { key, name, value: value.or(bare).map(str::to_owned) });
    }
    // `--no-level`, and in a section `--source-no-…` or `--no-source-…`.
    let positive = option.strip_prefix("no-").map(str::to_owned);
    let positive = positive.or_else(|| option.contains("-no-").then(|| option.replacen("-no-", "-", 1)))?;
    let key = find(&positive).filter(|key| key.kind == Kind::Flag && value.is_none())?;
    Some(Flag { key, name, value: Some("false".to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_set_keys_are_taken_out() {
        #[track_caller]
        fn check(arguments: &[&str], rest: &[&str], expected: &[&str]) {
            let (left, flags) = split(arguments.iter().map(OsString::from).collect());
            assert_eq!(left, rest);
            let shown = |flag: &Flag| {
                let name = flag.key.name.unwrap_or("*");
                format!("[{}] {name} = {:?}", flag.key.section, flag.value.as_deref().unwrap_or_default())
            };
            assert_eq!(flags.iter().map(shown).collect::<Vec<_>>(), expected);
        }
        check(
            &["pants", "--level=debug", "list", "--python-default-resolve=a", "::"],
            &["pants", "list", "::"],
            &["[GLOBAL] level = \"debug\"", "[python] default_resolve = \"a\""],
        );
        check(
            &[
                "--python-infer-imports",
                "--no-python-infer-assets",
                "--python-infer-no-conftests",
                "--no-dynamic-ui",
            ],
            &[],
            &[
                "[python-infer] imports = \"true\"",
                "[python-infer] assets = \"false\"",
                "[python-infer] conftests = \"false\"",
                "[GLOBAL] dynamic_ui = \"false\"",
            ],
        );
        check(&["--python-resolves={'a': 'b'}"], &[], &["[python.resolves] * = \"{'a': 'b'}\""]);
        check(&["run", "//a", "--", "--level=debug"], &["run", "//a", "--", "--level=debug"], &[]);
        let own =
            ["--jobs=3", "--offline", "--color=never", "--cache-dir=x", "--strict", "--no-such", "-j3", "x"];
        check(&own, &own, &[]);
        check(&["--level"], &[], &["[GLOBAL] level = \"\""]);
    }
}
