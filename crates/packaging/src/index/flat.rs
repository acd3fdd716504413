//! Indexes of the form of `find-links`: a folder of files, or one page that links to the files of all projects. Reads
//! names; opens no file and asks nobody.

use std::path::Path;

use url::Url;

use super::page::{IndexFile, Page};
use crate::name::parse_name;
use crate::wheel::WheelFilename;

/// The files of one project, whose name is normalised.
pub(super) fn of_project(all: &Page, project: &str) -> Page {
    let is_meant = |file: &&IndexFile| project_of(&file.name).as_deref() == Some(project);
    Page { files: all.files.iter().filter(is_meant).cloned().collect() }
}

/// The project that the name of a wheel or a source distribution tells, normalised.
#[must_use]
pub fn project_of(file: &str) -> Option<String> {
    if let Ok(wheel) = file.parse::<WheelFilename>() {
        return Some(wheel.name.to_string());
    }
    let stem = [".tar.gz", ".zip", ".tar.bz2", ".tgz"].iter().find_map(|end| file.strip_suffix(end))?;
    // The version begins behind the last `-` that a digit follows: in an old name, `-` may be before it as well.
    let (name, _) = stem
        .rmatch_indices('-')
        .map(|(at, _)| stem.split_at(at))
        .find(|(_, rest)| rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit))?;
    parse_name(name).ok().map(|name| name.to_string())
}

/// The files that lie in a folder, in the order of their names; none where it cannot be read.
pub(super) fn in_folder(folder: &Path) -> Option<Page> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    let file = |name: String| {
        let path = folder.join(&name);
        let size = path.metadata().ok().filter(std::fs::Metadata::is_file)?.len();
        let url = Url::from_file_path(&path).ok()?;
        let (sha256, requires_python, yanked) = (None, None, None);
        let size = Some(size);
        Some(IndexFile { name, url, sha256, size, requires_python, yanked, core_metadata: false })
    };
    Some(Page { files: names.into_iter().filter_map(file).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(file: &str, expect: Option<&str>) {
        assert_eq!(project_of(file).as_deref(), expect, "{file}");
    }

    #[test]
    fn names_of_files_tell_their_project() {
        check("Flask_Login-1.0-py3-none-any.whl", Some("flask-login"));
        check("zope.event-4.5.tar.gz", Some("zope-event"));
        check("a-b-1.0.zip", Some("a-b"));
        check("python-2-thing-1.0.tar.gz", Some("python-2-thing"));
        check("readme.txt", None);
        check("noversion.tar.gz", None);
    }
}
