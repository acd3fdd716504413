//! Prints expressions: on one line where they fit, else an item a line. It does not know statements.

use std::borrow::Cow;

use ruff_python_ast::{Expr, Operator};
use ruff_text_size::{Ranged, TextRange};

use super::group::{Group, Item, Node, Spot};
use super::{Source, Style};

/// How many characters a line has where that can be had.
const WIDTH: usize = 88;

/// Prints expressions of a file.
pub(super) struct Printer<'a, 's> {
    pub(super) source: &'a Source<'s>,
    pub(super) style: &'a Style,
}

/// Where an expression is printed.
#[derive(Clone, Copy)]
pub(super) struct At {
    /// How far the line is moved in.
    pub(super) indent: usize,
    /// How many characters are on the line already.
    pub(super) column: usize,
    /// How many follow on the last line.
    pub(super) tail: usize,
}

impl<'s> Printer<'_, 's> {
    /// The text of an expression. Its first line has no indentation.
    pub(super) fn expression(&self, expression: &'s Expr, at: At) -> String {
        self.value(expression, at, false)
    }

    fn value(&self, expression: &'s Expr, at: At, sort: bool) -> String {
        match self.flat(expression, sort) {
            Some(flat) if at.column + width(&flat) + at.tail <= WIDTH => flat,
            flat => self
                .broken(expression, at, sort)
                .or(flat)
                .unwrap_or_else(|| self.verbatim(expression.range())),
        }
    }

    fn verbatim(&self, range: TextRange) -> String {
        self.source.at(range).to_owned()
    }

    /// The expression on one line; none where it cannot be on one.
    fn flat(&self, expression: &'s Expr, sort: bool) -> Option<String> {
        if !self.source.comments_in(expression.range()).is_empty() {
            return None;
        }
        if let Some((left, operator, right)) = self.sum(expression) {
            return Some(format!("{} {operator} {}", self.flat(left, false)?, self.flat(right, false)?));
        }
        let Some(group) = self.group(expression, sort) else {
            let text = self.literal(expression);
            return (!text.contains('\n')).then(|| text.into_owned());
        };
        if group.is_open(self.source) {
            return None;
        }
        let items: Option<Vec<String>> = group.items.iter().map(|item| self.flat_item(item)).collect();
        let comma = if group.is_tuple && group.items.len() == 1 { "," } else { "" };
        let (open, close) = (self.source.at(group.open), self.source.at(group.close));
        Some(format!("{}{open}{}{comma}{close}", group.function, items?.join(", ")))
    }

    fn flat_item(&self, item: &Item<'s>) -> Option<String> {
        match item.node {
            Node::Value(value) => self.flat(value, false),
            Node::Argument(name, value) => {
                let name = self.source.at(name);
                let value = self.flat(value, name == "dependencies")?;
                Some(format!("{name}{}{value}", self.style.equals()))
            }
            Node::Entry(key, value) => {
                Some(format!("{}: {}", self.flat(key, false)?, self.flat(value, false)?))
            }
            Node::Other => Some(self.verbatim(item.range)).filter(|text| !text.contains('\n')),
        }
    }

    /// The expression on several lines; none where it has no brackets that can be opened.
    fn broken(&self, expression: &'s Expr, at: At, sort: bool) -> Option<String> {
        if let Some((left, operator, right)) = self.sum(expression) {
            let operator = format!(" {operator} ");
            let left = self.expression(left, At { tail: operator.len() + 1, ..at });
            let column = end(&left, at.column) + operator.len();
            return Some(format!("{left}{operator}{}", self.expression(right, At { column, ..at })));
        }
        let group = self.group(expression, sort).filter(|group| {
            !group.items.is_empty() || !self.source.comments_in(expression.range()).is_empty()
        })?;
        let comments = group.comments(self.source);
        let (open, close) = (self.source.at(group.open), self.source.at(group.close));
        let head = format!("{}{open}", group.function);
        if comments.is_empty()
            && let Some(only) = self.only(&group)
        {
            let column = at.column + width(&head);
            let inner = self.expression(only, At { column, tail: at.tail + 1, ..at });
            return Some(format!("{head}{inner}{close}"));
        }
        let inner = " ".repeat(at.indent + self.style.indent);
        let comment = |range: TextRange| self.source.at(range).trim_end();
        let behind = |spot: Spot| {
            let here = comments.iter().filter(|(_, found)| *found == spot);
            here.map(|(range, _)| format!("  {}", comment(*range))).collect::<String>()
        };
        let mut lines = vec![format!("{head}{}", behind(Spot::Open))];
        for index in 0..=group.items.len() {
            let above = comments.iter().filter(|(_, spot)| *spot == Spot::Above(index));
            for (range, _) in above {
                self.gap(*range, sort, &mut lines);
                lines.push(format!("{inner}{}", comment(*range)));
            }
            let Some(item) = group.items.get(index) else { break };
            self.gap(item.range, sort, &mut lines);
            let text = self.item(item, at.indent + self.style.indent);
            lines.push(format!("{inner}{text},{}", behind(Spot::Behind(index))));
        }
        lines.push(format!("{}{close}", " ".repeat(at.indent)));
        Some(lines.join("\n"))
    }

    /// Keeps a line that is left free above something, but not behind the bracket.
    fn gap(&self, range: TextRange, sorted: bool, lines: &mut Vec<String>) {
        let before = &self.source.text[..usize::from(range.start())];
        let free = before.trim_end_matches([' ', '\t']).strip_suffix('\n');
        let free = free.is_some_and(|above| above.trim_end_matches([' ', '\t']).ends_with('\n'));
        if free && lines.len() > 1 && !sorted {
            lines.push(String::new());
        }
    }

    fn item(&self, item: &Item<'s>, indent: usize) -> String {
        let at = |column: usize| At { indent, column: indent + column, tail: 1 };
        match item.node {
            Node::Value(value) => self.expression(value, at(0)),
            Node::Argument(name, value) => {
                let name = self.source.at(name);
                let head = format!("{name}{}", self.style.equals());
                let value = self.value(value, at(width(&head)), name == "dependencies");
                format!("{head}{value}")
            }
            Node::Entry(key, value) => {
                let head = format!("{}: ", self.expression(key, at(0)));
                let value = self.expression(value, at(end(&head, 0)));
                format!("{head}{value}")
            }
            Node::Other => self.verbatim(item.range),
        }
    }

    /// The group that an expression is, sorted where that is asked for and nothing holds it together.
    fn group(&self, expression: &'s Expr, sort: bool) -> Option<Group<'s>> {
        let mut group = Group::of(self.source, expression)?;
        let is_free = self.source.comments_in(expression.range()).is_empty()
            && !self.source.at(expression.range()).contains("\n\n")
            && matches!(expression, Expr::List(list) if list.elts.iter().all(|item| self.is_plain(item)));
        if sort && is_free {
            group.items.sort_by_cached_key(|item| order(self.source.at(item.range)));
        }
        Some(group)
    }

    /// The one list, tuple or dictionary that a call has, which stays beside its bracket.
    fn only(&self, group: &Group<'s>) -> Option<&'s Expr> {
        let [Item { node: Node::Value(only), .. }] = group.items.as_slice() else { return None };
        let is_list = matches!(only, Expr::List(_) | Expr::Tuple(_) | Expr::Set(_) | Expr::Dict(_));
        let opened = group.is_open(self.source) || group.function.is_empty();
        (is_list && !opened && Group::of(self.source, only).is_some()).then_some(*only)
    }

    /// The two sides of a sum that has no brackets around them.
    fn sum(&self, expression: &'s Expr) -> Option<(&'s Expr, &'static str, &'s Expr)> {
        let Expr::BinOp(sum) = expression else { return None };
        let operator = match sum.op {
            Operator::Add => "+",
            Operator::Sub => "-",
            Operator::BitOr => "|",
            _ => return None,
        };
        let plain = self.source.is_plain(sum.left.end(), sum.right.start(), operator);
        let whole = sum.left.start() == sum.range.start() && sum.right.end() == sum.range.end();
        (plain && whole).then_some((&*sum.left, operator, &*sum.right))
    }

    fn is_plain(&self, expression: &Expr) -> bool {
        let Expr::StringLiteral(literal) = expression else { return false };
        !literal.value.is_implicit_concatenated() && !self.source.at(literal.range).contains('\n')
    }

    /// What is no group, with the quotes of the style where that changes nothing in them.
    fn literal(&self, expression: &Expr) -> Cow<'s, str> {
        let text = self.source.at(expression.range());
        let quote = self.style.quote;
        let body = ['"', '\''].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote));
        match body.filter(|body| self.is_plain(expression) && !body.contains(['"', '\'', '\\'])) {
            Some(body) => format!("{quote}{body}{quote}").into(),
            None => text.into(),
        }
    }
}

/// The order of dependencies: those of the same file, those of the repository, and what is taken away.
fn order(text: &str) -> (usize, String) {
    let bare = text.trim_matches(['"', '\'']);
    let class = match bare.chars().next() {
        Some(':' | '.') => 0,
        Some('!') => 2,
        _ => 1,
    };
    (class, bare.replace(':', "!"))
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// The column behind a text that begins at a column.
fn end(text: &str, column: usize) -> usize {
    match text.rsplit_once('\n') {
        Some((_, last)) => width(last),
        None => column + width(text),
    }
}
