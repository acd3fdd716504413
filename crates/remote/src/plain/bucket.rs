//! A bucket of an object store, by the S3 protocol.

use std::sync::Arc;
use std::time::SystemTime;

use store::DigestFunction;
use tonic::metadata::MetadataMap;

use super::keys::KeyRing;
use super::objects::FORM;
use super::web::{Ask, Payload, Signer, Web, bytes, clock, good};
use crate::fault::{Fault, Kind};
use crate::settings::Settings;

/// More than a list of a thousand names has.
const LIST: u64 = 4 << 20;

/// A part of a bucket.
pub(crate) struct Bucket {
    pub(super) web: Web,
    /// What the names of all objects begin with.
    pub(super) prefix: String,
}

impl Bucket {
    /// The part for content that is named by this function. Connects to nothing.
    ///
    /// # Errors
    /// What cannot be used of the settings.
    pub(super) fn new(
        (bucket, prefix): (&str, &str),
        settings: &Settings,
        function: DigestFunction,
    ) -> Result<Bucket, Fault> {
        let said = settings.bucket.as_ref();
        let said = said.ok_or_else(|| Fault::new(Kind::Refused, "nothing is said of the bucket"))?;
        let keys = KeyRing::new(Arc::clone(&said.keys));
        let signer = Signer { region: said.region.clone(), keys, now: settings.now };
        let slash = if settings.instance.is_empty() { "" } else { "/" };
        Ok(Bucket {
            web: Web::new(&said.url(bucket), settings, Some(signer))?,
            prefix: format!("{prefix}{}{slash}{FORM}/{}/", settings.instance, function.name()),
        })
    }

    /// The last parts of the names that begin with the prefix and `below`: up to a thousand after those of the last answer,
    /// with where the answer ends, if there are more.
    pub(super) fn list(
        &self,
        below: &str,
        after: Option<&str>,
        shown: &MetadataMap,
    ) -> Result<(Vec<String>, Option<String>), Fault> {
        let prefix = format!("{}{below}", self.prefix);
        let mut query = vec![("list-type", "2"), ("prefix", prefix.as_str())];
        if let Some(after) = after {
            query.insert(0, ("continuation-token", after));
        }
        let ask = Ask { method: "GET", path: "", query: &query, range: None, shown };
        let text = bytes(self.web.send(&ask, Payload::Nothing)?, LIST)?;
        let text = String::from_utf8_lossy(&text);
        let names = text.split("<Key>").skip(1).filter_map(|rest| {
            let (key, _) = rest.split_once("</Key>")?;
            key.rsplit('/').next().map(str::to_owned)
        });
        let next = super::web::between(&text, "NextContinuationToken").map(plain);
        Ok((names.collect(), next))
    }

    /// Asks for one name. Gives what the clock there says.
    pub(super) fn greet(&self, shown: &MetadataMap) -> Result<Option<SystemTime>, Fault> {
        let query = [("list-type", "2"), ("max-keys", "1"), ("prefix", self.prefix.as_str())];
        let ask = Ask { method: "GET", path: "", query: &query, range: None, shown };
        let answer = self.web.answer(&ask, Payload::Nothing)?;
        let clock = clock(&answer);
        good(answer).map(|_| clock)
    }
}

/// A text of a document without references.
fn plain(text: &str) -> String {
    let references = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    references.into_iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}
