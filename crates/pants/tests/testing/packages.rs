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

#[test]
fn metadata_of_own_distributions_is_there() {
    let Some(repository) = shop("metadata_of_own_distributions_is_there") else { return };
    repository.write(
        "lib/BUILD",
        "python_library()\npython_distribution(\n    name = \"dist\",\n    dependencies = [\":lib\"],\n    \
         provides = {\"name\": \"acme-lib\", \"version\": \"1.2\"},\n    readme = \"README.md\",\n    \
         entry_points = {\"acme.sums\": {\"add\": \"lib.sums:add\"}},\n)\n",
    );
    repository.write("lib/README.md", "About sums.\n");
    repository.write(
        "svc/BUILD",
        "python_tests(name = \"tests\", sources = [\"app_test.py\"], dependencies = [\"//lib:dist\"])\n",
    );
    repository.write(
        "svc/app_test.py",
        "from importlib import metadata\n\n\ndef test_metadata():\n    assert metadata.version('acme-lib') == '1.2'\n    \
         assert 'About sums.' in metadata.metadata('acme-lib').as_string()\n    \
         points = metadata.distribution('acme-lib').entry_points\n    \
         assert [point.load()(20, 22) for point in points] == [42]\n",
    );
    let first = report(&repository, &["::"]);
    assert_eq!(ends(&first), [("svc/app_test.py", "passed", false)], "{first:#}");
    repository.write("lib/README.md", "About differences.\n");
    assert_eq!(ends(&report(&repository, &["::"])), [("svc/app_test.py", "failed", false)]);
}
