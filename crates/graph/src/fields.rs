//! The fields of a target: given, or kept in a form that is read when somebody asks for them. Most queries ask for the
//! fields of few targets.

use std::fmt;
use std::ops::{Deref, DerefMut, Range};
use std::sync::{Arc, OnceLock};

use crate::stored::Page;
use crate::{Field, RuleSchema};

/// Fields in the order of the schema.
#[derive(Clone, Default)]
pub struct Fields {
    read: OnceLock<Vec<Field>>,
    kept: Option<Kept>,
}

/// Where fields are kept.
#[derive(Clone)]
struct Kept {
    page: Arc<Page>,
    range: Range<usize>,
    rule: &'static RuleSchema,
}

impl Fields {
    /// The fields of a target of `rule` that are kept at some bytes of `page`.
    pub(crate) fn kept(page: Arc<Page>, range: Range<usize>, rule: &'static RuleSchema) -> Fields {
        Fields { read: OnceLock::new(), kept: Some(Kept { page, range, rule }) }
    }
}

impl From<Vec<Field>> for Fields {
    fn from(fields: Vec<Field>) -> Fields {
        Fields { read: OnceLock::from(fields), kept: None }
    }
}

impl FromIterator<Field> for Fields {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Fields {
        Vec::from_iter(fields).into()
    }
}

impl Deref for Fields {
    type Target = Vec<Field>;

    fn deref(&self) -> &Vec<Field> {
        self.read.get_or_init(|| match &self.kept {
            None => Vec::new(),
            Some(Kept { page, range, rule }) => {
                page.fields(range.clone(), rule).expect("what is kept is as it was")
            }
        })
    }
}

impl DerefMut for Fields {
    fn deref_mut(&mut self) -> &mut Vec<Field> {
        let _ = Deref::deref(self);
        self.read.get_mut().expect("they have been read")
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Fields) -> bool {
        **self == **other
    }
}

impl Eq for Fields {}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
