//! Starts where the runtime's folder cannot be written, or the Python of an environment is gone.

use std::fs;
use std::path::Path;
use std::process::Command;

use packaging::pex::{Boot, PexOptions};

use crate::declines::Mounted;
use crate::start::{Planned, environment};
use crate::support::{finish, stdout};

/// Makes a folder read-only until the end of the test; none, which is said, where that cannot be.
fn shut(folder: &Path) -> Option<Mounted<'_>> {
    let mount = |arguments: &[&str]| {
        let done = Command::new("mount").args(arguments).arg(folder).output();
        done.is_ok_and(|output| output.status.success())
    };
    if !mount(&["--bind", folder.to_str().unwrap()]) {
        println!("skipped: a folder that is read-only, which only root may mount");
        return None;
    }
    let mounted = Mounted(folder);
    assert!(mount(&["-o", "remount,bind,ro"]), "what is mounted can be made read-only");
    Some(mounted)
}

fn by_python(options: PexOptions) -> PexOptions {
    PexOptions { boot: Boot::Python { shebang: None }, ..options }
}

/// As in a container, where an image has the environment, and the program runs as somebody who owns nothing.
#[test]
fn an_environment_that_cannot_be_written_is_started() {
    for planned in [Planned::new(|options| options), Planned::unplanned(|options| options)] {
        let Some(planned) = planned else { return };
        let code = "import os; print([name for name in os.environ if 'PEX' in name])";
        let variables = || stdout(planned.command().env("PEX_INTERPRETER", "1").args(["-c", code]));
        let before = variables();
        let Some(_mounted) = shut(&planned.root) else { return };
        check_started(&planned);
        assert_eq!(variables(), before);
    }
    for planned in [Planned::new(by_python), Planned::unplanned(by_python)] {
        let Some(planned) = planned else { return };
        stdout(&mut planned.command());
        let Some(_mounted) = shut(&planned.root) else { return };
        check_started(&planned);
    }
}

/// Whether it starts, and says nothing.
fn check_started(planned: &Planned) {
    let finished = finish(&mut planned.command());
    let said = String::from_utf8_lossy(&finished.stderr);
    assert_eq!((&*String::from_utf8_lossy(&finished.stdout), &*said), ("hello from flask []\n", ""));
}

#[test]
fn the_runtime_takes_another_folder_where_its_own_cannot_be_written() {
    let Some(planned) = Planned::unplanned(|options| options) else { return };
    fs::create_dir(&planned.root).unwrap();
    let Some(_mounted) = shut(&planned.root) else { return };
    for root in [planned.root.clone(), planned.root.join("missing")] {
        let finished = finish(planned.command().env("PEX_ROOT", &root).env("TMPDIR", planned.folder.path()));
        let said = String::from_utf8_lossy(&finished.stderr);
        assert!(said.contains(&format!("{} but that path is un-writeable", root.display())), "{said}");
        assert_eq!(String::from_utf8_lossy(&finished.stdout), "hello from flask []\n", "{said}");
    }
}

#[test]
fn an_environment_whose_interpreter_is_gone_is_told() {
    let Some(planned) = Planned::unplanned(|options| options) else { return };
    stdout(&mut planned.command());
    let made = environment(&planned.root);
    let link = made.join("bin/python3.11");
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("/nowhere/python3.11", &link).unwrap();
    let finished = finish(&mut planned.command());
    let said = String::from_utf8_lossy(&finished.stderr);
    let told = format!("the Python of its environment is gone: {}\nremove that folder", made.display());
    assert!(said.contains(&told), "{said}");
    assert_eq!(finished.status.code(), Some(1), "{said}");
    fs::remove_dir_all(&made).unwrap();
    assert_eq!(stdout(&mut planned.command()), "hello from flask []\n");
}
