//! The values that the loader adds to Starlark: rules, and names that nobody knows; and the way out of Starlark.

use std::fmt;

use allocative::Allocative;
use graph::{RuleSchema, Value as Plain};
use starlark::any::ProvidesStaticType;
use starlark::eval::{Arguments, Evaluator};
use starlark::starlark_simple_value;
use starlark::values::dict::DictRef;
use starlark::values::list::ListRef;
use starlark::values::tuple::TupleRef;
use starlark::values::{NoSerialize, StarlarkPagablePanic, StarlarkValue, Value, starlark_value};

use crate::context::Context;

/// How deep lists and dictionaries of a field may be.
const DEEPEST: usize = 8;
/// How many values a field may have in all.
const MOST: usize = 100_000;

/// A rule under one of its names; calling it makes a target.
#[derive(Debug, ProvidesStaticType, NoSerialize, Allocative, StarlarkPagablePanic)]
pub(crate) struct Rule {
    #[allocative(skip)]
    pub(crate) schema: &'static RuleSchema,
    #[allocative(skip)]
    pub(crate) name: &'static str,
}

starlark_simple_value!(Rule);

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<rule {}>", self.name)
    }
}

#[starlark_value(type = "rule")]
impl<'v> StarlarkValue<'v> for Rule {
    fn name_for_call_stack(&self, _me: Value<'v>) -> String {
        self.name.to_owned()
    }

    fn invoke(
        &self,
        _me: Value<'v>,
        arguments: &Arguments<'v, '_>,
        evaluator: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let positional = arguments.positions(evaluator.heap())?.count();
        let named: Vec<(String, Plain)> = arguments
            .names_map()?
            .into_iter()
            .map(|(name, value)| (name.as_str().to_owned(), plain(value)))
            .collect();
        if let Some((context, stack)) = Context::of(evaluator) {
            context.call(self, positional, named, &stack);
        }
        Ok(Value::new_none())
    }
}

/// What an unknown name stands for once it is told, so that the rest of the file can be looked at.
#[derive(Debug, ProvidesStaticType, NoSerialize, Allocative, StarlarkPagablePanic)]
pub(crate) struct Unknown;

starlark_simple_value!(Unknown);

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<unknown>")
    }
}

#[starlark_value(type = "unknown")]
impl<'v> StarlarkValue<'v> for Unknown {
    fn invoke(
        &self,
        me: Value<'v>,
        _arguments: &Arguments<'v, '_>,
        _evaluator: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        Ok(me)
    }
}

/// A Starlark value as plain data; what is none, or too much, is named by its type.
pub(crate) fn plain(value: Value<'_>) -> Plain {
    let mut left = MOST;
    convert(value, DEEPEST, &mut left)
}

fn convert(value: Value<'_>, depth: usize, left: &mut usize) -> Plain {
    if depth == 0 || *left == 0 {
        return Plain::Other("a value that is too large or too deep".to_owned());
    }
    *left -= 1;
    if value.is_none() {
        Plain::None
    } else if let Some(truth) = value.unpack_bool() {
        Plain::Bool(truth)
    } else if let Some(number) = value.unpack_i32() {
        Plain::Int(i64::from(number))
    } else if let Some(text) = value.unpack_str() {
        Plain::Str(text.to_owned())
    } else if let Some(list) = ListRef::from_value(value) {
        Plain::List(list.iter().map(|item| convert(item, depth - 1, left)).collect())
    } else if let Some(tuple) = TupleRef::from_value(value) {
        Plain::List(tuple.iter().map(|item| convert(item, depth - 1, left)).collect())
    } else if let Some(dict) = DictRef::from_value(value) {
        let pair = |(key, value): (Value<'_>, Value<'_>)| {
            (convert(key, depth - 1, left), convert(value, depth - 1, left))
        };
        Plain::Dict(dict.iter().map(pair).collect())
    } else {
        Plain::Other(value.get_type().to_owned())
    }
}
