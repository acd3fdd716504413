//! What processes have to have of the machine, and where they run, as their target says it.

use engine::{Needs, Site, size};
use graph::{Target, Value};

use crate::error::RuleError;
use crate::step_error::StepError;

/// The field.
const NEEDS: &str = "needs";

/// What the tests of a target need.
///
/// # Errors
/// Where the field says something that nothing can have.
pub(super) fn of(target: &Target) -> Result<Needs, RuleError> {
    let mut needs = Needs { site: site(target), ..Needs::default() };
    for (key, value) in target.table(NEEDS) {
        match (key, value) {
            ("memory", Value::Str(text)) => {
                let bytes = size::parse(text).filter(|bytes| *bytes > 0);
                needs.memory =
                    bytes.ok_or_else(|| wrong(target, format!("`{text}` is no size of memory")))?;
            }
            ("exclusive", Value::List(names)) => {
                needs.exclusive = names.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect();
            }
            ("memory", _) => return Err(wrong(target, "`memory` is a string".to_owned())),
            ("exclusive", _) => return Err(wrong(target, "`exclusive` is a list of strings".to_owned())),
            _ => return Err(wrong(target, format!("tests cannot need `{key}`"))),
        }
    }
    Ok(needs)
}

/// Where the processes of a target run, as it says.
pub(super) fn site(target: &Target) -> Site {
    match target.field("remote").map(|field| &field.value) {
        Some(Value::Bool(true)) => Site::Elsewhere,
        Some(Value::Bool(false)) => Site::Here,
        _ => Site::Any,
    }
}

fn wrong(target: &Target, what: String) -> RuleError {
    let place = target.field(NEEDS).map_or(&target.place, |field| &field.place).clone();
    StepError::Needs { what, place }.into()
}
