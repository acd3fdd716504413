//! Source roots: the folders that imports start from. Maps paths of files to paths of imports; reads no files.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// The folders that the configuration's patterns make source roots.
#[derive(Clone, Debug)]
pub struct SourceRoots {
    patterns: GlobSet,
    /// Whether the root of the repository is one.
    top: bool,
}

/// A pattern of `[source] root_patterns` that is not a glob.
#[derive(Debug, thiserror::Error)]
#[error("`{pattern}` is not a pattern for folders: {source}")]
pub struct RootPatternError {
    /// The pattern.
    pub pattern: String,
    source: globset::Error,
}

impl SourceRoots {
    /// Reads patterns: `/` is the root of the repository, `/src` a folder of it, `src` a folder of that name
    /// anywhere, `src/*` every folder in such a one.
    ///
    /// # Errors
    /// With the first pattern that is no glob.
    pub fn new(patterns: &[String]) -> Result<SourceRoots, RootPatternError> {
        let mut set = GlobSetBuilder::new();
        let mut top = false;
        for pattern in patterns {
            let trimmed = pattern.trim_end_matches('/');
            if trimmed.is_empty() {
                top = true;
                continue;
            }
            let glob = match trimmed.strip_prefix('/') {
                Some(anchored) => anchored.to_owned(),
                None => format!("**/{trimmed}"),
            };
            let glob = GlobBuilder::new(&glob).literal_separator(true).build();
            set.add(glob.map_err(|source| RootPatternError { pattern: pattern.clone(), source })?);
        }
        let patterns =
            set.build().map_err(|source| RootPatternError { pattern: patterns.join(", "), source })?;
        Ok(SourceRoots { patterns, top })
    }

    /// The path below its source root by which a file of the repository is imported; the longest root wins.
    /// None where no root holds the file.
    pub fn import_path<'p>(&self, path: &'p str) -> Option<&'p str> {
        let mut end = path.len();
        while let Some(slash) = path[..end].rfind('/') {
            if self.patterns.is_match(&path[..slash]) {
                return Some(&path[slash + 1..]);
            }
            end = slash;
        }
        self.top.then_some(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(patterns: &[&str], path: &str, expect: Option<&str>) {
        let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        assert_eq!(SourceRoots::new(&patterns).unwrap().import_path(path), expect, "{patterns:?} {path}");
    }

    #[test]
    fn longest_root_wins() {
        let usual = ["/", "src", "src/python", "src/py"];
        check(&usual, "svc/app.py", Some("svc/app.py"));
        check(&usual, "src/svc/app.py", Some("svc/app.py"));
        check(&usual, "src/python/svc/app.py", Some("svc/app.py"));
        check(&usual, "lib/src/python/svc/app.py", Some("svc/app.py"));
        check(&usual, "source/app.py", Some("source/app.py"));
        check(&usual, "setup.py", Some("setup.py"));
    }

    #[test]
    fn patterns_are_anchored_by_a_slash() {
        check(&["/src"], "src/a.py", Some("a.py"));
        check(&["/src"], "lib/src/a.py", None);
        check(&["/projects/*"], "projects/one/pkg/a.py", Some("pkg/a.py"));
        check(&["/projects/*"], "projects/a.py", None);
        check(&["src"], "a.py", None);
    }
}
