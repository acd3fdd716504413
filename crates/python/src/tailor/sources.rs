//! Libraries, tests and what tests share, for the Python files of each folder that no target has.

use globset::{Glob, GlobSet, GlobSetBuilder};
use graph::{FieldDefault, schema};

use super::{Repository, Wanted, by_folder, owned, strings};

const LIBRARY: &str = "python_library";
const TEST: &str = "python_test";
const TEST_UTILS: &str = "python_test_utils";

/// What the tests of a folder are called.
const TESTS: &str = "tests";
/// What pytest loads for all tests of a folder and below.
const CONFTEST: &str = "conftest.py";

pub(super) fn wanted(repository: &Repository<'_>, files: &[&str]) -> Vec<Wanted> {
    let owned = owned(repository.targets);
    let [libraries, tests, utils] = [LIBRARY, TEST, TEST_UTILS].map(Patterns::of);
    let rule_of_utils = if schema(TEST_UTILS).is_some() { TEST_UTILS } else { LIBRARY };
    let is_python = |name: &&str| name.ends_with(".py") || name.ends_with(".pyi");
    let mut wanted = Vec::new();
    for (folder, names) in by_folder(files.iter().copied()) {
        let python: Vec<&str> = names.iter().copied().filter(is_python).collect();
        let free = |name: &&str| !owned.contains(graph::join(folder, name).as_str());
        let is_test = |name: &str| tests.matches(name);
        let is_util = |name: &str| name == CONFTEST || utils.matches(name);
        // The name of the folder is that of its tests there.
        let tests_here = graph::last_segment(folder) == TESTS && python.iter().any(|name| is_test(name));
        let library: &[&str] = if tests_here { &["lib"] } else { &[] };
        let groups: [Group<'_>; 3] = [
            (LIBRARY, &libraries, library, &|name| !is_test(name) && !is_util(name)),
            (TEST, &tests, &[TESTS], &is_test),
            (rule_of_utils, &utils, &["test_utils"], &is_util),
        ];
        for (rule, patterns, target_names, belongs) in groups {
            let unowned: Vec<&str> =
                python.iter().copied().filter(free).filter(|name| belongs(name)).collect();
            if unowned.is_empty() {
                continue;
            }
            let rules_own: Vec<&str> = python.iter().copied().filter(|name| patterns.matches(name)).collect();
            let fields =
                if rules_own == unowned { Vec::new() } else { vec![("sources", strings(unowned.clone()))] };
            wanted.push(Wanted {
                package: folder.to_owned(),
                names: target_names.iter().map(ToString::to_string).collect(),
                rule,
                fields,
                files: unowned.iter().map(|name| graph::join(folder, name)).collect(),
            });
        }
    }
    wanted
}

/// A rule, the patterns that it has by default, the names of its targets, and which files of a folder are theirs.
type Group<'g> = (&'static str, &'g Patterns, &'g [&'g str], &'g dyn Fn(&str) -> bool);

/// The patterns of sources that a rule has by default.
struct Patterns {
    include: GlobSet,
    exclude: GlobSet,
}

impl Patterns {
    fn of(rule: &str) -> Self {
        let default = schema(rule).and_then(|schema| schema.field("sources")).map(|field| field.default);
        let patterns = match default {
            Some(FieldDefault::List(patterns)) => patterns,
            _ => &[],
        };
        let set = |chosen: &mut dyn Iterator<Item = &str>| {
            let mut builder = GlobSetBuilder::new();
            chosen.filter_map(|pattern| Glob::new(pattern).ok()).for_each(|glob| {
                builder.add(glob);
            });
            builder.build().unwrap_or_default()
        };
        Self {
            include: set(&mut patterns.iter().copied().filter(|pattern| !pattern.starts_with('!'))),
            exclude: set(&mut patterns.iter().filter_map(|pattern| pattern.strip_prefix('!'))),
        }
    }

    fn matches(&self, name: &str) -> bool {
        self.include.is_match(name) && !self.exclude.is_match(name)
    }
}
