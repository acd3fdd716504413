//! What a worker says that a process made, as the outcome of a process that ran here. Of the files only digests come.

use std::time::Duration;

use engine::{Process, RunError};
use prost::Message as _;
use store::{Digest, Outcome, Store, StoreError, Tree, TreeError};

use crate::api;
use crate::blobs::read;
use crate::cache::RemoteCache;
use crate::fault::{Fault, Kind};

/// The outcome of a process; the fault where what the server says cannot be used.
pub(crate) fn outcome(
    cache: &RemoteCache,
    process: &Process,
    result: &api::ActionResult,
    store: &Store,
) -> Result<Result<Outcome, Box<Fault>>, RunError> {
    let (tree, stdout, stderr) = match read_all(cache, result, store)? {
        Ok(found) => found,
        Err(fault) => return Ok(Err(fault)),
    };
    // What failed keeps only what it is to keep.
    let kept = result.exit_code == 0 || process.keeps_failed;
    let tree = if kept { tree } else { Tree::new() };
    let missing: Vec<String> =
        process.outputs.iter().filter(|path| tree.get(path).is_none()).cloned().collect();
    if result.exit_code == 0 && !missing.is_empty() {
        let program = process.program.name().to_owned();
        return Err(RunError::Outputs { program, missing });
    }
    Ok(Ok(Outcome {
        usage: None,
        tree: store.put_tree(&tree)?,
        exit_code: result.exit_code,
        stdout,
        stderr,
        duration: took(result).unwrap_or_default(),
    }))
}

/// What a process said on its standard output and, after that, on its standard error, as far as it can be had.
pub(crate) fn said(
    cache: &RemoteCache,
    result: &api::ActionResult,
    store: &Store,
) -> Result<String, StoreError> {
    let Ok(streams) = streams(cache, result, store)? else { return Ok(String::new()) };
    let mut said = Vec::new();
    for stream in streams {
        match store.read(&stream) {
            Ok(bytes) => said.extend(bytes),
            Err(StoreError::Missing(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// What a process wrote to its two streams, which is brought.
fn streams(
    cache: &RemoteCache,
    result: &api::ActionResult,
    store: &Store,
) -> Result<Result<[Digest; 2], Box<Fault>>, StoreError> {
    let mut said = [store.function().empty(); 2];
    let streams = [(&result.stdout_raw, &result.stdout_digest), (&result.stderr_raw, &result.stderr_digest)];
    for (kept, (raw, digest)) in said.iter_mut().zip(streams) {
        if !raw.is_empty() {
            *kept = store.put(raw)?;
        } else if let Some(digest) = digest {
            match read(Some(digest)) {
                Ok(digest) => *kept = digest,
                Err(fault) => return Ok(Err(Box::new(fault))),
            }
        }
    }
    engine::Cache::bring(cache, &[], &said)?;
    Ok(Ok(said))
}

type Found = (Tree, Digest, Digest);

/// The tree of the outputs, and what the process said, which is brought.
fn read_all(
    cache: &RemoteCache,
    result: &api::ActionResult,
    store: &Store,
) -> Result<Result<Found, Box<Fault>>, StoreError> {
    let mut tree = Tree::new();
    let unusable = |error: TreeError| Box::new(Fault::new(Kind::Corrupt, error.to_string()));
    for file in &result.output_files {
        let added = read(file.digest.as_ref())
            .map_err(Box::new)
            .and_then(|digest| tree.add_file(&file.path, digest, file.is_executable).map_err(unusable));
        if let Err(fault) = added {
            return Ok(Err(fault));
        }
    }
    #[expect(deprecated, reason = "workers of the first versions say it so")]
    let links = result
        .output_symlinks
        .iter()
        .chain(&result.output_file_symlinks)
        .chain(&result.output_directory_symlinks);
    for link in links {
        if let Err(error) = tree.add_symlink(&link.path, &link.target) {
            return Ok(Err(unusable(error)));
        }
    }
    for directory in &result.output_directories {
        let below = match read(directory.tree_digest.as_ref()) {
            Ok(digest) => directory_of(cache, &digest, store)?,
            Err(fault) => Err(Box::new(fault)),
        };
        let added = below.and_then(|below| match below.is_empty() {
            true => tree.add_directory(&directory.path).map_err(unusable),
            false => tree.merge(&directory.path, below).map_err(unusable),
        });
        if let Err(fault) = added {
            return Ok(Err(fault));
        }
    }
    Ok(streams(cache, result, store)?.map(|[stdout, stderr]| (tree, stdout, stderr)))
}

/// A directory that a process made, out of its `Tree` message.
fn directory_of(
    cache: &RemoteCache,
    tree: &Digest,
    store: &Store,
) -> Result<Result<Tree, Box<Fault>>, StoreError> {
    let corrupt = || Box::new(Fault::corrupt());
    let Some(message) = cache.read_tree(tree)? else {
        return Ok(Err(Box::new(Fault::new(Kind::Missing, "the server has lost an output"))));
    };
    let Ok(message) = api::Tree::decode(message.as_slice()) else { return Ok(Err(corrupt())) };
    let root = message.root.unwrap_or_default().encode_to_vec();
    let mut directories: Vec<Vec<u8>> = message.children.iter().map(prost::Message::encode_to_vec).collect();
    directories.push(root);
    let digests = store.put_many(&directories)?;
    let Some(root) = digests.last() else { return Ok(Err(corrupt())) };
    match store.tree(root) {
        Ok(tree) => Ok(Ok(tree)),
        Err(StoreError::Missing(_) | StoreError::Tree { .. }) => Ok(Err(corrupt())),
        Err(error) => Err(error),
    }
}

/// How long the process ran, by the worker's clock.
fn took(result: &api::ActionResult) -> Option<Duration> {
    let about = result.execution_metadata.as_ref()?;
    let at = |stamp: Option<bazel_remote_apis::google::protobuf::Timestamp>| {
        let stamp = stamp?;
        Some(Duration::new(u64::try_from(stamp.seconds).ok()?, u32::try_from(stamp.nanos).ok()?))
    };
    let start = at(about.execution_start_timestamp).or_else(|| at(about.worker_start_timestamp))?;
    let end = at(about.execution_completed_timestamp).or_else(|| at(about.worker_completed_timestamp))?;
    end.checked_sub(start)
}
