//! Changes a BUILD file where it has to be changed, and leaves the rest as it is written: calls behind the last one, and
//! items of lists in the calls that are there.

use graph::Value;
use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{Expr, ExprCall, ExprList, Keyword};
use ruff_text_size::{Ranged, TextSize};

use super::{NewCall, Source, Style, format, on_large_stack};
use crate::error::LoadError;

/// What is done to a list of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// A string is added at the end.
    Add(String),
    /// All items that are one of these strings are taken away.
    Remove(Vec<String>),
}

/// Why a BUILD file cannot be edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It cannot be read.
    #[error("{0}")]
    Load(LoadError),
    /// A macro makes the target.
    #[error("`{function}` makes the target, and not a call of its rule")]
    Macro {
        /// What is called instead.
        function: String,
    },
    /// The field is no list that is written out.
    #[error("`{field}` is no list that is written out")]
    NoList {
        /// The field.
        field: String,
    },
}

/// The text with calls at its end.
///
/// # Errors
/// Where a call cannot be printed.
pub fn append(text: &str, calls: &[NewCall], style: &Style) -> Result<String, LoadError> {
    let mut parts: Vec<String> = Vec::new();
    if !text.trim().is_empty() {
        parts.push(text.trim_end().to_owned() + "\n");
    }
    for call in calls {
        let fields = call.fields.iter().map(|(name, value)| format!("{name} = {}", written(value)));
        let fields = fields.collect::<Vec<_>>().join(", ");
        let open = if call.fields.len() > 1 { "\n" } else { "" };
        parts.push(format("BUILD", &format!("{}({open}{fields})\n", call.rule), style)?);
    }
    Ok(parts.join("\n"))
}

/// A string or a list as BUILD files have it.
fn written(value: &Value) -> String {
    match value {
        Value::List(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", ")),
        other => string(other.as_str().unwrap_or_default()),
    }
}

fn string(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escaped.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t"))
}

/// The text of `file` with a list of the call at a line and a column changed. The list is that of the first of `fields`
/// that is there; where none is, the call gets the first.
///
/// # Errors
/// Where the call is none of a rule, or the list is not written out.
pub fn edit(
    (file, text): (&str, &str),
    (line, column): (u32, u32),
    fields: &[&str],
    edit: &Edit,
    style: &Style,
) -> Result<String, EditError> {
    on_large_stack(|| {
        let source = Source::parse(file, text).map_err(EditError::Load)?;
        let mut finder = Finder { source: &source, at: (line, column), found: None };
        finder.visit_body(&source.parsed.syntax().body);
        let call = finder.found.ok_or(EditError::Macro { function: "something".to_owned() })?;
        let function = source.at(call.func.range());
        if graph::schema(function).is_none() {
            return Err(EditError::Macro { function: function.to_owned() });
        }
        let given = call
            .arguments
            .keywords
            .iter()
            .find(|keyword| keyword.arg.as_ref().is_some_and(|name| fields.contains(&name.as_str())));
        let no_list = || EditError::NoList { field: fields.first().copied().unwrap_or_default().to_owned() };
        match (given, edit) {
            (Some(Keyword { value: Expr::List(list), .. }), Edit::Add(item)) => {
                Ok(add(&source, list, item, style))
            }
            (Some(Keyword { value: Expr::List(list), .. }), Edit::Remove(items)) => {
                Ok(remove(&source, list, items))
            }
            (None, Edit::Add(item)) => {
                Ok(give(&source, call, fields.first().ok_or_else(no_list)?, item, style))
            }
            (Some(_), _) | (None, Edit::Remove(_)) => Err(no_list()),
        }
    })
}

/// Looks for the call that begins at a place.
struct Finder<'a, 's> {
    source: &'a Source<'s>,
    at: (u32, u32),
    found: Option<&'a ExprCall>,
}

impl<'a> Visitor<'a> for Finder<'a, '_> {
    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Call(call) = expression {
            let place = self.source.place(call.start());
            if (place.line, place.column) == self.at && self.found.is_none() {
                self.found = Some(call);
            }
        }
        walk_expr(self, expression);
    }
}

/// Adds an item to a list.
fn add(source: &Source<'_>, list: &ExprList, item: &str, style: &Style) -> String {
    let item = quoted(item, style);
    let close = list.end() - TextSize::from(1);
    let Some(last) = list.elts.last() else {
        return insert(source, close, &item);
    };
    let rest = source.between(last.end(), close);
    let comma = first_sign(rest) == Some(',');
    if !rest.contains('\n') {
        let text = if comma { format!(" {item}") } else { format!(", {item}") };
        let at = if comma { last.end() + size(rest.find(',').map_or(0, |at| at + 1)) } else { last.end() };
        return insert(source, at, &text);
    }
    // Before the line of the bracket, behind what comments are there.
    let line = last.end() + size(rest.rfind('\n').unwrap_or_default());
    let added = insert(source, line, &format!("\n{}{item},", indentation(source, last.start())));
    if comma { added } else { insert_text(&added, last.end(), ",") }
}

/// Takes items away from a list, each with its comma and its line.
fn remove(source: &Source<'_>, list: &ExprList, items: &[String]) -> String {
    let mut text = source.text.to_owned();
    for item in list.elts.iter().rev() {
        let Expr::StringLiteral(literal) = item else { continue };
        if !items.iter().any(|gone| gone == literal.value.to_str()) {
            continue;
        }
        let (mut start, mut end) = (usize::from(item.start()), usize::from(item.end()));
        let rest = &text[end..];
        let comma = rest.trim_start_matches([' ', '\t']);
        let has_comma = comma.starts_with(',');
        if has_comma {
            end += rest.len() - comma.len() + 1;
        }
        let line = &text[end..][..text[end..].find('\n').unwrap_or(text.len() - end)];
        let before = text[..start].rsplit('\n').next().unwrap_or_default();
        if before.trim().is_empty() && (line.trim().is_empty() || line.trim().starts_with('#')) {
            start -= before.len();
            end = (end + line.len() + 1).min(text.len());
        } else if has_comma {
            end += text[end..].len() - text[end..].trim_start_matches(' ').len();
        } else {
            start = text[..start].trim_end_matches([' ', ',']).len();
        }
        text.replace_range(start..end, "");
    }
    text
}

/// Gives a call a list.
fn give(source: &Source<'_>, call: &ExprCall, field: &str, item: &str, style: &Style) -> String {
    let argument = format!("{field}{}[{}]", style.equals(), quoted(item, style));
    let close = call.end() - TextSize::from(1);
    let last = call.arguments.iter_source_order().last().map(|last| last.range());
    let Some(last) = last else { return insert(source, close, &argument) };
    let rest = source.between(last.end(), close);
    let comma = first_sign(rest) == Some(',');
    if !rest.contains('\n') {
        let text = if comma { format!(" {argument}") } else { format!(", {argument}") };
        return insert(source, close, &text);
    }
    let line = last.end() + size(rest.rfind('\n').unwrap_or_default());
    let first = call.arguments.iter_source_order().next().map_or(last.start(), |first| first.start());
    let given = insert(source, line, &format!("\n{}{argument},", indentation(source, first)));
    if comma { given } else { insert_text(&given, last.end(), ",") }
}

fn quoted(item: &str, style: &Style) -> String {
    let text = string(item);
    if style.quote == '\'' && !text.contains(['\\', '\'']) { text.replace('"', "'") } else { text }
}

/// The first character that is no space and in no comment.
fn first_sign(text: &str) -> Option<char> {
    text.lines().find_map(|line| line.split('#').next()?.trim_start().chars().next())
}

/// What the line of a place begins with.
fn indentation<'s>(source: &Source<'s>, at: TextSize) -> &'s str {
    let line = source.text[..usize::from(at)].rsplit('\n').next().unwrap_or_default();
    &line[..line.len() - line.trim_start().len()]
}

fn insert(source: &Source<'_>, at: TextSize, text: &str) -> String {
    insert_text(source.text, at, text)
}

fn insert_text(whole: &str, at: TextSize, text: &str) -> String {
    let (before, behind) = whole.split_at(usize::from(at));
    format!("{before}{text}{behind}")
}

fn size(offset: usize) -> TextSize {
    TextSize::try_from(offset).unwrap_or_default()
}
