//! `__dependencies_rules__` and `__dependents_rules__`: takes what a BUILD file says in them. It does not know what
//! follows from it.

use graph::visibility::{DeclaredRules, RuleSet, Side, SpecError};
use graph::{Place, Value as Plain};
use starlark::environment::GlobalsBuilder;
use starlark::eval::Evaluator;
use starlark::starlark_module;
use starlark::values::dict::DictRef;
use starlark::values::list::ListRef;
use starlark::values::none::NoneType;
use starlark::values::tuple::{TupleRef, UnpackTuple};
use starlark::values::{Heap, Value, ValueLike};

use crate::context::Context;
use crate::error::Problem;
use crate::values::{Rule, plain};

/// How deep the lists of a set may be.
const DEEPEST: usize = 8;

/// The two functions.
#[starlark_module]
pub(crate) fn functions(builder: &mut GlobalsBuilder) {
    /// What the targets of this directory and of those below may depend on.
    fn __dependencies_rules__<'v>(
        #[starlark(args)] sets: UnpackTuple<Value<'v>>,
        #[starlark(require = named, default = false)] extend: bool,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        declare(Side::Dependencies, &sets.items, extend, eval);
        Ok(NoneType)
    }

    /// Who may depend on the targets of this directory and of those below.
    fn __dependents_rules__<'v>(
        #[starlark(args)] sets: UnpackTuple<Value<'v>>,
        #[starlark(require = named, default = false)] extend: bool,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        declare(Side::Dependents, &sets.items, extend, eval);
        Ok(NoneType)
    }
}

fn declare<'v>(side: Side, sets: &[Value<'v>], extend: bool, evaluator: &mut Evaluator<'v, '_, '_>) {
    let heap = evaluator.heap();
    let Some((context, stack)) = Context::of(evaluator) else { return };
    let (place, written) = context.positional(&stack);
    if context.module {
        let problem =
            Problem::TargetInModule { rule: side.function().to_owned(), file: context.file.to_string() };
        return context.fail(problem.at(place));
    }
    if context.gathered.borrow().rules.iter().any(|known| known.side == side) {
        return context.fail(Problem::DependencyRule(SpecError::Twice(side.function())).at(place));
    }
    let mut read = Vec::new();
    for (index, set) in sets.iter().enumerate() {
        let set = converted(*set, heap, DEEPEST);
        if matches!(&set, Plain::None) || set == Plain::List(Vec::new()) {
            continue;
        }
        let (at, items): (&Place, &[Place]) = match written.get(index) {
            Some((at, items)) => (at, items),
            None => (&place, &[]),
        };
        match RuleSet::read(&set, at, items) {
            Ok(set) => read.push(set),
            Err((part, error)) => {
                let at = part.and_then(|part| items.get(part)).unwrap_or(at);
                context.fail(Problem::DependencyRule(error).at(at.clone()));
            }
        }
    }
    let package = context.package.to_string();
    context.gathered.borrow_mut().rules.push(DeclaredRules { side, package, extend, sets: read });
}

/// A value as plain data, with a rule as the selector of its targets.
fn converted<'v>(value: Value<'v>, heap: Heap<'v>, depth: usize) -> Plain {
    if let Some(rule) = value.downcast_ref::<Rule>() {
        return Plain::Str(format!("<{}>", rule.name));
    }
    let Some(deeper) = depth.checked_sub(1) else { return plain(value, heap) };
    let list =
        |items: &[Value<'v>]| Plain::List(items.iter().map(|item| converted(*item, heap, deeper)).collect());
    if let Some(items) = ListRef::from_value(value) {
        list(items.content())
    } else if let Some(items) = TupleRef::from_value(value) {
        list(items.content())
    } else if let Some(pairs) = DictRef::from_value(value) {
        Plain::Dict(
            pairs.iter().map(|(key, value)| (plain(key, heap), converted(value, heap, deeper))).collect(),
        )
    } else {
        plain(value, heap)
    }
}
