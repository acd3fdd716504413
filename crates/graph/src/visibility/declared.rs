//! The rules that BUILD files declare, as they are written and as they come down to the folders below. They do not know
//! the graph.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::Side;
use super::spec::{End, Matcher, SpecError, TargetSpec, named};
use crate::{Place, Value};

/// One call of `__dependencies_rules__` or `__dependents_rules__`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredRules {
    /// Which of the two.
    pub side: Side,
    /// The folder of the BUILD file.
    pub package: String,
    /// Whether the sets of the folders above follow.
    pub extend: bool,
    /// The sets, of which the first with a selector that matches is the one that counts.
    pub sets: Vec<RuleSet>,
}

/// Rules for the targets that one of the selectors matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSet {
    /// Where it is written.
    pub place: Place,
    /// For whom it is.
    pub selectors: Vec<TargetSpec>,
    /// The rules, of which the first that matches the other end counts.
    pub rules: Vec<Rule>,
}

/// What is to be done about the dependencies that a spec matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What is to be done.
    pub action: Action,
    /// About whom.
    pub spec: TargetSpec,
    /// Where it is written.
    pub place: Place,
}

/// What is to be done about a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Nothing.
    Allow,
    /// It is told.
    Warn,
    /// It must not be.
    Deny,
}

impl RuleSet {
    /// Reads a set from what a BUILD file gives; `items` are the places of its parts where they are known.
    ///
    /// Fails with which part is wrong, if that can be told.
    pub fn read(value: &Value, place: &Place, items: &[Place]) -> Result<Self, (Option<usize>, SpecError)> {
        let parts = match value {
            Value::List(parts) if parts.len() > 1 => parts,
            Value::List(_) => return Err((None, SpecError::NoSet("a list of less than two".to_owned()))),
            other => return Err((None, SpecError::NoSet(named(other)))),
        };
        let mut selectors = Vec::new();
        for part in flat(&parts[0]) {
            selectors.push(spec(&part).map_err(|error| (Some(0), error))?);
        }
        if selectors.is_empty() {
            return Err((Some(0), SpecError::Empty));
        }
        let mut rules = Vec::new();
        for (index, part) in parts.iter().enumerate().skip(1) {
            let place = items.get(index).unwrap_or(place);
            for part in flat(part).into_iter().filter(|part| !says_nothing(part)) {
                rules.push(Rule::read(&part, place).map_err(|error| (Some(index), error))?);
            }
        }
        Ok(Self { place: place.clone(), selectors, rules })
    }
}

impl Rule {
    fn read(value: &Value, place: &Place) -> Result<Self, SpecError> {
        let (action, spec) = match value {
            Value::Str(text) => match (text.strip_prefix('!'), text.strip_prefix('?')) {
                (Some(rest), _) => (Action::Deny, TargetSpec::parse(rest)?),
                (_, Some(rest)) => (Action::Warn, TargetSpec::parse(rest)?),
                _ => (Action::Allow, TargetSpec::parse(text)?),
            },
            Value::Dict(pairs) => (action(pairs)?, TargetSpec::dictionary(pairs)?),
            other => return Err(SpecError::NoSpec(named(other))),
        };
        Ok(Self { action, spec, place: place.clone() })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.action {
            Action::Allow => "",
            Action::Warn => "?",
            Action::Deny => "!",
        })?;
        self.spec.fmt(f)
    }
}

/// Nested lists as one; a text of several lines is as many texts.
fn flat(value: &Value) -> Vec<Value> {
    match value {
        Value::List(items) => items.iter().flat_map(flat).collect(),
        Value::Str(text) if text.contains('\n') => {
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Value::from).collect()
        }
        other => vec![other.clone()],
    }
}

/// Whether a rule is an empty text or a comment.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Str(text) => text.is_empty() || text.starts_with('#'),
        Value::Dict(pairs) => pairs.is_empty(),
        _ => false,
    }
}

fn spec(value: &Value) -> Result<TargetSpec, SpecError> {
    match value {
        Value::Str(text) => TargetSpec::parse(text),
        Value::Dict(pairs) => TargetSpec::dictionary(pairs),
        other => Err(SpecError::NoSpec(named(other))),
    }
}

fn action(pairs: &[(Value, Value)]) -> Result<Action, SpecError> {
    let given = pairs.iter().find(|(key, _)| key.as_str() == Some("action")).map(|(_, value)| value);
    match given.map(|value| value.as_str().unwrap_or_default()) {
        None | Some("allow") => Ok(Action::Allow),
        Some("warn") => Ok(Action::Warn),
        Some("deny") => Ok(Action::Deny),
        Some(other) => Err(SpecError::Value {
            key: "action",
            expected: "`allow`, `warn` or `deny`",
            found: format!("`{other}`"),
        }),
    }
}

/// The rules of one side that hold in each folder.
pub(super) struct Rules(BTreeMap<String, Rc<Vec<ReadySet>>>);

/// A set that is ready to match.
#[derive(Clone)]
pub(super) struct ReadySet {
    pub(super) place: Place,
    selectors: Vec<Matcher>,
    rules: Vec<(Matcher, Rule)>,
}

impl Rules {
    /// Makes the rules of one side ready. Fails with what no glob can be made of.
    pub(super) fn new(declared: &[DeclaredRules], side: Side) -> Result<Self, Vec<(Place, SpecError)>> {
        let mut of_side: Vec<&DeclaredRules> =
            declared.iter().filter(|rules| rules.side == side && !rules.sets.is_empty()).collect();
        // A folder comes before those below it.
        of_side.sort_by(|a, b| a.package.cmp(&b.package));
        let (mut rules, mut wrong) = (Self(BTreeMap::new()), Vec::new());
        for declared in of_side {
            let mut sets = Vec::new();
            for set in &declared.sets {
                match ReadySet::new(set, &declared.package) {
                    Ok(set) => sets.push(set),
                    Err(error) => wrong.push((set.place.clone(), error)),
                }
            }
            if declared.extend
                && let Some(above) = rules.of(&declared.package)
            {
                sets.extend(above.iter().cloned());
            }
            rules.0.insert(declared.package.clone(), Rc::new(sets));
        }
        if wrong.is_empty() { Ok(rules) } else { Err(wrong) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sets that hold in a folder: those of its own BUILD file, or of the nearest above that has any.
    pub(super) fn of(&self, package: &str) -> Option<&Rc<Vec<ReadySet>>> {
        let mut at = package;
        loop {
            match self.0.get(at) {
                Some(sets) => return Some(sets),
                None if at.is_empty() => return None,
                None => at = at.rsplit_once('/').map_or("", |(above, _)| above),
            }
        }
    }
}

impl ReadySet {
    fn new(set: &RuleSet, base: &str) -> Result<Self, SpecError> {
        let selectors = set.selectors.iter().map(|spec| spec.compile(base)).collect::<Result<_, _>>()?;
        let ready = |rule: &Rule| Ok((rule.spec.compile(base)?, rule.clone()));
        let rules = set.rules.iter().map(ready).collect::<Result<_, _>>()?;
        Ok(Self { place: set.place.clone(), selectors, rules })
    }

    /// Whether the set is for a target.
    pub(super) fn is_for(&self, end: &End<'_>) -> bool {
        self.selectors.iter().any(|selector| selector.matches(end, &end.folder))
    }

    /// The rule about an end, in a set that is for a target of `folder`.
    pub(super) fn about(&self, other: &End<'_>, folder: &str) -> Option<&Rule> {
        self.rules.iter().find(|(matcher, _)| matcher.matches(other, folder)).map(|(_, rule)| rule)
    }
}
