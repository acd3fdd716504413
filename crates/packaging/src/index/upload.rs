//! Puts files on an index by the form of the legacy upload API, and tells whether one is there already. Knows no
//! formats of distributions: their metadata comes as fields.

use std::io::Read as _;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use ureq::http::{StatusCode, header};

use super::auth;
use super::backoff::Problem;
use super::client::Client;
use super::config::Index;
use super::error::FetchError;
use super::partial::hex;
use super::transport::{Ask, Part, body_cause, passing, retry_after};

/// So much of what an index says about a refusal is read.
const LARGEST_ANSWER: u64 = 64 << 10;
/// So many characters of it are told.
const LONGEST_REASON: usize = 300;
/// From this size on an index is asked whether a form is taken before it is sent, and so long its leave is waited for.
const LARGE: usize = 1 << 20;
const LONGEST_LEAVE: Duration = Duration::from_secs(5);
/// How long an index may take to put a file away that it was sent.
const PATIENCE: Duration = Duration::from_secs(180);
/// No file to compare with is larger than this.
const LARGEST_FILE: u64 = 4 << 30;

/// A file that is uploaded.
#[derive(Debug, Clone, Copy)]
pub struct Package<'a> {
    /// Its name.
    pub file: &'a str,
    /// Its bytes.
    pub content: &'a [u8],
    /// The fields of the form beside what is told of every upload.
    pub fields: &'a [(String, String)],
}

/// What an index has under the name of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Nothing.
    Nothing,
    /// The same bytes.
    Same,
    /// Other bytes.
    Other,
}

impl Client {
    /// What the index of a name has under the name of a file of a project.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub fn existing(
        &self,
        index: &str,
        project: &str,
        file: &str,
        content: &[u8],
    ) -> Result<Existing, FetchError> {
        // A project whose files are all gone may have an empty page.
        if self.page(index, project).is_ok_and(|page| page.files.is_empty()) {
            return Ok(Existing::Nothing);
        }
        let found = match self.locate(index, project, file) {
            Err(FetchError::NoProject { .. } | FetchError::NoFile { .. }) => return Ok(Existing::Nothing),
            found => found?,
        };
        let own = sha256(content);
        let theirs = match found.sha256 {
            Some(sha256) => sha256,
            // The page does not tell: only the file itself does.
            None => {
                let ask = Ask {
                    index: &*self.index(index)?,
                    url: &found.url,
                    what: file,
                    accept: None,
                    part: Part::All,
                };
                self.retry.run(|| {
                    let mut body = Vec::new();
                    let read = self.send(&ask)?.body.take(LARGEST_FILE).read_to_end(&mut body);
                    read.map_err(|error| passing(&ask, body_cause(error), false))?;
                    Ok(sha256(&body))
                })?
            }
        };
        Ok(if own == theirs { Existing::Same } else { Existing::Other })
    }

    /// Uploads a file to the address of `place`, again while a failure may pass.
    ///
    /// # Errors
    /// See [`FetchError`]; what the index says to a refusal is told without the credentials.
    pub fn upload(&self, place: &Index, package: &Package<'_>) -> Result<(), FetchError> {
        let form = Form::of(package);
        self.retry.run(|| self.post(place, package.file, &form))
    }

    fn post(&self, place: &Index, file: &str, form: &Form) -> Result<(), Problem> {
        if self.offline {
            return Err(FetchError::Offline { what: file.to_owned(), size: None }.into());
        }
        let url = place.url.without_credentials();
        let ask = Ask { index: place, url, what: file, accept: None, part: Part::All };
        let mut request = (self.agent.post(url.as_str()).config())
            .https_only(url.scheme() == "https")
            .proxy(self.proxies.of(url.scheme()))
            // A form that is redirected would arrive without its content.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_recv_response(Some(PATIENCE))
            .timeout_per_write(Some(PATIENCE))
            .timeout_await_100(Some(LONGEST_LEAVE))
            .build()
            .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={}", form.boundary));
        if form.body.len() >= LARGE {
            // Whoever refuses it says so before it is sent, and not by cutting the connection.
            request = request.header(header::EXPECT, "100-continue");
        }
        if let Some(found) = place.credentials() {
            request = request.header(header::AUTHORIZATION, auth::header(found));
        }
        let response = request.send(&form.body[..]).map_err(|error| self.failed(&ask, &error))?;
        let (index, what) = (place.name.clone(), file.to_owned());
        let status = response.status();
        match status.as_u16() {
            200..=299 => Ok(()),
            code @ (401 | 403 | 407) => {
                let credentials = place.credentials().map(|_| place.login.origin().to_owned());
                let origin = place.origin.clone();
                Err(FetchError::Refused { index, what, status: code, origin, credentials }.into())
            }
            code @ (408 | 425 | 429 | 500..=599) => {
                let wait = retry_after(response.headers());
                let seconds = wait.map(|wait| wait.as_secs());
                let error = FetchError::Status { index, what, status: code, attempts: 1, wait: seconds };
                Err(Problem::Passing { error: Box::new(error), wait, progress: false })
            }
            300..=399 => {
                let reason = "its address leads to another one, which has to be named itself".to_owned();
                Err(FetchError::Rejected { index, what, reason }.into())
            }
            _ => {
                let mut said = Vec::new();
                // What cannot be read of an explanation is not told.
                let _ = response.into_body().into_reader().take(LARGEST_ANSWER).read_to_end(&mut said);
                let reason = reason(status, &String::from_utf8_lossy(&said), place);
                Err(FetchError::Rejected { index, what, reason }.into())
            }
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    hex(&hash)
}

/// What an index says, without markup, secrets and length.
fn reason(status: StatusCode, said: &str, place: &Index) -> String {
    let mut text = String::new();
    let mut in_tag = false;
    // The title of a page says again what its body says.
    let body = said.split_once("</head>").map_or(said, |(_, body)| body);
    for c in body.chars() {
        match c {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                text.push(' ');
            }
            c if !in_tag => text.push(c),
            _ => {}
        }
    }
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((name, password)) = place.credentials() {
        for secret in [password, name].into_iter().filter(|secret| !secret.is_empty()) {
            text = text.replace(secret, "***");
        }
    }
    let short: String = text.chars().take(LONGEST_REASON).collect();
    let code = status.as_u16();
    if short.is_empty() { format!("status {code}") } else { format!("status {code}: {short}") }
}

/// A form with one file.
struct Form {
    boundary: String,
    body: Vec<u8>,
}

impl Form {
    fn of(package: &Package<'_>) -> Form {
        let sha256 = sha256(package.content);
        let boundary = format!("pants-{sha256}");
        let fixed = [(":action", "file_upload"), ("protocol_version", "1"), ("sha256_digest", &sha256)];
        let given = package.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut body = Vec::with_capacity(package.content.len() + 4096);
        for (name, value) in fixed.into_iter().chain(given) {
            let name = quoted(name);
            let part =
                format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(part.as_bytes());
        }
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"content\"; filename=\"{}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
            quoted(package.file)
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(package.content);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        Form { boundary, body }
    }
}

/// A name in the head of a part.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{Declarations, Surroundings};

    #[test]
    fn refusals_are_told_in_few_words_and_without_secrets() {
        let around = Surroundings { env: [].into(), root: "/repository".into(), system: "/nowhere".into() };
        let place = Index::to_upload(
            "own",
            "https://bob:s3cret@h.example/",
            "a test".into(),
            &Declarations::default(),
            &around,
        )
        .unwrap();
        let said =
            "<html><head><title>Error</title></head><body><h1>No</h1>\n s3cret of bob is &lt;old</body>";
        assert_eq!(reason(StatusCode::CONFLICT, said, &place), "status 409: No *** of *** is &lt;old");
        assert_eq!(reason(StatusCode::BAD_REQUEST, "", &place), "status 400");
        assert!(reason(StatusCode::BAD_REQUEST, &"x".repeat(9000), &place).len() < 400);
    }

    #[test]
    fn forms_hold_fields_and_a_file() {
        let fields = [("name".to_owned(), "a\"b".to_owned())];
        let form = Form::of(&Package { file: "a.whl", content: b"PK", fields: &fields });
        let text = String::from_utf8(form.body).unwrap();
        assert!(text.contains("name=\"name\"\r\n\r\na\"b\r\n"));
        assert!(
            text.contains("filename=\"a.whl\"\r\nContent-Type: application/octet-stream\r\n\r\nPK\r\n--")
        );
        assert!(text.ends_with("--\r\n"));
    }
}
