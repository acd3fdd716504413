//! What `%(…)s` stands for in the files of the configuration.

use std::collections::BTreeMap;
use std::path::Path;

use crate::environment::Environment;

/// How deep what one stands for may contain others.
const DEEPEST: usize = 20;
/// No value is longer.
const LONGEST: usize = 1 << 16;

/// All that is known by a name.
#[derive(Clone, Debug)]
pub(super) struct Placeholders<'e> {
    known: BTreeMap<String, String>,
    environment: &'e BTreeMap<String, String>,
}

impl<'e> Placeholders<'e> {
    pub(super) fn new(root: &Path, environment: &'e Environment) -> Placeholders<'e> {
        let home = environment.home().unwrap_or_default();
        let paths = [
            ("buildroot", root.to_owned()),
            ("homedir", home),
            ("pants_workdir", root.join(".pants.d/workdir")),
            ("pants_distdir", root.join("dist")),
        ];
        let mut known: BTreeMap<String, String> =
            paths.into_iter().map(|(name, path)| (name.to_owned(), path.display().to_string())).collect();
        known.insert("user".to_owned(), environment.get("USER").unwrap_or_default().to_owned());
        Placeholders { known, environment: &environment.variables }
    }

    /// Adds a name of the user's own, from `[DEFAULT]`.
    pub(super) fn define(&mut self, name: String, value: String) {
        self.known.insert(name, value);
    }

    /// A text with what its placeholders stand for. Fails with a name that stands for nothing.
    pub(super) fn fill(&self, text: &str) -> Result<String, String> {
        self.fill_within(text, DEEPEST)
    }

    fn fill_within(&self, text: &str, depth: usize) -> Result<String, String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("%(") {
            let after = &rest[start + 2..];
            let name = after.split_once(")s").map(|(name, _)| name).filter(|name| is_name(name));
            let Some(name) = name else {
                filled.push_str(&rest[..start + 2]);
                rest = after;
                continue;
            };
            let value = match name.strip_prefix("env.") {
                Some(variable) => self.environment.get(variable),
                None => self.known.get(name),
            };
            let value = value.filter(|_| depth > 0).ok_or_else(|| name.to_owned())?;
            filled.push_str(&rest[..start]);
            filled.push_str(&self.fill_within(value, depth.saturating_sub(1))?);
            if filled.len() > LONGEST {
                return Err(name.to_owned());
            }
            rest = &after[name.len() + 2..];
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_values() {
        let variables = [("HOME", "/users/me"), ("TOKEN", "secret"), ("USER", "me")];
        let environment = Environment {
            variables: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            folder: "/".into(),
            program: "/pants".into(),
        };
        let mut placeholders = Placeholders::new(Path::new("/repository"), &environment);
        placeholders.define("wheels".to_owned(), "%(buildroot)s/wheels".to_owned());
        placeholders.define("circle".to_owned(), "x%(circle)s".to_owned());
        let check = |text: &str, expected: Result<&str, &str>| {
            assert_eq!(placeholders.fill(text), expected.map(str::to_owned).map_err(str::to_owned), "{text}");
        };
        check("a%(buildroot)s/b", Ok("a/repository/b"));
        check("%(homedir)s:%(user)s", Ok("/users/me:me"));
        check("%(env.TOKEN)s%(env.TOKEN)s", Ok("secretsecret"));
        check("%(wheels)s", Ok("/repository/wheels"));
        check("100%, %(not a name)s, %(open", Ok("100%, %(not a name)s, %(open"));
        check("%(nothing)s", Err("nothing"));
        check("%(env.NOTHING)s", Err("env.NOTHING"));
        check("%(circle)s", Err("circle"));
    }
}
