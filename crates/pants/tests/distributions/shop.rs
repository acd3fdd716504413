//! A repository with two distributions, of which one needs the other.

use crate::repository::Repository;

const CORE: &str = r#"
python_library()
resources(name = "typed", sources = ["py.typed"])
python_requirement(name = "attrs", requirements = ["attrs>=22; python_version >= '3.8'"], modules = ["attr"])
python_distribution(
    name = "dist",
    dependencies = [":core", ":typed"],
    provides = setup_py(
        name = "acme.core",
        version = "1.2.0",
        description = "The core",
        author = "A. Core",
        author_email = "core@acme.example",
        license_expression = "MIT",
        url = "https://acme.example",
        zip_safe = True,
    ),
    license_files = ["LICENSE"],
)
"#;

const ORDERS: &str = r#"
python_library(dependencies = [":data"])
resources(name = "data", sources = ["templates/*.txt"])
python_binary(name = "app", entry_point = "cli.py:main")
python_distribution(
    name = "dist",
    dependencies = [":orders"],
    provides = {
        "name": "acme-orders",
        "keywords": ["orders", "money"],
        "extras_require": {"Fast": ["orjson>=3; python_version >= '3.9'"]},
        "entry_points": {"acme.plugins": ["orders = acme.orders.cli"]},
    },
    version = "2.0",
    readme = "README.md",
    entry_points = {"orders": ":app", "orders-again": "acme.orders.cli:main"},
    first_party_dependency_version_scheme = "compatible",
)
"#;

const CLI: &str = "\
import os

from acme.core.money import Money

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    print(Money(3).amount, open(os.path.join(HERE, 'templates/a.txt')).read().strip())
";

/// The files of the repository. `acme` is a namespace: it has no `__init__.py`.
pub(crate) const FILES: &[(&str, &str)] = &[
    ("pants.toml", "[python]\ninterpreter_constraints = [\"CPython>=3.8,<3.15\"]\n"),
    ("src/acme/core/BUILD", CORE),
    ("src/acme/core/__init__.py", ""),
    ("src/acme/core/py.typed", ""),
    ("src/acme/core/LICENSE", "do what you like\n"),
    ("src/acme/core/money.py", "import attr\n\n\n@attr.s\nclass Money:\n    amount = attr.ib()\n"),
    ("src/acme/orders/BUILD", ORDERS),
    ("src/acme/orders/__init__.py", ""),
    ("src/acme/orders/cli.py", CLI),
    ("src/acme/orders/unused.py", ""),
    ("src/acme/orders/README.md", "# Orders\n\nTakes orders.\n"),
    ("src/acme/orders/templates/a.txt", "hello\n"),
];

pub(crate) fn shop() -> Repository {
    Repository::new(FILES)
}

/// The files of `dist/`, by their names.
pub(crate) const MADE: [&str; 4] = [
    "acme_core-1.2.0-py3-none-any.whl",
    "acme_core-1.2.0.tar.gz",
    "acme_orders-2.0-py3-none-any.whl",
    "acme_orders-2.0.tar.gz",
];
