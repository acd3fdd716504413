//! The section `[python-infer]`, typed. Knows nothing of what is inferred.

use std::str::FromStr;

use graph::near;
use python::infer::{ChoiceError, InferSettings};

use super::sources::Settings;
use super::value::{Setting, Value};
use crate::diagnostic::{Diagnostic, Exit};

const SECTION: &str = "python-infer";

/// What the section says, over the defaults. Fails with all choices that do not exist.
pub(super) fn settings(settings: &mut Settings) -> Result<InferSettings, Vec<Diagnostic>> {
    let mut wrong = Vec::new();
    let mut infer = InferSettings::default();
    let mut take = |name: &str| settings.remove(&(SECTION.to_owned(), name.to_owned()));
    for (name, flag) in [
        ("imports", &mut infer.imports),
        ("string_imports", &mut infer.string_imports),
        ("assets", &mut infer.assets),
        ("conftests", &mut infer.conftests),
    ] {
        if let Some(Setting { value: Value::Flag(given), .. }) = take(name) {
            *flag = given;
        }
    }
    for (name, number) in [
        ("string_imports_min_dots", &mut infer.string_imports_min_dots),
        ("assets_min_slashes", &mut infer.assets_min_slashes),
    ] {
        if let Some(Setting { value: Value::Number(given), .. }) = take(name) {
            *number = usize::from(given);
        }
    }
    choose("init_files", take("init_files"), &mut infer.init_files, &mut wrong);
    choose(
        "unowned_dependency_behavior",
        take("unowned_dependency_behavior"),
        &mut infer.unowned,
        &mut wrong,
    );
    choose(
        "ambiguous_dependency_behavior",
        take("ambiguous_dependency_behavior"),
        &mut infer.ambiguous,
        &mut wrong,
    );
    choose("ambiguity_resolution", take("ambiguity_resolution"), &mut infer.ambiguity, &mut wrong);
    if wrong.is_empty() { Ok(infer) } else { Err(wrong) }
}

fn choose<T: FromStr<Err = ChoiceError>>(
    name: &str,
    setting: Option<Setting>,
    choice: &mut T,
    wrong: &mut Vec<Diagnostic>,
) {
    let Some(Setting { value: Value::Text(text), place }) = setting else { return };
    match text.parse() {
        Ok(given) => *choice = given,
        Err(error) => {
            let near = near(&error.found, error.choices.iter().copied());
            let help = near.map(|near| format!("did you mean `{near}`?"));
            let message = format!("`{name}`: {error}");
            wrong.push(Diagnostic::error(Exit::Wrong, "config::choice", message).at(Some(place)).help(help));
        }
    }
}
