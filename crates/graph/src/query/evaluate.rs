//! Evaluates a parsed expression; it does not know how it was written.

use std::ops::Range;
use std::rc::Rc;

use regex::Regex;

use super::attributes::attribute_texts;
use super::error::{QueryError, QueryReason};
use super::functions::Name;
use super::parser::{Argument, Expression, Form, Operator};
use super::{Set, World};
use crate::{FieldKind, NodeId, Pattern, Role, near_all, schemas, select};

/// What a file is called where a target has the name of its rule.
const FILE: &str = "source file";

pub(super) fn evaluate<'e>(
    expression: &'e str,
    parsed: &Expression<'e>,
    world: World<'_>,
) -> Result<Set, Box<QueryError>> {
    let mut evaluation = Evaluation { expression, world, variables: Vec::new() };
    evaluation.set(parsed).map(Rc::unwrap_or_clone)
}

struct Evaluation<'e, 'w> {
    expression: &'e str,
    world: World<'w>,
    /// The variables, the innermost last.
    variables: Vec<(&'e str, Rc<Set>)>,
}

/// The arguments of a call.
struct Given<'e> {
    /// The last set.
    set: Rc<Set>,
    /// The sets in front of it.
    others: Vec<Rc<Set>>,
    number: Option<u32>,
    words: Vec<(&'e str, Range<usize>)>,
}

type Evaluated<T> = Result<T, Box<QueryError>>;

impl<'e> Evaluation<'e, '_> {
    fn set(&mut self, expression: &Expression<'e>) -> Evaluated<Rc<Set>> {
        Ok(match &expression.form {
            Form::Pattern(text) => Rc::new(self.pattern(text, &expression.range)?),
            Form::Variable(name) => self.variable(name, &expression.range)?,
            Form::Set(words) => {
                let mut all = Set::default();
                for (text, range) in words {
                    all.nodes.extend(self.pattern(text, range)?.nodes);
                }
                Rc::new(all)
            }
            Form::Call(function, arguments) => Rc::new(self.call(function.which, arguments, expression)?),
            Form::Chain(first, rest) => {
                let mut all = Rc::unwrap_or_clone(self.set(first)?);
                for (operator, operand) in rest {
                    let operand = self.set(operand)?;
                    match operator {
                        Operator::Union => all.add(&operand),
                        Operator::Intersect => all.intersect(self.world.graph, &operand),
                        Operator::Except => all.remove(self.world.graph, &operand),
                    }
                }
                Rc::new(all)
            }
            Form::Let(name, value, body) => {
                let value = self.set(value)?;
                self.variables.push((name, value));
                let body = self.set(body);
                self.variables.pop();
                body?
            }
        })
    }

    fn pattern(&self, text: &str, range: &Range<usize>) -> Evaluated<Set> {
        let pattern = Pattern::parse(text, self.world.is_file)
            .map_err(|error| self.wrong(range, QueryReason::Pattern(error)))?;
        if let Pattern::File(path) = &pattern {
            let nodes = self.world.graph.file_nodes(path);
            if !nodes.is_empty() {
                return Ok(Set::of(nodes));
            }
        }
        match select(self.world.graph, &[pattern], &[]) {
            Ok(nodes) => Ok(Set::of(nodes)),
            Err(errors) => match errors.into_iter().next() {
                Some(error) => Err(self.wrong(range, QueryReason::Match(Box::new(error)))),
                None => Ok(Set::default()),
            },
        }
    }

    fn variable(&self, name: &str, range: &Range<usize>) -> Evaluated<Rc<Set>> {
        let defined = self.variables.iter().rev().find(|(known, _)| *known == name);
        defined.map(|(_, value)| value.clone()).ok_or_else(|| {
            let near = near_all(name, self.variables.iter().map(|(known, _)| *known));
            let near = near.into_iter().map(str::to_owned).collect();
            self.wrong(range, QueryReason::UnknownVariable { name: name.to_owned(), near })
        })
    }

    fn call(&mut self, name: Name, arguments: &[Argument<'e>], whole: &Expression<'e>) -> Evaluated<Set> {
        let mut given = Given { others: Vec::new(), number: None, words: Vec::new(), set: Rc::default() };
        for argument in arguments {
            match argument {
                Argument::Set(expression) => {
                    let before = std::mem::replace(&mut given.set, self.set(expression)?);
                    given.others.push(before);
                }
                Argument::Number(number) => given.number = Some(*number),
                Argument::Word(word, range) => given.words.push((*word, range.clone())),
            }
        }
        Ok(match name {
            Name::Deps | Name::RDeps | Name::AllPaths | Name::SomePath | Name::SamePkgDirectRDeps => {
                self.walk(name, &given)
            }
            Name::Kind => self.kind(given)?,
            Name::Filter => self.filter(given)?,
            Name::Attr => self.attr(given)?,
            Name::Labels => self.labels(&given)?,
            Name::Tests => {
                let graph = self.world.graph;
                let is_test = |node| graph.file(node).is_none() && graph.target(node).rule.role == Role::Test;
                Rc::unwrap_or_clone(given.set).retain(is_test, |_| false)
            }
            Name::Siblings => self.siblings(&given.set),
            Name::BuildFiles => self.build_files(&given.set),
            Name::Some if given.set.nodes.is_empty() && given.set.files.is_empty() => {
                return Err(self.wrong(&whole.range, QueryReason::Empty));
            }
            Name::Some => {
                let count = given.number.unwrap_or(1) as usize;
                let nodes = Set::of(given.set.nodes.iter().copied().take(count));
                let files = given.set.files.iter().take(count - nodes.nodes.len()).cloned().collect();
                Set { files, ..nodes }
            }
        })
    }

    /// The functions that follow dependencies.
    fn walk(&self, name: Name, given: &Given<'e>) -> Set {
        let graph = self.world.graph;
        let other = given.others.last().map(|other| other.roots(graph)).unwrap_or_default();
        let set = given.set.roots(graph);
        Set::of(match name {
            Name::RDeps => {
                let mut inside = vec![false; graph.node_count()];
                for node in graph.needs(&other, None) {
                    inside[node.0 as usize] = true;
                }
                graph.needed_by(&graph.with_files(&set), given.number, |node| inside[node.0 as usize])
            }
            Name::AllPaths => graph.between(&other, &set),
            Name::SomePath => {
                let path = graph.shortest_path(&other, &set).unwrap_or_default();
                path.iter().flat_map(|node| [*node, graph.owner(*node)]).collect()
            }
            Name::SamePkgDirectRDeps => {
                let near = |node: &NodeId| {
                    let package = graph.target(*node).label.package();
                    let found = graph.directly_needed_by(*node).into_iter();
                    found.filter(|found| graph.target(*found).label.package() == package).collect::<Vec<_>>()
                };
                set.iter().flat_map(near).collect()
            }
            _ => graph.needs(&set, given.number),
        })
    }

    fn kind(&self, given: Given<'e>) -> Evaluated<Set> {
        let regex = self.regex(&given.words[0])?;
        let graph = self.world.graph;
        let matches = |node| {
            if graph.file(node).is_some() {
                return regex.is_match(FILE);
            }
            let rule = graph.target(node).rule.name;
            regex.is_match(rule) || regex.is_match(&format!("{rule} rule"))
        };
        Ok(Rc::unwrap_or_clone(given.set).retain(matches, |_| regex.is_match(FILE)))
    }

    fn filter(&self, given: Given<'e>) -> Evaluated<Set> {
        let regex = self.regex(&given.words[0])?;
        let matches = |node| regex.is_match(&self.world.graph.label(node).to_string());
        Ok(Rc::unwrap_or_clone(given.set).retain(matches, |file| regex.is_match(file)))
    }

    fn attr(&self, given: Given<'e>) -> Evaluated<Set> {
        let field = self.field(&given.words[0])?;
        let regex = self.regex(&given.words[1])?;
        let graph = self.world.graph;
        let matches = |node| {
            graph.file(node).is_none()
                && attribute_texts(graph.target(node), field)
                    .is_some_and(|texts| texts.iter().any(|text| regex.is_match(text)))
        };
        Ok(Rc::unwrap_or_clone(given.set).retain(matches, |_| false))
    }

    fn labels(&self, given: &Given<'e>) -> Evaluated<Set> {
        let field = self.field(&given.words[0])?;
        let graph = self.world.graph;
        let mut named = Set::default();
        for node in given.set.targets(graph) {
            let target = graph.target(node);
            let Some(schema) = target.rule.field(field) else { continue };
            match schema.kind {
                FieldKind::Label | FieldKind::Labels => {
                    let labels = target.labels(schema.name).into_iter();
                    named.nodes.extend(labels.filter_map(|(label, _)| graph.node(label)));
                }
                FieldKind::Sources | FieldKind::File if target.rule.file_nodes => {
                    named.nodes.extend(graph.files(node));
                }
                FieldKind::Sources | FieldKind::File => {
                    named.files.extend(target.sources.iter().map(|source| source.path.to_string()));
                }
                _ => {}
            }
        }
        Ok(named)
    }

    fn siblings(&self, set: &Set) -> Set {
        let graph = self.world.graph;
        let mut all = Set::default();
        let mut before = None;
        for node in set.targets(graph) {
            let package = graph.target(node).label.package();
            if before != Some(package) {
                let range = graph.lookup().range(|other| other.cmp(package));
                all.nodes.extend(range.map(NodeId));
                before = Some(package);
            }
        }
        all
    }

    fn build_files(&self, set: &Set) -> Set {
        let graph = self.world.graph;
        let mut all = Set::default();
        let mut before = None;
        for node in set.targets(graph) {
            let label = &graph.target(node).label;
            // What a target generates is written elsewhere, and comes from the generator's BUILD file.
            let whole = graph.node(&label.whole()).map_or(node, |whole| whole);
            let file = graph.target(whole).place.file.to_string();
            if before != Some(label.package()) {
                all.files.extend((self.world.modules)(label.package()));
                before = Some(label.package());
            }
            all.files.insert(file);
        }
        all
    }

    /// The field that a word names, in any rule.
    fn field(&self, (name, range): &(&'e str, Range<usize>)) -> Evaluated<&'e str> {
        if schemas().iter().any(|rule| rule.field(name).is_some()) {
            return Ok(name);
        }
        let near = near_all(name, schemas().iter().flat_map(|rule| rule.field_names()));
        let near = near.into_iter().map(str::to_owned).collect();
        Err(self.wrong(range, QueryReason::UnknownField { name: (*name).to_owned(), near }))
    }

    fn regex(&self, (text, range): &(&'e str, Range<usize>)) -> Evaluated<Regex> {
        Regex::new(text).map_err(|error| {
            let message = error.to_string();
            let last = message.lines().last().unwrap_or_default().trim();
            let reason = last.strip_prefix("error: ").unwrap_or(last).to_owned();
            self.wrong(range, QueryReason::Regex { text: (*text).to_owned(), reason })
        })
    }

    fn wrong(&self, range: &Range<usize>, reason: QueryReason) -> Box<QueryError> {
        QueryError::at(self.expression, range.clone(), reason)
    }
}
