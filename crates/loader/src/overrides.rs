//! `overrides`: fields of single files of a target, or of single targets that it generates; it does not apply them.

use std::collections::BTreeMap;

use graph::{Field, FieldKind, Place, RuleSchema, SKIP_TOOLS, Value as Plain, schema};

use crate::context::{Call, Context};
use crate::error::Problem;
use crate::values::Rule;

/// What each file can have for itself. The rest decides how the whole target is built.
const OF_FILES: [&str; 11] = [
    "args",
    "batch",
    "dependencies",
    "description",
    "env",
    "extra_env_vars",
    "needs",
    "retries",
    "skip_tools",
    "tags",
    "timeout",
];

/// The fields of one file, by name.
type Overridden = BTreeMap<String, Plain>;

impl Context<'_> {
    /// Checks `overrides`, and turns its keys into names of files, one each.
    pub(crate) fn overrides(&self, rule: &Rule, fields: &mut [Field], sources: &[String], call: &Call<'_>) {
        let is_overrides = |field: &&mut Field| {
            rule.schema.field(field.name).is_some_and(|schema| schema.kind == FieldKind::Overrides)
        };
        let Some(field) = fields.iter_mut().find(is_overrides) else { return };
        let Plain::Dict(given) = std::mem::take(&mut field.value) else { return };
        let mut found: BTreeMap<String, (Overridden, Place)> = BTreeMap::new();
        for (index, (keys, own)) in given.into_iter().enumerate() {
            let place = field.item_place(index).clone();
            let checked = self.overridden(rule.schema, own, &place, call);
            for name in self.names(rule.schema, &keys, sources, &place, call) {
                let (own, _) =
                    found.entry(name.clone()).or_insert_with(|| (Overridden::new(), place.clone()));
                for (of, value) in &checked {
                    if own.insert(of.clone(), value.clone()).is_some() {
                        let problem = Problem::OverriddenTwice { name: name.clone(), field: of.clone() };
                        self.tell(call, problem, place.clone());
                    }
                }
            }
        }
        let (mut pairs, mut items) = (Vec::new(), Vec::new());
        for (name, (own, place)) in found {
            let own = own.into_iter().map(|(of, value)| (Plain::Str(of), value)).collect();
            pairs.push((Plain::Str(name), Plain::Dict(own)));
            items.push(place);
        }
        field.value = Plain::Dict(pairs);
        field.items = items;
    }

    /// The files, or whatever else the keys are names of.
    fn names(
        &self,
        rule: &RuleSchema,
        keys: &Plain,
        sources: &[String],
        place: &Place,
        call: &Call<'_>,
    ) -> Vec<String> {
        let keys = keys.as_list().unwrap_or(std::slice::from_ref(keys));
        let texts = keys.iter().filter_map(Plain::as_str);
        if generated(rule).is_some() {
            return texts.map(str::to_owned).collect();
        }
        let mut names = Vec::new();
        for text in texts {
            let found = self.select(call, &[text], true, |_| place.clone());
            let (own, foreign): (Vec<String>, Vec<String>) =
                found.into_iter().partition(|name| sources.contains(name));
            if own.is_empty() && !foreign.is_empty() {
                self.tell(call, Problem::OverridesNothing { name: text.to_owned() }, place.clone());
            }
            names.extend(own);
        }
        names
    }

    /// The fields of one key, checked.
    fn overridden(&self, rule: &RuleSchema, own: Plain, place: &Place, call: &Call<'_>) -> Overridden {
        let mut checked = Overridden::new();
        let Plain::Dict(own) = own else { return checked };
        let of = generated(rule).unwrap_or(rule);
        let mut own: Vec<(String, Plain)> = (own.into_iter())
            .map(|(name, value)| (name.as_str().unwrap_or_default().to_owned(), value))
            .collect();
        skipped_tools(of, &mut own);
        for (name, value) in own {
            let Some(field) = of.field(&name) else {
                if !of.ignores(&name) && !rule.ignores(&name) {
                    self.unknown_field(of.name, of, name, call, place.clone());
                }
                continue;
            };
            if generated(rule).is_none() && !OF_FILES.contains(&field.name) {
                self.tell(call, Problem::NotOfOneFile { field: field.name }, place.clone());
                continue;
            }
            checked.insert(field.name.to_owned(), self.check(of, field, value, place, &[], call));
        }
        checked
    }
}

/// Puts what fields of Pants such as `skip_black` say into the field that names tools.
pub(crate) fn skipped_tools(rule: &RuleSchema, fields: &mut Vec<(String, Plain)>) {
    let mut tools = Vec::new();
    fields.retain(|(name, value)| {
        let skipped = rule.skipped_tool(name);
        if *value == Plain::Bool(true) {
            tools.extend(skipped.clone().map(Plain::Str));
        }
        skipped.is_none()
    });
    if tools.is_empty() {
        return;
    }
    match fields.iter_mut().find(|(name, _)| name == SKIP_TOOLS) {
        Some((_, Plain::List(named))) => named.extend(tools),
        // What is no list is told.
        Some(_) => {}
        None => fields.push((SKIP_TOOLS.to_owned(), Plain::List(tools))),
    }
}

/// The rule of the targets that a rule generates, where these are no files.
fn generated(rule: &RuleSchema) -> Option<&'static RuleSchema> {
    match rule.name {
        "python_requirements" | "poetry_requirements" => schema("python_requirement"),
        "pex_binaries" => schema("python_binary"),
        _ => None,
    }
}
