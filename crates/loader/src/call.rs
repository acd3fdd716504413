//! From the call of a rule to targets: fields checked, names read, files found; it does not evaluate.

use graph::{
    Field, FieldDefault, FieldKind, FieldSchema, Label, Place, Role, RuleSchema, SourceFile, Target, UNKNOWN,
    Value as Plain, check_name, join, last_segment, near_all,
};
use starlark::codemap::FileSpan;

use crate::context::{Call, Context};
use crate::error::Problem;
use crate::overrides::skipped_tools;
use crate::parametrize::{Given, MOST, Variant, variants};
use crate::values::{Rule, is_unknown};

/// The names under which a rule is for one file.
const FOR_ONE_FILE: [&str; 3] = ["file", "python_source", "resource"];

/// Fields, each with the place of the default that it comes from.
type FromDefaults = Vec<(String, Place)>;

impl Context<'_> {
    /// Makes targets of a call of a rule, or tells what is wrong with it.
    pub(crate) fn call(
        &self,
        rule: &Rule,
        positional: usize,
        mut named: Vec<(String, Given)>,
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
        let defaults = self.add_defaults(rule.schema, &mut named);
        let Some(variants) = variants(named) else {
            return self.tell(&call, Problem::TooManyTargets { limit: MOST }, call.place.clone());
        };
        let targets: Vec<Target> =
            variants.into_iter().filter_map(|variant| self.target(rule, variant, &defaults, &call)).collect();
        if self.gathered.borrow().errors.len() == before {
            self.gathered.borrow_mut().targets.extend(targets);
        }
    }

    /// Takes the call of what nobody knows. One that stands for itself is a target, with nothing but a name and
    /// dependencies.
    pub(crate) fn unknown(&self, rule: &str, named: Vec<(String, Plain)>, stack: &[FileSpan]) {
        let place = self.locate(stack).place;
        let mut given = None;
        let mut dependencies = Vec::new();
        for (name, value) in named {
            match (name.as_str(), value) {
                ("name", value) => given = Some(value),
                (_, Plain::List(items)) => {
                    let texts = items.iter().filter_map(Plain::as_str);
                    let labels = texts.filter_map(|text| Label::parse(text, &self.package).ok());
                    dependencies.extend(labels.map(Plain::Label));
                }
                _ => {}
            }
        }
        let name = match &given {
            Some(name) => name.as_str().unwrap_or_default(),
            None => last_segment(&self.package),
        };
        let is_target = !self.module && self.is_statement(stack) && check_name(name).is_ok();
        let mut gathered = self.gathered.borrow_mut();
        if is_target {
            let field = |name, value| Field { name, value, place: place.clone(), items: Vec::new() };
            gathered.targets.push(Target {
                label: Label::new(self.package.clone(), name),
                rule: &UNKNOWN,
                fields: vec![
                    field("rule", Plain::from(rule)),
                    field("dependencies", Plain::List(dependencies)),
                ]
                .into(),
                place: place.clone(),
                sources: Vec::new(),
            });
        }
        gathered.unknown.push((rule.to_owned(), place));
    }

    /// Adds what holds for fields that are not given.
    fn add_defaults(&self, rule: &RuleSchema, named: &mut Vec<(String, Given)>) -> FromDefaults {
        let mut added = Vec::new();
        for (name, given, place) in self.gathered.borrow().defaults.of(rule) {
            let Some(schema) = rule.field(name) else { continue };
            let is_same = |(other, _): &(String, Given)| {
                rule.field(other).is_some_and(|other| other.name == schema.name)
            };
            if !named.iter().any(is_same) {
                added.push((name.to_owned(), place.clone()));
                named.push((name.to_owned(), given.clone()));
            }
        }
        added
    }

    /// One target; none where its name is wrong.
    fn target(
        &self,
        rule: &Rule,
        variant: Variant,
        defaults: &FromDefaults,
        call: &Call<'_>,
    ) -> Option<Target> {
        let mut fields = self.fields(rule, variant.fields, defaults, call);
        self.required(rule, &fields, call);
        let label = self.name(&fields, call)?.with_parameters(&variant.parameters);
        let sources = self.target_sources(rule.schema, &fields, call);
        self.overrides(rule, &mut fields, &sources, call);
        let sources = sources.iter().map(|file| SourceFile { path: join(&self.package, file).into() });
        let (rule, place) = (rule.schema, call.place.clone());
        Some(Target { label, rule, fields: fields.into(), place, sources: sources.collect() })
    }

    /// The fields that are given, checked, in the order of the schema.
    fn fields(
        &self,
        rule: &Rule,
        mut named: Vec<(String, Plain)>,
        defaults: &FromDefaults,
        call: &Call<'_>,
    ) -> Vec<Field> {
        skipped_tools(rule.schema, &mut named);
        let mut fields: Vec<Field> = Vec::with_capacity(named.len());
        for (name, value) in named {
            let argument = call.arguments.iter().find(|argument| argument.name.as_deref() == Some(&name));
            let default = defaults.iter().find(|(of, _)| *of == name).map(|(_, place)| place);
            let place = match argument {
                Some(argument) => self.span(call, argument.value),
                None => default.unwrap_or(&call.place).clone(),
            };
            let Some(schema) = rule.schema.field(&name) else {
                if !rule.schema.ignores(&name) {
                    let place = argument.map_or(place, |argument| self.span(call, argument.start));
                    self.unknown_field(rule.name, rule.schema, name, call, place);
                }
                continue;
            };
            if fields.iter().any(|field| field.name == schema.name) {
                let problem = Problem::FieldTwice { rule: rule.name.to_owned(), field: schema.name };
                self.tell(call, problem, place);
                continue;
            }
            let items = argument.map(|argument| self.items(call, argument)).unwrap_or_default();
            let value = self.check(rule.schema, schema, value, &place, &items, call);
            fields.push(Field { name: schema.name, value, place, items });
        }
        let order = |field: &Field| rule.schema.fields.iter().position(|schema| schema.name == field.name);
        fields.sort_by_key(order);
        fields
    }

    /// The value of a field as its schema has it; nothing where it is wrong, which is told.
    pub(crate) fn check(
        &self,
        rule: &RuleSchema,
        schema: &FieldSchema,
        value: Plain,
        place: &Place,
        items: &[Place],
        call: &Call<'_>,
    ) -> Plain {
        // What is made of a name that nobody knows is told with the name.
        if is_unknown(&value) {
            return Plain::None;
        }
        let value = match value {
            // Pants 1 takes one constraint or one file without a list.
            Plain::Str(text)
                if schema.name == "interpreter_constraints" || schema.kind == FieldKind::Sources =>
            {
                Plain::List(vec![Plain::Str(text)])
            }
            value => value,
        };
        match schema.check(value, &self.package) {
            Ok(value) => {
                let transitive =
                    |item: &Plain| matches!(item, Plain::Except { transitive, .. } if *transitive);
                let may = matches!(rule.role, Role::Program | Role::Package | Role::Test);
                let wrong = value.as_list().and_then(|items| items.iter().position(transitive));
                if let (Some(item), false) = (wrong, may) {
                    let problem = Problem::TransitiveException { rule: rule.name.to_owned() };
                    self.tell(call, problem, items.get(item).unwrap_or(place).clone());
                }
                value
            }
            Err(errors) => {
                for error in errors {
                    let at = error.item().and_then(|item| items.get(item)).unwrap_or(place).clone();
                    self.tell(call, Problem::Field(error), at);
                }
                Plain::None
            }
        }
    }

    pub(crate) fn unknown_field(
        &self,
        name: &str,
        rule: &RuleSchema,
        field: String,
        call: &Call<'_>,
        place: Place,
    ) {
        let near = near_all(&field, rule.field_names()).into_iter().map(str::to_owned).collect();
        let fields = rule.fields.iter().map(|field| field.name).collect();
        self.tell(call, Problem::UnknownField { rule: name.to_owned(), field, near, fields }, place);
    }

    fn required(&self, rule: &Rule, fields: &[Field], call: &Call<'_>) {
        let given = |name: &str| fields.iter().any(|field| field.name == name);
        let either = rule.schema.has_source_and_sources();
        if either && given("source") && given("sources") {
            let problem = Problem::SourceAndSources { rule: rule.name.to_owned() };
            self.tell(call, problem, call.place.clone());
        }
        let one = either && FOR_ONE_FILE.contains(&rule.name);
        for schema in rule.schema.fields {
            let needed = match schema.name {
                "source" if either => one && !given("sources"),
                "sources" if either => schema.required && !one && !given("source"),
                _ => schema.required,
            };
            if needed && !given(schema.name) {
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

    /// The files that the fields of files name, or those of their defaults, below the directory and sorted.
    fn target_sources(&self, rule: &RuleSchema, fields: &[Field], call: &Call<'_>) -> Vec<String> {
        let mut files = Vec::new();
        let one = fields.iter().any(|field| field.name == "source") && rule.has_source_and_sources();
        for schema in rule.fields {
            let field = fields.iter().find(|field| field.name == schema.name);
            match schema.kind {
                FieldKind::Sources if one && field.is_none() => {}
                FieldKind::Sources => files.extend(self.patterns(schema, field, call)),
                FieldKind::File => files.extend(self.file(schema, field, call)),
                _ => {}
            }
        }
        files.sort();
        files.dedup();
        files
    }

    fn patterns(&self, schema: &FieldSchema, field: Option<&Field>, call: &Call<'_>) -> Vec<String> {
        let given = field.and_then(|field| field.value.as_list().map(|items| (field, items)));
        match (given, schema.default) {
            (Some((field, items)), _) => {
                let patterns: Vec<&str> = items.iter().filter_map(Plain::as_str).collect();
                self.select(call, &patterns, true, |item| field.item_place(item).clone())
            }
            (None, FieldDefault::List(patterns)) if !patterns.is_empty() => {
                self.select(call, patterns, false, |_| call.place.clone())
            }
            _ => Vec::new(),
        }
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
