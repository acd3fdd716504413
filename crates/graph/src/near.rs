//! Near names for a miss: "did you mean"; it does not know what the names are names of.

/// How many near names [`near_all`] gives at most.
const MOST: usize = 3;
/// How many letters more than the nearest one a name may differ by and still be shown.
const SLACK: usize = 1;

/// The candidate that `wanted` was most likely meant to be, if any is near.
///
/// Ties go to the first candidate, so a caller with a fixed order gets a fixed answer.
pub fn near<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    near_all(wanted, candidates).into_iter().next()
}

/// Up to three candidates near to `wanted`, the nearest first.
pub fn near_all<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let lower = wanted.to_lowercase();
    let mut scored: Vec<(usize, &str)> = Vec::new();
    for candidate in candidates {
        if let Some(score) = score(&lower, candidate) {
            scored.push((score, candidate));
        }
    }
    scored.sort_by_key(|&(score, _)| score);
    let best = scored.first().map_or(0, |&(score, _)| score);
    scored.retain(|&(score, _)| score <= best + SLACK);
    let mut names: Vec<&str> = Vec::new();
    for (_, candidate) in scored {
        if !names.contains(&candidate) {
            names.push(candidate);
        }
        if names.len() == MOST {
            break;
        }
    }
    names
}

/// The distance of a candidate that is near enough: a third of the longer name may differ, and a name that the
/// other starts with is near as well (`interpreter` for `interpreter_constraints`).
fn score(wanted: &str, candidate: &str) -> Option<usize> {
    let (a, b) = (wanted.chars().count(), candidate.chars().count());
    let allowed = a.max(b).div_ceil(3).min(5);
    let starts = a >= 3 && b >= 3 && {
        let candidate = candidate.to_lowercase();
        candidate.starts_with(wanted) || wanted.starts_with(&candidate)
    };
    if a.abs_diff(b) > allowed && !starts {
        return None;
    }
    let distance = strsim::osa_distance(wanted, &candidate.to_lowercase());
    let near = distance <= allowed && distance < a.max(b);
    (near || starts).then_some(if starts { distance.min(allowed) } else { distance })
}

#[cfg(test)]
mod tests {
    use super::near_all;

    #[track_caller]
    fn check(wanted: &str, candidates: &[&str], expected: &[&str]) {
        assert_eq!(near_all(wanted, candidates.iter().copied()), expected);
    }

    #[test]
    fn only_what_is_near_is_told() {
        check("pyton_library", &["python_binary", "python_library"], &["python_library"]);
        check("deps", &["dependencies", "deps2", "sources"], &["deps2"]);
        check("interpreter", &["interpreters", "interpreter_constraints", "args"], &["interpreters"]);
        check("APP", &["app", "lib"], &["app"]);
        check("ab", &["xy", "ba"], &["ba"]);
        check("", &["a"], &[]);
        check("x", &["y"], &[]);
    }
}
