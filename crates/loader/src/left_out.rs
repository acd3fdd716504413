//! Which line of which file leaves a file out, so that it can be said; it does not decide what is left out.

use std::path::Path;

use ignore::gitignore::GitignoreBuilder;

/// The `.gitignore` that leaves out `file`, a path relative to the root, with its line; none where it is none of
/// those in the folders above the file.
pub(crate) fn by_gitignore(root: &Path, file: &str) -> Option<String> {
    let folders = Path::new(file).ancestors().skip(1);
    folders.into_iter().find_map(|folder| {
        let path = folder.join(".gitignore");
        let mut builder = GitignoreBuilder::new(root.join(folder));
        // What cannot be read of it leaves nothing out.
        drop(builder.add(root.join(&path)));
        let matcher = builder.build().ok()?;
        let found = matcher.matched_path_or_any_parents(root.join(file), false);
        let line = found.is_ignore().then(|| found.inner().map(|glob| glob.original().to_owned()))??;
        Some(format!("`{line}` in `{}`", path.display()))
    })
}
