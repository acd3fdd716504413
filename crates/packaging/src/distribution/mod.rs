//! Distributions of one's own code: their metadata as data, and the wheels and source distributions that are made of
//! it. Knows no target, and runs no build backend.

mod metadata;
mod project;
mod read;
pub(crate) mod sdist;
mod steps;
mod version;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name::PackageName;
use crate::{Version, VersionSpecifiers};

pub use read::{Described, ReadError, describe};
pub use steps::{StepError, VERSION, sdist, wheel};
pub use version::{TagError, TagPattern};

/// The folder of a source distribution that its modules are below.
pub const SOURCE_ROOT: &str = "src";

/// What a distribution says of itself. Everything in it is checked already.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The name, as it is written.
    pub name: String,
    /// The version, normalised.
    pub version: String,
    /// One line about it.
    pub summary: Option<String>,
    /// The long description.
    pub readme: Option<Readme>,
    /// The licence as an SPDX expression.
    pub license_expression: Option<String>,
    /// The licence in other words.
    pub license: Option<String>,
    /// The files of licences, by their paths among the documents.
    pub license_files: Vec<String>,
    /// Who wrote it.
    pub authors: Vec<Person>,
    /// Who takes care of it.
    pub maintainers: Vec<Person>,
    /// Words to find it by.
    pub keywords: Vec<String>,
    /// Trove classifiers.
    pub classifiers: Vec<String>,
    /// Addresses by their labels.
    pub urls: BTreeMap<String, String>,
    /// The Pythons that it is for.
    pub requires_python: Option<String>,
    /// What it needs.
    pub requires: Vec<String>,
    /// What it needs for its extras, by their normalised names.
    pub extras: BTreeMap<String, Vec<String>>,
    /// Its entry points, by group and name.
    pub entry_points: BTreeMap<String, BTreeMap<String, String>>,
    /// The tag of the Pythons that its wheel is for, such as `py3` or `py2.py3`.
    pub python_tag: String,
}

/// A long description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readme {
    /// Its text.
    pub text: ReadmeText,
    /// Its media type.
    pub content_type: String,
}

/// Where the text of a long description is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadmeText {
    /// In a document, by its path.
    File(String),
    /// Here.
    Inline(String),
}

/// Who has to do with a distribution. One of the two is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The name.
    pub name: Option<String>,
    /// The address of their mail.
    pub email: Option<String>,
}

impl Metadata {
    /// What the names of its files begin with: `acme_orders-1.2.0`.
    #[must_use]
    pub fn stem(&self) -> String {
        let name: PackageName = crate::name::parse_name(&self.name).expect("the name was checked");
        format!("{}-{}", name.as_ref().replace('-', "_"), self.version)
    }

    /// The name of its wheel.
    #[must_use]
    pub fn wheel_name(&self) -> String {
        format!("{}-{}-none-any.whl", self.stem(), self.python_tag)
    }

    /// The name of its source distribution.
    #[must_use]
    pub fn sdist_name(&self) -> String {
        format!("{}.tar.gz", self.stem())
    }
}

/// The versions of a distribution that go with one it was built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionScheme {
    /// That one alone.
    Exact,
    /// It, and later ones that are compatible by their numbers.
    Compatible,
    /// It, and all later ones.
    Minimum,
    /// All.
    Any,
}

impl VersionScheme {
    /// The requirement on `name` at `version`.
    #[must_use]
    pub fn requirement(self, name: &str, version: &Version) -> String {
        // Local parts have no order: only that very version can be named by one.
        let public = version.clone().without_local();
        match self {
            Self::Exact => format!("{name}=={version}"),
            // `~=` needs two numbers to tell what is compatible.
            Self::Compatible if public.release().len() > 1 => format!("{name}~={public}"),
            Self::Compatible | Self::Minimum => format!("{name}>={public}"),
            Self::Any => name.to_owned(),
        }
    }
}

/// The tag of the Pythons that a wheel without compiled code is for.
#[must_use]
pub fn python_tag(requires_python: Option<&VersionSpecifiers>) -> &'static str {
    let Some(specifiers) = requires_python else { return "py3" };
    let accepts = |major: u64| {
        let releases = (0..=30).flat_map(|minor| (0..=40).map(move |micro| [major, minor, micro]));
        releases.into_iter().any(|release| specifiers.contains(&Version::new(release)))
    };
    match (accepts(2), accepts(3)) {
        (true, true) => "py2.py3",
        (true, false) => "py2",
        (false, _) => "py3",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_own_distributions() {
        let check = |scheme: VersionScheme, version: &str, expect: &str| {
            assert_eq!(scheme.requirement("lib", &version.parse().unwrap()), expect, "{scheme:?} {version}");
        };
        check(VersionScheme::Exact, "1.2.0", "lib==1.2.0");
        check(VersionScheme::Exact, "1.2.1.dev3+gabc", "lib==1.2.1.dev3+gabc");
        check(VersionScheme::Compatible, "1.2.0", "lib~=1.2.0");
        check(VersionScheme::Compatible, "1", "lib>=1");
        check(VersionScheme::Minimum, "1.2.1.dev3+gabc", "lib>=1.2.1.dev3");
        check(VersionScheme::Any, "1.2.0", "lib");
    }

    #[test]
    fn tags_follow_the_pythons() {
        let check = |specifiers: &str, expect: &str| {
            assert_eq!(python_tag(Some(&specifiers.parse().unwrap())), expect, "{specifiers}");
        };
        check(">=3.9", "py3");
        check("==2.7.*", "py2");
        check(">=2.7,!=3.0.*,!=3.1.*", "py2.py3");
        check(">=2.7.9,<3", "py2");
        assert_eq!(python_tag(None), "py3");
    }
}
