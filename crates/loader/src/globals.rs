//! What BUILD and `.bzl` files can call: Starlark's own functions, the rules, and what looks for files and says things.

use std::sync::LazyLock;

use graph::{Value as Plain, schemas};
use starlark::collections::SmallMap;
use starlark::environment::{Globals, GlobalsBuilder, LibraryExtension};
use starlark::eval::Evaluator;
use starlark::starlark_module;
use starlark::values::dict::DictRef;
use starlark::values::list::UnpackList;
use starlark::values::none::NoneType;
use starlark::values::tuple::{TupleRef, UnpackTuple};
use starlark::values::{Heap, Value, ValueLike};

use crate::context::Context;
use crate::defaults::Said;
use crate::dependency_rules;
use crate::error::Problem;
use crate::foreign;
use crate::globs::{Files, names};
use crate::parametrize::{Given, Group, Grouped, Parametrized};
use crate::values::{Artifact, Rule, Unknown, given, plain};

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
        let mut builder = GlobalsBuilder::extended_by(&extensions)
            .with(functions)
            .with(of_pants_1)
            .with(of_surroundings)
            .with(of_parameters)
            .with(of_directories)
            .with(dependency_rules::functions);
        for schema in schemas() {
            for &name in std::iter::once(&schema.name).chain(schema.aliases) {
                builder.set(name, Rule { schema, name });
            }
        }
        for name in foreign::NAMES {
            builder.set(name, Unknown { name: (*name).to_owned() });
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

/// What Pants 1 has besides.
#[starlark_module]
fn of_pants_1(builder: &mut GlobalsBuilder) {
    /// A dependency that does not go on to who depends on its target: here as any other.
    fn intransitive<'v>(target: Value<'v>) -> starlark::Result<Value<'v>> {
        Ok(target)
    }

    /// A dependency that is there when it runs: here as any other.
    fn provided<'v>(target: Value<'v>) -> starlark::Result<Value<'v>> {
        Ok(target)
    }

    /// A dependency for a part of what is done: here as any other.
    fn scoped<'v>(
        target: Value<'v>,
        #[starlark(default = NoneType)] scope: Value<'v>,
    ) -> starlark::Result<Value<'v>> {
        let _ = scope;
        Ok(target)
    }

    /// The path of the BUILD file, relative to the root.
    fn buildfile_path<'v>(eval: &mut Evaluator<'v, '_, '_>) -> starlark::Result<String> {
        Ok(Context::of(eval).map(|(context, _)| context.file.to_string()).unwrap_or_default())
    }

    fn globs<'v>(
        #[starlark(args)] include: UnpackTuple<&'v str>,
        #[starlark(require = named)] exclude: Option<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Files> {
        Ok(find(eval, &include.items, false, exclude))
    }

    fn rglobs<'v>(
        #[starlark(args)] include: UnpackTuple<&'v str>,
        #[starlark(require = named)] exclude: Option<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Files> {
        Ok(find(eval, &include.items, true, exclude))
    }

    fn zglobs<'v>(
        #[starlark(args)] include: UnpackTuple<&'v str>,
        #[starlark(require = named)] exclude: Option<Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Files> {
        Ok(find(eval, &include.items, false, exclude))
    }
}

/// What a file knows of where it is, and metadata of distributions.
#[starlark_module]
fn of_surroundings(builder: &mut GlobalsBuilder) {
    /// The variable of the environment, or else `default`.
    fn env<'v>(
        name: &str,
        #[starlark(default = NoneType)] default: Value<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let value = Context::of(eval).and_then(|(context, _)| context.variable(name));
        Ok(value.map_or(default, |value| eval.heap().alloc(value)))
    }

    /// The directory of the BUILD file, relative to the root.
    fn build_file_dir<'v>(eval: &mut Evaluator<'v, '_, '_>) -> starlark::Result<String> {
        Ok(Context::of(eval).map(|(context, _)| context.package.to_string()).unwrap_or_default())
    }

    fn python_artifact<'v>(
        #[starlark(kwargs)] metadata: SmallMap<String, Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Artifact> {
        Ok(artifact(metadata, eval.heap()))
    }

    fn setup_py<'v>(
        #[starlark(kwargs)] metadata: SmallMap<String, Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Artifact> {
        Ok(artifact(metadata, eval.heap()))
    }
}

/// Several values for fields.
#[starlark_module]
fn of_parameters(builder: &mut GlobalsBuilder) {
    /// Several values for a field.
    fn parametrize<'v>(
        #[starlark(args)] values: UnpackTuple<Value<'v>>,
        #[starlark(kwargs)] named: SmallMap<String, Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Parametrized> {
        let heap = eval.heap();
        let own = values.items.into_iter().map(|value| (value.to_str(), plain(value, heap)));
        let named = named.into_iter().map(|(name, value)| (name, plain(value, heap)));
        let alternatives: Vec<(String, Plain)> = own.chain(named).collect();
        check_names(eval, alternatives.iter().map(|(name, _)| name.as_str()));
        Ok(Parametrized { alternatives })
    }

    /// What `**parametrize(…)` is: fields that go together.
    fn __parametrize_group__<'v>(
        name: String,
        #[starlark(kwargs)] fields: SmallMap<String, Value<'v>>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<SmallMap<String, Grouped>> {
        check_names(eval, std::iter::once(name.as_str()));
        let heap = eval.heap();
        let fields = fields.into_iter().map(|(name, value)| (name, plain(value, heap))).collect();
        let key = format!("parametrize {name}");
        Ok(SmallMap::from_iter([(key, Grouped { group: Group { name, fields } })]))
    }
}

/// What holds for whole directories.
#[starlark_module]
fn of_directories(builder: &mut GlobalsBuilder) {
    /// What fields are where targets do not give them.
    fn __defaults__<'v>(
        #[starlark(args)] rules: UnpackTuple<Value<'v>>,
        #[starlark(require = named)] all: Option<Value<'v>>,
        #[starlark(require = named, default = false)] extend: bool,
        #[starlark(require = named, default = false)] ignore_unknown_fields: bool,
        #[starlark(require = named, default = false)] ignore_unknown_targets: bool,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<NoneType> {
        let heap = eval.heap();
        let of_all = all.map(|all| fields(all, heap)).unwrap_or_default();
        let mut of_rules = Vec::new();
        for pairs in rules.items.iter().filter_map(|rules| DictRef::from_value(*rules)) {
            of_rules.extend(pairs.iter().map(|(key, value)| (rule_names(key), fields(value, heap))));
        }
        if let Some((context, stack)) = Context::of(eval) {
            let said = Said { of_rules, of_all, extend, ignore_unknown_fields, ignore_unknown_targets };
            context.defaults(said, &stack);
        }
        Ok(NoneType)
    }
}

/// The files that patterns of Pants 1 match; that none is there is no error.
fn find<'v>(
    eval: &mut Evaluator<'v, '_, '_>,
    include: &[&str],
    below: bool,
    exclude: Option<Value<'v>>,
) -> Files {
    let excluded = exclude.and_then(names).unwrap_or_default();
    let patterns: Vec<String> =
        include
            .iter()
            .map(|pattern| {
                if below && !pattern.contains("**") { format!("**/{pattern}") } else { (*pattern).to_owned() }
            })
            .collect();
    let (include, exclude): (Vec<&str>, Vec<&str>) =
        (patterns.iter().map(String::as_str).collect(), excluded.iter().map(String::as_str).collect());
    let found = Context::of(eval).map(|(context, stack)| context.glob(&include, &exclude, true, &stack));
    Files { names: found.unwrap_or_default() }
}

fn artifact<'v>(metadata: SmallMap<String, Value<'v>>, heap: Heap<'v>) -> Artifact {
    Artifact { metadata: metadata.into_iter().map(|(name, value)| (name, plain(value, heap))).collect() }
}

/// The names of the rules that a key of `__defaults__` stands for.
fn rule_names(key: Value<'_>) -> Vec<String> {
    if let Some(rule) = key.downcast_ref::<Rule>() {
        return vec![rule.name.to_owned()];
    }
    if let Some(unknown) = key.downcast_ref::<Unknown>() {
        return vec![unknown.name.clone()];
    }
    match TupleRef::from_value(key) {
        Some(keys) => keys.iter().flat_map(rule_names).collect(),
        None => vec![key.to_str()],
    }
}

fn fields<'v>(value: Value<'v>, heap: Heap<'v>) -> Vec<(String, Given)> {
    let Some(fields) = DictRef::from_value(value) else { return Vec::new() };
    fields.iter().map(|(name, value)| (name.to_str(), given(value, heap))).collect()
}

/// Tells names of values that cannot be in a label.
fn check_names<'n>(eval: &Evaluator<'_, '_, '_>, names: impl Iterator<Item = &'n str>) {
    let Some((context, stack)) = Context::of(eval) else { return };
    for name in names {
        if let Err(reason) = graph::check_parameter(name) {
            context.wrong(Problem::Parameter { name: name.to_owned(), reason }, &stack);
        }
    }
}
