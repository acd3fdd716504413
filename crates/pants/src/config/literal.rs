//! Values as variables and options have them: lists and dictionaries as in Python, changes to lists, plain words. It knows
//! no keys.

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Literal {
    Text(String),
    List(Vec<Literal>),
}

/// What a source says of a list: what it is, or what is added to that of others and taken away from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListEdit {
    pub(super) replace: Option<Vec<String>>,
    pub(super) add: Vec<String>,
    pub(super) remove: Vec<String>,
}

/// Where a text stops being what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LiteralError {
    /// From 1, in characters.
    pub(super) column: u32,
    pub(super) expected: &'static str,
}

impl ListEdit {
    pub(super) fn of(items: Vec<String>) -> ListEdit {
        ListEdit { replace: Some(items), ..ListEdit::default() }
    }

    /// The list that it makes of another.
    pub(super) fn apply(&self, base: &[String]) -> Vec<String> {
        let kept = self.replace.as_deref().unwrap_or(base);
        let all = kept.iter().chain(&self.add).filter(|item| !self.remove.contains(item));
        all.cloned().collect()
    }
}

/// Whether a text is a list or a change of one, and not a single item.
pub(super) fn is_list(text: &str) -> bool {
    text.trim_start().trim_start_matches(['+', '-']).starts_with(['[', '('])
}

/// What a text says of a list: `[…]` is the list, `+[…],-[…]` changes it, and all else is one more item.
pub(super) fn edit(text: &str) -> Result<ListEdit, LiteralError> {
    if !is_list(text) {
        return Ok(ListEdit { add: vec![text.to_owned()], ..ListEdit::default() });
    }
    let mut parser = Parser { rest: text, column: 1 };
    let mut edit = ListEdit::default();
    loop {
        parser.space();
        let sign = parser.rest.chars().next().filter(|sign| "+-".contains(*sign));
        if sign.is_some() {
            parser.skip();
        }
        let items = parser.texts()?;
        match sign {
            Some('+') => edit.add.extend(items),
            Some(_) => edit.remove.extend(items),
            None => edit.replace = Some(items),
        }
        parser.space();
        match parser.rest.chars().next() {
            None => return Ok(edit),
            Some(',') if sign.is_some() => drop(parser.skip()),
            Some(_) => return Err(parser.error("the end")),
        }
    }
}

/// The entries of a dictionary, and whether they are added to those of others.
pub(super) fn dictionary(text: &str) -> Result<(bool, Vec<(String, Literal)>), LiteralError> {
    let mut parser = Parser { rest: text, column: 1 };
    parser.space();
    let adds = parser.rest.starts_with('+');
    if adds {
        parser.skip();
    }
    if !parser.rest.starts_with('{') {
        return Err(parser.error("a dictionary such as `{'name': 'value'}`"));
    }
    let entries = parser.entries()?;
    parser.space();
    if parser.rest.is_empty() { Ok((adds, entries)) } else { Err(parser.error("the end")) }
}

struct Parser<'t> {
    rest: &'t str,
    column: u32,
}

impl Parser<'_> {
    fn error(&self, expected: &'static str) -> LiteralError {
        LiteralError { column: self.column, expected }
    }

    fn skip(&mut self) -> Option<char> {
        let first = self.rest.chars().next()?;
        self.rest = &self.rest[first.len_utf8()..];
        self.column += 1;
        Some(first)
    }

    fn space(&mut self) {
        while self.rest.starts_with(char::is_whitespace) {
            self.skip();
        }
    }

    fn texts(&mut self) -> Result<Vec<String>, LiteralError> {
        let at = self.column;
        let wrong = LiteralError { column: at, expected: "a list of strings" };
        let Literal::List(items) = self.value()? else { return Err(wrong) };
        let text = |item| if let Literal::Text(text) = item { Ok(text) } else { Err(wrong) };
        items.into_iter().map(text).collect()
    }

    fn value(&mut self) -> Result<Literal, LiteralError> {
        self.space();
        match self.rest.chars().next() {
            Some('[') => self.items(']').map(Literal::List),
            Some('(') => self.items(')').map(Literal::List),
            Some('\'' | '"') => self.string().map(Literal::Text),
            _ => Err(self.error("a string in quotes or a list")),
        }
    }

    fn items(&mut self, close: char) -> Result<Vec<Literal>, LiteralError> {
        self.skip();
        let mut items = Vec::new();
        loop {
            self.space();
            if self.rest.starts_with(close) {
                self.skip();
                return Ok(items);
            }
            // Texts of an option are short; only their lists could make the stack deep.
            if matches!(self.rest.chars().next(), Some('[' | '(')) {
                return Err(self.error("a string in quotes"));
            }
            items.push(self.value()?);
            self.comma(close, "`,` or the end of the list")?;
        }
    }

    fn entries(&mut self) -> Result<Vec<(String, Literal)>, LiteralError> {
        self.skip();
        let mut entries = Vec::new();
        loop {
            self.space();
            if self.rest.starts_with('}') {
                self.skip();
                return Ok(entries);
            }
            let name = self.string()?;
            self.space();
            if self.skip() != Some(':') {
                return Err(self.error("`:` behind the name"));
            }
            entries.push((name, self.value()?));
            self.comma('}', "`,` or the end of the dictionary")?;
        }
    }

    fn comma(&mut self, close: char, expected: &'static str) -> Result<(), LiteralError> {
        self.space();
        if self.rest.starts_with(',') {
            self.skip();
        } else if !self.rest.starts_with(close) {
            return Err(self.error(expected));
        }
        Ok(())
    }

    fn string(&mut self) -> Result<String, LiteralError> {
        let quote = self.rest.chars().next().filter(|quote| "'\"".contains(*quote));
        let Some(quote) = quote else { return Err(self.error("a string in quotes")) };
        self.skip();
        let mut text = String::new();
        loop {
            match self.skip() {
                None => return Err(self.error("the end of the string")),
                Some(end) if end == quote => return Ok(text),
                Some('\\') => match self.skip() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some(escaped @ ('\\' | '\'' | '"')) => text.push(escaped),
                    _ => return Err(self.error("`\\n`, `\\t`, `\\\\` or a quote behind the `\\`")),
                },
                Some(letter) => text.push(letter),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_their_changes() {
        #[track_caller]
        fn check(text: &str, base: &[&str], expected: &str) {
            let base: Vec<String> = base.iter().map(ToString::to_string).collect();
            let found = match edit(text) {
                Ok(edit) => format!("{:?}", edit.apply(&base)),
                Err(error) => format!("{}: {}", error.column, error.expected),
            };
            assert_eq!(found, expected, "{text}");
        }
        check("['a', \"b\",]", &["x"], "[\"a\", \"b\"]");
        check("()", &["x"], "[]");
        check("a", &["x"], "[\"x\", \"a\"]");
        check("", &["x"], "[\"x\", \"\"]");
        check(" +['a'] , -['x', 'y']", &["x", "z"], "[\"z\", \"a\"]");
        check("['it\\'s', 'a\\\\b']", &[], "[\"it's\", \"a\\\\b\"]");
        check("['a' 'b']", &[], "6: `,` or the end of the list");
        check("['a'", &[], "5: `,` or the end of the list");
        check("['a'] x", &[], "7: the end");
        check("['a], ", &[], "7: the end of the string");
        check("[a]", &[], "2: a string in quotes or a list");
        check("[['a']]", &[], "2: a string in quotes");
    }

    #[test]
    fn dictionaries() {
        let text = |text: &str| Literal::Text(text.to_owned());
        let list = Literal::List(vec![text("c")]);
        let entries = vec![("a".to_owned(), text("b")), ("l".to_owned(), list)];
        assert_eq!(dictionary("{'a': 'b', 'l': ['c']}"), Ok((false, entries)));
        assert_eq!(dictionary(" +{}"), Ok((true, vec![])));
        let wrong = |column, expected| Err(LiteralError { column, expected });
        assert_eq!(dictionary("x"), wrong(1, "a dictionary such as `{'name': 'value'}`"));
        assert_eq!(dictionary("{'a' 'b'}"), wrong(7, "`:` behind the name"));
    }
}
