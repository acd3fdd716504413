//! Folders of processes that are kept, with a script that runs the process again.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::PoisonError;

use tempfile::TempDir;

use super::{ENTER, Level, Sandbox, Spec};

/// Which folders of processes stay when the process has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// None.
    #[default]
    Never,
    /// Those of processes that failed.
    OnFailure,
    /// All.
    Always,
}

impl Sandbox {
    /// A new folder for a process: in `scratch`, or where it can be kept.
    pub(crate) fn folder(&self, scratch: &Path) -> io::Result<TempDir> {
        let (keep, kept) = &self.keep;
        let parent = if *keep == Keep::Never { scratch } else { kept };
        fs::create_dir_all(parent)?;
        tempfile::Builder::new().prefix("run-").tempdir_in(parent)
    }

    /// A script that runs what `spec` says again.
    pub(crate) fn script(&self, spec: &Spec, level: Level) -> String {
        script(spec, level, &self.helper)
    }

    /// Keeps the folder of a process that ended so, if it is to be kept; else it is gone.
    pub(crate) fn end(&self, folder: TempDir, succeeded: bool, script: &str) -> io::Result<()> {
        match self.keep.0 {
            Keep::Never => return Ok(()),
            Keep::OnFailure if succeeded => return Ok(()),
            Keep::OnFailure | Keep::Always => {}
        }
        let folder = folder.keep();
        let file = folder.join("run.sh");
        fs::write(&file, script)?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(folder);
        Ok(())
    }
}

/// The script: apart, or outside of the sandbox where the level is lower or it is asked for.
fn script(spec: &Spec, level: Level, helper: &Path) -> String {
    let mut script = "#!/bin/sh\n".to_owned();
    let mut here = format!("cd {} && exec env -i", quoted(&spec.work.to_string_lossy()));
    let mut outside = spec.clone();
    if level == Level::Full {
        outside.translate();
    }
    for (name, value) in &outside.environment {
        let _ = write!(here, " {}", quoted(&format!("{name}={value}")));
    }
    for word in std::iter::once(spec.program_here().to_string_lossy().as_ref())
        .chain(spec.arguments.iter().map(String::as_str))
    {
        let _ = write!(here, " {}", quoted(word));
    }
    if level == Level::Full {
        let helper = helper.canonicalize().unwrap_or_else(|_| helper.to_owned());
        let (helper, file) = (quoted(&helper.to_string_lossy()), quoted(&spec.file().to_string_lossy()));
        let _ = write!(
            script,
            "# Runs this step again in its sandbox; with --here, outside of it.\nif [ \"$1\" = --here ]; then\n  {here}\nfi\n\
             exec {helper} {ENTER} {file}\n"
        );
    } else {
        let _ = writeln!(script, "# Runs this step again.\n{here}");
    }
    script
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
