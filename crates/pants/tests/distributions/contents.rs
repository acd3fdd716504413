//! What is in distributions, and that it is the same everywhere.

use std::path::Path;
use std::process::Command;

use crate::repository::Repository;
use crate::shop::{FILES, MADE, shop};

/// What a member of a wheel or source distribution holds.
fn member(file: &Path, name: &str) -> String {
    let code = "import sys, tarfile, zipfile\nf, m = sys.argv[1:]\n\
        d = zipfile.ZipFile(f).read(m) if f.endswith('.whl') else tarfile.open(f).extractfile(m).read()\n\
        sys.stdout.buffer.write(d)";
    let said = Command::new("python3").args(["-c", code]).arg(file).arg(name).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).unwrap()
}

#[test]
fn metadata_is_told_by_fields_and_the_graph() {
    let shop = shop();
    let said = shop.run(&["-q", "package", "//src/acme/core:dist", "//src/acme/orders:dist"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let printed: Vec<String> = MADE.iter().map(|name| format!("dist/{name}\n")).collect();
    assert_eq!(said.stdout, printed.concat());
    let dist = shop.root().join("dist");
    let core = "Metadata-Version: 2.4\nName: acme.core\nVersion: 1.2.0\nSummary: The core\n\
        Project-URL: Homepage, https://acme.example\nAuthor-email: \"A. Core\" <core@acme.example>\n\
        License-Expression: MIT\nLicense-File: LICENSE\nRequires-Python: >=3.8,<3.15\n\
        Requires-Dist: attrs>=22; python_version >= '3.8'\n";
    assert_eq!(member(&dist.join(MADE[0]), "acme_core-1.2.0.dist-info/METADATA"), core);
    assert_eq!(member(&dist.join(MADE[1]), "acme_core-1.2.0/PKG-INFO"), core);
    let orders = "Metadata-Version: 2.1\nName: acme-orders\nVersion: 2.0\nKeywords: orders,money\n\
        Requires-Python: >=3.8,<3.15\nRequires-Dist: acme.core~=1.2.0\nProvides-Extra: fast\n\
        Requires-Dist: orjson>=3; (python_version >= '3.9') and extra == 'fast'\n\
        Description-Content-Type: text/markdown\n\n# Orders\n\nTakes orders.\n";
    assert_eq!(member(&dist.join(MADE[2]), "acme_orders-2.0.dist-info/METADATA"), orders);
    let entry_points = "[acme.plugins]\norders = acme.orders.cli\n\n[console_scripts]\n\
        orders = acme.orders.cli:main\norders-again = acme.orders.cli:main\n";
    assert_eq!(member(&dist.join(MADE[2]), "acme_orders-2.0.dist-info/entry_points.txt"), entry_points);
}

#[test]
fn bytes_are_the_same_in_every_folder_and_cache() {
    let (one, two) = (shop(), shop());
    for repository in [&one, &two] {
        let said = repository.run(&["-q", "package", "src/acme/core:dist", "src/acme/orders:dist"]);
        assert_eq!(said.code, 0, "{}", said.stderr);
    }
    for name in MADE {
        let path = format!("dist/{name}");
        assert!(one.read(&path) == two.read(&path), "{name} differs");
    }
}

#[test]
fn alternatives_become_one_specifier_and_python_2_its_tag() {
    let build = "python_library(name = \"lib\", sources = [\"old.py\"], \
        interpreter_constraints = [\"CPython==2.7.*\", \"CPython>=3.6\"])\n\
        python_distribution(name = \"dist\", dependencies = [\":lib\"], sdist = False, output_path = \"wheels\", \
        provides = {\"name\": \"old\", \"version\": \"1\"})\n";
    let repository = Repository::new(&[("pants.toml", ""), ("BUILD", build), ("old.py", "")]);
    let said = repository.run(&["-q", "package", "::"]);
    assert_eq!(said.stdout, "dist/wheels/old-1-py2.py3-none-any.whl\n", "{}", said.stderr);
    let wheel = repository.root().join("dist/wheels/old-1-py2.py3-none-any.whl");
    let metadata = member(&wheel, "old-1.dist-info/METADATA");
    let python = "Requires-Python: >=2.7,!=3.0.*,!=3.1.*,!=3.2.*,!=3.3.*,!=3.4.*,!=3.5.*\n";
    assert!(metadata.contains(python), "{metadata}");
    let tags = "Tag: py2-none-any\nTag: py3-none-any\n";
    assert!(member(&wheel, "old-1.dist-info/WHEEL").ends_with(tags));
}

#[test]
fn a_binary_and_distributions_are_reported_in_one_go() {
    let mut files = FILES.to_vec();
    files.push(("tool/BUILD", "alias(name = \"core\", actual = \"//src/acme/core:dist\")\n"));
    let repository = Repository::new(&files);
    let said = repository.run(&["--output", "json", "package", "tool:core", "src/acme/core:dist"]);
    let report: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((&report["goal"], &report["exit_code"]), (&"package".into(), &0.into()), "{report:#}");
    let artifacts = report["artifacts"].as_array().unwrap();
    assert_eq!(artifacts.len(), 2, "{report:#}");
    assert_eq!(artifacts[0]["target"], "//src/acme/core:dist");
    assert!(artifacts[0]["interpreter"].is_null());
}
