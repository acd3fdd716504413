//! The repository's own distributions as tests and programs find them: by their metadata, commands and entry points.

use std::process::Command;

use crate::repository::Repository;
use crate::{ends, report, run, shop};

const DISTRIBUTION: &str = "python_distribution(name = \"dist\", dependencies = [\"//lib:lib\"], provides = python_artifact(\n    \
     name = \"acme-sums\", version = \"1.2.3\", entry_points = {\"console_scripts\": {\"sums\": \"lib.sums:main\"}},\n), \
     readme = \"README.md\")\n";
/// Another distribution, which the first one requires.
const REQUIRED: &str = "python_library()\npython_distribution(name = \"dist\", dependencies = [\":base\"],\n    \
     provides = python_artifact(name = \"acme-base\", version = \"7\"))\n";

/// A library that asks for its own version, and tests of it.
fn distributed(test: &str) -> Option<Repository> {
    let repository = shop(test)?;
    repository.write("pkg/BUILD", DISTRIBUTION);
    repository.write("pkg/README.md", "About sums.\n");
    repository.write("base/BUILD", REQUIRED);
    repository.write("base/__init__.py", "");
    repository.write("base/numbers.py", "ONE = 1\n");
    repository.write(
        "lib/sums.py",
        "from importlib.metadata import version\n\nfrom base.numbers import ONE\n\n\ndef main():\n    print(version('acme-sums'))\n",
    );
    repository.write(
        "svc/BUILD",
        "python_tests(name = \"tests\", sources = [\"own_test.py\"], dependencies = [\"//pkg:dist\"])\n\
         python_binary(name = \"app\", entry_point = \"lib.sums:main\", dependencies = [\"//lib:lib\", \"//pkg:dist\"])\n",
    );
    repository.write(
        "svc/own_test.py",
        "import subprocess\nfrom importlib.metadata import entry_points, metadata, version\n\nfrom lib import sums\n\n\n\
         def test_metadata():\n    assert (version('acme_sums'), version('acme-base')) == ('1.2.3', '7')\n    \
         assert 'About sums.' in metadata('acme-sums').as_string()\n    \
         assert [one.load() for one in entry_points(group='console_scripts', name='sums')] == [sums.main]\n\n\n\
         def test_command():\n    said = subprocess.run(['sums'], capture_output=True, text=True)\n    \
         assert said.stdout == '1.2.3\\n', said.stderr\n",
    );
    Some(repository)
}

#[test]
fn own_distributions_are_found_by_their_metadata() {
    let Some(repository) = distributed("own_distributions_are_found_by_their_metadata") else { return };
    let first = report(&repository, &["::"]);
    assert_eq!(ends(&first), [("svc/own_test.py", "passed", false)], "{first:#}");
    assert_eq!(ends(&report(&repository, &["::"])), [("svc/own_test.py", "passed", true)]);

    // The same in a program, from its sources and as a file.
    let (code, said) = run(&repository, &["-q", "run", "//svc:app"]);
    assert_eq!((code, said.as_str()), (0, "1.2.3\n"));
    let (code, said) = run(&repository, &["-q", "run", "//svc:app", "--script", "sums"]);
    assert_eq!((code, said.as_str()), (0, "1.2.3\n"));
    let (code, said) = run(&repository, &["-q", "binary", "//svc:app"]);
    assert_eq!(code, 0, "{said}");
    let mut command = Command::new(repository.root().join("dist/svc/app.pex"));
    let said = command.env("PEX_ROOT", repository.cache().join("pex")).output().unwrap();
    assert_eq!(said.stdout, b"1.2.3\n", "{}", String::from_utf8_lossy(&said.stderr));

    // Its metadata are a part of what the tests see.
    repository.write("pkg/README.md", "About differences.\n");
    assert_eq!(ends(&report(&repository, &["::"])), [("svc/own_test.py", "failed", false)]);

    // Who does not depend on it is told what would bring it.
    repository.write("svc/BUILD", "python_tests(name = \"tests\", sources = [\"own_test.py\"])\n");
    let (code, said) = run(&repository, &["test", "::"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("`//svc:tests` looked for the metadata of `acme-sums`"), "{said}");
    assert!(said.contains("add \"//pkg:dist\" to its `dependencies`"), "{said}");

    // Nor has anyone written it for the project.
    repository.write("svc/pyproject.toml", "[project]\nname = \"other-sums\"\n");
    repository.write(
        "svc/own_test.py",
        "import importlib.metadata\n\nimportlib.metadata.version(\"other-sums\")\n",
    );
    let tests = "python_tests(name = \"tests\", sources = [\"own_test.py\"])\n";
    let requirements = "python_requirements(name = \"reqs\", source = \"pyproject.toml\")\n";
    repository.write("svc/BUILD", format!("{tests}{requirements}"));
    let (code, said) = run(&repository, &["test", "::"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("metadata of `other-sums`, which has no `python_distribution`"), "{said}");
    assert!(said.contains("beside svc/pyproject.toml"), "{said}");
}
