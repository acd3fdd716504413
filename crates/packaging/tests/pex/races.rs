//! First starts at once, and first starts that are killed: there is one environment, whole, and nothing in the way of the
//! next start.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

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

/// How long a first start takes to have its environment in place.
fn until_installed(planned: &Planned) -> Duration {
    let started = Instant::now();
    let mut child = planned.command().stdout(Stdio::null()).spawn().unwrap();
    let below =
        |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_there = || {
        let mut found =
            below(&planned.root.join("venvs/4")).flat_map(|folder| below(&folder).collect::<Vec<_>>());
        found.any(|folder| folder.join("pyvenv.cfg").exists() && !is_work(&folder))
    };
    while !is_there() {
        assert!(child.try_wait().unwrap().is_none(), "it ended without an environment");
        thread::sleep(Duration::from_millis(1));
    }
    let took = started.elapsed();
    assert!(child.wait().unwrap().success());
    took
}

fn is_work(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "work")
}

/// Kills first starts at instants that are spread evenly over the time that the installer takes, and a little more;
/// `PANTS_TEST_KILLS` says how many.
#[test]
fn a_killed_installer_is_not_in_the_way() {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    let Some(planned) = Planned::new(|options| options) else { return };
    let times = std::env::var("PANTS_TEST_KILLS").map_or(20, |text| text.parse().unwrap());
    let took = until_installed(&planned).mul_f64(1.1);
    let expected = whole(&planned.root);
    let mut unfinished = 0;
    for time in 0..times {
        fs::remove_dir_all(&planned.root).unwrap();
        let mut child = planned.command().stdout(Stdio::null()).spawn().unwrap();
        thread::sleep(took.mul_f64((f64::from(time) * GOLDEN).fract()));
        child.kill().unwrap();
        child.wait().unwrap();
        let files = if planned.root.exists() { trees::read(&planned.root) } else { Files::new() };
        unfinished += u32::from(files.keys().any(|path| path.ends_with(".work")));
        assert!(planned.started_by_plan(&mut planned.command()), "kill {time}");
        assert!(whole(&planned.root) == expected, "kill {time}");
        assert_eq!(left_over(&planned.root), [""; 0], "kill {time}");
    }
    println!("{unfinished} of {times} were killed while they installed");
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
