//! Tests of locks that were made from other requirements.

use super::{LINUX, LOCK, TANGLED, lock, roots, shown, target};
use crate::lock::Lock;
use crate::select::select;

#[test]
fn an_extra_that_was_not_locked_is_stale() {
    let lock = |asked: &[&str]| Lock { requirements: roots(asked), ..lock(TANGLED) };
    let check = |locked: &[&str], asked: &str, missing: &[&str]| {
        let lock = lock(locked);
        let errors = select(&lock, &roots(&[asked]), &target(LINUX)).err().unwrap_or_default();
        let told: Vec<_> = errors.iter().map(shown).collect();
        let expect = missing.iter().map(|extra| {
            let message = format!(
                "the lock is stale: it was made without the extra `{extra}` of `app`, the requirement is `{asked}`"
            );
            ("lock_stale", message, LOCK.to_owned())
        });
        assert_eq!(told, expect.collect::<Vec<_>>(), "{asked} of {locked:?}");
    };
    check(&["app"], "app", &[]);
    check(&["app"], "app[a]>=1", &["a"]);
    check(&["app[a]", "lib[b]"], "app[a,b]", &["b"]);
    check(&["app[b]; python_version >= '3.9'", "app[a]", "app"], "app[a,b]", &[]);
    check(&["app[a]; sys_platform == 'darwin'"], "app[a]", &["a"]);
    check(&["app"], "app[a]; sys_platform == 'darwin'", &[]);
}
