//! The errors of indexes as failures of the engine. Adds nothing to what they say.

use engine::{Failure, Fault};

use super::error::{self, FetchError, IndexError};

impl Failure for FetchError {
    fn code(&self) -> &'static str {
        FetchError::code(self)
    }

    fn fault(&self) -> Fault {
        fault(FetchError::fault(self))
    }

    fn help(&self) -> Option<String> {
        FetchError::help(self)
    }
}

impl Failure for IndexError {
    fn code(&self) -> &'static str {
        IndexError::code(self)
    }

    fn fault(&self) -> Fault {
        fault(IndexError::fault(self))
    }

    fn help(&self) -> Option<String> {
        IndexError::help(self)
    }
}

fn fault(fault: error::Fault) -> Fault {
    match fault {
        error::Fault::Request => Fault::Request,
        error::Fault::Environment => Fault::Environment,
    }
}
