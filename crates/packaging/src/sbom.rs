//! A bill of materials in the form of CycloneDX 1.6. Tells no time and no random number, so that the same materials make
//! the same document.

use std::collections::{BTreeMap, BTreeSet};

use engine::extract::UnpackError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Digest, Store};

use crate::Version;
use crate::licence::Licence;
use crate::name::PackageName;

/// The version of the form.
const SPEC_VERSION: &str = "1.6";

/// What a program is made of.
#[derive(Debug, Clone, Default)]
pub struct Bill {
    /// The program: its name, which is also what others refer to it by.
    pub program: String,
    /// More of the program, by name.
    pub properties: BTreeMap<String, BTreeSet<String>>,
    /// What the program itself asks for.
    pub needs: BTreeSet<(PackageName, Version)>,
    /// The distributions in it.
    pub components: BTreeMap<(PackageName, Version), Component>,
    /// When it was written, where that is to be told.
    pub timestamp: Option<String>,
    /// The tool that wrote it, and its version.
    pub tool: (String, String),
}

/// A distribution.
#[derive(Debug, Clone)]
pub struct Component {
    /// Its licence.
    pub licence: Licence,
    /// Its files, each with its SHA-256.
    pub files: BTreeMap<String, [u8; 32]>,
    /// The distributions that it needs in this program.
    pub needs: BTreeSet<(PackageName, Version)>,
}

/// A program as plain data, before its licences are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The name of the program.
    pub program: String,
    /// More of it, by name.
    pub properties: BTreeMap<String, BTreeSet<String>>,
    /// The distributions in it.
    pub items: Vec<Item>,
    /// The tool that tells it, and its version.
    pub tool: (String, String),
}

/// A file of a distribution in a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its project.
    pub name: PackageName,
    /// Its version.
    pub version: Version,
    /// The name of its file.
    pub file: String,
    /// The SHA-256 of that.
    pub sha256: [u8; 32],
    /// The distributions that it needs in this program.
    pub needs: BTreeSet<(PackageName, Version)>,
    /// Whether the program itself asks for it.
    pub is_asked: bool,
}

impl Inventory {
    /// The bill of what is listed, whose licences are read from the wheels: trees of the store with one file, one for each
    /// item.
    ///
    /// # Errors
    /// Where a wheel cannot be read.
    pub fn bill(self, store: &Store, wheels: &[Digest]) -> Result<Bill, UnpackError> {
        let Inventory { program, properties, items, tool } = self;
        let mut bill = Bill { program, properties, tool, ..Bill::default() };
        for (item, wheel) in items.into_iter().zip(wheels) {
            bill.add(item, Licence::of_wheel(store, wheel)?);
        }
        Ok(bill)
    }
}

impl Bill {
    /// Adds a file of a distribution; the licence of the first of several counts.
    pub fn add(&mut self, item: Item, licence: Licence) {
        let key = (item.name, item.version);
        if item.is_asked {
            self.needs.insert(key.clone());
        }
        let component = self.components.entry(key).or_insert_with(|| Component {
            licence,
            files: BTreeMap::new(),
            needs: BTreeSet::new(),
        });
        component.files.insert(item.file, item.sha256);
        component.needs.extend(item.needs);
    }

    /// The document.
    #[must_use]
    pub fn cyclonedx(&self) -> Value {
        let components: Vec<Value> = self
            .components
            .iter()
            .map(|((name, version), component)| component.json(name, version))
            .collect();
        let depends = |reference: String, needs: &BTreeSet<(PackageName, Version)>| {
            let needs: Vec<String> = needs.iter().map(|(name, version)| purl(name, version)).collect();
            json!({ "ref": reference, "dependsOn": needs })
        };
        let mut dependencies = vec![depends(self.program.clone(), &self.needs)];
        dependencies.extend(
            (self.components.iter())
                .map(|((name, version), component)| depends(purl(name, version), &component.needs)),
        );
        let properties: Vec<Value> = (self.properties.iter())
            .flat_map(|(name, values)| {
                values.iter().map(move |value| json!({ "name": name, "value": value }))
            })
            .collect();
        let (tool, version) = &self.tool;
        let mut metadata = json!({
            "component": {
                "type": "application",
                "bom-ref": self.program,
                "name": self.program,
                "properties": properties,
            },
            "tools": { "components": [{ "type": "application", "name": tool, "version": version }] },
        });
        if let Some(timestamp) = &self.timestamp {
            metadata["timestamp"] = json!(timestamp);
        }
        json!({
            "bomFormat": "CycloneDX",
            "specVersion": SPEC_VERSION,
            "version": 1,
            "metadata": metadata,
            "components": components,
            "dependencies": dependencies,
        })
    }
}

impl Component {
    fn json(&self, name: &PackageName, version: &Version) -> Value {
        let hashes = |sha256: &[u8; 32]| json!([{ "alg": "SHA-256", "content": hex(sha256) }]);
        let files: Vec<Value> = (self.files.iter())
            .map(|(file, sha256)| json!({ "type": "distribution", "url": file, "hashes": hashes(sha256) }))
            .collect();
        let mut component = json!({
            "type": "library",
            "bom-ref": purl(name, version),
            "name": name.to_string(),
            "version": version.to_string(),
            "purl": purl(name, version),
            "externalReferences": files,
        });
        // What there is one file of is that file.
        if let (Some((_, sha256)), 1) = (self.files.first_key_value(), self.files.len()) {
            component["hashes"] = hashes(sha256);
        }
        let licences = match &self.licence {
            Licence::Expression(text) if spdx::license_id(text).is_some() => {
                vec![json!({ "license": { "id": text } })]
            }
            Licence::Expression(text) => vec![json!({ "expression": text })],
            Licence::Names(names) => {
                names.iter().map(|name| json!({ "license": { "name": name } })).collect()
            }
            Licence::Unknown => Vec::new(),
        };
        if !licences.is_empty() {
            component["licenses"] = json!(licences);
        }
        component
    }
}

/// The package URL of a version of a project.
fn purl(name: &PackageName, version: &Version) -> String {
    let version = version.to_string().replace('!', "%21").replace('+', "%2B");
    format!("pkg:pypi/{name}@{version}")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_is_a_document() {
        let key = |name: &str, version: &str| {
            (name.parse::<PackageName>().unwrap(), version.parse::<Version>().unwrap())
        };
        let component = |licence: Licence, files: &[&str], needs: &[(PackageName, Version)]| Component {
            licence,
            files: files.iter().map(|file| ((*file).to_owned(), [1; 32])).collect(),
            needs: needs.iter().cloned().collect(),
        };
        let app = key("app", "1.0+local");
        let num = key("num", "2");
        let bill = Bill {
            program: "//svc:app".to_owned(),
            needs: BTreeSet::from([app.clone()]),
            components: BTreeMap::from([
                (
                    app,
                    component(
                        Licence::Expression("MIT OR ISC".to_owned()),
                        &["app.whl"],
                        std::slice::from_ref(&num),
                    ),
                ),
                (num, component(Licence::Names(vec!["Own".to_owned()]), &["a.whl", "b.whl"], &[])),
            ]),
            tool: ("pants".to_owned(), "1".to_owned()),
            ..Bill::default()
        };
        let found = bill.cyclonedx();
        assert_eq!(found["components"][0]["purl"], "pkg:pypi/app@1.0%2Blocal");
        assert_eq!(found["components"][0]["hashes"][0]["content"], "01".repeat(32));
        assert_eq!(found["components"][0]["licenses"], json!([{ "expression": "MIT OR ISC" }]));
        assert_eq!(found["components"][1]["hashes"], Value::Null);
        assert_eq!(found["components"][1]["licenses"], json!([{ "license": { "name": "Own" } }]));
        assert_eq!(
            found["dependencies"],
            json!([
                { "ref": "//svc:app", "dependsOn": ["pkg:pypi/app@1.0%2Blocal"] },
                { "ref": "pkg:pypi/app@1.0%2Blocal", "dependsOn": ["pkg:pypi/num@2"] },
                { "ref": "pkg:pypi/num@2", "dependsOn": [] },
            ])
        );
        assert_eq!(found["metadata"]["timestamp"], Value::Null);
        assert_eq!(found["serialNumber"], Value::Null);
    }
}
