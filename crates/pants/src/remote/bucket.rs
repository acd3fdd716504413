//! How a bucket is reached, and who has the keys to it: what the configuration says, then what other programs for object
//! stores read. Asks nobody.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use remote::{BucketSettings, KeySource, Keys, KeysFrom};

use crate::config::RemoteSettings;
use crate::environment::Environment;

/// Where containers and virtual machines are told their keys.
const CONTAINER: &str = "http://169.254.170.2";
const MACHINE: &str = "http://169.254.169.254";

/// What is said of `bucket`.
pub(super) fn settings(bucket: &str, said: &RemoteSettings, environment: &Environment) -> BucketSettings {
    let first = |names: &[&str]| names.iter().find_map(|name| environment.get(name)).map(str::to_owned);
    let endpoint = said.endpoint.clone().or_else(|| first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]));
    let region = said.region.clone().or_else(|| first(&["AWS_REGION", "AWS_DEFAULT_REGION"]));
    BucketSettings {
        region: region.unwrap_or_else(|| "us-east-1".to_owned()),
        // No certificate is for a host below that of a bucket.
        path_style: said.path_style.unwrap_or(endpoint.is_some() || bucket.contains('.')),
        endpoint,
        keys: Arc::new(OfEnvironment(environment.clone())),
    }
}

/// The keys that variables, files, and what surrounds a process have, in this order.
struct OfEnvironment(Environment);

impl KeySource for OfEnvironment {
    fn keys(&self, _renew: bool) -> Result<KeysFrom, String> {
        let get = |name: &str| self.0.get(name).map(str::to_owned);
        if let Some((id, secret)) = get("AWS_ACCESS_KEY_ID").zip(get("AWS_SECRET_ACCESS_KEY")) {
            return Ok(KeysFrom::Given(Keys { id, secret, session: get("AWS_SESSION_TOKEN") }));
        }
        if let Some(keys) = self.of_file()? {
            return Ok(KeysFrom::Given(keys));
        }
        let relative = get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").map(|uri| format!("{CONTAINER}{uri}"));
        if let Some(url) = relative.or_else(|| get("AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
            let of_file = get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
                .map(|path| {
                    fs::read_to_string(&path).map_err(|error| format!("cannot read `{path}`: {error}"))
                })
                .transpose()?;
            let authorization = of_file.map(|token| token.trim().to_owned());
            let authorization = authorization.or_else(|| get("AWS_CONTAINER_AUTHORIZATION_TOKEN"));
            return Ok(KeysFrom::Container { url, authorization });
        }
        if get("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Err(
                "neither `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` nor a file has keys".to_owned()
            );
        }
        let url = get("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or_else(|| MACHINE.to_owned());
        Ok(KeysFrom::Machine { url })
    }
}

impl OfEnvironment {
    /// The keys of a profile; none where there is no file, and no profile was asked for.
    fn of_file(&self) -> Result<Option<Keys>, String> {
        let named = self.0.get("AWS_PROFILE").or_else(|| self.0.get("AWS_DEFAULT_PROFILE"));
        let file = self.0.get("AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from);
        let Some(file) = file.or_else(|| Some(self.0.home()?.join(".aws/credentials"))) else {
            return Ok(None);
        };
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => return Ok(None),
            Err(error) => return Err(format!("cannot read `{}`: {error}", file.display())),
        };
        match (keys(&text, named.unwrap_or("default")), named) {
            (None, Some(named)) => Err(format!("`{}` has no keys of the profile `{named}`", file.display())),
            (keys, _) => Ok(keys),
        }
    }
}

/// The keys of a profile in the text of a file.
fn keys(text: &str, profile: &str) -> Option<Keys> {
    let (mut inside, mut id, mut secret, mut session) = (false, None, None, None);
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            inside = name.trim().trim_start_matches("profile ").trim() == profile;
        } else if let Some((name, value)) = line.split_once('=').filter(|_| inside) {
            let kept = match name.trim() {
                "aws_access_key_id" => &mut id,
                "aws_secret_access_key" => &mut secret,
                "aws_session_token" => &mut session,
                _ => continue,
            };
            *kept = Some(value.trim().to_owned());
        }
    }
    Some(Keys { id: id?, secret: secret?, session })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_read() {
        let text = "[default]\naws_access_key_id = one\n; no\naws_secret_access_key=a=b\n\n[profile ci]\n\
                    aws_access_key_id=two\naws_secret_access_key= c\naws_session_token = d\n[half]\naws_access_key_id=x\n";
        let check = |profile: &str, expected: Option<(&str, &str, Option<&str>)>| {
            let found = keys(text, profile);
            let found =
                found.as_ref().map(|keys| (keys.id.as_str(), keys.secret.as_str(), keys.session.as_deref()));
            assert_eq!(found, expected, "{profile}");
        };
        check("default", Some(("one", "a=b", None)));
        check("ci", Some(("two", "c", Some("d"))));
        check("half", None);
        check("none", None);
    }

    #[test]
    fn variables_come_before_what_surrounds_the_process() {
        let given = |variables: &[(&str, &str)]| {
            let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let environment = Environment {
                variables: variables.collect(),
                folder: PathBuf::from("/"),
                program: PathBuf::new(),
            };
            format!("{:?}", OfEnvironment(environment).keys(false))
        };
        let both = [("AWS_ACCESS_KEY_ID", "one"), ("AWS_SECRET_ACCESS_KEY", "hidden")];
        assert!(given(&both).contains("one") && !given(&both).contains("hidden"));
        let container = [("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/keys")];
        assert!(given(&container).contains("http://169.254.170.2/keys"));
        assert!(given(&[]).contains("Machine"));
        assert!(given(&[("AWS_EC2_METADATA_DISABLED", "true")]).contains("AWS_ACCESS_KEY_ID"));
        assert!(given(&[("AWS_PROFILE", "ci"), ("HOME", "/none")]).contains("/none/.aws/credentials"));
    }
}
