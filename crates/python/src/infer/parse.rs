//! The imports of a text by ruff's parser, which goes on after mistakes, so that Python 2 is read too.

use ruff_python_ast::statement_visitor::{StatementVisitor, walk_stmt};
use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{ExceptHandler, Expr, PySourceType, Stmt, StmtIf, StmtImportFrom, StmtTry, StmtWith};
use ruff_python_parser::parse_unchecked_source;
use ruff_text_size::{Ranged, TextRange, TextSize};

use super::calls::{Calls, Piece};
use super::imports::{Detail, Found};

/// The exceptions that catch a failed import.
const CAUGHT: &[&str] = &["ImportError", "ModuleNotFoundError", "Exception", "BaseException"];

pub(super) fn imports(text: &str, detail: Detail) -> Found<'_> {
    let parsed = parse_unchecked_source(text, PySourceType::Python);
    let mut visitor = Visitor { found: Found::new(text, detail), weak: false, spared: Vec::new() };
    visitor.visit_body(parsed.suite());
    let Visitor { mut found, spared, .. } = visitor;
    if !found.wants_tokens() {
        return found;
    }
    let mut calls = Calls::default();
    for token in parsed.tokens() {
        let (at, range) = (token.start().to_usize(), token.range());
        let piece = match token.kind() {
            TokenKind::Comment | TokenKind::NonLogicalNewline => continue,
            TokenKind::Name => Piece::Word(&text[range]),
            TokenKind::String => {
                found.string(at, &text[range]);
                Piece::String(&text[range])
            }
            TokenKind::Lpar => Piece::Sign(b'('),
            TokenKind::Rpar => Piece::Sign(b')'),
            TokenKind::Comma => Piece::Sign(b','),
            TokenKind::Equal => Piece::Sign(b'='),
            _ => Piece::Sign(0),
        };
        if let Some(call) = calls.next(at, piece) {
            let weak = call.weak || spared.iter().any(|spared| spared.contains(offset(call.at)));
            found.call(call.at, call.level, call.module, weak);
        }
    }
    found
}

fn offset(at: usize) -> TextSize {
    TextSize::try_from(at).expect("a text of ruff has less than 4 GiB")
}

struct Visitor<'t> {
    found: Found<'t>,
    /// Whether the file works without what is imported here.
    weak: bool,
    /// Where it does.
    spared: Vec<TextRange>,
}

impl<'a> StatementVisitor<'a> for Visitor<'_> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Import(import) => {
                for alias in &import.names {
                    self.found.module(alias.start().to_usize(), alias.name.to_string(), self.weak);
                }
            }
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::Try(statement) => self.visit_try(statement),
            Stmt::If(statement) if is_type_checking(&statement.test) => self.visit_type_checking(statement),
            Stmt::With(statement) if suppresses(statement) => self.spare(&statement.body),
            _ => walk_stmt(self, stmt),
        }
    }
}

impl Visitor<'_> {
    fn import_from(&mut self, import: &StmtImportFrom) {
        let names: Vec<(String, usize)> =
            import.names.iter().map(|alias| (alias.name.to_string(), alias.start().to_usize())).collect();
        let first = import.names.first().map_or(import.range.start(), Ranged::start);
        let at = import.module.as_ref().map_or(first, Ranged::start).to_usize();
        let module = import.module.as_ref().map(ToString::to_string).unwrap_or_default();
        let span = (import.range.start().to_usize(), import.range.end().to_usize());
        self.found.from(span, at, (import.level, module), names, self.weak);
    }

    fn visit_try(&mut self, statement: &StmtTry) {
        if statement.handlers.iter().any(catches) {
            self.spare(&statement.body);
        } else {
            self.visit_body(&statement.body);
        }
        for handler in &statement.handlers {
            self.visit_except_handler(handler);
        }
        self.visit_body(&statement.orelse);
        self.visit_body(&statement.finalbody);
    }

    fn visit_type_checking(&mut self, statement: &StmtIf) {
        self.spare(&statement.body);
        for clause in &statement.elif_else_clauses {
            self.visit_elif_else_clause(clause);
        }
    }

    /// Visits statements that may fail to import.
    fn spare<'a>(&mut self, body: &'a [Stmt]) {
        if let [first, ..] = body {
            let end = body.last().map_or(first.end(), Ranged::end);
            self.spared.push(TextRange::new(first.start(), end));
        }
        let outside = std::mem::replace(&mut self.weak, true);
        <Self as StatementVisitor<'a>>::visit_body(self, body);
        self.weak = outside;
    }
}

fn catches(handler: &ExceptHandler) -> bool {
    let ExceptHandler::ExceptHandler(handler) = handler;
    handler.type_.as_deref().is_none_or(is_caught)
}

fn is_caught(exception: &Expr) -> bool {
    match exception {
        Expr::Name(name) => CAUGHT.contains(&name.id.as_str()),
        Expr::Attribute(attribute) => CAUGHT.contains(&attribute.attr.as_str()),
        Expr::Tuple(tuple) => tuple.elts.iter().any(is_caught),
        _ => false,
    }
}

fn is_type_checking(test: &Expr) -> bool {
    match test {
        Expr::Name(name) => name.id.as_str() == "TYPE_CHECKING",
        Expr::Attribute(attribute) => attribute.attr.as_str() == "TYPE_CHECKING",
        _ => false,
    }
}

/// Whether a statement is `with suppress(ImportError)`.
fn suppresses(statement: &StmtWith) -> bool {
    statement.items.iter().any(|item| {
        let Expr::Call(call) = &item.context_expr else { return false };
        let is_suppress = match &*call.func {
            Expr::Name(name) => name.id.as_str() == "suppress",
            Expr::Attribute(attribute) => attribute.attr.as_str() == "suppress",
            _ => false,
        };
        is_suppress && call.arguments.args.iter().any(is_caught)
    })
}
