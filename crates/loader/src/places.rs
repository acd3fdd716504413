//! Where things are written: places of spans, and of the arguments of calls; it does not evaluate.

use std::collections::HashMap;
use std::sync::Arc;

use graph::Place;
use starlark::codemap::{FileSpan, Span};
use starlark::syntax::AstModule;
use starlark::syntax::ast::{ArgumentP, AstExprP, AstNoPayload, AstStmtP, ExprP, StmtP};

type Expr = AstExprP<AstNoPayload>;
type Stmt = AstStmtP<AstNoPayload>;

/// The named arguments of every call of a file, by the span of the call.
#[derive(Debug, Default)]
pub(crate) struct Calls(HashMap<Span, Vec<Argument>>);

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
        self.0.get(&call).map_or(&[], Vec::as_slice)
    }

    fn statement(&mut self, statement: &Stmt) {
        statement.node.visit_stmt(|statement| self.statement(statement));
        match &statement.node {
            StmtP::Expression(expression) => self.expression(expression),
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
            self.0.insert(expression.span, arguments.collect());
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
pub(crate) fn loads(ast: &AstModule, file: &Arc<str>) -> Vec<Load> {
    let mut loads = Vec::new();
    collect_loads(ast, file, ast.statement(), &mut loads);
    loads
}

fn collect_loads(ast: &AstModule, file: &Arc<str>, statement: &Stmt, loads: &mut Vec<Load>) {
    match &statement.node {
        StmtP::Load(load) => loads.push(Load {
            path: load.module.node.clone(),
            place: place(file, &ast.file_span(load.module.span)),
            symbols: load
                .args
                .iter()
                .map(|argument| Symbol {
                    name: argument.their.node.clone(),
                    place: place(file, &ast.file_span(argument.their.span)),
                })
                .collect(),
        }),
        StmtP::Statements(statements) => {
            for statement in statements {
                collect_loads(ast, file, statement, loads);
            }
        }
        _ => {}
    }
}

/// The place of a span; what is longer than a line is cut at its end.
pub(crate) fn place(file: &Arc<str>, span: &FileSpan) -> Place {
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
