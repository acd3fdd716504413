//! Why an artifact is another one than before: what of all that it is made of has changed, and not what only follows from that.

use std::collections::{BTreeMap, BTreeSet};

use graph::Place;
use serde_json::Value;
use store::{Digest, Entry, Store, Tree};

use super::{Account, Done, In};

/// What has changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// A file, by its path in the tree that an action takes in.
    File { path: String, change: Change },
    /// A field of a target.
    Field {
        target: String,
        field: String,
        before: Option<String>,
        after: Option<String>,
        place: Option<Place>,
    },
    /// A distribution, by the names of its files.
    Distribution { before: Option<String>, after: Option<String> },
    /// An interpreter or another tool.
    Tool { before: String, after: String },
    /// A variable that a BUILD file reads.
    Variable { name: String },
    /// A key of the configuration.
    Option { name: String, before: Option<String>, after: Option<String> },
    /// This program, or one of its steps.
    Pants { before: String, after: String },
    /// What an action is asked to do, where nothing else tells why.
    Step { description: String, what: String, before: Option<String>, after: Option<String> },
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    Changed,
    Added,
    Removed,
}

impl Change {
    /// What became of a path that is of one of two maps, or has something else in the other.
    fn of<V>(before: &BTreeMap<String, V>, after: &BTreeMap<String, V>, path: &str) -> Change {
        match (before.contains_key(path), after.contains_key(path)) {
            (true, true) => Change::Changed,
            (false, _) => Change::Added,
            (true, false) => Change::Removed,
        }
    }
}

/// What differs between two accounts of one artifact; nothing where it is the same.
pub(crate) fn compare(before: &Account, after: &Account, store: &Store) -> Vec<Cause> {
    let mut found = Found::default();
    let (old, new) = (named(&before.actions), named(&after.actions));
    for (name, action) in &new {
        match old.get(name) {
            Some(earlier) => found.action(earlier, action, store),
            None => found.alone(action, false),
        }
    }
    for (name, action) in &old {
        if !new.contains_key(name) {
            found.alone(action, true);
        }
    }
    if found.is_nothing() {
        return Vec::new();
    }
    found.causes(before, after)
}

/// All that differs between actions.
#[derive(Default)]
struct Found {
    causes: BTreeSet<Cause>,
    /// What actions are asked to do otherwise.
    asked: Vec<(String, String, Option<String>, Option<String>)>,
    /// Files of distributions, by project, as they were and as they are.
    distributions: BTreeMap<String, [Option<String>; 2]>,
    /// Actions that are of one account alone.
    alone: Vec<String>,
}

impl Found {
    fn is_nothing(&self) -> bool {
        self.causes.is_empty()
            && self.asked.is_empty()
            && self.distributions.is_empty()
            && self.alone.is_empty()
    }

    /// What differs of an action that is of both.
    fn action(&mut self, before: &Done, after: &Done, store: &Store) {
        if before.key.is_some() && before.key == after.key {
            return;
        }
        if before.text != after.text {
            self.text(before, after);
        }
        for (one, other) in before.inputs.iter().zip(&after.inputs) {
            if let (In::Tree(old, old_size), In::Tree(new, new_size)) = (one, other)
                && old != new
            {
                self.trees((old, *old_size), (new, *new_size), store);
            }
        }
    }

    /// What differs in what the key is made of besides trees.
    fn text(&mut self, before: &Done, after: &Done) {
        let (old, new) = (lines(&before.text), lines(&after.text));
        for name in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
            let (one, other) = (old.get(name), new.get(name));
            if one == other {
                continue;
            }
            let whole = |lines: Option<&Vec<&str>>| lines.map(|lines| lines.join(", "));
            let (one, other) = (whole(one), whole(other));
            match (*name, one.clone(), other.clone()) {
                ("tool", Some(before), Some(after)) => {
                    self.causes.insert(Cause::Tool { before: unquoted(&before), after: unquoted(&after) });
                }
                ("function version" | "format", Some(old), Some(new)) => {
                    let version = |version: String| format!("`{}`, version {version}", after.description);
                    self.causes.insert(Cause::Pants { before: version(old), after: version(new) });
                }
                ("sha256" | "size", ..) if after.verb == "fetch" => {
                    let file = after.description.strip_prefix("fetch ").unwrap_or(&after.description);
                    let both = [Some(file.to_owned()), Some(format!("{file} with other content"))];
                    self.distributions.insert(file.to_owned(), both);
                }
                ("arguments", Some(one), Some(other)) => self.arguments(after, &one, &other),
                _ => self.asked.push((after.description.clone(), (*name).to_owned(), one, other)),
            }
        }
    }

    /// What differs in the arguments of a function, which are JSON.
    fn arguments(&mut self, action: &Done, before: &str, after: &str) {
        let read = |text: &str| -> Option<Value> {
            serde_json::from_str(&serde_json::from_str::<String>(text).ok()?).ok()
        };
        let mut differing = Vec::new();
        match (read(before), read(after)) {
            (Some(one), Some(other)) => differences("", &one, &other, &mut differing),
            _ => differing.push(("arguments".to_owned(), Some(before.to_owned()), Some(after.to_owned()))),
        }
        let description = &action.description;
        self.asked
            .extend(differing.into_iter().map(|(what, one, other)| (description.clone(), what, one, other)));
    }

    /// What differs between two trees of files.
    fn trees(&mut self, (old, old_size): (&str, u64), (new, new_size): (&str, u64), store: &Store) {
        let read = |hash, size| -> Option<Tree> { store.tree(&Digest::from_hex(hash, size).ok()?).ok() };
        let (Some(before), Some(after)) = (read(old, old_size), read(new, new_size)) else {
            // The cache has let go of it.
            self.alone.push("its files".to_owned());
            return;
        };
        let (before, after) = (leaves(&before), leaves(&after));
        for path in differing(&before, &after) {
            let change = Change::of(&before, &after, path);
            self.causes.insert(Cause::File { path: path.clone(), change });
        }
    }

    /// An action that is of one account alone, the one before or the one after.
    fn alone(&mut self, action: &Done, before: bool) {
        match action.description.strip_prefix("fetch ") {
            Some(file) => {
                let project = file.split('-').next().unwrap_or(file).to_owned();
                self.distributions.entry(project).or_default()[usize::from(!before)] = Some(file.to_owned());
            }
            None => self.alone.push(action.description.clone()),
        }
    }

    /// What of all that is a cause, and follows from nothing else.
    fn causes(mut self, before: &Account, after: &Account) -> Vec<Cause> {
        for [before, after] in std::mem::take(&mut self.distributions).into_values() {
            self.causes.insert(Cause::Distribution { before, after });
        }
        // What steps have made follows from what they made it from.
        let sources = differing(&before.made_from, &after.made_from);
        let is_generated =
            |cause: &Cause| matches!(cause, Cause::File { path, .. } if after.generated.contains(path));
        if !sources.is_empty() && self.causes.iter().any(is_generated) {
            self.causes.retain(|cause| !is_generated(cause));
            for path in sources {
                let change = Change::of(&before.made_from, &after.made_from, path);
                self.causes.insert(Cause::File { path: path.clone(), change });
            }
        }
        for name in differing(&before.variables, &after.variables) {
            self.causes.insert(Cause::Variable { name: name.clone() });
        }
        // The same files and distributions, put together in the same way, need no look at what was written; unless it says
        // how files are made.
        let is_made = self.causes.iter().any(is_generated);
        let only_content = self.asked.is_empty() && self.alone.is_empty() && !self.causes.iter().any(moves);
        if is_made || !only_content {
            let count = self.causes.len();
            self.written(before, after);
            if is_made && self.causes.len() > count {
                self.causes.retain(|cause| !is_generated(cause));
            }
        }
        if before.version != after.version {
            let version = |account: &Account| format!("pants {}", account.version);
            self.causes.insert(Cause::Pants { before: version(before), after: version(after) });
        }
        if self.causes.is_empty() {
            for (description, what, before, after) in self.asked {
                self.causes.insert(Cause::Step { description, what, before, after });
            }
            for description in self.alone {
                let what = "whether it is done".to_owned();
                self.causes.insert(Cause::Step { description, what, before: None, after: None });
            }
        }
        self.causes.into_iter().collect()
    }

    /// The fields and keys that somebody has written otherwise.
    fn written(&mut self, before: &Account, after: &Account) {
        for key in differing(&before.fields, &after.fields) {
            let (one, other) = (before.fields.get(key), after.fields.get(key));
            let value = |field: Option<&(String, Option<Place>)>| field.map(|(value, _)| value.clone());
            // A target that came or went with all its fields is told by what names it.
            let is_known = |account: &Account| account.fields.keys().any(|(target, _)| *target == key.0);
            let same = value(one) == value(other);
            if same || !is_known(before) || !is_known(after) {
                continue;
            }
            self.causes.insert(Cause::Field {
                target: key.0.clone(),
                field: key.1.clone(),
                before: value(one),
                after: value(other),
                place: other.or(one).and_then(|(_, place)| place.clone()),
            });
        }
        // An option shows in what actions are asked to do. Where files and distributions alone come and go, what has been
        // edited explains it, if anything has.
        let is_edit = |cause: &Cause| match cause {
            Cause::File { change, .. } => *change == Change::Changed,
            Cause::Field { .. } | Cause::Variable { .. } => true,
            _ => false,
        };
        if self.asked.is_empty() && self.causes.iter().any(is_edit) {
            return;
        }
        for name in differing(&before.options, &after.options) {
            let value = |account: &Account| account.options.get(name).cloned();
            let (before, after) = (value(before), value(after));
            self.causes.insert(Cause::Option { name: name.clone(), before, after });
        }
    }
}

/// The files and links of a tree, by their paths.
fn leaves(tree: &Tree) -> BTreeMap<String, &Entry> {
    tree.walk().into_iter().filter(|(_, entry)| !matches!(entry, Entry::Directory(_))).collect()
}

/// Whether something came or went, so that who brings it may be what has changed.
fn moves(cause: &Cause) -> bool {
    match cause {
        Cause::File { change, .. } => *change != Change::Changed,
        Cause::Distribution { .. } | Cause::Variable { .. } => true,
        _ => false,
    }
}

/// The keys under which two maps have something else.
fn differing<'m, K: Ord, V: PartialEq>(
    one: &'m BTreeMap<K, V>,
    other: &'m BTreeMap<K, V>,
) -> BTreeSet<&'m K> {
    one.keys().chain(other.keys()).filter(|key| one.get(key) != other.get(key)).collect()
}

/// Actions by what they do, with the number of those before that do the same.
fn named(actions: &[Done]) -> BTreeMap<(&str, &str, usize), &Done> {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut all = BTreeMap::new();
    for action in actions {
        let count = counts.entry((&action.verb, &action.description)).or_default();
        all.insert((action.verb.as_str(), action.description.as_str(), *count), action);
        *count += 1;
    }
    all
}

/// The values of each field of a text, in their order.
fn lines(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut lines: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in text.lines().filter_map(|line| line.split_once(": ")) {
        if name != "inputs" {
            lines.entry(name).or_default().push(value);
        }
    }
    lines
}

fn unquoted(text: &str) -> String {
    serde_json::from_str(text).unwrap_or_else(|_| text.to_owned())
}

/// Where two values differ, by the names on the way there.
fn differences(
    path: &str,
    one: &Value,
    other: &Value,
    found: &mut Vec<(String, Option<String>, Option<String>)>,
) {
    match (one, other) {
        _ if one == other => {}
        (Value::Object(one), Value::Object(other)) => {
            let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for key in keys {
                let null = &Value::Null;
                let (one, other) = (one.get(key).unwrap_or(null), other.get(key).unwrap_or(null));
                differences(&format!("{path}.{key}"), one, other, found);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (at, (one, other)) in one.iter().zip(other).enumerate() {
                differences(&format!("{path}[{at}]"), one, other, found);
            }
        }
        _ => {
            let text = |value: &Value| (!value.is_null()).then(|| value.to_string());
            found.push((path.trim_start_matches('.').to_owned(), text(one), text(other)));
        }
    }
}

#[cfg(test)]
mod tests {
    use store::DigestFunction;

    use super::*;

    fn account(text: &str, key: &str) -> Account {
        let action = Done {
            verb: "run".into(),
            description: "compile a.whl".into(),
            text: text.into(),
            key: Some(key.into()),
            inputs: Vec::new(),
        };
        Account {
            time: String::new(),
            version: "1".into(),
            actions: vec![action],
            fields: BTreeMap::new(),
            variables: BTreeMap::new(),
            options: BTreeMap::new(),
            generated: BTreeSet::new(),
            made_from: BTreeMap::new(),
        }
    }

    fn check(before: &str, after: &str, expect: &[Cause]) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open_with(dir.path(), DigestFunction::Blake3, dir.path()).unwrap();
        let key = if before == after { "same" } else { "other" };
        assert_eq!(
            compare(&account(before, "same"), &account(after, key), &store),
            expect,
            "{before} {after}"
        );
    }

    #[test]
    fn what_a_key_is_made_of_is_told_apart() {
        check("tool: \"a\"\n", "tool: \"a\"\n", &[]);
        let tool = Cause::Tool { before: "CPython 3.11.1".into(), after: "CPython 3.11.2".into() };
        check("tool: \"CPython 3.11.1\"\n", "tool: \"CPython 3.11.2\"\n", &[tool]);
        let version = |number: u32| format!("`compile a.whl`, version {number}");
        let pants = Cause::Pants { before: version(1), after: version(2) };
        check("function version: 1\n", "function version: 2\n", &[pants]);
        let step = |what: &str, before: Option<&str>, after: Option<&str>| Cause::Step {
            description: "compile a.whl".into(),
            what: what.into(),
            before: before.map(Into::into),
            after: after.map(Into::into),
        };
        check("argument: \"a\"\n", "argument: \"b\"\n", &[step("argument", Some("\"a\""), Some("\"b\""))]);
        let json = |text: &str| format!("arguments: {}\n", serde_json::to_string(text).unwrap());
        check(
            &json(r#"{"a":{"b":[1,2]},"c":1}"#),
            &json(r#"{"a":{"b":[1,3]},"c":1,"d":true}"#),
            &[step("a.b[1]", Some("2"), Some("3")), step("d", None, Some("true"))],
        );
    }
}
