//! Python that Starlark has not, and that can only mean one thing: sets, strings beside each other, `*` and `**` in lists,
//! dictionaries and calls, generators, tabs. It is rewritten before a file is parsed, and places stay those of the file.
//!
//! A tab becomes one space, so that columns stay what they are. Everything else leaves a trace in an [`Origin`].

mod lexer;
mod origin;
mod rewrite;

use std::sync::Arc;

use lexer::Tokens;
pub(crate) use origin::Origin;
use rewrite::Rewriter;

/// A text as Starlark has it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Translated {
    pub(crate) text: String,
    /// What it was made of; none where every place is what it was.
    pub(crate) origin: Option<Arc<Origin>>,
}

/// The byte where a line is indented by tabs and spaces that do not follow from those of the lines above.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MixedTabs(pub(crate) usize);

/// Rewrites a file. What has no end somewhere stays as it is, for the parser to tell.
pub(crate) fn translate(mut text: String) -> Result<Translated, MixedTabs> {
    let Some(tokens) = lexer::tokens(&text) else { return Ok(Translated { text, origin: None }) };
    if !tokens.tabs.is_empty() {
        text = spaces(text, &tokens)?;
    }
    let mut rewriter = Rewriter {
        text: &text,
        tokens: &tokens.list,
        out: String::with_capacity(text.len()),
        pieces: Vec::new(),
        changed: false,
    };
    rewriter.emit(0, tokens.list.len(), 0, text.len());
    let Rewriter { out, pieces, changed, .. } = rewriter;
    if !changed {
        return Ok(Translated { text, origin: None });
    }
    Ok(Translated { text: out, origin: Some(Arc::new(Origin::new(text, pieces))) })
}

/// The text with a space for each tab. Python compares indentations in the same way: whatever a tab is worth.
fn spaces(text: String, tokens: &Tokens) -> Result<String, MixedTabs> {
    let mut open: Vec<&str> = vec![""];
    for &(start, end) in &tokens.indents {
        let indent = &text[start..end];
        while open.last().is_some_and(|above| above.len() > indent.len()) {
            open.pop();
        }
        let above = open.last().copied().unwrap_or_default();
        if !indent.starts_with(above) {
            return Err(MixedTabs(end));
        }
        if indent.len() > above.len() {
            open.push(indent);
        }
    }
    let mut bytes = text.into_bytes();
    for &tab in &tokens.tabs {
        bytes[tab] = b' ';
    }
    Ok(String::from_utf8(bytes).expect("a space for a tab keeps it UTF-8"))
}

#[cfg(test)]
mod tests;
