//! The cache on disk: blobs, trees, outcomes, memo tables and the stat index.
