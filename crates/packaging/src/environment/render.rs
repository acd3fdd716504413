//! Completes what is a recipe in an environment, once its place and its interpreter are known. Writes nothing.

use store::Store;

use super::record::Sum;
use super::{Content, Environment, EnvironmentError, File, Node, Wheel};

/// Where an environment is, and what it is made with.
#[derive(Debug, Clone)]
pub struct Here {
    /// The absolute path of the environment's interpreter, for the first lines of scripts.
    pub python: String,
    /// The absolute path of the interpreter that it is made with.
    pub base: String,
    /// The full version of that.
    pub version: String,
}

impl Here {
    /// What `pyvenv.cfg` says.
    fn config(&self, executable: bool) -> String {
        let home = self.base.rsplit_once('/').map_or("", |(folder, _)| folder);
        let (version, base) = (&self.version, &self.base);
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
                let arguments = arguments.iter().map(|text| format!(" {text}")).collect::<String>();
                [format!("#!{}{arguments}\n", here.python).as_bytes(), rest].concat()
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
