//! Evaluates BUILD files into targets: the only crate that knows Starlark.
