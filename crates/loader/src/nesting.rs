//! Bounds the depth of a Starlark file before it is parsed, since the parser and all behind it recurse; it knows
//! tokens, not syntax.
//!
//! What it counts is never less than the depth of the syntax tree: open brackets, operators in a row since the last
//! comma or statement, blocks, and `elif`s in a row.

/// Where a file is too deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooDeep {
    /// The line, from 1.
    pub(crate) line: u32,
    /// The column, from 1, in characters.
    pub(crate) column: u32,
    /// The same in bytes of the whole text.
    pub(crate) offset: usize,
}

/// Says where `text` is deeper than `limit`, if it is.
pub(crate) fn check(text: &str, limit: usize) -> Result<(), TooDeep> {
    let mut lexer =
        Lexer { text: text.as_bytes(), at: 0, chains: vec![Chain::default()], depth: 0, blocks: Vec::new() };
    while lexer.at < lexer.text.len() {
        lexer.token();
        if lexer.depth + lexer.blocks.iter().map(|block| block.elifs + 1).sum::<usize>() > limit {
            return Err(place(text, lexer.at));
        }
    }
    Ok(())
}

/// A block that is open, or the top level.
struct Block {
    indent: usize,
    elifs: usize,
}

/// Operators since the last comma, and `lambda`s, whose parameters have commas, since the bracket or statement began.
#[derive(Clone, Copy, Default)]
struct Chain {
    operators: usize,
    lambdas: usize,
}

struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    /// What came since the last comma in each open bracket, and below them in the statement.
    chains: Vec<Chain>,
    /// The sum of the chains, and the number of open brackets.
    depth: usize,
    blocks: Vec<Block>,
}

impl Lexer<'_> {
    fn token(&mut self) {
        if self.at == 0 || (self.text[self.at - 1] == b'\n' && self.chains.len() == 1 && !self.continued()) {
            self.line_start();
        }
        let Some(&byte) = self.text.get(self.at) else { return };
        match byte {
            b'#' => self.skip_while(|byte| byte != b'\n'),
            b'"' | b'\'' => self.string(),
            b'(' | b'[' | b'{' => {
                self.operator();
                self.chains.push(Chain::default());
                self.depth += 1;
                self.at += 1;
            }
            b')' | b']' | b'}' => {
                if self.chains.len() > 1 {
                    let chain = self.chains.pop().unwrap_or_default();
                    self.depth -= 1 + chain.operators + chain.lambdas;
                }
                self.at += 1;
            }
            b',' => self.reset(false),
            b';' => self.reset(true),
            b'\n' if self.chains.len() == 1 && !self.continued_at(self.at) => self.reset(true),
            byte if byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 => self.word(),
            byte if byte.is_ascii_digit() => self.skip_while(|byte| byte.is_ascii_alphanumeric()),
            byte if b"+-*/%|&^~<>.=!:".contains(&byte) => {
                self.operator();
                self.at += 1;
            }
            _ => self.at += 1,
        }
    }

    /// Whether the line before the one that starts here ends with a backslash.
    fn continued(&self) -> bool {
        self.continued_at(self.at - 1)
    }

    fn continued_at(&self, newline: usize) -> bool {
        newline > 0 && self.text[newline - 1] == b'\\'
    }

    fn operator(&mut self) {
        if let Some(chain) = self.chains.last_mut() {
            chain.operators += 1;
            self.depth += 1;
        }
    }

    fn lambda(&mut self) {
        if let Some(chain) = self.chains.last_mut() {
            chain.lambdas += 1;
            self.depth += 1;
        }
    }

    /// Ends an element of a list, or a statement.
    fn reset(&mut self, statement: bool) {
        if let Some(chain) = self.chains.last_mut() {
            self.depth -= std::mem::take(&mut chain.operators);
            if statement && self.chains.len() == 1 {
                self.depth -= std::mem::take(&mut self.chains[0].lambdas);
            }
        }
        self.at += 1;
    }

    fn skip_while(&mut self, keep: impl Fn(u8) -> bool) {
        self.at += self.text[self.at..].iter().take_while(|&&byte| keep(byte)).count();
    }

    /// Opens and closes blocks by the indentation of a line that is not empty.
    fn line_start(&mut self) {
        let start = self.at;
        self.skip_while(|byte| byte == b' ' || byte == b'\t');
        let indent = self.at - start;
        let rest = &self.text[self.at..];
        if rest.is_empty() || matches!(rest[0], b'\n' | b'#' | b'\r') {
            return;
        }
        while self.blocks.last().is_some_and(|block| block.indent > indent) {
            self.blocks.pop();
        }
        if self.blocks.last().is_none_or(|block| block.indent < indent) {
            self.blocks.push(Block { indent, elifs: 0 });
        }
        if let Some(block) = self.blocks.last_mut() {
            if rest.starts_with(b"elif") {
                block.elifs += 1;
            } else if !rest.starts_with(b"else") {
                block.elifs = 0;
            }
        }
    }

    fn word(&mut self) {
        let start = self.at;
        self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80);
        match &self.text[start..self.at] {
            b"not" | b"and" | b"or" | b"in" | b"if" | b"else" | b"elif" | b"for" => self.operator(),
            b"lambda" => self.lambda(),
            b"f" | b"F" | b"fr" | b"fR" | b"Fr" | b"FR" | b"rf" | b"rF" | b"Rf" | b"RF"
                if matches!(self.text.get(self.at), Some(b'"' | b'\'')) =>
            {
                self.formatted();
            }
            _ => {}
        }
    }

    /// Counts what is in a formatted string as if all of it were one expression: more than there can be.
    fn formatted(&mut self) {
        let start = self.at;
        self.string();
        let inside = &self.text[start..self.at.min(self.text.len())];
        let count = inside.iter().filter(|byte| b"([{+-*/%|&^~<>.=!: ".contains(byte)).count();
        if inside.contains(&b'{') {
            for _ in 0..count {
                self.operator();
            }
        }
    }

    /// Skips a string, whose end is missing at worst; a raw one has the same end, since a backslash also keeps its
    /// quote from ending it.
    fn string(&mut self) {
        let quote = self.text[self.at];
        let triple = self.text[self.at..].starts_with(&[quote; 3]);
        self.at += if triple { 3 } else { 1 };
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b'\\' => self.at += 2,
                b'\n' if !triple => return,
                byte if byte == quote && !triple => {
                    self.at += 1;
                    return;
                }
                byte if byte == quote && self.text[self.at..].starts_with(&[quote; 3]) => {
                    self.at += 3;
                    return;
                }
                _ => self.at += 1,
            }
        }
        self.at = self.at.min(self.text.len());
    }
}

fn place(text: &str, at: usize) -> TooDeep {
    let mut at = at.clamp(1, text.len()) - 1;
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX - 1) + 1;
    let line = before.rsplit_once('\n').map_or(before, |(_, line)| line);
    TooDeep { line: number(before.matches('\n').count()), column: number(line.chars().count()), offset: at }
}

#[cfg(test)]
mod tests {
    use super::check;

    fn depth_fits(text: &str, limit: usize, fits: bool) {
        assert_eq!(check(text, limit).is_ok(), fits, "{text}");
    }

    #[test]
    fn brackets_and_chains_count() {
        depth_fits(&"(".repeat(20_000), 500, false);
        depth_fits(&format!("x = {}1", "-".repeat(1000)), 500, false);
        depth_fits(&format!("x = {}1", "not ".repeat(1000)), 500, false);
        depth_fits(&format!("x = {}1", "lambda: ".repeat(1000)), 500, false);
        depth_fits(&format!("x = {}1", "lambda a, b: ".repeat(1000)), 500, false);
        depth_fits(&format!("x = 1{}", " if 1 else 1".repeat(1000)), 500, false);
        depth_fits(&format!("x = f{}", "()".repeat(1000)), 500, false);
        depth_fits(&format!("x = f{}", ".a".repeat(1000)), 500, false);
        depth_fits(&format!("x = f{}", "[0]".repeat(1000)), 500, false);
        depth_fits(&format!("if 1:\n  x\n{}", "elif 1:\n  x\n".repeat(1000)), 500, false);
        let blocks: String = (0..600).map(|depth| format!("{}if 1:\n", " ".repeat(depth))).collect();
        depth_fits(&blocks, 500, false);
        depth_fits(&format!("x = 1{}", " + \\\n1".repeat(1000)), 500, false);
    }

    #[test]
    fn long_files_are_not_deep() {
        depth_fits(&format!("x = [{}]", "(1 + 2, f(-3)),".repeat(5000)), 20, true);
        depth_fits(&"f(a = 1)\n".repeat(5000), 20, true);
        depth_fits(&format!("x = \"{}\"", "(".repeat(5000)), 20, true);
        depth_fits(&format!("x = '''{}'''", "(\n'".repeat(5000)), 20, true);
        depth_fits(&format!("# {}\nx = 'a\\'(('", "(".repeat(5000)), 20, true);
    }

    #[test]
    fn the_place_is_told() {
        let error = check(&format!("x = 1\ny = {}", "[".repeat(30)), 10).expect_err("too deep");
        assert_eq!((error.line, error.column > 4), (2, true));
    }
}
