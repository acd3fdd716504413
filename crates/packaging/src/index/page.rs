//! The page of a project in the two forms of the simple repository API: JSON and HTML.

use serde::Deserialize;
use serde::de::IgnoredAny;
use url::Url;

/// What a client says that it reads, the best form first.
pub(super) const ACCEPT: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";

/// The files of a project, in the order of the page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The files.
    pub files: Vec<IndexFile>,
}

/// One file of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexFile {
    /// The file name.
    pub name: String,
    /// Where its bytes are.
    pub url: Url,
    /// SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: Option<String>,
    /// The number of bytes; HTML pages do not tell.
    pub size: Option<u64>,
    /// The versions of Python that it is for.
    pub requires_python: Option<String>,
    /// Why it was yanked (may be empty), if it was.
    pub yanked: Option<String>,
    /// Whether its metadata can be had beside it.
    pub core_metadata: bool,
}

impl IndexFile {
    /// A file of which nothing but its name and place is known.
    pub(super) fn at(name: &str, url: Url) -> IndexFile {
        IndexFile {
            name: name.to_owned(),
            url,
            sha256: None,
            size: None,
            requires_python: None,
            yanked: None,
            core_metadata: false,
        }
    }
}

impl Page {
    /// The file of a name.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&IndexFile> {
        self.files.iter().find(|file| file.name == name)
    }
}

#[derive(Deserialize)]
struct JsonPage {
    meta: Option<JsonMeta>,
    files: Vec<JsonFile>,
}

#[derive(Deserialize)]
struct JsonMeta {
    #[serde(rename = "api-version")]
    api_version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct JsonFile {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: JsonHashes,
    size: Option<u64>,
    requires_python: Option<String>,
    yanked: Option<TextOrFlag>,
    #[serde(alias = "data-dist-info-metadata")]
    core_metadata: Option<MapOrFlag>,
}

#[derive(Deserialize, Default)]
struct JsonHashes {
    sha256: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TextOrFlag {
    Flag(bool),
    Text(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum MapOrFlag {
    Flag(bool),
    Map(IgnoredAny),
}

/// Reads a page; `base` is its address after redirections. The error says what is wrong with the page.
pub(super) fn parse(content_type: &str, base: &Url, body: &[u8]) -> Result<Page, String> {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/json" => json(base, body),
        kind if kind.starts_with("application/vnd.pypi.simple.") && kind.ends_with("+json") => {
            json(base, body)
        }
        // Some servers name no type.
        "" if body.trim_ascii_start().starts_with(b"{") => json(base, body),
        "" | "text/html" | "application/xhtml+xml" => html(base, body),
        kind if kind.starts_with("application/vnd.pypi.simple.") && kind.ends_with("+html") => {
            html(base, body)
        }
        other => Err(format!("expected JSON or HTML, found `{other}`")),
    }
}

#[derive(Deserialize)]
struct JsonProjects {
    projects: Vec<JsonProject>,
}

#[derive(Deserialize)]
struct JsonProject {
    name: String,
}

/// The names on the page that lists all projects. The error says what is wrong with it.
pub(super) fn projects(content_type: &str, body: &[u8]) -> Result<Vec<String>, String> {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind.ends_with("json") {
        let page: JsonProjects = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        return Ok(page.projects.into_iter().map(|project| project.name).collect());
    }
    let text = String::from_utf8_lossy(body);
    let last = |(_, found): &(&str, Attributes)| {
        let href = value(found, "href")?.split(['?', '#']).next()?.trim_end_matches('/').to_owned();
        href.rsplit('/').next().map(str::to_owned)
    };
    Ok(elements(&text).iter().filter(|(name, _)| *name == "a").filter_map(last).collect())
}

/// Whether a page may have files at an address; a file that is elsewhere, or whose address cannot be read, is as good as
/// absent. What comes over the network names nothing on this machine, and what came safely nothing that would not.
fn may_lead_to(page: &Url, file: &Url) -> bool {
    match file.scheme() {
        "https" => true,
        "http" => page.scheme() != "https",
        "file" => page.scheme() == "file",
        _ => false,
    }
}

fn json(base: &Url, body: &[u8]) -> Result<Page, String> {
    let page: JsonPage =
        serde_json::from_slice(body).map_err(|error| format!("not the JSON that was expected: {error}"))?;
    let version = page.meta.and_then(|meta| meta.api_version).unwrap_or_else(|| "1.0".into());
    if version.split('.').next() != Some("1") {
        return Err(format!("expected version 1 of the interface, found `{version}`"));
    }
    let mut files = Vec::with_capacity(page.files.len());
    for file in page.files {
        let Some(url) = base.join(&file.url).ok().filter(|url| may_lead_to(base, url)) else { continue };
        files.push(IndexFile {
            name: file.filename,
            url,
            sha256: file.hashes.sha256.map(|hash| hash.to_ascii_lowercase()),
            size: file.size,
            requires_python: file.requires_python,
            yanked: match file.yanked {
                Some(TextOrFlag::Text(reason)) => Some(reason),
                Some(TextOrFlag::Flag(true)) => Some(String::new()),
                _ => None,
            },
            core_metadata: matches!(file.core_metadata, Some(MapOrFlag::Flag(true) | MapOrFlag::Map(_))),
        });
    }
    Ok(Page { files })
}

fn html(base: &Url, body: &[u8]) -> Result<Page, String> {
    let text = String::from_utf8_lossy(body);
    let mut page = Page::default();
    let elements = elements(&text);
    // The first `<base>` with an address counts for the whole page (HTML, "The base element").
    let href =
        elements.iter().filter(|(name, _)| *name == "base").find_map(|(_, found)| value(found, "href"));
    let start = href.and_then(|href| base.join(href).ok()).unwrap_or_else(|| base.clone());
    for (_, attributes) in elements.iter().filter(|(name, _)| *name == "a") {
        let find = |name: &str| value(attributes, name);
        let url = find("href").and_then(|href| start.join(href).ok());
        let Some(mut url) = url.filter(|url| may_lead_to(base, url)) else { continue };
        let sha256 =
            url.fragment().and_then(|part| part.strip_prefix("sha256=")).map(str::to_ascii_lowercase);
        url.set_fragment(None);
        let Some(name) = file_name(&url) else { continue };
        page.files.push(IndexFile {
            name,
            url,
            sha256,
            size: None,
            requires_python: find("data-requires-python").map(str::to_owned),
            yanked: find("data-yanked").map(str::to_owned),
            core_metadata: find("data-core-metadata")
                .or(find("data-dist-info-metadata"))
                .is_some_and(|v| v != "false"),
        });
    }
    let lower = text.to_ascii_lowercase();
    if page.files.is_empty()
        && !lower.contains("<html")
        && !lower.contains("<!doctype")
        && !lower.contains("<a")
    {
        return Err("it holds no HTML".into());
    }
    Ok(page)
}

/// The last segment of an address, decoded.
pub(super) fn file_name(url: &Url) -> Option<String> {
    let last = url.path_segments()?.next_back()?;
    let name = percent_encoding::percent_decode_str(last).decode_utf8().ok()?.into_owned();
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

type Attributes = Vec<(String, String)>;

fn value<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// The `<a>` and `<base>` of a document, each with its name and its attributes.
fn elements(text: &str) -> Vec<(&'static str, Attributes)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let name = rest.split(|c: char| c.is_ascii_whitespace()).next().unwrap_or_default();
        if let Some(known) = ["a", "base"].into_iter().find(|known| name.eq_ignore_ascii_case(known)) {
            let (attributes, end) = attributes(&rest[known.len()..]);
            found.push((known, attributes));
            rest = end;
        }
    }
    found
}

/// The attributes up to the end of a tag, names in lower case, values unescaped; and what follows.
fn attributes(mut rest: &str) -> (Attributes, &str) {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() || rest.starts_with('>') {
            return (found, rest);
        }
        let end = rest
            .find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/'))
            .unwrap_or(rest.len());
        // A stray `=` would not move on by itself.
        let end = end.max(rest.chars().next().map_or(0, char::len_utf8));
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            (value, rest) = match after.chars().next() {
                Some(quote @ ('"' | '\'')) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
                _ => {
                    let end =
                        after.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(after.len());
                    after.split_at(end)
                }
            };
        }
        found.push((name, unescape(value)));
    }
}

/// Replaces the character references that indexes write.
fn unescape(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        made.push_str(&rest[..at]);
        rest = &rest[at..];
        let decoded = rest.find(';').filter(|end| *end <= 10).and_then(|end| {
            let character = match &rest[1..end] {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                name => {
                    let code = name.strip_prefix('#')?;
                    let number = match code.strip_prefix(['x', 'X']) {
                        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                        None => code.parse().ok()?,
                    };
                    char::from_u32(number)?
                }
            };
            Some((character, end))
        });
        match decoded {
            Some((character, end)) => {
                made.push(character);
                rest = &rest[end + 1..];
            }
            None => {
                made.push('&');
                rest = &rest[1..];
            }
        }
    }
    made.push_str(rest);
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content_type: &str, body: &str, expected: &[(&str, &str, Option<&str>)]) -> Page {
        let base = Url::parse("https://h.example/simple/a/").unwrap();
        let page = parse(content_type, &base, body.as_bytes()).unwrap();
        let found: Vec<_> =
            page.files.iter().map(|f| (f.name.as_str(), f.url.as_str(), f.sha256.as_deref())).collect();
        assert_eq!(found, expected);
        page
    }

    #[test]
    fn html_pages_are_read() {
        let page = check(
            "text/html; charset=utf-8",
            "<!DOCTYPE html><html><body><!-- <a href='no.whl'>no</a> --><A\n HREF = '../../f/a-1%2B2.whl#sha256=AB'\
             data-requires-python='&gt;=3.8,&#60;4' data-yanked>a</A><abbr href=x>\
             <a data-core-metadata=\"sha256=cd\" href=\"a-2.tar.gz\" data-yanked=\"bad &amp; old\"/></body>",
            &[
                ("a-1+2.whl", "https://h.example/f/a-1%2B2.whl", Some("ab")),
                ("a-2.tar.gz", "https://h.example/simple/a/a-2.tar.gz", None),
            ],
        );
        assert_eq!(page.files[0].requires_python.as_deref(), Some(">=3.8,<4"));
        assert_eq!(page.files[0].yanked.as_deref(), Some(""));
        assert_eq!(page.files[1].yanked.as_deref(), Some("bad & old"));
        assert!(page.files[1].core_metadata && !page.files[0].core_metadata);
        check("text/html", "<html></html>", &[]);
    }

    #[test]
    fn a_base_of_html_is_where_addresses_start() {
        let links = "<a href='a.whl'>a</a><a href='/b.whl'>b</a><a href='https://o.example/c.whl'>c</a>";
        let check = |head: &str, expected: [&str; 2]| {
            let expected = [("a.whl", expected[0], None), ("b.whl", expected[1], None)];
            let absolute = ("c.whl", "https://o.example/c.whl", None);
            check("text/html", &format!("{head}{links}"), &[expected[0], expected[1], absolute]);
        };
        let own = ["https://h.example/simple/a/a.whl", "https://h.example/b.whl"];
        check("<html>", own);
        check("<base href='https://f.example/x/'>", ["https://f.example/x/a.whl", "https://f.example/b.whl"]);
        check("<BASE\nHREF=../../f/>", ["https://h.example/f/a.whl", "https://h.example/b.whl"]);
        check("<base target=_top><base href='/f/'><base href='/g/'>", ["https://h.example/f/a.whl", own[1]]);
        check("<!-- <base href='/f/'> --><baseline href='/f/'><base href='https://'>", own);
    }

    #[test]
    fn json_pages_are_read() {
        let page = check(
            "application/vnd.pypi.simple.v1+json",
            r#"{"meta":{"api-version":"1.4"},"name":"a","files":[
                {"filename":"a-1.whl","url":"../a-1.whl","hashes":{"sha256":"AB"},"size":7,"yanked":true,
                 "requires-python":null,"core-metadata":{"sha256":"x"}},
                {"filename":"b.whl","url":"https://o.example/b.whl","hashes":{},"yanked":"why"}]}"#,
            &[
                ("a-1.whl", "https://h.example/simple/a-1.whl", Some("ab")),
                ("b.whl", "https://o.example/b.whl", None),
            ],
        );
        assert_eq!((page.files[0].size, page.files[0].core_metadata), (Some(7), true));
        assert_eq!(page.files[1].yanked.as_deref(), Some("why"));
    }

    #[test]
    fn pages_lead_to_no_place_that_is_less_safe() {
        let urls =
            ["file:///a.whl", "http://h.example/a.whl", "https://h.example/a.whl", "ftp://h.example/a.whl"];
        let check = |base: &str, expected: &[&str]| {
            let base = Url::parse(base).unwrap();
            let anchors: String = urls.iter().map(|url| format!("<a href='{url}'>a</a>")).collect();
            let files: Vec<_> =
                urls.iter().map(|url| format!("{{\"filename\": \"a.whl\", \"url\": \"{url}\"}}")).collect();
            let files = format!("{{\"files\": [{}]}}", files.join(", "));
            for (kind, body) in [("text/html", anchors), ("application/json", files)] {
                let page = parse(kind, &base, body.as_bytes()).unwrap();
                let found: Vec<&str> = page.files.iter().map(|file| file.url.scheme()).collect();
                assert_eq!(found, expected, "{kind} at {base}");
            }
        };
        check("https://h.example/simple/a/", &["https"]);
        check("http://h.example/simple/a/", &["http", "https"]);
        check("file:///srv/simple/a/index.html", &["file", "http", "https"]);
    }

    #[test]
    fn what_is_no_page_is_refused() {
        let base = Url::parse("https://h.example/simple/a/").unwrap();
        let page = |kind: &str, body: &str| parse(kind, &base, body.as_bytes()).unwrap_err();
        assert!(page("application/json", "{\"files\": 3}").contains("not the JSON"));
        assert!(page("application/json", r#"{"meta":{"api-version":"2.0"},"files":[]}"#).contains("`2.0`"));
        assert!(page("image/png", "").contains("`image/png`"));
        assert!(page("text/html", "login, please").contains("no HTML"));
    }

    #[test]
    fn lists_of_projects_are_read() {
        let check =
            |kind: &str, body: &str| assert_eq!(projects(kind, body.as_bytes()).unwrap(), ["a", "b.c"]);
        check("text/html", "<a href='/simple/a/'>A</a><a href=\"b.c?x#y\">b</a><p>");
        check("application/vnd.pypi.simple.v1+json", r#"{"projects":[{"name":"a"},{"name":"b.c"}]}"#);
        assert!(projects("application/json", b"[]").is_err());
    }

    #[test]
    fn hostile_html_ends() {
        let base = Url::parse("https://h.example/").unwrap();
        for text in
            ["<a ====>", "<a href='", "<a /", "<a &;=&#xffffffff;>", "<a \u{e9}\u{e9}=x", "<", "<!--", "&#;&"]
        {
            let _ = html(&base, text.as_bytes());
        }
    }
}
