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
use starlark::values::{
    Heap, NoSerialize, StarlarkPagablePanic, StarlarkValue, Value, ValueLike, starlark_value,
};

use crate::context::Context;
use crate::foreign;
use crate::globs::Files;
use crate::parametrize::{Given, Grouped, Parametrized};

/// How deep lists and dictionaries of a field may be.
const DEEPEST: usize = 8;
/// How many values a field may have in all.
const MOST: usize = 100_000;

/// How Starlark calls sets.
const SET: &str = "set";

/// The rule that is a second name.
const ALIAS: &str = "alias";
/// The rule that Pants 1 called for each text in the list of another.
const REQUIREMENT: &str = "python_requirement";

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

    fn write_hash(&self, hasher: &mut starlark::collections::StarlarkHasher) -> starlark::Result<()> {
        std::hash::Hash::hash(self.name, hasher);
        Ok(())
    }

    fn equals(&self, other: Value<'v>) -> starlark::Result<bool> {
        Ok(other.downcast_ref::<Self>().is_some_and(|other| other.name == self.name))
    }

    fn invoke(
        &self,
        _me: Value<'v>,
        arguments: &Arguments<'v, '_>,
        evaluator: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let heap = evaluator.heap();
        let positional: Vec<Value<'v>> = arguments.positions(heap)?.collect();
        let mut named: Vec<(String, Given)> = (arguments.names_map()?.into_iter())
            .map(|(name, value)| (name.as_str().to_owned(), given(value, heap)))
            .collect();
        let mut unnamed = positional.len();
        // Pants 1 has `alias('name', 'target')`.
        if let ([name, actual], ALIAS) = (positional.as_slice(), self.schema.name) {
            named.extend([
                ("name".to_owned(), given(*name, heap)),
                ("actual".to_owned(), given(*actual, heap)),
            ]);
            unnamed = 0;
        }
        let Some((context, stack)) = Context::of(evaluator) else { return Ok(Value::new_none()) };
        if let [text] = positional.as_slice()
            && self.schema.name == REQUIREMENT
            && text.unpack_str().is_some()
            && !context.is_statement(&stack)
        {
            // In Pants 1 it stands in the list of a `python_requirement_library`.
            return Ok(*text);
        }
        context.call(self, unnamed, named, &stack);
        Ok(Value::new_none())
    }
}

/// What an unknown name stands for once it is told, so that the rest of the file can be looked at. Whatever is done with
/// it gives it again.
#[derive(Clone, Debug, ProvidesStaticType, NoSerialize, Allocative, StarlarkPagablePanic)]
pub(crate) struct Unknown {
    pub(crate) name: String,
}

starlark_simple_value!(Unknown);

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<unknown {}>", self.name)
    }
}

#[starlark_value(type = "unknown")]
impl<'v> StarlarkValue<'v> for Unknown {
    fn write_hash(&self, hasher: &mut starlark::collections::StarlarkHasher) -> starlark::Result<()> {
        std::hash::Hash::hash(&self.name, hasher);
        Ok(())
    }

    fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        Some(heap.alloc(Self { name: format!("{}.{attribute}", self.name) }))
    }

    fn invoke(
        &self,
        me: Value<'v>,
        arguments: &Arguments<'v, '_>,
        evaluator: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        // The methods of what is unknown are told with it.
        if self.name.contains('.') {
            return Ok(me);
        }
        let fields = arguments.names_map()?;
        if let Some(schema) = foreign::meant(&self.name, fields.keys().map(|name| name.as_str())) {
            return Rule { schema, name: schema.name }.invoke(me, arguments, evaluator);
        }
        let heap = evaluator.heap();
        let named: Vec<(String, Plain)> = (fields.into_iter())
            .filter(|(name, _)| matches!(name.as_str(), "name" | "dependencies"))
            .map(|(name, value)| (name.as_str().to_owned(), plain(value, heap)))
            .collect();
        if let Some((context, stack)) = Context::of(evaluator) {
            context.unknown(&self.name, named, &stack);
        }
        Ok(me)
    }
}

/// The metadata of a distribution, as `python_artifact` and `setup_py` give them.
#[derive(Clone, Debug, ProvidesStaticType, NoSerialize, Allocative, StarlarkPagablePanic)]
pub(crate) struct Artifact {
    #[allocative(skip)]
    pub(crate) metadata: Vec<(String, Plain)>,
}

starlark_simple_value!(Artifact);

impl fmt::Display for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<artifact>")
    }
}

#[starlark_value(type = "artifact")]
impl<'v> StarlarkValue<'v> for Artifact {
    /// `setup_py(…).with_binaries(…)` of Pants 1 is one more field of the metadata.
    fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        (attribute == "with_binaries").then(|| heap.alloc(self.clone()))
    }

    fn invoke(
        &self,
        _me: Value<'v>,
        arguments: &Arguments<'v, '_>,
        evaluator: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let heap = evaluator.heap();
        let binaries = arguments.names_map()?.into_iter();
        let binaries =
            binaries.map(|(name, value)| (Plain::Str(name.as_str().to_owned()), plain(value, heap)));
        let mut metadata = self.metadata.clone();
        metadata.push(("binaries".to_owned(), Plain::Dict(binaries.collect())));
        Ok(heap.alloc(Artifact { metadata }))
    }
}

/// What an argument gives for a field.
pub(crate) fn given<'v>(value: Value<'v>, heap: Heap<'v>) -> Given {
    if let Some(parametrized) = value.downcast_ref::<Parametrized>() {
        return Given::Parametrized(parametrized.alternatives.clone());
    }
    match value.downcast_ref::<Grouped>() {
        Some(grouped) => Given::Group(grouped.group.clone()),
        None => Given::Value(plain(value, heap)),
    }
}

/// Whether a value is, or is made of, something that nobody knows.
pub(crate) fn is_unknown(value: &Plain) -> bool {
    match value {
        Plain::Other(name) => name == "unknown",
        Plain::List(items) => items.iter().any(is_unknown),
        Plain::Dict(items) => items.iter().any(|(key, value)| is_unknown(key) || is_unknown(value)),
        _ => false,
    }
}

/// A Starlark value as plain data; what is none, or too much, is named by its type.
pub(crate) fn plain<'v>(value: Value<'v>, heap: Heap<'v>) -> Plain {
    let mut left = MOST;
    convert(value, heap, DEEPEST, &mut left)
}

fn convert<'v>(value: Value<'v>, heap: Heap<'v>, depth: usize, left: &mut usize) -> Plain {
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
        Plain::List(list.iter().map(|item| convert(item, heap, depth - 1, left)).collect())
    } else if let Some(tuple) = TupleRef::from_value(value) {
        Plain::List(tuple.iter().map(|item| convert(item, heap, depth - 1, left)).collect())
    } else if value.get_type() == SET
        && let Ok(items) = value.iterate(heap)
    {
        // In the order in which it was made, which the same file gives every time.
        Plain::List(items.map(|item| convert(item, heap, depth - 1, left)).collect())
    } else if let Some(files) = value.downcast_ref::<Files>() {
        Plain::List(files.names.iter().map(|name| Plain::Str(name.clone())).collect())
    } else if let Some(artifact) = value.downcast_ref::<Artifact>() {
        let metadata = artifact.metadata.iter().cloned();
        Plain::Dict(metadata.map(|(name, value)| (Plain::Str(name), value)).collect())
    } else if let Some(dict) = DictRef::from_value(value) {
        let pair = |(key, value): (Value<'v>, Value<'v>)| {
            (convert(key, heap, depth - 1, left), convert(value, heap, depth - 1, left))
        };
        Plain::Dict(dict.iter().map(pair).collect())
    } else {
        Plain::Other(value.get_type().to_owned())
    }
}
