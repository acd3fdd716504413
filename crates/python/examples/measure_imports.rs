//! Measures the extraction of imports: `cargo run --release -p python --example measure_imports -- DIRECTORY...`.
//!
//! Reads every `.py` below the directories, then parses each on one thread.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::io;
use std::path::PathBuf;
use std::time::Instant;

use python::infer::{Detail, Imports};

fn main() -> io::Result<()> {
    let mut open: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let mut files: Vec<Vec<u8>> = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder)? {
            let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
            if kind.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "py") {
                files.push(std::fs::read(path)?);
            }
        }
    }
    let bytes: usize = files.iter().map(Vec::len).sum();
    let megabytes = f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / 1e6;
    println!("{} files, {megabytes:.1} MB", files.len());
    type Extract = fn(&[u8], Detail) -> Imports;
    let ways: [(&str, Extract, bool); 3] = [
        ("parsed", Imports::of, false),
        ("parsed, with strings", Imports::of, true),
        ("scanned", Imports::scanned, false),
    ];
    for (name, extract, strings) in ways {
        let start = Instant::now();
        let found: usize = files.iter().map(|file| extract(file, Detail { strings }).imports.len()).sum();
        let seconds = start.elapsed().as_secs_f64();
        println!("{name}: {found} imports, {seconds:.2} s, {:.0} MB/s", megabytes / seconds);
    }
    Ok(())
}
