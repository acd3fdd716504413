//! What `METADATA` says of a licence, in the three ways that there are; an older one counts where a newer is not given.

use spdx::Expression;

use super::Licence;
use crate::wheel::headers;

/// What is longer is the text of a licence, and not its name.
const MAX_NAME: usize = 80;

/// Classifiers that mean one SPDX identifier (PEP 639, "Mapping License Classifiers to SPDX Identifiers"), without their
/// common beginning.
const CLASSIFIERS: &[(&str, &str)] = &[
    ("Academic Free License (AFL)", "AFL-3.0"),
    ("Apache Software License", "Apache-2.0"),
    ("Boost Software License 1.0 (BSL-1.0)", "BSL-1.0"),
    ("CEA CNRS Inria Logiciel Libre License, version 2.1 (CeCILL-2.1)", "CECILL-2.1"),
    ("Eclipse Public License 1.0 (EPL-1.0)", "EPL-1.0"),
    ("Eclipse Public License 2.0 (EPL-2.0)", "EPL-2.0"),
    ("European Union Public Licence 1.1 (EUPL 1.1)", "EUPL-1.1"),
    ("European Union Public Licence 1.2 (EUPL 1.2)", "EUPL-1.2"),
    ("GNU Affero General Public License v3", "AGPL-3.0-only"),
    ("GNU Affero General Public License v3 or later (AGPLv3+)", "AGPL-3.0-or-later"),
    ("GNU General Public License v2 (GPLv2)", "GPL-2.0-only"),
    ("GNU General Public License v2 or later (GPLv2+)", "GPL-2.0-or-later"),
    ("GNU General Public License v3 (GPLv3)", "GPL-3.0-only"),
    ("GNU General Public License v3 or later (GPLv3+)", "GPL-3.0-or-later"),
    ("GNU Lesser General Public License v2 (LGPLv2)", "LGPL-2.0-only"),
    ("GNU Lesser General Public License v2 or later (LGPLv2+)", "LGPL-2.0-or-later"),
    ("GNU Lesser General Public License v3 (LGPLv3)", "LGPL-3.0-only"),
    ("GNU Lesser General Public License v3 or later (LGPLv3+)", "LGPL-3.0-or-later"),
    ("Historical Permission Notice and Disclaimer (HPND)", "HPND"),
    ("ISC License (ISCL)", "ISC"),
    ("MIT License", "MIT"),
    ("MIT No Attribution License (MIT-0)", "MIT-0"),
    ("Mozilla Public License 1.1 (MPL 1.1)", "MPL-1.1"),
    ("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
    ("Python Software Foundation License", "PSF-2.0"),
    ("The Unlicense (Unlicense)", "Unlicense"),
    ("Universal Permissive License (UPL)", "UPL-1.0"),
    ("zlib/libpng License", "Zlib"),
    ("Zope Public License", "ZPL-2.1"),
];

/// Names that `License` fields have, in lower case, and that mean one identifier.
const NAMES: &[(&str, &str)] = &[
    ("apache", "Apache-2.0"),
    ("apache 2", "Apache-2.0"),
    ("apache 2.0", "Apache-2.0"),
    ("apache license 2.0", "Apache-2.0"),
    ("apache license, version 2.0", "Apache-2.0"),
    ("apache software license", "Apache-2.0"),
    ("apache software license 2.0", "Apache-2.0"),
    ("bsd 2-clause", "BSD-2-Clause"),
    ("bsd 3-clause", "BSD-3-Clause"),
    ("bsd 3-clause license", "BSD-3-Clause"),
    ("3-clause bsd", "BSD-3-Clause"),
    ("3-clause bsd license", "BSD-3-Clause"),
    ("isc license", "ISC"),
    ("mit license", "MIT"),
    ("the mit license", "MIT"),
    ("mozilla public license 2.0 (mpl 2.0)", "MPL-2.0"),
    ("mpl 2.0", "MPL-2.0"),
    ("psf", "PSF-2.0"),
    ("psfl", "PSF-2.0"),
    ("python software foundation license", "PSF-2.0"),
    ("the unlicense (unlicense)", "Unlicense"),
];

pub(super) fn read(text: &str) -> Licence {
    let headers = headers(text);
    let values = |wanted: &str| {
        let named = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        named.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty()).collect::<Vec<_>>()
    };
    if let Some(text) = values("License-Expression").first() {
        return expression(text).unwrap_or_else(|| Licence::Names(vec![(*text).to_owned()]));
    }
    let is_name = |text: &&&str| {
        let lower = text.to_lowercase();
        text.len() <= MAX_NAME && lower != "unknown" && !lower.starts_with("copyright")
    };
    let license = values("License").first().filter(is_name).map(|text| (*text).to_owned());
    if let Some(found) = license.as_deref().and_then(named) {
        return found;
    }
    let classifiers = values("Classifier");
    let mut names: Vec<&str> = (classifiers.iter())
        .filter_map(|text| text.strip_prefix("License :: "))
        .map(|text| text.strip_prefix("OSI Approved :: ").unwrap_or(text))
        .filter(|text| *text != "OSI Approved")
        .collect();
    names.sort_unstable();
    names.dedup();
    let identifiers: Vec<Option<&str>> = names.iter().map(|name| classified(name)).collect();
    match (identifiers.iter().copied().collect::<Option<Vec<&str>>>(), license) {
        (Some(all), _) if !all.is_empty() => Licence::Expression(all.join(" AND ")),
        (_, Some(license)) => Licence::Names(vec![license]),
        _ if names.is_empty() => Licence::Unknown,
        _ => Licence::Names(names.into_iter().map(ToOwned::to_owned).collect()),
    }
}

fn classified(name: &str) -> Option<&'static str> {
    CLASSIFIERS.iter().find(|(known, _)| *known == name).map(|(_, identifier)| *identifier)
}

/// The licence that a `License` field names.
fn named(text: &str) -> Option<Licence> {
    let lower = text.to_lowercase();
    let known = NAMES.iter().find(|(name, _)| *name == lower).map(|(_, identifier)| *identifier);
    known.map(|identifier| Licence::Expression(identifier.to_owned())).or_else(|| expression(text))
}

/// An SPDX expression in its canonical form; identifiers may be written in any case.
fn expression(text: &str) -> Option<Licence> {
    let canonical = Expression::canonicalize(text).ok()?.unwrap_or_else(|| text.to_owned());
    Expression::parse(&canonical).ok().map(|_| Licence::Expression(canonical))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(headers: &[&str], expect: &str) {
        let text =
            format!("Metadata-Version: 2.4\nName: x\n{}\n\nLicense: in the body\n", headers.join("\n"));
        assert_eq!(read(&text).to_string(), expect, "{headers:?}");
    }

    #[test]
    fn licences_are_read() {
        check(&["License-Expression: MIT OR Apache-2.0", "License: GPL"], "MIT OR Apache-2.0");
        check(&["License-Expression: BSD-3-Clause AND LicenseRef-Own"], "BSD-3-Clause AND LicenseRef-Own");
        check(&["License: Apache 2.0"], "Apache-2.0");
        check(&["License: mit license"], "MIT");
        check(
            &["License: BSD-3-Clause", "Classifier: License :: OSI Approved :: BSD License"],
            "BSD-3-Clause",
        );
        check(&["License: UNKNOWN", "Classifier: License :: OSI Approved :: MIT License"], "MIT");
        check(&["Classifier: License :: OSI Approved :: BSD License"], "BSD License");
        check(&["License: Dual License", "Classifier: Topic :: Software"], "Dual License");
        check(
            &[
                "Classifier: License :: OSI Approved",
                "Classifier: License :: OSI Approved :: MIT License",
                "Classifier: License :: OSI Approved :: Apache Software License",
            ],
            "Apache-2.0 AND MIT",
        );
        check(&[&format!("License: {}", "text ".repeat(40))], "unknown");
        check(
            &["License: Copyright (c) Somebody", "Classifier: License :: OSI Approved :: BSD License"],
            "BSD License",
        );
        check(&[], "unknown");
    }

    #[test]
    fn all_identifiers_exist() {
        for (name, identifier) in CLASSIFIERS.iter().chain(NAMES) {
            assert!(spdx::license_id(identifier).is_some(), "{name}: {identifier}");
        }
    }
}
