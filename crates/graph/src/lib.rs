//! Labels, schemas, targets and the target graph: pure data, no IO.
