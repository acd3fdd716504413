//! `parametrize`: several values for a field, and what targets they come to; it does not make the targets.

use std::fmt;

use allocative::Allocative;
use graph::Value as Plain;
use serde::{Deserialize, Serialize};
use starlark::any::ProvidesStaticType;
use starlark::starlark_simple_value;
use starlark::values::{NoSerialize, StarlarkPagablePanic, StarlarkValue, starlark_value};

/// How many targets one call may come to.
pub(crate) const MOST: usize = 1000;

/// What the parameter of a group of fields is called in a label.
const GROUP: &str = "parametrize";

/// What a call gives for a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Given {
    Value(Plain),
    /// Several values, each with its name in labels.
    Parametrized(Vec<(String, Plain)>),
    /// Fields that go together, as one of several groups.
    Group(Group),
}

/// Several values of a field, each with its name.
#[derive(Clone, Debug, ProvidesStaticType, NoSerialize, Allocative, StarlarkPagablePanic)]
pub(crate) struct Parametrized {
    #[allocative(skip)]
    pub(crate) alternatives: Vec<(String, Plain)>,
}

starlark_simple_value!(Parametrized);

impl fmt::Display for Parametrized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<parametrize>")
    }
}

#[starlark_value(type = "parametrize")]
impl<'v> StarlarkValue<'v> for Parametrized {}

/// Fields that go together, under a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) fields: Vec<(String, Plain)>,
}

/// The same as a value of Starlark.
#[derive(Clone, Debug, ProvidesStaticType, NoSerialize, Allocative, StarlarkPagablePanic)]
pub(crate) struct Grouped {
    #[allocative(skip)]
    pub(crate) group: Group,
}

starlark_simple_value!(Grouped);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<parametrize {}>", self.group.name)
    }
}

#[starlark_value(type = "group")]
impl<'v> StarlarkValue<'v> for Grouped {}

/// One of the targets that a call comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Variant {
    pub(crate) fields: Vec<(String, Plain)>,
    /// What its label has behind `@`, sorted.
    pub(crate) parameters: Vec<(String, String)>,
}

/// All targets that a call comes to; none if there are too many.
pub(crate) fn variants(named: Vec<(String, Given)>) -> Option<Vec<Variant>> {
    let mut variants = vec![Variant::default()];
    let mut groups = Vec::new();
    for (name, given) in named {
        match given {
            Given::Value(value) => {
                for variant in &mut variants {
                    variant.fields.push((name.clone(), value.clone()));
                }
            }
            Given::Group(group) => groups.push((group.name, group.fields)),
            Given::Parametrized(alternatives) => {
                let alternatives: Vec<_> = alternatives
                    .into_iter()
                    .map(|(alias, value)| (alias, vec![(name.clone(), value)]))
                    .collect();
                variants = product(&variants, &name, &alternatives)?;
            }
        }
    }
    if !groups.is_empty() {
        variants = product(&variants, GROUP, &groups)?;
    }
    for variant in &mut variants {
        variant.parameters.sort();
    }
    Some(variants)
}

/// Each variant with each alternative.
fn product(
    variants: &[Variant],
    parameter: &str,
    alternatives: &[(String, Vec<(String, Plain)>)],
) -> Option<Vec<Variant>> {
    if variants.len() * alternatives.len() > MOST {
        return None;
    }
    let with = |variant: &Variant, (alias, fields): &(String, Vec<(String, Plain)>)| {
        let mut variant = variant.clone();
        variant.fields.extend(fields.iter().cloned());
        variant.parameters.push((parameter.to_owned(), alias.clone()));
        variant
    };
    let each = variants.iter().flat_map(|variant| alternatives.iter().map(move |one| with(variant, one)));
    Some(each.collect())
}

#[cfg(test)]
mod tests {
    use super::{Given, Group, MOST, Plain, variants};

    fn check(named: &[(&str, Given)], expected: &[&str]) {
        let named = named.iter().map(|(name, given)| ((*name).to_owned(), given.clone())).collect();
        let text = |(name, value): &(String, String)| format!("{name}={value}");
        let found = variants(named).expect("few").into_iter().map(|variant| {
            let fields: Vec<String> = variant.fields.iter().map(|(name, _)| name.clone()).collect();
            let parameters: Vec<String> = variant.parameters.iter().map(text).collect();
            format!("{} @{}", fields.join(","), parameters.join(","))
        });
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    fn several(names: &[&str]) -> Given {
        Given::Parametrized(names.iter().map(|name| ((*name).to_owned(), Plain::from(*name))).collect())
    }

    fn group(name: &str, field: &str) -> Given {
        Given::Group(Group { name: name.to_owned(), fields: vec![(field.to_owned(), Plain::None)] })
    }

    #[test]
    fn every_value_goes_with_every_other() {
        check(&[("a", Given::Value(Plain::None))], &["a @"]);
        check(
            &[("z", several(&["1", "2"])), ("b", several(&["x"])), ("c", Given::Value(Plain::None))],
            &["z,b,c @b=x,z=1", "z,b,c @b=x,z=2"],
        );
        check(
            &[("g", group("one", "a")), ("h", group("two", "b"))],
            &["a @parametrize=one", "b @parametrize=two"],
        );
    }

    #[test]
    fn there_is_a_bound() {
        let many = Given::Parametrized(vec![(String::new(), Plain::None); MOST]);
        assert_eq!(variants(vec![("a".to_owned(), many), ("b".to_owned(), several(&["1", "2"]))]), None);
    }
}
