//! First starts at once, and first starts that are killed: there is one environment, whole, and nothing in the way of the
//! next start.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::start::{Planned, environment};
use crate::support::{command, stdout};
use crate::trees::{self, Files};

/// What a whole environment has, apart from what starting leaves in it.
fn whole(root: &Path) -> Files {
    let mut files = trees::read(&environment(root));
    files.retain(|path, _| !path.contains("__pycache__"));
    files
}

/// Everything below the folder of environments that is neither one nor a lock.
fn left_over(root: &Path) -> Vec<String> {
    let files = trees::read(&root.join("venvs"));
    files.into_keys().filter(|path| path.contains(".work") || path.contains(".old")).collect()
}

#[test]
fn eight_first_starts_make_one_environment() {
    let Some(planned) = Planned::new(|options| options) else { return };
    let start = || planned.command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let children: Vec<_> = (0..8).map(|_| start()).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "hello from flask []\n");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
    assert_eq!(left_over(&planned.root), [""; 0]);
    assert!(!planned.root.join("unzipped_pexes").exists(), "all went by the plan");
    whole(&planned.root);
}

#[test]
fn a_killed_installer_is_not_in_the_way() {
    const TIMES: u64 = 20;
    const STEP: Duration = Duration::from_millis(4);
    let Some(planned) = Planned::new(|options| options) else { return };
    stdout(&mut planned.command());
    let expected = whole(&planned.root);
    let mut unfinished = 0;
    for time in 0..TIMES {
        fs::remove_dir_all(&planned.root).unwrap();
        fs::create_dir(&planned.root).unwrap();
        let mut child = planned.command().stdout(Stdio::null()).spawn().unwrap();
        thread::sleep(STEP * u32::try_from(time).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        let files = trees::read(&planned.root);
        unfinished += u32::from(files.keys().any(|path| path.ends_with(".work")));
        assert!(planned.started_by_plan(&mut planned.command()), "after {time} steps");
        assert!(whole(&planned.root) == expected, "after {time} steps");
        assert_eq!(left_over(&planned.root), [""; 0]);
    }
    println!("{unfinished} of {TIMES} were killed while they installed");
}

#[test]
fn the_runtime_goes_on_where_an_installer_was_killed() {
    let Some(planned) = Planned::new(|options| options) else { return };
    stdout(&mut planned.command());
    let made = environment(&planned.root);
    let work = made.with_file_name(format!("{}.lck.work", made.file_name().unwrap().to_str().unwrap()));
    fs::rename(&made, &work).unwrap();
    fs::remove_dir_all(work.join("lib")).unwrap();
    let mut by_python = command(&planned.python, &planned.python, &planned.root);
    assert_eq!(stdout(by_python.arg(&planned.pex)), "hello from flask []\n");
    assert_eq!(left_over(&planned.root), [""; 0]);
}

#[test]
fn an_environment_whose_interpreter_is_gone_is_made_again() {
    let Some(planned) = Planned::new(|options| options) else { return };
    stdout(&mut planned.command());
    let link = environment(&planned.root).join("bin/python3.11");
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("/nowhere/python3.11", &link).unwrap();
    assert!(planned.started_by_plan(&mut planned.command()));
    assert!(link.exists());
}
