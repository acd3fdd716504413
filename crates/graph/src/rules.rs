//! All rules of the BUILD language, as data; a rule is a constant in a file of this folder.

mod common;
mod data;
mod distribution;
mod genrule;
mod image;
mod python_binary;
mod python_library;
mod python_test;
mod requirements;
mod unknown;

use crate::RuleSchema;
pub use unknown::UNKNOWN;

/// The rules, in the order of the manual.
static SCHEMAS: [&RuleSchema; 17] = [
    &python_library::PYTHON_LIBRARY,
    &python_library::PYTHON_TEST_UTILS,
    &python_binary::PYTHON_BINARY,
    &python_binary::PEX_BINARIES,
    &python_test::PYTHON_TEST,
    &requirements::PYTHON_REQUIREMENT,
    &requirements::PYTHON_REQUIREMENTS,
    &requirements::POETRY_REQUIREMENTS,
    &requirements::PIPENV_REQUIREMENTS,
    &distribution::PYTHON_DISTRIBUTION,
    &image::PYTHON_IMAGE,
    &data::RESOURCES,
    &data::FILES,
    &data::ALIAS,
    &data::TARGET,
    &data::PAGE,
    &genrule::GENRULE,
];

/// All rules, in the order of the manual.
pub fn schemas() -> &'static [&'static RuleSchema] {
    &SCHEMAS
}

/// The rule called `name`, by its name or an alias; also the one that no BUILD file can call.
pub fn schema(name: &str) -> Option<&'static RuleSchema> {
    SCHEMAS
        .iter()
        .chain([&&UNKNOWN])
        .copied()
        .find(|schema| schema.name == name || schema.aliases.contains(&name))
}
