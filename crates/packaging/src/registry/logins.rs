//! Credentials for registries where `docker login` and `podman login` keep them: in files, and in programs that these name.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::{Cancel, Said, run_and_answer};
use serde::Deserialize;

use super::RegistryError;
use crate::image::Repository;

/// How long a program may take to give credentials.
const PATIENCE: Duration = Duration::from_secs(60);
/// The name under which programs know the registry of names without a host, and that in files.
const HUB: &str = "https://index.docker.io/v1/";
const HUB_HOST: &str = "index.docker.io";
/// The variable that may hold what such a file does.
const VARIABLE: &str = "DOCKER_AUTH_CONFIG";
/// The user name with which a program says that what it gives is a token.
const TOKEN_USER: &str = "<token>";
/// What such a program says where it has none.
const NOT_FOUND: &str = "credentials not found";

/// How a user is known to a registry. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Login {
    /// By name and password.
    Password { user: String, password: String },
    /// By a token that other tokens are given out for.
    Token(String),
}

impl Login {
    /// A text without what nobody may read.
    pub(super) fn hide(&self, text: &str) -> String {
        let (Login::Password { password: secret, .. } | Login::Token(secret)) = self;
        if secret.is_empty() { text.to_owned() } else { text.replace(secret.as_str(), "***") }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login(hidden)")
    }
}

/// A file as `docker login` writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConfigFile {
    auths: BTreeMap<String, Kept>,
    #[serde(rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
    #[serde(rename = "credsStore")]
    store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Kept {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept(hidden)")
    }
}

/// What a program says.
#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username")]
    user: String,
    #[serde(rename = "Secret")]
    secret: String,
}

/// The credentials for a repository, and what they come from: of several files the first that has some.
///
/// # Errors
/// Where a file cannot be read, or a program that it names does not answer.
pub(super) fn find(
    env: &BTreeMap<String, String>,
    repository: &Repository,
) -> Result<Option<(Login, String)>, RegistryError> {
    let of_variable = env.get(VARIABLE).filter(|text| !text.is_empty());
    let of_variable = of_variable.map(|text| (VARIABLE.to_owned(), text.clone().into_bytes()));
    let of_files = files(env).into_iter().filter_map(|path| {
        let text = std::fs::read(&path).ok()?;
        Some((path.display().to_string(), text))
    });
    for (file, text) in of_variable.into_iter().chain(of_files) {
        let config: ConfigFile = serde_json::from_slice(&text).map_err(|error| {
            // The message names the place and never the text, which may be a secret.
            let reason = format!("line {} is no JSON of this form", error.line());
            RegistryError::File { file: file.clone(), reason }
        })?;
        if let Some(found) = config.login(env, repository, &file)? {
            return Ok(Some((found, format!("`{file}`"))));
        }
    }
    Ok(None)
}

/// Where such files are.
fn files(env: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let var = |name: &str| env.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let docker = var("DOCKER_CONFIG").or_else(|| Some(var("HOME")?.join(".docker")));
    let docker = docker.map(|folder| folder.join("config.json"));
    // Where podman keeps what is to be forgotten at the next start of the machine.
    let runtime = var("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")).or_else(|| {
        let user = std::fs::metadata("/proc/self").ok()?.uid();
        Some(format!("/run/containers/{user}/auth.json").into())
    });
    let podman = var("HOME").map(|home| home.join(".config/containers/auth.json"));
    [var("REGISTRY_AUTH_FILE"), docker, runtime, podman].into_iter().flatten().collect()
}

impl ConfigFile {
    fn login(
        &self,
        env: &BTreeMap<String, String>,
        repository: &Repository,
        file: &str,
    ) -> Result<Option<Login>, RegistryError> {
        let names = names(repository);
        let of_programs = |name: &str| if repository.is_of_hub() { HUB.to_owned() } else { name.to_owned() };
        let helper = |name: &String| Some((of_programs(name), self.helpers.get(name)?));
        let helper = names.iter().find_map(helper);
        let stored = self.store.as_ref().map(|store| (of_programs(&repository.host), store));
        let is_alone = helper.is_none();
        for (name, helper) in helper.into_iter().chain(stored.filter(|_| is_alone)) {
            let found = ask(env, helper, &name).map_err(|reason| RegistryError::Helper {
                host: repository.host.clone(),
                helper: format!("docker-credential-{helper}"),
                file: file.to_owned(),
                reason,
            })?;
            if found.is_some() {
                return Ok(found);
            }
        }
        let kept = |name: &String| {
            let kept = self.auths.iter().filter(|(key, _)| bare(key) == name);
            kept.filter_map(|(_, kept)| kept.login()).next()
        };
        Ok(names.iter().find_map(kept))
    }
}

impl Kept {
    fn login(&self) -> Option<Login> {
        if !self.identitytoken.is_empty() {
            return Some(Login::Token(self.identitytoken.clone()));
        }
        if self.auth.is_empty() && !self.username.is_empty() {
            let (user, password) = (self.username.clone(), self.password.clone());
            return Some(Login::Password { user, password });
        }
        let pair = String::from_utf8(STANDARD.decode(self.auth.trim()).ok()?).ok()?;
        let (user, password) = pair.split_once(':')?;
        let password = password.trim_end_matches('\0');
        Some(Login::Password { user: user.to_owned(), password: password.to_owned() })
    }
}

/// The names under which a repository may have credentials, the nearest first.
fn names(repository: &Repository) -> Vec<String> {
    let host = &repository.host;
    let mut names = Vec::new();
    let mut path = Some(repository.path.as_str());
    while let Some(part) = path {
        names.push(format!("{host}/{part}"));
        path = part.rsplit_once('/').map(|(above, _)| above);
    }
    names.push(host.clone());
    if repository.is_of_hub() {
        names.extend([HUB_HOST.to_owned(), HUB.to_owned()]);
    }
    names
}

/// The name under which something is kept, without what some programs write around it.
fn bare(key: &str) -> &str {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let key = key.trim_end_matches('/');
    key.strip_suffix("/v1").or_else(|| key.strip_suffix("/v2")).unwrap_or(key)
}

/// Asks a program for the credentials of a registry; none where it has none.
fn ask(env: &BTreeMap<String, String>, helper: &str, name: &str) -> Result<Option<Login>, String> {
    let program = format!("docker-credential-{helper}");
    let path = env.get("PATH").map(String::as_str).unwrap_or_default();
    let found = std::env::split_paths(path).map(|folder| folder.join(&program)).find(|file| file.is_file());
    let found = found.ok_or("it is not on PATH")?;
    let mut command = Command::new(found);
    command.arg("get").env_clear().envs(env);
    let said: Said = run_and_answer(&mut command, name.as_bytes(), Some(PATIENCE), &Cancel::new())
        .map_err(|error| error.to_string())?;
    if !said.success() {
        let text =
            format!("{}{}", String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        if text.contains(NOT_FOUND) {
            return Ok(None);
        }
        let line = text.lines().map(str::trim).find(|line| !line.is_empty());
        return Err(line.unwrap_or("it failed without a word").to_owned());
    }
    let answer: Answer = serde_json::from_slice(&said.stdout)
        .map_err(|_| "its answer is not of the form that it should be")?;
    Ok(Some(if answer.user == TOKEN_USER {
        Login::Token(answer.secret)
    } else {
        Login::Password { user: answer.user, password: answer.secret }
    }))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn check(config: &str, repository: &str, expect: Option<Login>) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.json"), config).unwrap();
        let helper = folder.path().join("docker-credential-own");
        let script = "#!/bin/sh\nread host\ncase $host in\n  r.example) echo '{\"Username\": \"<token>\", \"Secret\": \"t\"}';;\n  \
                      broken*) echo no; exit 1;;\n  *) echo 'credentials not found in native keychain'; exit 1;;\nesac\n";
        fs::write(&helper, script).unwrap();
        fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        let env = [("DOCKER_CONFIG", folder.path().display().to_string()), ("PATH", path)];
        let env = env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let found = find(&env, &Repository::parse(repository).unwrap()).unwrap();
        assert_eq!(found.map(|(login, _)| login), expect, "{config} {repository}");
    }

    #[test]
    fn credentials_are_found_where_others_keep_them() {
        let bob = || Some(Login::Password { user: "bob".to_owned(), password: "s3cret".to_owned() });
        let auths = |name: &str| format!("{{\"auths\": {{\"{name}\": {{\"auth\": \"Ym9iOnMzY3JldA==\"}}}}}}");
        check(&auths("r.example"), "r.example/a/b", bob());
        check(&auths("https://r.example"), "r.example/a/b", bob());
        check(&auths("http://r.example/v2/"), "r.example/a/b", bob());
        check(&auths("r.example/a"), "r.example/a/b", bob());
        check(&auths("docker.io"), "python", bob());
        check(&auths("r.example/c"), "r.example/a/b", None);
        check(&auths("https://index.docker.io/v1/"), "python", bob());
        check(&auths("other.example"), "r.example/a", None);
        let plain = "{\"auths\": {\"r.example\": {\"username\": \"bob\", \"password\": \"s3cret\"}}}";
        check(plain, "r.example/a", bob());
        let token = || Some(Login::Token("t".to_owned()));
        check("{\"auths\": {\"r.example\": {\"identitytoken\": \"t\"}}}", "r.example/a", token());
        check("{\"credHelpers\": {\"r.example\": \"own\"}}", "r.example/a", token());
        check("{\"credsStore\": \"own\"}", "r.example/a", token());
        check("{\"credsStore\": \"own\"}", "none.example/a", None);
        check("{}", "r.example/a", None);
    }

    #[test]
    fn a_variable_goes_before_files() {
        let config = "{\"auths\": {\"r.example\": {\"identitytoken\": \"t\"}}}";
        let env = BTreeMap::from([(VARIABLE.to_owned(), config.to_owned())]);
        let found = find(&env, &Repository::parse("r.example/a").unwrap()).unwrap();
        assert_eq!(found, Some((Login::Token("t".to_owned()), format!("`{VARIABLE}`"))));
        let env = BTreeMap::from([(VARIABLE.to_owned(), "s3cret".to_owned())]);
        let error = find(&env, &Repository::parse("r.example/a").unwrap()).unwrap_err().to_string();
        assert!(error.contains(VARIABLE) && !error.contains("s3cret"), "{error}");
    }

    #[test]
    fn a_program_that_fails_is_told() {
        let env = BTreeMap::from([("PATH".to_owned(), "/nowhere".to_owned())]);
        assert_eq!(ask(&env, "own", "r.example").unwrap_err(), "it is not on PATH");
    }
}
