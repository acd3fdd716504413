//! The manual that is committed is the one that the schemas make.

use graph::manual;

#[test]
fn the_committed_manual_is_up_to_date() {
    let committed = include_str!("../../../docs/build-files.md");
    assert!(committed == manual(), "run `cargo run -p graph --example manual > docs/build-files.md`");
}
