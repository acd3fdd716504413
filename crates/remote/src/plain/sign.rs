//! Signs requests to object stores by version 4 of the signatures of AWS. Sends nothing and knows no clock.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest as _, Sha256};

use crate::settings::Keys;

/// What stands for a content that is not signed.
pub(super) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// The bytes of a block of SHA-256.
const BLOCK: usize = 64;

/// A request as far as it is signed.
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    pub(super) host: &'a str,
    /// As it is sent.
    pub(super) path: &'a str,
    /// As it is sent, sorted by name.
    pub(super) query: &'a str,
    /// Headers besides those that every request has: lower-case names, sorted.
    pub(super) headers: &'a [(&'a str, String)],
    /// The SHA-256 of the content, or [`UNSIGNED`].
    pub(super) content: &'a str,
}

/// The headers that prove who asks, at this time.
pub(super) fn sign(
    request: &Signed<'_>,
    keys: &Keys,
    region: &str,
    now: SystemTime,
) -> Vec<(&'static str, String)> {
    let time = stamp(now.duration_since(UNIX_EPOCH).unwrap_or_default());
    let day = &time[..8];
    let mut headers: Vec<(&str, String)> = vec![
        ("host", request.host.to_owned()),
        ("x-amz-content-sha256", request.content.to_owned()),
        ("x-amz-date", time.clone()),
    ];
    if let Some(token) = &keys.session {
        headers.push(("x-amz-security-token", token.clone()));
    }
    headers.extend(request.headers.iter().cloned());
    headers.sort();
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let mut canonical = format!("{}\n{}\n{}\n", request.method, request.path, request.query);
    for (name, value) in &headers {
        let _ = writeln!(canonical, "{name}:{}", value.trim());
    }
    let _ = write!(canonical, "\n{names}\n{}", request.content);
    let scope = format!("{day}/{region}/s3/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", sha256(canonical.as_bytes()));
    let mut key = hmac(format!("AWS4{}", keys.secret).as_bytes(), day.as_bytes());
    for part in [region, "s3", "aws4_request"] {
        key = hmac(&key, part.as_bytes());
    }
    let signature = hex(&hmac(&key, text.as_bytes()));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={signature}",
        keys.id
    );
    let mut made = vec![
        ("x-amz-content-sha256", request.content.to_owned()),
        ("x-amz-date", time),
        ("authorization", authorization),
    ];
    if let Some(token) = &keys.session {
        made.push(("x-amz-security-token", token.clone()));
    }
    made
}

/// The SHA-256 of something, in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// A text as it stands in a query or, with its slashes, in a path.
pub(super) fn encoded(text: &str, keep_slashes: bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            b'/' if keep_slashes => encoded.push('/'),
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0; BLOCK];
    match key.len() {
        ..=BLOCK => block[..key.len()].copy_from_slice(key),
        _ => block[..32].copy_from_slice(&Sha256::digest(key)),
    }
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `20130524T000000Z`, for the time since the epoch.
fn stamp(since: Duration) -> String {
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // Years that begin in March, in eras of 400 years, have their leap days last.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written() {
        let check = |seconds, expected| assert_eq!(stamp(Duration::from_secs(seconds)), expected);
        check(0, "19700101T000000Z");
        check(951_782_399, "20000228T235959Z");
        check(951_868_799, "20000229T235959Z");
        check(1_369_353_600, "20130524T000000Z");
        check(1_709_251_200, "20240301T000000Z");
    }

    /// The example in the documentation of the signature.
    #[test]
    fn requests_are_signed() {
        let keys = Keys {
            id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            session: None,
        };
        let request = Signed {
            method: "GET",
            host: "examplebucket.s3.amazonaws.com",
            path: "/test.txt",
            query: "",
            headers: &[("range", "bytes=0-9".to_owned())],
            content: &sha256(b""),
        };
        let made = sign(&request, &keys, "us-east-1", UNIX_EPOCH + Duration::from_secs(1_369_353_600));
        let authorization = &made.iter().find(|(name, _)| *name == "authorization").unwrap().1;
        assert!(
            authorization
                .ends_with("Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
            "{authorization}"
        );
    }

    #[test]
    fn names_are_encoded() {
        assert_eq!(encoded("a b/c~+=", true), "a%20b/c~%2B%3D");
        assert_eq!(encoded("a/b", false), "a%2Fb");
    }
}
