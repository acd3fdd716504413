//! Measures loading: `cargo run --release -p loader --example measure -- DIRECTORIES TARGETS_EACH`.
//!
//! Makes a repository in a temporary directory, loads it cold, and then with a snapshot.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::fmt::Write;
use std::fs;
use std::io;
use std::time::Instant;

use graph::TargetGraph;
use loader::{CountingAllocator, Options, load};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> io::Result<()> {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let directories: usize = numbers.next().unwrap_or(1000);
    let each: usize = numbers.next().unwrap_or(10);
    let root = tempfile::tempdir()?;
    make(root.path(), directories, each)?;
    let options = Options::new(root.path());
    let time = |name: &str, snapshot: Option<&[u8]>| {
        let start = Instant::now();
        let loaded = load(&options, snapshot);
        let elapsed = start.elapsed();
        println!(
            "{name}: {:.1} ms, {} targets, {} evaluated, {} errors",
            elapsed.as_secs_f64() * 1e3,
            loaded.targets.len(),
            loaded.evaluated,
            loaded.errors.len(),
        );
        loaded
    };
    let cold = time("cold", None);
    let snapshot = cold.snapshot.unwrap_or_default();
    println!("snapshot: {} bytes", snapshot.len());
    for _ in 0..5 {
        time("warm", Some(&snapshot));
    }
    let start = Instant::now();
    let (graph, errors) = TargetGraph::build(cold.targets, &[]);
    let elapsed = start.elapsed().as_secs_f64() * 1e3;
    println!(
        "graph: {elapsed:.1} ms, {} nodes, {} edges, {} errors",
        graph.node_count(),
        graph.edge_count(),
        errors.len()
    );
    Ok(())
}

fn make(root: &std::path::Path, directories: usize, each: usize) -> io::Result<()> {
    fs::create_dir_all(root.join("build"))?;
    fs::write(
        root.join("build/macros.bzl"),
        "def library(name, **kwargs):\n    python_library(name = name, tags = [\"made\"], **kwargs)\n",
    )?;
    for directory in 0..directories {
        let path = root.join(format!("group{}/package{directory}", directory / 50));
        fs::create_dir_all(&path)?;
        let mut build = String::from("load(\"//build/macros.bzl\", \"library\")\n");
        for target in 0..each {
            fs::write(path.join(format!("module{target}.py")), "")?;
            let below = directory.saturating_sub(1);
            let rule = if target % 2 == 0 { "library" } else { "python_library" };
            writeln!(
                build,
                "{rule}(\n    name = \"lib{target}\",\n    sources = [\"module{target}.py\"],\n    dependencies = [\"//group{}/package{below}:lib{}\"],\n)",
                below / 50,
                (target + 1) % each,
            )
            .map_err(io::Error::other)?;
        }
        if directory == 0 {
            build = build
                .lines()
                .filter(|line| !line.contains("dependencies"))
                .map(|line| format!("{line}\n"))
                .collect();
        }
        fs::write(path.join("BUILD"), build)?;
    }
    Ok(())
}
