//! Completes what is a recipe in an environment, once its place and its interpreter are known. Writes nothing.

use store::Store;

use super::record::Sum;
use super::{Content, Environment, EnvironmentError, File, Node, Wheel};

/// Where an environment is, and what it is made with.
#[derive(Debug, Clone)]
pub struct Here {
    /// How scripts find the environment's interpreter.
    pub python: Python,
    /// The absolute path of the interpreter that it is made with.
    pub base: String,
    /// The full version of that.
    pub version: String,
}

/// How the scripts of an environment find its interpreter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Python {
    /// At this absolute path.
    At(String),
    /// At this path below the top of the environment, wherever that is: the environment can be moved.
    Within(String),
}

/// Kernels read so much of a first line.
const LONGEST_LINE: usize = 127;

impl Python {
    /// What a script at `path` begins with, which starts the interpreter with the script itself and with these arguments.
    /// What no first line can name is started by a shell, to whom the lines are a command and to Python a text.
    fn first_lines(&self, path: &str, arguments: Option<&str>) -> String {
        let arguments = arguments.map(|text| format!(" {text}")).unwrap_or_default();
        let command = match self {
            Python::At(python) => {
                let line = format!("#!{python}{arguments}\n");
                if line.len() <= LONGEST_LINE && !python.contains(char::is_whitespace) {
                    return line;
                }
                format!("\"{python}\"")
            }
            Python::Within(python) => {
                let up = "../".repeat(path.matches('/').count());
                format!("\"$(dirname -- \"$(realpath -- \"$0\")\")\"/{up}{python}")
            }
        };
        format!("#!/bin/sh\n'''exec' {command}{arguments} \"$0\" \"$@\"\n' '''\n")
    }
}

impl Here {
    /// What `pyvenv.cfg` says.
    fn config(&self, executable: bool) -> String {
        let (version, base) = (&self.version, &self.base);
        // Without a home, Python follows the link that it is started by.
        let Some((home, _)) = base.rsplit_once('/') else {
            return format!("include-system-site-packages = false\nversion = {version}\n");
        };
        let executable = if executable { format!("executable = {base}\n") } else { String::new() };
        format!("home = {home}\ninclude-system-site-packages = false\nversion = {version}\n{executable}")
    }
}

impl Environment {
    /// The bytes of the file at `path`; none where there is no file. `wheels` are those that it was made of.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn bytes(
        &self,
        path: &str,
        store: &Store,
        wheels: &[Wheel],
        here: &Here,
    ) -> Result<Option<Vec<u8>>, EnvironmentError> {
        let Some(Node::File(File { content, .. })) = self.get(path) else { return Ok(None) };
        Ok(Some(match content {
            Content::Member { archive, entry } => match wheels.get(*archive) {
                Some(wheel) => wheel.zip.read(entry)?,
                None => return Ok(None),
            },
            Content::Own(digest) => store.read(digest)?,
            Content::Literal(bytes) => bytes.clone(),
            Content::Script { arguments, rest } => {
                let first = here.python.first_lines(path, arguments.as_deref());
                [first.as_bytes(), rest].concat()
            }
            Content::Record(record) => {
                let sum = |file: &str| {
                    let bytes = self.bytes(file, store, wheels, here)?;
                    Ok::<_, EnvironmentError>(Sum::of_bytes(&bytes.unwrap_or_default()))
                };
                record.render(sum)?.into_bytes()
            }
            Content::Config { executable } => here.config(*executable).into_bytes(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(python: &Python, path: &str, expect: &str) {
        assert_eq!(python.first_lines(path, Some("-I")), expect);
    }

    #[test]
    fn first_lines_name_the_interpreter_or_find_it() {
        check(&Python::At("/opt/app/bin/python".to_owned()), "bin/run", "#!/opt/app/bin/python -I\n");
        let shell = |command: &str| format!("#!/bin/sh\n'''exec' {command} -I \"$0\" \"$@\"\n' '''\n");
        check(&Python::At("/a b/python".to_owned()), "bin/run", &shell("\"/a b/python\""));
        let within = Python::Within("bin/python3.11".to_owned());
        let folder = "\"$(dirname -- \"$(realpath -- \"$0\")\")\"";
        check(&within, "__main__.py", &shell(&format!("{folder}/bin/python3.11")));
        check(&within, "bin/run", &shell(&format!("{folder}/../bin/python3.11")));
    }
}
