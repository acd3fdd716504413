//! Whether two texts of a `.gitignore` may hide other files; it does not know what else hides them.

use std::collections::BTreeSet;

use ignore::gitignore::GitignoreBuilder;

/// Whether a file with one of the names may be hidden by one of the texts and not by the other. The names are relative
/// to the folder of the `.gitignore`.
///
/// May say so of files that both hide.
pub fn may_differ<'n>(old: &str, new: &str, names: impl IntoIterator<Item = &'n str>) -> bool {
    let (old, new) = (patterns(old), patterns(new));
    let known: [BTreeSet<&str>; 2] = [old.iter().copied().collect(), new.iter().copied().collect()];
    let common = |lines: &[&str]| -> Vec<String> {
        let both = lines.iter().filter(|line| known.iter().all(|known| known.contains(*line)));
        both.map(|line| (*line).to_owned()).collect()
    };
    if common(&old) != common(&new) {
        return true;
    }
    let mut builder = GitignoreBuilder::new("");
    for line in known[0].symmetric_difference(&known[1]) {
        if builder.add_line(None, line.strip_prefix('!').unwrap_or(line)).is_err() {
            return true;
        }
    }
    match builder.build() {
        Ok(rules) => names.into_iter().any(|name| !rules.matched_path_or_any_parents(name, false).is_none()),
        Err(_) => true,
    }
}

fn patterns(text: &str) -> Vec<&str> {
    let lines = text.lines().map(|line| line.trim_end_matches('\r'));
    lines.filter(|line| !line.trim().is_empty() && !line.starts_with('#')).collect()
}

#[cfg(test)]
mod tests {
    use super::may_differ;

    #[track_caller]
    fn check(old: &str, new: &str, expected: bool) {
        let names = ["lib/a.py", "lib/deep/b.txt", "out.log"];
        assert_eq!(may_differ(old, new, names), expected, "{old:?} {new:?}");
        assert_eq!(may_differ(new, old, names), expected, "{new:?} {old:?}");
    }

    #[test]
    fn only_lines_that_concern_a_file_count() {
        check("*.pyc\n", "# Caches.\n\n*.pyc\n", false);
        check("*.pyc\n", "*.pyc\nbuild/\n/dist\n", false);
        check("", "*.log\n", true);
        check("", "deep/\n", true);
        check("", "/deep/\n", false);
        check("*.py\n", "*.py\n!a.py\n", true);
        check("*.x\n!b.x\n", "!b.x\n*.x\n", true);
        check("", "lib/**/*.txt", true);
    }
}
