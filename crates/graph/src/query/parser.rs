//! Tokens become an expression of bounded depth; it does not know what words name.

use std::ops::Range;

use super::error::{QueryError, QueryReason};
use super::functions::{FUNCTIONS, Function, Parameter};
use super::lexer::{Kind, Token};
use crate::near_all;

/// How deep an expression may be nested.
const DEEPEST: usize = 200;

/// A part of an expression and where it is.
#[derive(Debug)]
pub(super) struct Expression<'e> {
    pub(super) form: Form<'e>,
    pub(super) range: Range<usize>,
}

/// What a part of an expression is.
#[derive(Debug)]
pub(super) enum Form<'e> {
    /// A pattern of targets.
    Pattern(&'e str),
    /// `$x`, by its name.
    Variable(&'e str),
    /// `set(a b c)`.
    Set(Vec<(&'e str, Range<usize>)>),
    Call(&'static Function, Vec<Argument<'e>>),
    /// A chain of operators of one rank, from left to right.
    Chain(Box<Expression<'e>>, Vec<(Operator, Expression<'e>)>),
    /// `let name = value in body`.
    Let(&'e str, Box<Expression<'e>>, Box<Expression<'e>>),
}

/// An argument, by what its function takes.
#[derive(Debug)]
pub(super) enum Argument<'e> {
    Set(Expression<'e>),
    Word(&'e str, Range<usize>),
    Number(u32),
}

/// An operator between sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Union,
    Intersect,
    Except,
}

/// Parses the tokens of an expression.
pub(super) fn parse<'e>(expression: &'e str, tokens: &[Token]) -> Result<Expression<'e>, Box<QueryError>> {
    let mut parser = Parser { expression, tokens, at: 0, depth: 0 };
    let parsed = parser.expression()?;
    match parser.peek().kind {
        Kind::End => Ok(parsed),
        _ => Err(parser.expected("an operator or the end")),
    }
}

struct Parser<'e, 't> {
    expression: &'e str,
    tokens: &'t [Token],
    at: usize,
    depth: usize,
}

impl<'e> Parser<'e, '_> {
    fn expression(&mut self) -> Result<Expression<'e>, Box<QueryError>> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.wrong(self.peek().range.clone(), QueryReason::TooDeep { limit: DEEPEST }));
        }
        let first = self.operand()?;
        let mut rest = Vec::new();
        while let Some(operator) = self.operator() {
            rest.push((operator, self.operand()?));
        }
        self.depth -= 1;
        if rest.is_empty() {
            return Ok(first);
        }
        let end = rest.last().map_or(first.range.end, |(_, last)| last.range.end);
        let range = first.range.start..end;
        Ok(Expression { form: Form::Chain(Box::new(first), rest), range })
    }

    fn operator(&mut self) -> Option<Operator> {
        let operator = match self.peek().kind {
            Kind::Union => Operator::Union,
            Kind::Intersect => Operator::Intersect,
            Kind::Except => Operator::Except,
            _ => return None,
        };
        self.at += 1;
        Some(operator)
    }

    fn operand(&mut self) -> Result<Expression<'e>, Box<QueryError>> {
        let token = self.peek().clone();
        let start = token.range.start;
        let form = match token.kind {
            Kind::Word if self.tokens[self.at + 1].kind == Kind::Open => self.call()?,
            Kind::Word | Kind::Quoted => {
                self.at += 1;
                let word = token.word(self.expression).unwrap_or_default();
                match word.strip_prefix('$') {
                    Some(name) if token.kind == Kind::Word => Form::Variable(name),
                    _ => Form::Pattern(word),
                }
            }
            Kind::Open => {
                self.at += 1;
                let inside = self.expression()?;
                self.take(Kind::Close, "an operator or `)`")?;
                inside.form
            }
            Kind::Set => self.set()?,
            Kind::Let => self.binding()?,
            _ => return Err(self.expected("a target, a function or `(`")),
        };
        Ok(Expression { form, range: start..self.tokens[self.at - 1].range.end })
    }

    /// `set(a b c)`; commas between the words are not part of the language.
    fn set(&mut self) -> Result<Form<'e>, Box<QueryError>> {
        self.at += 1;
        self.take(Kind::Open, "`(`")?;
        let mut words = Vec::new();
        while let Some(word) = self.peek().word(self.expression) {
            words.push((word, self.peek().range.clone()));
            self.at += 1;
        }
        self.take(Kind::Close, "a target or `)`")?;
        Ok(Form::Set(words))
    }

    fn binding(&mut self) -> Result<Form<'e>, Box<QueryError>> {
        self.at += 1;
        let token = self.peek().clone();
        let is_name = |word: &&str| {
            let mut chars = word.chars();
            chars.next().is_some_and(|first| first.is_alphabetic() || first == '_')
                && chars.all(|next| next.is_alphanumeric() || next == '_')
        };
        let name = match (token.kind, token.word(self.expression).filter(is_name)) {
            (Kind::Word, Some(name)) => name,
            _ => return Err(self.expected("the name of a variable")),
        };
        self.at += 1;
        self.take(Kind::Equals, "`=`")?;
        let value = Box::new(self.expression()?);
        self.take(Kind::In, "an operator or `in`")?;
        let body = Box::new(self.expression()?);
        Ok(Form::Let(name, value, body))
    }

    fn call(&mut self) -> Result<Form<'e>, Box<QueryError>> {
        let token = self.peek().clone();
        let name = token.word(self.expression).unwrap_or_default();
        let Some(function) = FUNCTIONS.iter().find(|function| function.name == name) else {
            let near = near_all(name, FUNCTIONS.iter().map(|function| function.name));
            let near = near.into_iter().map(str::to_owned).collect();
            return Err(self.wrong(token.range, QueryReason::UnknownFunction { name: name.to_owned(), near }));
        };
        self.at += 2;
        let mut arguments = Vec::new();
        while self.peek().kind != Kind::Close {
            match function.parameters.get(arguments.len()) {
                Some(parameter) => arguments.push(self.argument(*parameter)?),
                None => {
                    // Only counted: what it is does not matter.
                    let start = self.peek().range.start;
                    self.expression()?;
                    let range = start..self.tokens[self.at - 1].range.end;
                    return Err(self.arguments(function, range, arguments.len() + 1));
                }
            }
            match self.peek().kind {
                Kind::Comma => self.at += 1,
                Kind::Close => break,
                _ => return Err(self.expected("`,` or `)`")),
            }
        }
        self.at += 1;
        if arguments.len() < function.required {
            let range = token.range.start..self.tokens[self.at - 1].range.end;
            return Err(self.arguments(function, range, arguments.len()));
        }
        Ok(Form::Call(function, arguments))
    }

    fn arguments(&self, function: &'static Function, range: Range<usize>, found: usize) -> Box<QueryError> {
        let (least, most) = (function.required, function.parameters.len());
        let plural = if most == 1 { "argument" } else { "arguments" };
        let takes =
            if least == most { format!("{most} {plural}") } else { format!("{least} or {most} {plural}") };
        let reason = QueryReason::Arguments { name: function.name, takes, found, usage: function.usage };
        self.wrong(range, reason)
    }

    fn argument(&mut self, parameter: Parameter) -> Result<Argument<'e>, Box<QueryError>> {
        if parameter == Parameter::Set {
            return Ok(Argument::Set(self.expression()?));
        }
        let token = self.peek().clone();
        let expected = match parameter {
            Parameter::Number => "a whole number",
            Parameter::Regex => "a regular expression",
            _ => "the name of a field",
        };
        let Some(word) = token.word(self.expression) else { return Err(self.expected(expected)) };
        let argument = match parameter {
            Parameter::Number => Argument::Number(word.parse().map_err(|_| self.expected(expected))?),
            _ => Argument::Word(word, token.range),
        };
        self.at += 1;
        Ok(argument)
    }

    fn take(&mut self, kind: Kind, expected: &str) -> Result<(), Box<QueryError>> {
        if self.peek().kind != kind {
            return Err(self.expected(expected));
        }
        self.at += 1;
        Ok(())
    }

    /// The next token; behind the last there is none.
    fn peek(&self) -> &Token {
        &self.tokens[self.at]
    }

    fn expected(&self, expected: &str) -> Box<QueryError> {
        let token = self.peek();
        let found = match token.kind {
            Kind::End => "the end".to_owned(),
            _ => format!("`{}`", shortened(&self.expression[token.range.clone()])),
        };
        self.wrong(token.range.clone(), QueryReason::Expected { expected: expected.to_owned(), found })
    }

    fn wrong(&self, range: Range<usize>, reason: QueryReason) -> Box<QueryError> {
        QueryError::at(self.expression, range, reason)
    }
}

/// A text that a message can hold.
fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
