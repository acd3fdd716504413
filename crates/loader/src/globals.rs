//! What BUILD and `.bzl` files can call: Starlark's own functions, the rules, `glob` and `print`.

use std::sync::LazyLock;

use graph::schemas;
use starlark::environment::{Globals, GlobalsBuilder, LibraryExtension};
use starlark::eval::Evaluator;
use starlark::starlark_module;
use starlark::values::Value;
use starlark::values::list::UnpackList;
use starlark::values::none::NoneType;
use starlark::values::tuple::UnpackTuple;

use crate::context::Context;
use crate::values::Rule;

/// The same for all files.
pub(crate) fn globals() -> &'static Globals {
    static GLOBALS: LazyLock<Globals> = LazyLock::new(|| {
        let extensions = [
            LibraryExtension::StructType,
            LibraryExtension::Map,
            LibraryExtension::Filter,
            LibraryExtension::Partial,
            LibraryExtension::SetType,
        ];
        let mut builder = GlobalsBuilder::extended_by(&extensions).with(functions);
        for schema in schemas() {
            for &name in std::iter::once(&schema.name).chain(schema.aliases) {
                builder.set(name, Rule { schema, name });
            }
        }
        builder.build()
    });
    &GLOBALS
}

#[starlark_module]
fn functions(builder: &mut GlobalsBuilder) {
    /// The names of the files that the patterns match, sorted.
    fn glob<'v>(
        include: UnpackList<&'v str>,
        #[starlark(require = named, default = UnpackList::default())] exclude: UnpackList<&'v str>,
        #[starlark(require = named, default = false)] allow_empty: bool,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Vec<String>> {
        let found = Context::of(eval)
            .map(|(context, stack)| context.glob(&include.items, &exclude.items, allow_empty, &stack));
        Ok(found.unwrap_or_default())
    }

    /// The metadata of a distribution, as a dictionary.
    fn python_artifact<'v>(#[starlark(kwargs)] words: Value<'v>) -> starlark::Result<Value<'v>> {
        Ok(words)
    }

    /// The same by its older name.
    fn setup_py<'v>(#[starlark(kwargs)] words: Value<'v>) -> starlark::Result<Value<'v>> {
        Ok(words)
    }

    /// Says something when the file is evaluated.
    fn print<'v>(
        #[starlark(args)] values: UnpackTuple<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        let words: Vec<String> = values.items.into_iter().map(Value::to_str).collect();
        if let Some((context, stack)) = Context::of(eval) {
            context.message(&words.join(" "), &stack);
        }
        Ok(NoneType)
    }
}
