//! Tests of wheels.
