//! Rules and their meaning: what a Python target becomes.
