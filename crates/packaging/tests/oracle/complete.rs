//! Complete-platform files, as pex writes them for the interpreters that are here.

use std::path::Path;
use std::process::Command;

use packaging::complete_platform::read;
use packaging::python::Abi;

use crate::library::Library;
use crate::tags::interpreters;

#[test]
fn complete_platforms_of_pex_are_read() {
    let Some(pex) = Library::release(&["pex==2.105.2"]) else { return };
    let all = interpreters();
    if all.is_empty() {
        println!("skipped: no interpreters of pyenv");
    }
    for (minor, path) in all {
        let mut inspect = Command::new("python3");
        inspect
            .args(["-m", "pex.cli", "interpreter", "inspect", "--markers", "--tags", "--python"])
            .arg(&path);
        let output = pex.on_path(&mut inspect).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let target = read(&output.stdout).unwrap_or_else(|error| panic!("{minor}: {error}"));
        assert_eq!(target.abi, Abi::usual(minor));
        let program = "import sys; print(sys.version_info[2])";
        let micro = Command::new(Path::new(&path)).args(["-c", program]).output().unwrap().stdout;
        let micro = String::from_utf8(micro).unwrap();
        assert_eq!(target.micro.map(|micro| micro.to_string()).as_deref(), Some(micro.trim()), "{minor}");
        println!("{minor}: {target}");
    }
}
