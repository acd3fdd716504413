//! The tools that are known without being configured: one entry each.

use super::{ConfigurationFile, Tool, ToolGoal, ToolOutput};

/// All of them, in the order in which they are run.
pub fn known_tools() -> Vec<Tool> {
    vec![ruff(), flake8(), bandit(), isort(), black(), ruff_format(), mypy(), pyright()]
}

fn ruff() -> Tool {
    Tool {
        check_args: words(&["check", "--no-cache", "--force-exclude", "--output-format=json"]),
        rewrite_args: words(&["check", "--no-cache", "--force-exclude", "--quiet", "--fix"]),
        config: ruff_config(),
        output: ToolOutput::Ruff,
        ..Tool::new("ruff", ToolGoal::Lint)
    }
}

fn ruff_format() -> Tool {
    Tool {
        packages: vec!["ruff".to_owned()],
        module: "ruff".to_owned(),
        rewrite_args: words(&["format", "--no-cache", "--force-exclude", "--quiet"]),
        config: ruff_config(),
        ..Tool::new("ruff-format", ToolGoal::Fmt)
    }
}

fn ruff_config() -> Vec<ConfigurationFile> {
    files(&[("ruff.toml", &[]), (".ruff.toml", &[]), ("pyproject.toml", &["[tool.ruff"])])
}

fn flake8() -> Tool {
    Tool {
        packages: owned(&["flake8", "flake8-*", "pep8-naming"]),
        // Its own processes are no more than those of the batches.
        check_args: words(&["--jobs=1", "--format=%(path)s:%(row)d:%(col)d: %(code)s %(text)s"]),
        config: files(&[(".flake8", &[]), ("setup.cfg", &["[flake8"]), ("tox.ini", &["[flake8"])]),
        config_option: Some("--config".to_owned()),
        ..Tool::new("flake8", ToolGoal::Lint)
    }
}

fn bandit() -> Tool {
    Tool {
        check_args: words(&["--quiet", "--format=json"]),
        config: files(&[("bandit.yaml", &[]), ("pyproject.toml", &["[tool.bandit"])]),
        config_option: Some("--configfile".to_owned()),
        output: ToolOutput::Bandit,
        ..Tool::new("bandit", ToolGoal::Lint)
    }
}

fn isort() -> Tool {
    Tool {
        rewrite_args: words(&["--quiet", "--filter-files"]),
        config: files(&[
            (".isort.cfg", &[]),
            ("pyproject.toml", &["[tool.isort"]),
            ("setup.cfg", &["[isort", "[tool:isort"]),
            ("tox.ini", &["[isort"]),
        ]),
        config_option: Some("--settings-path".to_owned()),
        ..Tool::new("isort", ToolGoal::Fmt)
    }
}

fn black() -> Tool {
    Tool {
        rewrite_args: words(&["--quiet", "--workers=1"]),
        config: files(&[("pyproject.toml", &["[tool.black"])]),
        config_option: Some("--config".to_owned()),
        ..Tool::new("black", ToolGoal::Fmt)
    }
}

fn mypy() -> Tool {
    Tool {
        packages: owned(&["mypy", "mypy-*", "types-*", "*-stubs"]),
        check_args: words(&[
            "--python-executable={python}",
            "--python-version={version}",
            // Modules have the names by which they are imported, also in folders without an `__init__.py`.
            "--namespace-packages",
            "--explicit-package-bases",
            "--show-column-numbers",
            "--show-error-codes",
            "--hide-error-context",
            "--no-color-output",
            "--no-error-summary",
            "--no-pretty",
            "--cache-dir=.pants-kept",
            "--no-sqlite-cache",
            "--skip-cache-mtime-checks",
        ]),
        config: files(&[
            ("mypy.ini", &[]),
            (".mypy.ini", &[]),
            ("pyproject.toml", &["[tool.mypy", "[[tool.mypy"]),
            ("setup.cfg", &["[mypy"]),
        ]),
        output: ToolOutput::Mypy,
        // Of a file that cannot be parsed, 2.
        exit_codes: vec![1, 2],
        keeps: true,
        roots_variable: Some("MYPYPATH".to_owned()),
        ..Tool::new("mypy", ToolGoal::Check)
    }
}

fn pyright() -> Tool {
    Tool {
        packages: owned(&["pyright", "types-*", "*-stubs"]),
        check_args: words(&["--outputjson", "--pythonpath={python}", "--pythonversion={version}"]),
        config: files(&[("pyrightconfig.json", &[]), ("pyproject.toml", &["[tool.pyright"])]),
        output: ToolOutput::Pyright,
        roots_variable: Some("PYTHONPATH".to_owned()),
        ..Tool::new("pyright", ToolGoal::Check)
    }
}

fn words(words: &[&str]) -> Option<Vec<String>> {
    Some(owned(words))
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

fn files(files: &[(&str, &[&str])]) -> Vec<ConfigurationFile> {
    files.iter().map(|(name, tables)| ConfigurationFile::new(name, tables)).collect()
}
