//! Reads from a PEX how the environment of its start plan is made ahead of the first start. Starts nothing.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use flate2::read::ZlibDecoder;
use serde::Deserialize;
use zip::ZipArchive;

use super::python_text::{literal, tuple};
use super::{boot, start};
use crate::python::Wanted;

/// How the environment of a PEX is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// The interpreters that there are plans for, those first that the PEX looks for first.
    pub pythons: Vec<Wanted>,
    /// A program for this interpreter with the PEX and the root as its arguments: it makes the environment, and prints
    /// where, or fails with the reason in a line.
    pub program: String,
}

/// Why the environment of a file cannot be made ahead.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// It cannot be read.
    #[error("cannot read it")]
    Io(#[from] std::io::Error),
    /// It is no PEX.
    #[error("it is no PEX in one file")]
    NoPex,
    /// It has no plan.
    #[error("it has no start plan")]
    NoPlan,
}

impl SeedError {
    /// The stable code of this error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            SeedError::Io(_) => "pex::unreadable",
            SeedError::NoPex => "pex::no_pex",
            SeedError::NoPlan => "pex::no_start_plan",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            SeedError::NoPlan => Some(
                "build it with `start_plan = True` for Linux; or let the runtime do it: `PEX_TOOLS=1 app.pex venv DIR`"
                    .to_owned(),
            ),
            SeedError::Io(_) | SeedError::NoPex => None,
        }
    }
}

/// What is needed of `PEX-INFO`.
#[derive(Deserialize)]
struct Info {
    pex_hash: String,
    #[serde(default)]
    venv_hermetic_scripts: Option<bool>,
    #[serde(default)]
    inject_python_args: Vec<String>,
}

/// No file of the PEX that is read here is longer, in bytes.
const LONGEST: u64 = 256 << 20;
/// So much of a plan holds all that it asks for.
const HEAD: u64 = 1024;

impl Seed {
    /// Reads a PEX.
    ///
    /// # Errors
    /// Where it is none, or has no plan.
    pub fn read(pex: &Path) -> Result<Seed, SeedError> {
        let file = File::open(pex)?;
        let mut zip = ZipArchive::new(file).map_err(|_| SeedError::NoPex)?;
        let info = member(&mut zip, "PEX-INFO").ok_or(SeedError::NoPex)?;
        let info: Info = serde_json::from_slice(&info).map_err(|_| SeedError::NoPex)?;
        if info.pex_hash.is_empty() || !info.pex_hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(SeedError::NoPex);
        }
        let plan = format!("{}/{}", start::FOLDER, start::PLAN);
        let plans: Vec<String> =
            zip.file_names().flatten().filter(|name| name.starts_with(&plan)).map(Cow::into_owned).collect();
        let pythons = plans.iter().filter_map(|name| python(&member(&mut zip, name)?));
        let pythons: BTreeSet<Wanted> = pythons.collect();
        if pythons.is_empty() {
            return Err(SeedError::NoPlan);
        }
        let mut arguments = info.inject_python_args;
        arguments.extend(info.venv_hermetic_scripts.unwrap_or(true).then(|| "-I".to_owned()));
        let make = format!("make(sys.argv[1], sys.argv[2], {}, {})", copy(&info.pex_hash), tuple(&arguments));
        let end = "except Exception as error:\n    sys.exit(str(error) or repr(error))\n";
        let program = start::program(&format!("try:\n    print({make})\n{end}"));
        Ok(Seed { pythons: pythons.into_iter().collect(), program })
    }
}

fn copy(pex_hash: &str) -> String {
    literal(&boot::constrained_copy(pex_hash))
}

fn member(zip: &mut ZipArchive<File>, name: &str) -> Option<Vec<u8>> {
    let member = zip.by_name(name).ok()?;
    let mut bytes = Vec::new();
    member.take(LONGEST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The interpreter that a plan is for.
fn python(plan: &[u8]) -> Option<Wanted> {
    let mut text = Vec::new();
    ZlibDecoder::new(plan).take(HEAD).read_to_end(&mut text).ok()?;
    let rows = text.split(|byte| *byte == b'\n' || *byte == 0).map(String::from_utf8_lossy);
    let facts: Vec<(String, String)> = rows
        .filter_map(|row| {
            let (name, value) = row.strip_prefix("F\t")?.split_once('\t')?;
            Some((name.to_owned(), value.to_owned()))
        })
        .collect();
    let fact = |wanted: &str| facts.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let threads = if fact("flags")?.contains('t') { "t" } else { "" };
    format!("{}{threads}", fact("python")?).parse().ok()
}
