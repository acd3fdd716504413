//! Asks one interpreter what it is. Knows nothing of where interpreters are.

use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use engine::{Cancel, Ended, run_to_end};
use rustix::fs::{OFlags, fcntl_setfl};
use serde::Deserialize;

use super::Interpreter;
use crate::Version;
use crate::python::{Abi, Implementation, Minor};

/// So many bytes of what an executable says are looked at.
const MAX_ANSWER: u64 = 64 * 1024;

/// Runs on every Python from 2.7 on, without site packages.
const SCRIPT: &str = "\
import json, platform, sys, sysconfig
flag = lambda name: bool(sysconfig.get_config_var(name))
version = '.'.join(str(part) for part in sys.version_info[:3])
if sys.version_info[3] != 'final':
    version += {'alpha': 'a', 'beta': 'b', 'candidate': 'rc'}[sys.version_info[3]] + str(sys.version_info[4])
print(json.dumps({
    'implementation': platform.python_implementation(),
    'version': version,
    'major': sys.version_info[0],
    'minor': sys.version_info[1],
    'free_threaded': flag('Py_GIL_DISABLED'),
    'debug': flag('Py_DEBUG'),
    'pymalloc': sys.version_info < (3, 8) and flag('WITH_PYMALLOC'),
    'wide_unicode': sys.version_info < (3, 3) and sys.maxunicode > 0xffff,
}))
";

/// Why an executable is no interpreter that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPython {
    /// It did what it is for, which is something else: it will do so again.
    Lasting,
    /// It cannot be started, failed or took too long: it may be well the next time.
    Passing,
}

#[derive(Deserialize)]
struct Answer {
    implementation: String,
    version: String,
    major: u8,
    minor: u8,
    free_threaded: bool,
    debug: bool,
    pymalloc: bool,
    wide_unicode: bool,
}

/// Asks the executable at `path`, and waits no longer than `patience`.
///
/// # Errors
/// When it cannot be started, takes too long, or answers something else.
pub(super) fn probe(path: &Path, patience: Duration) -> Result<Interpreter, NoPython> {
    let said = ask(path, patience).map_err(|_| NoPython::Passing)?.ok_or(NoPython::Passing)?;
    // A debug build counts its references in a line after the answer.
    let answer: Option<Answer> = said.lines().rev().find_map(|line| serde_json::from_str(line).ok());
    let answer = answer.ok_or(NoPython::Lasting)?;
    let version: Version = answer.version.parse().map_err(|_| NoPython::Lasting)?;
    Ok(Interpreter {
        path: path.to_owned(),
        implementation: Implementation::named(&answer.implementation),
        version,
        abi: Abi {
            minor: Minor::new(answer.major, answer.minor),
            free_threaded: answer.free_threaded,
            debug: answer.debug,
            pymalloc: answer.pymalloc,
            wide_unicode: answer.wide_unicode,
        },
    })
}

/// What the executable says to the script; nothing if it fails or takes too long.
fn ask(path: &Path, patience: Duration) -> io::Result<Option<String>> {
    let (reader, writer) = io::pipe()?;
    let ended = {
        let mut command = Command::new(path);
        // `-I` is unknown to Python 2.7. The answer fits into the pipe's buffer, so nobody has to read meanwhile.
        command.args(["-E", "-s", "-S", "-c", SCRIPT]).current_dir("/").stdin(Stdio::null());
        command.stdout(writer.try_clone()?).stderr(writer);
        run_to_end(&mut command, Some(patience), &Cancel::new())?
    };
    if !matches!(ended, Ended::Exited(status) if status.success()) {
        return Ok(None);
    }
    // What it left running may hold the pipe open for ever: what is in it now is all.
    fcntl_setfl(&reader, OFlags::NONBLOCK)?;
    let mut said = Vec::new();
    match reader.take(MAX_ANSWER).read_to_end(&mut said) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(Some(String::from_utf8_lossy(&said).into_owned())),
    }
}
