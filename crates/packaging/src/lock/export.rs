//! A lock in the forms that other tools read: `pylock.toml` (PEP 751) and `requirements.txt` with hashes; writes no
//! file, and asks no index.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use pep508_rs::{ExtraName, MarkerExpression, MarkerTree, MarkerValueExtra};

use super::write::quoted;
use super::{Address, LOCK_VERSION, Lock, Package};
use crate::marker::Marker;

/// A file of a package, in whatever way it is listed.
pub struct ExportedFile<'l> {
    /// The name of the index that has it; `None` is the default one.
    pub index: Option<&'l str>,
    /// The normalised name of the project.
    pub project: &'l str,
    /// The name of the file.
    pub name: &'l str,
}

impl Lock {
    /// The lock as a `requirements.txt`, each package with its marker and the hashes of all its files.
    #[must_use]
    pub fn to_requirements(&self) -> String {
        let mut out = String::from("# Written by `pants lock --export requirements`.\n");
        for (package, marker) in self.installed() {
            match package.address() {
                Some(Address::Url(url)) => drop(write!(out, "{} @ {url}", package.name)),
                Some(Address::Path(path)) => drop(write!(out, "{} @ ./{path}", package.name)),
                None => drop(write!(out, "{}=={}", package.name, package.version)),
            }
            if let Some(marker) = marker {
                let _ = write!(out, " ; {marker}");
            }
            let sdist = package.sdist.iter().map(|file| &file.sha256);
            for sha256 in sdist.chain(package.wheels.iter().map(|file| &file.sha256)) {
                let _ = write!(out, " \\\n    --hash=sha256:{}", hex(sha256));
            }
            out.push('\n');
        }
        out
    }

    /// The lock as a strict `pylock.toml`. `url` tells where a file is, which a lock of ours does not.
    ///
    /// # Errors
    /// The first error of `url`.
    pub fn to_pylock<E>(&self, url: &dyn Fn(&ExportedFile<'_>) -> Result<String, E>) -> Result<String, E> {
        let mut out = String::from("# Written by `pants lock --export pylock`.\n");
        let _ = writeln!(out, "lock-version = \"{LOCK_VERSION}\"\ncreated-by = \"pants\"");
        let _ = writeln!(out, "requires-python = {}", quoted(&self.requires_python));
        let environments: Vec<String> = self.environments.iter().map(quoted).collect();
        let _ = writeln!(out, "environments = [{}]", environments.join(", "));
        for (package, marker) in self.installed() {
            let _ = write!(out, "\n[[packages]]\nname = {}\n", quoted(&package.name));
            let _ = writeln!(out, "version = {}", quoted(&package.version));
            if let Some(marker) = marker {
                let _ = writeln!(out, "marker = {}", quoted(marker));
            }
            if let Some(requires_python) = &package.requires_python {
                let _ = writeln!(out, "requires-python = {}", quoted(requires_python));
            }
            let file = |name: &str, size: Option<u64>, sha256: &[u8; 32], index: Option<&str>| {
                let place = match index.and_then(Address::in_place_of_index) {
                    Some(Address::Path(path)) => format!("path = {}", quoted(path)),
                    Some(Address::Url(url)) => format!("url = {}", quoted(url)),
                    None => {
                        let file = ExportedFile { index, project: package.name.as_ref(), name };
                        format!("url = {}", quoted(url(&file)?))
                    }
                };
                let size = size.map_or_else(String::new, |size| format!(", size = {size}"));
                let (name, hash) = (quoted(name), hex(sha256));
                Ok(format!("{{ name = {name}, {place}{size}, hashes = {{ sha256 = \"{hash}\" }} }}"))
            };
            if let Some(sdist) = &package.sdist {
                let sdist = file(&sdist.name, sdist.size, &sdist.sha256, sdist.index.as_deref())?;
                let _ = writeln!(out, "sdist = {sdist}");
            }
            if !package.wheels.is_empty() {
                out.push_str("wheels = [\n");
                for wheel in &package.wheels {
                    let name = wheel.name.as_str();
                    let wheel = file(name, wheel.size, &wheel.sha256, wheel.index.as_deref())?;
                    let _ = writeln!(out, "    {wheel},");
                }
                out.push_str("]\n");
            }
        }
        Ok(out)
    }

    /// All packages that something leads to, with the markers where it does; none where that is everywhere.
    fn installed(&self) -> Vec<(&Package, Option<String>)> {
        let mut ways = Ways { lock: self, found: BTreeMap::new(), queue: VecDeque::new() };
        for requirement in &self.requirements {
            let named = self.packages.iter().enumerate().filter(|(_, one)| one.name == requirement.name);
            for (at, _) in named.filter(|(_, one)| requirement.accepts(&one.version)) {
                ways.reach(at, &requirement.extras, tree(&requirement.marker));
            }
        }
        while let Some(at) = ways.queue.pop_front() {
            ways.follow(&at);
        }
        let marker = |at: usize| ways.found.get(&(at, None)).map(MarkerTree::try_to_string);
        let packages = self.packages.iter().enumerate();
        packages.filter_map(|(at, package)| Some((package, marker(at)?))).collect()
    }
}

/// A package by its index, or an extra of it.
type Node = (usize, Option<ExtraName>);

/// Where each package is needed, as far as it is known.
struct Ways<'l> {
    lock: &'l Lock,
    found: BTreeMap<Node, MarkerTree>,
    queue: VecDeque<Node>,
}

impl Ways<'_> {
    /// A package is needed where `marker` holds, if it is the one to take there.
    fn reach(&mut self, at: usize, extras: &[ExtraName], mut marker: MarkerTree) {
        marker.and(tree(&self.lock.packages[at].marker));
        for node in std::iter::once(None).chain(extras.iter().cloned().map(Some)).map(|extra| (at, extra)) {
            let known = self.found.get(&node).cloned().unwrap_or(MarkerTree::FALSE);
            let mut more = known.clone();
            more.or(marker.clone());
            if more != known {
                self.found.insert(node.clone(), more);
                self.queue.push_back(node);
            }
        }
    }

    fn follow(&mut self, node: &Node) {
        let lock = self.lock;
        let here = self.found[node].clone();
        for dependency in &lock.packages[node.0].dependencies {
            // A lock has the extra beside all other conditions.
            let mut needed = tree(&dependency.marker);
            let of_extra = match needed.top_level_extra() {
                Some(MarkerExpression::Extra { name: MarkerValueExtra::Extra(name), .. }) => Some(name),
                _ => None,
            };
            if of_extra != node.1 {
                continue;
            }
            if let Some(extra) = of_extra {
                needed = needed.simplify_extras(&[extra]);
            }
            needed.and(here.clone());
            let is_meant = |one: &Package| {
                one.name == dependency.name
                    && dependency.version.as_ref().is_none_or(|version| *version == one.version)
            };
            let meant: Vec<usize> =
                lock.packages.iter().enumerate().filter(|(_, one)| is_meant(one)).map(|(at, _)| at).collect();
            for at in meant {
                self.reach(at, &dependency.extras, needed.clone());
            }
        }
    }
}

fn tree(marker: &Marker) -> MarkerTree {
    if marker.is_always() { MarkerTree::TRUE } else { marker.text().parse().unwrap_or(MarkerTree::TRUE) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An app that needs `base`, `old` on old Pythons, and by an extra of `base` also `more`; nothing leads to `stray`.
    fn lock() -> Lock {
        let package = |name: &str, rest: &str| {
            format!(
                "[[packages]]\nname = \"{name}\"\nversion = \"1\"\n{rest}wheels = [{{ name = \"{name}-1-py3-none-any.whl\", \
                 size = 7, hashes = {{ sha256 = \"{}\" }} }}]\n",
                "0".repeat(64)
            )
        };
        let app = "dependencies = [{ name = \"base\", extras = [\"x\"] }, { name = \"old\", marker = \"python_version < '3.9'\" }]\n";
        let base = "dependencies = [{ name = \"more\", marker = \"sys_platform == 'linux' and extra == 'x'\" }, \
                    { name = \"stray\", marker = \"extra == 'y'\" }]\n";
        let text = format!(
            "lock-version = '1.0'\ncreated-by = 'pants'\nrequires-python = '>=3.8'\nenvironments = []\n[tool.pants]\nformat = 1\n\
             indexes = ['default']\ninterpreters = []\nplatforms = []\nrequirements = ['app']\n{}{}{}{}{}",
            package("app", app),
            package("base", base),
            package("more", ""),
            package("old", ""),
            package("stray", ""),
        );
        Lock::parse(&text).unwrap()
    }

    #[test]
    fn requirements_have_the_markers_of_the_ways_to_them() {
        let text = lock().to_requirements();
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("==1")).collect();
        let expect = [
            "app==1 \\",
            "base==1 \\",
            "more==1 ; sys_platform == 'linux' \\",
            "old==1 ; python_full_version < '3.9' \\",
        ];
        assert_eq!(lines, expect);
    }

    #[test]
    fn a_pylock_has_addresses() {
        let url = |file: &ExportedFile<'_>| {
            Ok::<_, ()>(format!("https://files.example/{}/{}", file.project, file.name))
        };
        let text = lock().to_pylock(&url).unwrap();
        let read: toml::Table = toml::from_str(&text).unwrap();
        let packages = read["packages"].as_array().unwrap();
        assert_eq!(packages.len(), 4);
        assert_eq!(packages[3]["marker"].as_str(), Some("python_full_version < '3.9'"));
        let wheel = &packages[0]["wheels"][0];
        assert_eq!(wheel["url"].as_str(), Some("https://files.example/app/app-1-py3-none-any.whl"));
        assert_eq!(lock().to_pylock(&|_| Err(7)), Err(7));
    }
}
