//! Tests of reading locks of other tools.
