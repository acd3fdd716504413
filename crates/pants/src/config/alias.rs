//! Words of the command line that stand for others, as `[cli.alias]` has them.

use std::collections::BTreeMap;
use std::ffi::OsString;

use graph::Place;

use super::sources::Settings;
use super::value::Value;
use crate::cli;
use crate::diagnostic::{Diagnostic, Exit};

/// The section of the aliases.
const SECTION: &str = "cli.alias";
/// How many words the command line may come to have.
const MOST: usize = 10_000;

/// The arguments with what aliases stand for; what follows `--` is for a program. Fails with all aliases that cannot be.
pub(super) fn expand(
    arguments: Vec<OsString>,
    settings: &Settings,
) -> Result<Vec<OsString>, Vec<Diagnostic>> {
    let (aliases, errors) = aliases(settings);
    if !errors.is_empty() {
        return Err(errors);
    }
    if aliases.is_empty() {
        return Ok(arguments);
    }
    let mut expanded = Vec::new();
    let mut arguments = arguments.into_iter();
    // The name of the program is none.
    expanded.extend(arguments.next());
    for argument in arguments.by_ref() {
        if argument == "--" {
            expanded.push(argument);
            break;
        }
        match argument.to_str().filter(|word| aliases.contains_key(word)) {
            None => expanded.push(argument),
            Some(word) => {
                words(word, &aliases, &mut Vec::new(), &mut expanded, &mut 0).map_err(|wrong| vec![wrong])?;
            }
        }
    }
    expanded.extend(arguments);
    Ok(expanded)
}

/// What a word stands for, and where that is.
type Aliases<'s> = BTreeMap<&'s str, (Vec<String>, &'s Place)>;

fn aliases(settings: &Settings) -> (Aliases<'_>, Vec<Diagnostic>) {
    let (mut aliases, mut errors) = (Aliases::new(), Vec::new());
    for ((_, name), setting) in settings.iter().filter(|((section, _), _)| section == SECTION) {
        let Value::Text(text) = &setting.value else { continue };
        let wrong = |code: &str, message: String, help: &str| {
            Diagnostic::error(Exit::Wrong, code, message).at(Some(setting.place.clone())).help(Some(help))
        };
        let word = name.strip_prefix("--").unwrap_or(name);
        let plain = |letter: char| letter.is_alphanumeric() || "-_".contains(letter);
        if word.is_empty() || word.starts_with('-') || !word.chars().all(plain) {
            let message = format!("`{name}` cannot be an alias");
            errors.push(wrong(
                "config::alias",
                message,
                "it has letters, digits, `-` and `_`, and may start with `--`",
            ));
        } else if is_taken(name) {
            let message = format!("`{name}` cannot be an alias: it has a meaning already");
            errors.push(wrong("config::alias", message, "give it another name"));
        } else if let Some(words) = shlex::split(text) {
            aliases.insert(name, (words, &setting.place));
        } else {
            let message = format!("`{text}` ends in the middle of a quotation or behind a `\\`");
            errors.push(wrong("config::alias", message, "it is split into words as a shell does it"));
        }
    }
    (aliases, errors)
}

/// Whether a goal or an option has the name.
fn is_taken(name: &str) -> bool {
    let command = cli::command();
    match name.strip_prefix("--") {
        Some(option) => command.get_arguments().any(|argument| argument.get_long() == Some(option)),
        None => command.find_subcommand(name).is_some(),
    }
}

/// Adds the words that a word stands for; `trail` are those on the way to it, and `replaced` is how many were replaced.
fn words<'s>(
    word: &'s str,
    aliases: &'s Aliases<'_>,
    trail: &mut Vec<&'s str>,
    expanded: &mut Vec<OsString>,
    replaced: &mut usize,
) -> Result<(), Diagnostic> {
    let Some((words, place)) = aliases.get(word) else {
        expanded.push(word.into());
        return Ok(());
    };
    let wrong = |message: String| {
        Err(Diagnostic::error(Exit::Wrong, "config::alias_circle", message).at(Some((*place).clone())))
    };
    if trail.contains(&word) {
        trail.push(word);
        return wrong(format!("aliases stand for each other in a circle: `{}`", trail.join("` -> `")));
    }
    *replaced += 1;
    if expanded.len().max(*replaced) > MOST {
        return wrong(format!("`{word}` stands for more than {MOST} words"));
    }
    trail.push(word);
    for word in words {
        self::words(word, aliases, trail, expanded, replaced)?;
    }
    trail.pop();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::value::Setting;
    use super::*;

    #[track_caller]
    fn check(aliases: &[(&str, &str)], arguments: &str, expected: &str) {
        let setting = |text: &str| {
            let value = Value::Text(text.to_owned());
            Setting { value, place: Place::new("pants.toml", 1, 1) }
        };
        let settings: Settings = aliases
            .iter()
            .map(|(name, text)| ((SECTION.to_owned(), (*name).to_owned()), setting(text)))
            .collect();
        let found = match expand(arguments.split(' ').map(OsString::from).collect(), &settings) {
            Ok(words) => words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join("|"),
            Err(errors) => errors.iter().map(|error| error.message.clone()).collect::<Vec<_>>().join("; "),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn words_stand_for_words() {
        let all = [("all", "list ::"), ("--slow", "--tag='a b' --jobs=1"), ("both", "all --slow")];
        check(&all, "pants all", "pants|list|::");
        check(&all, "pants --slow both", "pants|--tag=a b|--jobs=1|list|::|--tag=a b|--jobs=1");
        check(&all, "all run -- all", "all|run|--|all");
        check(&[], "pants all", "pants|all");
    }

    #[test]
    fn aliases_that_cannot_be() {
        check(
            &[("a", "b"), ("b", "x a")],
            "pants b",
            "aliases stand for each other in a circle: `b` -> `a` -> `b`",
        );
        check(&[("list", "x")], "pants x", "`list` cannot be an alias: it has a meaning already");
        check(&[("--jobs", "x")], "pants x", "`--jobs` cannot be an alias: it has a meaning already");
        check(&[("-a", "x"), ("a b", "x")], "pants x", "`-a` cannot be an alias; `a b` cannot be an alias");
        check(&[("a", "'x")], "pants x", "`'x` ends in the middle of a quotation or behind a `\\`");
    }
}
