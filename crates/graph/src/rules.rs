//! All rules of the BUILD language, as data; a rule is a constant in a file of this folder.

mod common;
mod data;
mod distribution;
mod genrule;
mod python_binary;
mod python_library;
mod python_test;
mod requirements;

use crate::RuleSchema;

/// The rules, in the order of the manual.
static SCHEMAS: [&RuleSchema; 11] = [
    &python_library::PYTHON_LIBRARY,
    &python_binary::PYTHON_BINARY,
    &python_test::PYTHON_TEST,
    &requirements::PYTHON_REQUIREMENT,
    &requirements::PYTHON_REQUIREMENTS,
    &distribution::PYTHON_DISTRIBUTION,
    &distribution::PYTHON_IMAGE,
    &data::RESOURCES,
    &data::FILES,
    &data::ALIAS,
    &genrule::GENRULE,
];

/// All rules, in the order of the manual.
pub fn schemas() -> &'static [&'static RuleSchema] {
    &SCHEMAS
}

/// The rule called `name`, by its name or an alias.
pub fn schema(name: &str) -> Option<&'static RuleSchema> {
    SCHEMAS.iter().copied().find(|schema| schema.name == name || schema.aliases.contains(&name))
}
