//! Holds the lists in `docs/configuration.md` equal to the keys that the code knows.

use std::fmt::Write as _;
use std::path::Path;

use super::keys::KEYS;
use super::pants_keys;

/// What stands in front of the lists.
const START: &str = "<!-- pants: made of the code;";

/// The lists, in Markdown.
fn lists() -> String {
    let mut text =
        format!("{START} `BLESS=1 cargo nextest run --workspace configuration_page` writes it -->\n\n");
    let quoted = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let _ = writeln!(text, "- sections: {}", quoted(pants_keys::SECTIONS));
    for (section, keys) in pants_keys::KEYS {
        let _ = writeln!(text, "- in `[{section}]`: {}", quoted(keys));
    }
    text.push_str("\n## All keys\n\n");
    let mut section = "";
    for key in KEYS {
        if key.section != section {
            section = key.section;
            let _ = write!(text, "### `[{section}]`\n\n");
        }
        let name = key.name.unwrap_or("NAME");
        let expected = key.kind.expected().replace('`', "");
        let _ = writeln!(text, "**`{name}`** ({expected}; not given: {}): {}", key.default, key.doc);
        let option = key.option().map(|option| format!("--{option}"));
        let names: Vec<String> = option.into_iter().chain(key.variables()).collect();
        if !names.is_empty() {
            let _ = writeln!(text, "Also `{}`.", names.join("`, `"));
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

#[test]
fn the_configuration_page_has_all_keys() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let page = std::fs::read_to_string(&path).expect("the page");
    let (said, found) = page.split_at(page.find(START).expect("the lists"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, format!("{said}{}", lists())).expect("a file");
    } else {
        assert!(found == lists(), "`BLESS=1 cargo nextest run --workspace configuration_page` writes it");
    }
}

#[test]
fn no_key_has_two_meanings() {
    let mut options: Vec<String> = KEYS.iter().filter_map(super::keys::Key::option).collect();
    let mut variables: Vec<String> = KEYS.iter().flat_map(super::keys::Key::variables).collect();
    for names in [&mut options, &mut variables] {
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
    for key in KEYS {
        assert!(!key.name.is_some_and(|name| pants_keys::has(key.section, name)), "{key:?}");
        assert!(!pants_keys::SECTIONS.contains(&key.section), "{key:?}");
    }
    let command = crate::cli::command();
    let goals = command.get_subcommands().flat_map(clap::Command::get_arguments);
    for argument in command.get_arguments().chain(goals) {
        let long = argument.get_long().unwrap_or_default();
        assert!(!options.iter().any(|option| option == long), "--{long}");
    }
}
