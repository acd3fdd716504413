//! Whether two texts of a BUILD file say the same: the same tokens but for what formatting may change. Evaluates neither.

use ruff_python_ast::token::TokenKind;
use ruff_text_size::Ranged;

use super::Source;

/// Whether they have the same comments, and the same tokens but for commas, line breaks, quotes and the order of lists.
pub(super) fn means_the_same(one: &Source<'_>, other: &Source<'_>) -> bool {
    comments(one) == comments(other) && tokens(one) == tokens(other)
}

fn comments<'t>(source: &Source<'t>) -> Vec<&'t str> {
    let mut texts: Vec<&str> = source.comments.iter().map(|comment| source.at(*comment).trim_end()).collect();
    texts.sort_unstable();
    texts
}

fn tokens(source: &Source<'_>) -> Vec<String> {
    let told = source.parsed.tokens().iter().filter_map(|token| match token.kind() {
        TokenKind::Comma
        | TokenKind::Comment
        | TokenKind::Newline
        | TokenKind::NonLogicalNewline
        | TokenKind::Indent
        | TokenKind::Dedent => None,
        TokenKind::String => {
            let text = source.at(token.range());
            let plain = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
            Some(
                plain
                    .filter(|text| !text.contains(['"', '\'', '\\']))
                    .map_or_else(|| text.to_owned(), |text| format!("\"{text}\"")),
            )
        }
        _ => Some(source.at(token.range()).to_owned()),
    });
    let mut told: Vec<String> = told.collect();
    told.sort_unstable();
    told
}
