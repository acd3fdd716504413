//! Which certificates and which proxies connections go by: from the environment, pip's files, or the system.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ureq::Proxy;
use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

use super::config::Reach;
use super::error::IndexError;

/// Where distributions of Linux keep their bundle, and macOS its copy.
const SYSTEM_BUNDLES: [&str; 6] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/ssl/cert.pem",
];

/// The certificates that are trusted.
#[derive(Clone)]
pub(crate) struct Trust {
    pub(crate) roots: RootCerts,
    /// What named them, for messages.
    pub(crate) origin: String,
    /// The file, if they come from one.
    pub(crate) path: Option<PathBuf>,
}

impl Trust {
    /// What the repository names, `PIP_CERT`, `REQUESTS_CA_BUNDLE`, `SSL_CERT_FILE`, pip's files, `SSL_CERT_DIR`, the
    /// system's bundle, and last the roots that are compiled in.
    ///
    /// # Errors
    /// A bundle that was named and holds no certificate.
    pub(crate) fn find(env: &BTreeMap<String, String>, reach: &Reach) -> Result<Self, IndexError> {
        let of_variable = |variable: &str| {
            let path = env.get(variable).filter(|path| !path.is_empty())?;
            Some((PathBuf::from(path), format!("`{variable}`")))
        };
        let variables = ["PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"];
        let named = reach.own_cert.clone().or_else(|| variables.into_iter().find_map(of_variable));
        let named = named.or_else(|| reach.cert.clone()).or_else(|| of_variable("SSL_CERT_DIR"));
        if let Some((path, origin)) = named {
            let Some(roots) = read(&path) else { return Err(IndexError::Certificates { path, origin }) };
            return Ok(Self { roots, origin, path: Some(path) });
        }
        for bundle in SYSTEM_BUNDLES {
            if let Some(roots) = read(Path::new(bundle)) {
                return Ok(Self { roots, origin: "the system's bundle".into(), path: Some(bundle.into()) });
            }
        }
        Ok(Self { roots: RootCerts::WebPki, origin: "the roots that are compiled in".into(), path: None })
    }
}

/// The certificates of a PEM file, or of all files of a folder. None where there is not one.
fn read(path: &Path) -> Option<RootCerts> {
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        files = std::fs::read_dir(path).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.sort();
    }
    let mut found: Vec<Certificate<'static>> = Vec::new();
    for file in files {
        let Ok(pem) = std::fs::read(&file) else { continue };
        for item in parse_pem(&pem) {
            if let Ok(PemItem::Certificate(certificate)) = item {
                found.push(certificate);
            }
        }
    }
    (!found.is_empty()).then(|| RootCerts::Specific(Arc::new(found)))
}

/// The proxy for each scheme.
#[derive(Clone, Default)]
pub(crate) struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
}

impl Proxies {
    /// `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, in lower or upper case; before them the proxy that pip's
    /// configuration names, if it does.
    ///
    /// # Errors
    /// An address that cannot be read.
    pub(crate) fn find(
        env: &BTreeMap<String, String>,
        of_pip: Option<&(String, String)>,
    ) -> Result<Self, IndexError> {
        let var = |name: &str| {
            let pair = [name.to_owned(), name.to_uppercase()];
            pair.into_iter().find_map(|name| {
                let value = env.get(&name).filter(|value| !value.trim().is_empty())?;
                Some((name, value.clone()))
            })
        };
        let except = var("no_proxy").map(|(_, value)| value).unwrap_or_default();
        let of_variable = |name: &str| {
            let (variable, address) = var(name).or_else(|| var("all_proxy"))?;
            Some((address, format!("`{variable}`")))
        };
        let make = |name: &str| match of_pip.cloned().or_else(|| of_variable(name)) {
            Some((address, origin)) => {
                proxy(address.trim(), &except).map(Some).ok_or(IndexError::Proxy { origin })
            }
            None => Ok(None),
        };
        Ok(Self { http: make("http_proxy")?, https: make("https_proxy")? })
    }

    pub(crate) fn of(&self, scheme: &str) -> Option<Proxy> {
        if scheme == "https" { self.https.clone() } else { self.http.clone() }
    }
}

fn proxy(address: &str, except: &str) -> Option<Proxy> {
    let parsed = Proxy::new(address).ok()?;
    let mut builder = Proxy::builder(parsed.protocol()).host(parsed.host()).port(parsed.port());
    if let Some(username) = parsed.username() {
        builder = builder.username(username);
    }
    if let Some(password) = parsed.password() {
        builder = builder.password(password);
    }
    for host in except.split(',').map(str::trim).filter(|host| !host.is_empty()) {
        // A host stands for what is below it as well, as curl and pip read it.
        builder = builder.no_proxy(host);
        if !host.starts_with(['.', '*']) {
            builder = builder.no_proxy(&format!(".{host}"));
        }
    }
    builder.build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(env: &[(&str, &str)], scheme: &str, target: &str, expected: Option<&str>) {
        let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let found = Proxies::find(&env, None).unwrap().of(scheme);
        let target = target.parse().unwrap();
        let host = found.filter(|proxy| !proxy.is_no_proxy(&target)).map(|proxy| proxy.host().to_owned());
        assert_eq!(host.as_deref(), expected);
    }

    #[test]
    fn proxies_by_scheme_and_exception() {
        check(&[], "https", "https://h.example", None);
        check(&[("HTTPS_PROXY", "http://p:3128")], "https", "https://h.example", Some("p"));
        check(&[("HTTPS_PROXY", "http://p:3128")], "http", "http://h.example", None);
        check(
            &[("all_proxy", "http://a:1"), ("http_proxy", "http://b:1")],
            "http",
            "http://h.example",
            Some("b"),
        );
        check(&[("all_proxy", "p:1"), ("no_proxy", "x, example")], "http", "http://h.example", None);
        check(&[("all_proxy", "p:1"), ("no_proxy", "*")], "http", "http://h.example", None);
        check(&[("all_proxy", "p:1"), ("no_proxy", "ample")], "http", "http://h.example", Some("p"));
    }

    #[test]
    fn a_bundle_without_certificates_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let env = BTreeMap::from([("PIP_CERT".to_owned(), file.path().display().to_string())]);
        let error = Trust::find(&env, &Reach::default()).err().unwrap();
        assert_eq!(error.code(), "packaging::index_certificates");
        assert!(error.to_string().contains("`PIP_CERT`"), "{error}");
    }

    #[test]
    fn a_bad_proxy_is_refused_without_being_shown() {
        let env = BTreeMap::from([("https_proxy".to_owned(), "nonsense://bob:s3cret@p".to_owned())]);
        let error = Proxies::find(&env, None).err().unwrap().to_string();
        assert!(error.contains("`https_proxy`") && !error.contains("s3cret"), "{error}");
    }
}
