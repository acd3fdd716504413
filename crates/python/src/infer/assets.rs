//! The data files that strings may name: resources by their path from the importing package, files by that from the
//! root. Opens none.

use std::collections::HashMap;

use graph::{Label, Target, join};

use super::modules::Owner;
use crate::entry_point::file_label;

/// All data files of the repository.
#[derive(Debug, Default)]
pub(super) struct Assets {
    resources: HashMap<String, Vec<Label>>,
    files: HashMap<String, Vec<Label>>,
}

impl Assets {
    pub(super) fn of(targets: &[Target]) -> Assets {
        let mut assets = Assets::default();
        for target in targets {
            let known = match target.rule.name {
                "resources" => &mut assets.resources,
                "files" => &mut assets.files,
                _ => continue,
            };
            for source in &target.sources {
                let labels = known.entry(source.path.to_string()).or_default();
                labels.push(file_label(target, &source.path));
            }
        }
        assets
    }

    /// The files that a string of a module can name; none where several targets own one.
    pub(super) fn find(&self, importer: &Owner<'_>, text: &str) -> Vec<Label> {
        let folder = importer.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let one =
            |labels: &Vec<Label>| if let [label] = labels.as_slice() { Some(label.clone()) } else { None };
        let resource = self.resources.get(&join(folder, text)).and_then(one);
        let file = self.files.get(text).and_then(one);
        resource.into_iter().chain(file).collect()
    }
}
