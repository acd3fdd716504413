//! Prints the manual of the BUILD language: `cargo run -p graph --example manual > docs/build-files.md`.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

fn main() {
    print!("{}", graph::manual());
}
