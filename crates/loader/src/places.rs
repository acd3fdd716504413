//! Where things are written: places of spans, and of the arguments of calls; it does not evaluate.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::dialect::Origin;
use graph::Place;
use starlark::codemap::{FileSpan, Span};
use starlark::syntax::AstModule;
use starlark::syntax::ast::{ArgumentP, AstExprP, AstNoPayload, AstStmtP, ExprP, StmtP};

type Expr = AstExprP<AstNoPayload>;
type Stmt = AstStmtP<AstNoPayload>;

/// What the calls of a file are, by their spans.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    arguments: HashMap<Span, Vec<Argument>>,
    /// Those whose value nobody takes.
    statements: HashSet<Span>,
}

/// The files that were rewritten, each with what it was made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins(BTreeMap<String, Arc<Origin>>);

/// One argument of a call.
#[derive(Debug)]
pub(crate) struct Argument {
    /// Its name; none for one by position.
    pub(crate) name: Option<String>,
    /// Where its name is, or else its value.
    pub(crate) start: Span,
    /// Where its value is.
    pub(crate) value: Span,
    /// Where the items of a list or the values of a dictionary are, if it is written out.
    pub(crate) items: Vec<Span>,
}

/// One symbol that a file loads.
#[derive(Debug)]
pub(crate) struct Symbol {
    /// Its name in the file that is loaded.
    pub(crate) name: String,
    pub(crate) place: Place,
}

/// One `load` of a file.
#[derive(Debug)]
pub(crate) struct Load {
    /// The text that says which file.
    pub(crate) path: String,
    pub(crate) place: Place,
    pub(crate) symbols: Vec<Symbol>,
}

impl Calls {
    pub(crate) fn of(ast: &AstModule) -> Self {
        let mut calls = Self::default();
        calls.statement(ast.statement());
        calls
    }

    /// The arguments of the call at a span.
    pub(crate) fn arguments(&self, call: Span) -> &[Argument] {
        self.arguments.get(&call).map_or(&[], Vec::as_slice)
    }

    /// Whether the call at a span is a statement of its own.
    pub(crate) fn is_statement(&self, call: Span) -> bool {
        self.statements.contains(&call)
    }

    fn statement(&mut self, statement: &Stmt) {
        statement.node.visit_stmt(|statement| self.statement(statement));
        match &statement.node {
            StmtP::Expression(expression) => {
                self.statements.insert(expression.span);
                self.expression(expression);
            }
            StmtP::Assign(assign) => self.expression(&assign.rhs),
            StmtP::Return(Some(expression)) => self.expression(expression),
            _ => {}
        }
    }

    fn expression(&mut self, expression: &Expr) {
        if let ExprP::Call(_, arguments) = &expression.node {
            let arguments = arguments.args.iter().filter_map(|argument| match &argument.node {
                ArgumentP::Named(name, value) => {
                    Some(self::argument(Some(name.node.clone()), name.span, value))
                }
                ArgumentP::Positional(value) => Some(self::argument(None, value.span, value)),
                ArgumentP::Args(_) | ArgumentP::KwArgs(_) => None,
            });
            self.arguments.insert(expression.span, arguments.collect());
        }
        expression.node.visit_expr(|expression| self.expression(expression));
    }
}

fn argument(name: Option<String>, start: Span, value: &Expr) -> Argument {
    let items = match &value.node {
        ExprP::List(items) | ExprP::Tuple(items) => items.iter().map(|item| item.span).collect(),
        ExprP::Dict(items) => items.iter().map(|(_, value)| value.span).collect(),
        _ => Vec::new(),
    };
    Argument { name, start, value: value.span, items }
}

/// The files that a file loads, in order.
pub(crate) fn loads(ast: &AstModule, file: &Arc<str>, origins: &Origins) -> Vec<Load> {
    let mut loads = Vec::new();
    let place = |span: Span| origins.place(file, &ast.file_span(span));
    collect_loads(&place, ast.statement(), &mut loads);
    loads
}

fn collect_loads(place: &dyn Fn(Span) -> Place, statement: &Stmt, loads: &mut Vec<Load>) {
    match &statement.node {
        StmtP::Load(load) => loads.push(Load {
            path: load.module.node.clone(),
            place: place(load.module.span),
            symbols: load
                .args
                .iter()
                .map(|argument| Symbol {
                    name: argument.their.node.clone(),
                    place: place(argument.their.span),
                })
                .collect(),
        }),
        StmtP::Statements(statements) => {
            for statement in statements {
                collect_loads(place, statement, loads);
            }
        }
        _ => {}
    }
}

impl Origins {
    /// Takes the origin of one more file, where it has one.
    pub(crate) fn add(&mut self, file: &str, origin: Option<&Arc<Origin>>) {
        self.0.extend(origin.map(|origin| (file.to_owned(), origin.clone())));
    }

    /// Takes those of others.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.iter().map(|(file, origin)| (file.clone(), origin.clone())));
    }

    /// The place of a span as the file was written; what is longer than a line is cut at its end.
    pub(crate) fn place(&self, file: &Arc<str>, span: &FileSpan) -> Place {
        let Some(origin) = self.0.get(span.filename()) else { return place(file, span) };
        let file = if **file == *span.filename() { file.clone() } else { span.filename().into() };
        let (begin, end) = (span.span.begin().get(), span.span.end().get());
        origin.place(&file, begin as usize, end as usize)
    }
}

fn place(file: &Arc<str>, span: &FileSpan) -> Place {
    let resolved = span.resolve_span();
    let number = |index: usize| u32::try_from(index).unwrap_or(u32::MAX - 1) + 1;
    let width = if resolved.begin.line == resolved.end.line {
        resolved.end.column.saturating_sub(resolved.begin.column)
    } else {
        span.source_span().lines().next().map_or(1, |line| line.chars().count())
    };
    let file = if **file == *span.filename() { file.clone() } else { span.filename().into() };
    Place::new(file, number(resolved.begin.line), number(resolved.begin.column))
        .wide(number(width).saturating_sub(1))
}
