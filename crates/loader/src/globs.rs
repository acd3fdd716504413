//! The files that `globs`, `rglobs` and `zglobs` of Pants 1 find, which can be added and taken away; it does not look for
//! them.

use std::fmt;

use allocative::Allocative;
use starlark::any::ProvidesStaticType;
use starlark::values::list::ListRef;
use starlark::values::{
    Heap, NoSerialize, StarlarkPagablePanic, StarlarkValue, Value, ValueLike, starlark_value,
};
use starlark::{starlark_simple_value, values::ValueError};

/// Names of files, below the directory of the BUILD file.
#[derive(Clone, Debug, ProvidesStaticType, NoSerialize, Allocative, StarlarkPagablePanic)]
pub(crate) struct Files {
    pub(crate) names: Vec<String>,
}

starlark_simple_value!(Files);

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.names)
    }
}

#[starlark_value(type = "files")]
impl<'v> StarlarkValue<'v> for Files {
    fn add(&self, other: Value<'v>, heap: Heap<'v>) -> Option<starlark::Result<Value<'v>>> {
        let more = names(other)?;
        let mut names = self.names.clone();
        names.extend(more);
        Some(Ok(heap.alloc(Self { names })))
    }

    fn radd(&self, other: Value<'v>, heap: Heap<'v>) -> Option<starlark::Result<Value<'v>>> {
        self.add(other, heap)
    }

    fn sub(&self, other: Value<'v>, heap: Heap<'v>) -> starlark::Result<Value<'v>> {
        let Some(less) = names(other) else { return ValueError::unsupported_with(self, "-", other) };
        let names = self.names.iter().filter(|name| !less.contains(name)).cloned().collect();
        Ok(heap.alloc(Self { names }))
    }

    fn iterate_collect(&self, heap: Heap<'v>) -> starlark::Result<Vec<Value<'v>>> {
        Ok(self.names.iter().map(|name| heap.alloc(name.as_str())).collect())
    }
}

/// The names of files that a value stands for.
pub(crate) fn names(value: Value<'_>) -> Option<Vec<String>> {
    if let Some(files) = value.downcast_ref::<Files>() {
        return Some(files.names.clone());
    }
    if let Some(name) = value.unpack_str() {
        return Some(vec![name.to_owned()]);
    }
    let list = ListRef::from_value(value)?;
    let each: Option<Vec<Vec<String>>> = list.iter().map(names).collect();
    each.map(|each| each.into_iter().flatten().collect())
}
