//! The formats of Python packaging: versions, markers, tags, locks, indexes, wheels and PEX files.
