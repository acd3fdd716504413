//! Constraints of a resolve hold for what others need as well.

use crate::repository::{Repository, skipped};
use crate::tools::online;

#[test]
fn a_file_of_constraints_holds_for_what_others_need() {
    let test = "a_file_of_constraints_holds_for_what_others_need";
    let repository = Repository::new(&[
        (
            "pants.toml",
            "[python]\ninterpreters = [\"3.11\"]\n[python.resolves]\ndefault = \"pants.lock\"\n\
             [python.resolves_to_constraints_file]\ndefault = \"limits.txt\"\n",
        ),
        ("BUILD", "python_requirement(name = \"dates\", requirements = [\"python-dateutil==2.8.2\"])\n"),
        ("limits.txt", "six<1.16  # what python-dateutil needs\nflask==1.0\n"),
    ]);
    let lock = || {
        let said = online(&repository, &["-q", "lock"]).output().unwrap();
        (said.status.code().unwrap(), String::from_utf8(said.stderr).unwrap())
    };
    let (code, said) = lock();
    if code == 3 {
        return skipped(test, &said);
    }
    let text = || String::from_utf8(repository.read("pants.lock")).unwrap();
    assert_eq!(code, 0, "{said}");
    assert!(
        text().contains("name = \"six\"\nversion = \"1.15.0\"") && !text().contains("flask"),
        "{}",
        text()
    );
    repository.write("limits.txt", "six<1.15\n");
    assert_eq!(lock().0, 0);
    assert!(text().contains("name = \"six\"\nversion = \"1.14.0\""), "{}", text());
    repository.write("limits.txt", "six @ ./six.whl\nsix=1\n");
    let (code, said) = lock();
    assert!(
        code == 2 && said.contains("error[lock::constraint]: limits.txt:1: a constraint is one of versions"),
        "{said}"
    );
    assert!(said.contains("error[packaging::requirement]: limits.txt:2: "), "{said}");
}
