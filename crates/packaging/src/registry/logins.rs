//! Credentials for registries where `docker login` and `podman login` keep them: in files, and in programs that these name.

use std::collections::BTreeMap;
use std::fmt;
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
/// The name under which such files know the registry of names without a host.
const HUB: &str = "https://index.docker.io/v1/";
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
    for path in files(env) {
        let Ok(text) = std::fs::read(&path) else { continue };
        let file = path.display().to_string();
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
    let runtime = var("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json"));
    let podman = var("HOME").map(|home| home.join(".config/containers/auth.json"));
    let docker = docker.map(|folder| folder.join("config.json"));
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
        let helper = names.iter().find_map(|name| Some((name, self.helpers.get(name)?)));
        let stored = self.store.as_ref().map(|store| (&names[names.len() - 1], store));
        for (name, helper) in helper.into_iter().chain(stored.filter(|_| helper.is_none())) {
            let found = ask(env, helper, name).map_err(|reason| RegistryError::Helper {
                host: repository.host.clone(),
                helper: format!("docker-credential-{helper}"),
                file: file.to_owned(),
                reason,
            })?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(names.iter().find_map(|name| self.auths.get(name)?.login()))
    }
}

impl Kept {
    fn login(&self) -> Option<Login> {
        if !self.identitytoken.is_empty() {
            return Some(Login::Token(self.identitytoken.clone()));
        }
        let pair = String::from_utf8(STANDARD.decode(self.auth.trim()).ok()?).ok()?;
        let (user, password) = pair.split_once(':')?;
        let password = password.trim_end_matches('\0');
        Some(Login::Password { user: user.to_owned(), password: password.to_owned() })
    }
}

/// The names under which a repository may have credentials, the nearest first; the last is that of its registry as programs
/// know it.
fn names(repository: &Repository) -> Vec<String> {
    let host = &repository.host;
    let mut names = Vec::new();
    let mut path = repository.path.as_str();
    loop {
        names.push(format!("{host}/{path}"));
        match path.rsplit_once('/') {
            Some((above, _)) => path = above,
            None => break,
        }
    }
    let of_host = ["https://{}/v1/", "https://{}/v2/", "https://{}", "http://{}", "{}"];
    names.extend(of_host.map(|form| form.replace("{}", host)));
    if repository.is_of_hub() {
        names.push(HUB.to_owned());
    }
    names
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
        check(&auths("r.example/a"), "r.example/a/b", bob());
        check(&auths("r.example/c"), "r.example/a/b", None);
        check(&auths("https://index.docker.io/v1/"), "python", bob());
        check(&auths("other.example"), "r.example/a", None);
        let token = || Some(Login::Token("t".to_owned()));
        check("{\"auths\": {\"r.example\": {\"identitytoken\": \"t\"}}}", "r.example/a", token());
        check("{\"credHelpers\": {\"r.example\": \"own\"}}", "r.example/a", token());
        check("{\"credsStore\": \"own\"}", "r.example/a", token());
        check("{\"credsStore\": \"own\"}", "none.example/a", None);
        check("{}", "r.example/a", None);
    }

    #[test]
    fn a_program_that_fails_is_told() {
        let env = BTreeMap::from([("PATH".to_owned(), "/nowhere".to_owned())]);
        assert_eq!(ask(&env, "own", "r.example").unwrap_err(), "it is not on PATH");
    }
}
