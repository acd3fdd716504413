//! `__defaults__`: what fields are where a target does not give them, for a directory and those below it; it does not
//! know targets.

use std::collections::BTreeMap;

use graph::{Place, RuleSchema, near_all, schema, schemas};
use serde::{Deserialize, Serialize};

use crate::error::{LoadError, Problem};
use crate::parametrize::Given;
use crate::read::Digest;

/// Fields by rule, each with where it is said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Defaults(BTreeMap<String, Fields>);

type Fields = BTreeMap<String, (Given, Place)>;

/// Fields as one call names them.
type Named = Vec<(String, Given)>;

/// What one call of `__defaults__` says.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// Names of rules, and fields of theirs.
    pub(crate) of_rules: Vec<(Vec<String>, Named)>,
    /// Fields of all rules that have them.
    pub(crate) of_all: Named,
    /// Whether what is said above holds too.
    pub(crate) extend: bool,
    pub(crate) ignore_unknown_fields: bool,
    pub(crate) ignore_unknown_targets: bool,
}

impl Defaults {
    /// The fields of a rule, each with its name.
    pub(crate) fn of(&self, rule: &RuleSchema) -> impl Iterator<Item = (&str, &Given, &Place)> {
        let fields = self.0.get(rule.name).into_iter().flatten();
        fields.map(|(name, (given, place))| (name.as_str(), given, place))
    }

    /// Stands for all of them.
    pub(crate) fn digest(&self) -> Digest {
        *blake3::hash(&postcard::to_stdvec(self).expect("plain data can be encoded")).as_bytes()
    }

    /// Takes what a call says. As in Pants it takes the place of what was said of the rules that it names, unless it says
    /// `extend`, and leaves the others.
    pub(crate) fn take(&mut self, said: Said, place: &Place) -> Vec<LoadError> {
        let mut errors = Vec::new();
        let mut new: BTreeMap<String, Fields> = if said.extend { self.0.clone() } else { BTreeMap::new() };
        let field = |given: &Given| (given.clone(), place.clone());
        if !said.of_all.is_empty() {
            for rule in schemas() {
                let known = said.of_all.iter().filter(|(name, _)| rule.field(name).is_some());
                let fields = new.entry(rule.name.to_owned()).or_default();
                fields.extend(known.map(|(name, given)| (name.clone(), field(given))));
            }
        }
        for (names, given) in &said.of_rules {
            for name in names {
                let Some(rule) = schema(name) else {
                    let near = near(name);
                    if !said.ignore_unknown_targets && !near.is_empty() {
                        errors.push(Problem::UnknownName { name: name.clone(), near }.at(place.clone()));
                    }
                    continue;
                };
                let fields = new.entry(rule.name.to_owned()).or_default();
                for (name, given) in given {
                    if rule.field(name).is_some() {
                        fields.insert(name.clone(), field(given));
                    } else if !rule.ignores(name) && !said.ignore_unknown_fields {
                        errors.push(unknown_field(rule, name).at(place.clone()));
                    }
                }
            }
        }
        for (rule, fields) in new {
            if fields.is_empty() {
                self.0.remove(&rule);
            } else {
                self.0.insert(rule, fields);
            }
        }
        errors
    }
}

/// Rules that a name may have been meant to be.
fn near(name: &str) -> Vec<String> {
    let names =
        schemas().iter().flat_map(|rule| std::iter::once(rule.name).chain(rule.aliases.iter().copied()));
    if crate::foreign::is_known(name) {
        return Vec::new();
    }
    near_all(name, names).into_iter().map(str::to_owned).collect()
}

fn unknown_field(rule: &RuleSchema, field: &str) -> Problem {
    let near = near_all(field, rule.field_names()).into_iter().map(str::to_owned).collect();
    let fields = rule.fields.iter().map(|field| field.name).collect();
    Problem::UnknownField { rule: rule.name.to_owned(), field: field.to_owned(), near, fields }
}

#[cfg(test)]
mod tests {
    use super::{Defaults, Given, Place, Said};
    use graph::{Value, schema};

    fn fields(names: &[&str]) -> Vec<(String, Given)> {
        names.iter().map(|name| ((*name).to_owned(), Given::Value(Value::Bool(true)))).collect()
    }

    fn said(rule: &str, names: &[&str], extend: bool) -> Said {
        Said { of_rules: vec![(vec![rule.to_owned()], fields(names))], extend, ..Said::default() }
    }

    #[track_caller]
    fn check(calls: Vec<Said>, rule: &str, expected: &[&str]) {
        let mut defaults = Defaults::default();
        let place = Place::new("BUILD", 1, 1);
        let errors: Vec<_> = calls.into_iter().flat_map(|said| defaults.take(said, &place)).collect();
        assert_eq!(errors, []);
        let rule = schema(rule).expect("a rule");
        assert_eq!(defaults.of(rule).map(|(name, ..)| name).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_call_replaces_or_extends() {
        let first = || said("python_sources", &["tags"], false);
        check(vec![first()], "python_library", &["tags"]);
        check(vec![first(), said("python_library", &["resolve"], false)], "python_library", &["resolve"]);
        check(
            vec![first(), said("python_library", &["resolve"], true)],
            "python_library",
            &["resolve", "tags"],
        );
        check(vec![first(), said("python_tests", &["resolve"], false)], "python_library", &["tags"]);
        check(vec![first(), said("python_library", &[], false)], "python_library", &[]);
        check(vec![first(), said("java_sources", &["x"], false)], "python_library", &["tags"]);
        let all = Said { of_all: fields(&["resolve", "skip_black"]), ..Said::default() };
        check(vec![all], "python_test", &["resolve"]);
    }
}
