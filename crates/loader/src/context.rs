//! What one evaluation knows and collects: targets, errors and messages; it does not run it.

use std::cell::RefCell;
use std::sync::Arc;

use graph::visibility::DeclaredRules;
use graph::{
    Field, FieldDefault, FieldKind, FieldSchema, Label, Place, RuleSchema, SourceFile, Target,
    Value as Plain, check_name, join, last_segment, near_all,
};
use starlark::any::ProvidesStaticType;
use starlark::codemap::FileSpan;
use starlark::eval::Evaluator;

use crate::error::{LoadError, Problem};
use crate::places::{Argument, Calls, place};
use crate::sources::Sources;
use crate::values::Rule;

/// The evaluation of one file.
#[derive(ProvidesStaticType)]
pub(crate) struct Context<'a> {
    /// The BUILD or `.bzl` file that is evaluated.
    pub(crate) file: Arc<str>,
    /// Its directory.
    pub(crate) package: Arc<str>,
    /// Whether it is loaded by others and can have no targets.
    pub(crate) module: bool,
    pub(crate) calls: &'a Calls,
    pub(crate) sources: &'a Sources<'a>,
    pub(crate) gathered: RefCell<Gathered>,
}

/// What an evaluation gives.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) targets: Vec<Target>,
    /// Who may depend on whom.
    pub(crate) rules: Vec<DeclaredRules>,
    pub(crate) errors: Vec<LoadError>,
    /// What `print` says.
    pub(crate) messages: Vec<(Place, String)>,
    /// Whether names of files in the directory, or also below it, had a say.
    pub(crate) shallow: bool,
    pub(crate) deep: bool,
}

/// One call of a rule, or of `glob`.
struct Call<'c> {
    /// Where the BUILD file has it.
    place: Place,
    /// Where the macro has it.
    inner: Option<Place>,
    arguments: &'c [Argument],
    span: Option<FileSpan>,
}

impl<'a> Context<'a> {
    /// The context of a running evaluation, and where its calls are, the outermost first.
    pub(crate) fn of<'r, 'e>(evaluator: &Evaluator<'_, 'r, 'e>) -> Option<(&'r Context<'e>, Vec<FileSpan>)> {
        let context = evaluator.extra.and_then(|extra| extra.downcast_ref::<Context<'e>>())?;
        let frames = evaluator.call_stack().into_frames();
        Some((context, frames.into_iter().filter_map(|frame| frame.location).collect()))
    }

    /// Makes a target of a call of a rule, or tells what is wrong with it.
    pub(crate) fn call(
        &self,
        rule: &Rule,
        positional: usize,
        named: Vec<(String, Plain)>,
        stack: &[FileSpan],
    ) {
        let call = self.locate(stack);
        if self.module {
            let problem = Problem::TargetInModule { rule: rule.name.to_owned(), file: self.file.to_string() };
            return self.tell(&call, problem, call.place.clone());
        }
        let before = self.gathered.borrow().errors.len();
        if positional > 0 {
            let place = call.arguments.iter().find(|argument| argument.name.is_none());
            let place = place.map_or(call.place.clone(), |argument| self.span(&call, argument.value));
            self.tell(&call, Problem::Positional { rule: rule.name.to_owned() }, place);
        }
        let fields = self.fields(rule, named, &call);
        self.required(rule, &fields, &call);
        let name = self.name(&fields, &call);
        let sources = self.target_sources(rule.schema, &fields, &call);
        let failed = self.gathered.borrow().errors.len() > before;
        if let (Some(label), false) = (name, failed) {
            let target = Target { label, rule: rule.schema, fields, place: call.place, sources };
            self.gathered.borrow_mut().targets.push(target);
        }
    }

    /// The names of the files that `glob` finds.
    pub(crate) fn glob(
        &self,
        include: &[&str],
        exclude: &[&str],
        allow_empty: bool,
        stack: &[FileSpan],
    ) -> Vec<String> {
        let call = self.locate(stack);
        if self.module {
            let problem = Problem::GlobInModule { file: self.file.to_string() };
            self.tell(&call, problem, call.place.clone());
            return Vec::new();
        }
        let excluded: Vec<String> = exclude.iter().map(|pattern| format!("!{pattern}")).collect();
        let patterns: Vec<&str> =
            include.iter().copied().chain(excluded.iter().map(String::as_str)).collect();
        let items: Vec<Place> =
            call.arguments.iter().flat_map(|argument| self.items(&call, argument)).collect();
        self.select(&call, &patterns, !allow_empty, |item| items.get(item).unwrap_or(&call.place).clone())
    }

    /// Where the call on top of the stack is, and where its arguments by position and the items of these are written.
    pub(crate) fn positional(&self, stack: &[FileSpan]) -> (Place, Vec<(Place, Vec<Place>)>) {
        let call = self.locate(stack);
        let positional = call.arguments.iter().filter(|argument| argument.name.is_none());
        let written = positional.map(|one| (self.span(&call, one.value), self.items(&call, one))).collect();
        (call.place, written)
    }

    /// Takes an error.
    pub(crate) fn fail(&self, error: LoadError) {
        self.gathered.borrow_mut().errors.push(error);
    }

    /// Takes what `print` says.
    pub(crate) fn message(&self, text: &str, stack: &[FileSpan]) {
        let place = self.locate(stack).place;
        self.gathered.borrow_mut().messages.push((place, text.to_owned()));
    }

    /// The call that is on top of the stack: where the BUILD file has it, and where it is.
    fn locate(&self, stack: &[FileSpan]) -> Call<'a> {
        let own = |span: &&FileSpan| span.filename() == &*self.file;
        let outer = stack.iter().find(own);
        let inner = stack.last();
        let start = || Place::new(self.file.clone(), 1, 1);
        let place = outer.map_or_else(start, |span| self::place(&self.file, span));
        let elsewhere = inner.filter(|inner| outer != Some(*inner)).map(|span| self::place(&self.file, span));
        let arguments = match inner.filter(own) {
            Some(span) => self.calls.arguments(span.span),
            None => &[],
        };
        Call { place, inner: elsewhere, arguments, span: inner.cloned() }
    }

    fn span(&self, call: &Call<'_>, span: starlark::codemap::Span) -> Place {
        match &call.span {
            Some(file) => place(&self.file, &FileSpan { file: file.file.clone(), span }),
            None => call.place.clone(),
        }
    }

    fn items(&self, call: &Call<'_>, argument: &Argument) -> Vec<Place> {
        argument.items.iter().map(|&span| self.span(call, span)).collect()
    }

    fn tell(&self, call: &Call<'_>, problem: Problem, place: Place) {
        let mut error = problem.at(place);
        if let Some(inner) = &call.inner {
            error.notes.push((inner.clone(), "called here".to_owned()));
        }
        self.gathered.borrow_mut().errors.push(error);
    }

    /// The fields that are given, checked, in the order of the schema.
    fn fields(&self, rule: &Rule, named: Vec<(String, Plain)>, call: &Call<'_>) -> Vec<Field> {
        let mut fields: Vec<Field> = Vec::with_capacity(named.len());
        for (name, value) in named {
            let argument = call.arguments.iter().find(|argument| argument.name.as_deref() == Some(&name));
            let place =
                argument.map_or_else(|| call.place.clone(), |argument| self.span(call, argument.value));
            let Some(schema) = rule.schema.field(&name) else {
                let place = argument.map_or(place, |argument| self.span(call, argument.start));
                self.unknown_field(rule, name, call, place);
                continue;
            };
            if fields.iter().any(|field| field.name == schema.name) {
                let problem = Problem::FieldTwice { rule: rule.name.to_owned(), field: schema.name };
                self.tell(call, problem, place);
                continue;
            }
            let items = argument.map(|argument| self.items(call, argument)).unwrap_or_default();
            match schema.check(value, &self.package) {
                Ok(value) => fields.push(Field { name: schema.name, value, place, items }),
                Err(errors) => {
                    for error in errors {
                        let at = error.item().and_then(|item| items.get(item)).unwrap_or(&place).clone();
                        self.tell(call, Problem::Field(error), at);
                    }
                    fields.push(Field { name: schema.name, value: Plain::None, place, items });
                }
            }
        }
        let order = |field: &Field| rule.schema.fields.iter().position(|schema| schema.name == field.name);
        fields.sort_by_key(order);
        fields
    }

    fn unknown_field(&self, rule: &Rule, field: String, call: &Call<'_>, place: Place) {
        let near = near_all(&field, rule.schema.field_names()).into_iter().map(str::to_owned).collect();
        let fields = rule.schema.fields.iter().map(|field| field.name).collect();
        self.tell(call, Problem::UnknownField { rule: rule.name.to_owned(), field, near, fields }, place);
    }

    fn required(&self, rule: &Rule, fields: &[Field], call: &Call<'_>) {
        for schema in rule.schema.fields.iter().filter(|schema| schema.required) {
            if !fields.iter().any(|field| field.name == schema.name) {
                let (field, example) = (schema.name, schema.example);
                let problem = Problem::MissingField { rule: rule.name.to_owned(), field, example };
                self.tell(call, problem, call.place.clone());
            }
        }
    }

    fn name(&self, fields: &[Field], call: &Call<'_>) -> Option<Label> {
        let field = fields.iter().find(|field| field.name == "name");
        match field.and_then(|field| field.value.as_str().map(|name| (field, name))) {
            Some((field, name)) => match check_name(name) {
                Ok(()) => Some(Label::new(self.package.clone(), name)),
                Err(reason) => {
                    self.tell(call, Problem::Name { name: name.to_owned(), reason }, field.place.clone());
                    None
                }
            },
            None if field.is_some_and(|field| field.value != Plain::None) => None,
            None => match last_segment(&self.package) {
                "" => {
                    self.tell(call, Problem::NoName, call.place.clone());
                    None
                }
                name => Some(Label::new(self.package.clone(), name)),
            },
        }
    }

    /// The files that the fields of files name, or those of their defaults.
    fn target_sources(&self, rule: &RuleSchema, fields: &[Field], call: &Call<'_>) -> Vec<SourceFile> {
        let mut files = Vec::new();
        for schema in rule.fields {
            let field = fields.iter().find(|field| field.name == schema.name);
            match schema.kind {
                FieldKind::Sources => files.extend(self.patterns(schema, field, call)),
                FieldKind::File => files.extend(self.file(schema, field, call)),
                _ => {}
            }
        }
        files.sort();
        files.dedup();
        files.into_iter().map(|file| SourceFile { path: join(&self.package, &file).into() }).collect()
    }

    fn patterns(&self, schema: &FieldSchema, field: Option<&Field>, call: &Call<'_>) -> Vec<String> {
        let given = field.and_then(|field| field.value.as_list().map(|items| (field, items)));
        match (given, schema.default) {
            (Some((field, items)), _) => {
                let patterns: Vec<&str> = items.iter().filter_map(Plain::as_str).collect();
                self.select(call, &patterns, true, |item| field.item_place(item).clone())
            }
            (None, FieldDefault::List(patterns)) => {
                self.select(call, patterns, false, |_| call.place.clone())
            }
            _ => Vec::new(),
        }
    }

    fn select(
        &self,
        call: &Call<'_>,
        patterns: &[&str],
        strict: bool,
        at: impl Fn(usize) -> Place,
    ) -> Vec<String> {
        let matched = self.sources.select(&self.package, patterns, strict);
        for (item, problem) in matched.problems {
            self.tell(call, problem, at(item));
        }
        let mut gathered = self.gathered.borrow_mut();
        gathered.shallow = true;
        gathered.deep |= matched.deep;
        matched.files.into_iter().collect()
    }

    fn file(&self, schema: &FieldSchema, field: Option<&Field>, call: &Call<'_>) -> Option<String> {
        let name = match (field.and_then(|field| field.value.as_str()), schema.default) {
            (Some(name), _) => name,
            (None, FieldDefault::Str(name)) if field.is_none_or(|field| field.value == Plain::None) => name,
            _ => return None,
        };
        let place = field.map_or(&call.place, |field| &field.place).clone();
        let found = self.select(call, &[name.strip_prefix('!').unwrap_or(name)], true, |_| place.clone());
        found.into_iter().next()
    }
}
