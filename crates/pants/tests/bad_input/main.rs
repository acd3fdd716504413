//! Every way in which input can be bad, and all that is said about it: each test reads the whole message.
//!
//! A test that needs what a machine may lack (root, the index) prints `skipped: <test>: <why>` where it is missing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "a test that is skipped says so")]

mod build_fields;
mod build_files;
mod cache;
mod configuration;
mod dist;
mod files;
mod foreign;
mod index;
mod indexes;
mod interpreters;
mod locks;
mod missing;
mod mount;
mod repository;
mod requests;
mod resolves;
mod slips;
mod sources;
mod visibility;
mod wheels;
mod zip;
