//! The section `[remote]`, typed. Connects to nothing and reads no file.

use graph::Place;
use remote::{Address, Workers};

use super::sources::Settings;
use super::value::{Setting, Value};
use super::{flag, named_texts, number, size, text};
use crate::diagnostic::{Diagnostic, Exit};

const SECTION: &str = "remote";

/// The keys that say what is shown to the server, of which one can be given.
const PROOFS: [&str; 3] = ["token_env", "token_file", "credential_helper"];

/// How a server is shown who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// A token in a variable.
    Variable(String),
    /// A token in a file.
    File(String),
    /// Whatever a program says.
    Helper(String),
}

/// What is said of a server.
#[derive(Clone, Debug)]
pub(crate) struct RemoteSettings {
    pub(crate) cache: Option<Address>,
    pub(crate) instance: String,
    /// The object store that has the bucket, where that is not the usual one.
    pub(crate) endpoint: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) path_style: Option<bool>,
    /// How many bytes a folder may take.
    pub(crate) budget: Option<u64>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) ca_certs: Option<String>,
    /// The files of a certificate and its key.
    pub(crate) identity: Option<(String, String)>,
    pub(crate) proof: Option<Proof>,
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) workers: Workers,
    /// In seconds.
    pub(crate) timeout: u16,
    /// In seconds.
    pub(crate) upload_timeout: u16,
}

impl Default for RemoteSettings {
    fn default() -> RemoteSettings {
        RemoteSettings {
            cache: None,
            instance: String::new(),
            endpoint: None,
            region: None,
            path_style: None,
            budget: None,
            headers: Vec::new(),
            ca_certs: None,
            identity: None,
            proof: None,
            read: true,
            write: true,
            workers: Workers { places: 32, falls_back: true, ..Workers::default() },
            timeout: 2,
            upload_timeout: 30,
        }
    }
}

/// What the section says. Fails with all that is wrong.
pub(super) fn settings(settings: &mut Settings) -> Result<RemoteSettings, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    let default = RemoteSettings::default();
    let place = |settings: &Settings, name: &str| -> Option<Place> {
        settings.get(&(SECTION.to_owned(), name.to_owned())).map(|setting| setting.place.clone())
    };
    let cert_at = place(settings, "client_cert").or_else(|| place(settings, "client_key"));
    let identity = match (text(settings, SECTION, "client_cert"), text(settings, SECTION, "client_key")) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => {
            let message = "`client_cert` and `client_key` are given together or not at all";
            errors.push(Diagnostic::error(Exit::Wrong, "config::remote", message).at(cert_at));
            None
        }
    };
    let budget = size(settings.remove(&(SECTION.to_owned(), "budget".to_owned()))).unwrap_or_else(|wrong| {
        errors.extend(wrong);
        None
    });
    let found = RemoteSettings {
        budget,
        cache: address(settings, &mut errors),
        instance: text(settings, SECTION, "instance").unwrap_or_default(),
        endpoint: text(settings, SECTION, "endpoint"),
        region: text(settings, SECTION, "region"),
        path_style: flag(settings, SECTION, "path_style"),
        headers: named_texts(settings, "remote.headers"),
        ca_certs: text(settings, SECTION, "ca_certs"),
        identity,
        proof: proof(settings, &mut errors),
        read: flag(settings, SECTION, "read").unwrap_or(default.read),
        write: flag(settings, SECTION, "write").unwrap_or(default.write),
        workers: workers(settings, default.workers),
        timeout: number(settings, SECTION, "timeout").unwrap_or(default.timeout),
        upload_timeout: number(settings, SECTION, "upload_timeout").unwrap_or(default.upload_timeout),
    };
    if errors.is_empty() { Ok(found) } else { Err(errors) }
}

/// Where workers have the shell and the interpreters, what they are, and what they are used for.
fn workers(settings: &mut Settings, default: Workers) -> Workers {
    let places = number(settings, SECTION, "exec_jobs").map(|places| usize::from(places).max(1));
    let mut said = |key: &str, default: bool| flag(settings, SECTION, key).unwrap_or(default);
    let (all, falls_back) = (said("exec", default.all), said("exec_fallback", default.falls_back));
    let races = said("exec_race", default.races);
    let symbol = |(name, path): (String, String)| match name.as_str() {
        "sh" => (name, path),
        _ => (format!("python:{name}"), path),
    };
    let shell = ("sh".to_owned(), "/bin/sh".to_owned());
    let tools = named_texts(settings, "remote.interpreters").into_iter().map(symbol);
    Workers {
        all,
        places: places.unwrap_or(default.places),
        falls_back,
        races,
        tools: std::iter::once(shell).chain(tools).collect(),
        platform: named_texts(settings, "remote.platform").into_iter().collect(),
    }
}

fn address(settings: &mut Settings, errors: &mut Vec<Diagnostic>) -> Option<Address> {
    let setting = settings.remove(&(SECTION.to_owned(), "cache".to_owned()));
    let Some(Setting { value: Value::Text(text), place }) = setting else { return None };
    // A variable that is set to nothing turns it off.
    if text.is_empty() {
        return None;
    }
    let parsed = text.parse();
    parsed
        .map_err(|error: remote::AddressError| {
            let help = match text.split_once("://") {
                None => format!("a folder below the root is `./{text}`"),
                Some(_) => {
                    "such as `grpcs://cache.example.com:443`; names and passwords are not in it".to_owned()
                }
            };
            let error = Diagnostic::error(Exit::Wrong, "config::remote", format!("`cache`: {error}"));
            errors.push(error.at(Some(place)).help(Some(help)));
        })
        .ok()
}

fn proof(settings: &mut Settings, errors: &mut Vec<Diagnostic>) -> Option<Proof> {
    let given = PROOFS.map(|key| settings.remove(&(SECTION.to_owned(), key.to_owned())));
    let given: Vec<(&str, Setting)> =
        PROOFS.into_iter().zip(given).filter_map(|(key, setting)| Some((key, setting?))).collect();
    if let [(first, _), (second, setting), ..] = given.as_slice() {
        let message = format!("`{first}` and `{second}` cannot both say what is shown to the server");
        let error = Diagnostic::error(Exit::Wrong, "config::remote", message);
        errors.push(error.at(Some(setting.place.clone())).help(Some("leave one of them out")));
        return None;
    }
    let (key, Setting { value, .. }) = given.into_iter().next()?;
    let Value::Text(text) = value else { return None };
    Some(match key {
        "token_env" => Proof::Variable(text),
        "token_file" => Proof::File(text),
        _ => Proof::Helper(text),
    })
}
