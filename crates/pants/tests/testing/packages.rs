//! Tests of what is built: a program of the repository is beside the files of its test, as `dist/` would have it.

use crate::{ends, report, run, shop};

#[test]
fn programs_are_beside_their_tests() {
    let Some(repository) = shop("programs_are_beside_their_tests") else { return };
    repository.write(
        "svc/BUILD",
        "python_library()\npython_binary(name = \"app\", entry_point = \"main.py\")\n\
         python_tests(name = \"tests\", sources = [\"app_test.py\"], runtime_package_dependencies = [\":app\"])\n",
    );
    repository.write("svc/main.py", "from lib.sums import add\n\nprint(add(20, 22))\n");
    repository.write(
        "svc/app_test.py",
        "import os\nimport subprocess\n\n\ndef test_app():\n    said = subprocess.run(['svc/app.pex'], \
         capture_output=True, text=True)\n    assert said.stdout == '42\\n', said.stderr\n\n\ndef test_files():\n    \
         assert not os.path.exists('svc/main.py') and not os.path.exists('lib/sums.py')\n",
    );
    let first = report(&repository, &["::"]);
    assert_eq!(ends(&first), [("svc/app_test.py", "passed", false)], "{first:#}");
    assert_eq!(ends(&report(&repository, &["::"])), [("svc/app_test.py", "passed", true)]);
    // What the program is made of is a part of what the test sees.
    repository.write("lib/sums.py", "def add(a, b):\n    return a - b\n");
    let edited = report(&repository, &["::"]);
    assert_eq!(ends(&edited), [("svc/app_test.py", "failed", false)], "{edited:#}");
    let (code, said) = run(&repository, &["dependents", "--transitive", "lib/sums.py"]);
    assert!(code == 0 && said.contains("//svc:tests"), "{said}");
    repository.write(
        "svc/BUILD",
        "python_tests(name = \"tests\", sources = [\"app_test.py\"], runtime_package_dependencies = [\":none\"])\n",
    );
    let (code, said) = run(&repository, &["test", "::"]);
    assert!(code == 2 && said.contains("`//svc:none`"), "{said}");
    // What nothing packages is no program.
    repository.write(
        "svc/BUILD",
        "python_library()\n\
         python_tests(name = \"tests\", sources = [\"app_test.py\"], runtime_package_dependencies = [\":svc\"])\n",
    );
    let (code, said) = run(&repository, &["test", "::"]);
    assert!(
        code == 2 && said.contains("error[test::not_packaged]") && said.contains("svc/BUILD:2"),
        "{said}"
    );
}
