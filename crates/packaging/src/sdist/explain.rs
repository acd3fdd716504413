//! Finds in the log of a build what went wrong, and what would help; knows no process.

/// The lines of a log that matter are no more than this.
const LINES: usize = 12;
/// How many characters of a line are told.
const LONGEST: usize = 1000;

/// Why a build failed, as far as its log tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The lines that matter.
    pub lines: Vec<String>,
    /// What would help.
    pub help: Option<String>,
}

/// Headers that are often missing, and the packages of Debian and of Fedora that have them.
const HEADERS: [(&str, &str, &str); 12] = [
    ("Python.h", "python3-dev", "python3-devel"),
    ("libpq-fe.h", "libpq-dev", "libpq-devel"),
    ("openssl/", "libssl-dev", "openssl-devel"),
    ("ffi.h", "libffi-dev", "libffi-devel"),
    ("libxml/", "libxml2-dev libxslt1-dev", "libxml2-devel libxslt-devel"),
    ("libxslt/", "libxslt1-dev", "libxslt-devel"),
    ("zlib.h", "zlib1g-dev", "zlib-devel"),
    ("jpeglib.h", "libjpeg-dev", "libjpeg-turbo-devel"),
    ("mysql.h", "default-libmysqlclient-dev", "mariadb-connector-c-devel"),
    ("yaml.h", "libyaml-dev", "libyaml-devel"),
    ("ldap.h", "libldap2-dev libsasl2-dev", "openldap-devel cyrus-sasl-devel"),
    ("curl/curl.h", "libcurl4-openssl-dev", "libcurl-devel"),
];

/// Explains the log of the build of `project`, which is in the resolve `resolve`.
#[must_use]
pub fn explain(log: &str, project: &str, resolve: &str) -> Explanation {
    let help = log.lines().find_map(|line| help(line, project, resolve));
    Explanation { lines: lines(log), help }
}

/// What would help against what a line says.
fn help(line: &str, project: &str, resolve: &str) -> Option<String> {
    if let Some(requirement) = between(line, "pants: the build asks for `", "`") {
        return Some(needs(project, requirement));
    }
    for start in ["ModuleNotFoundError: No module named '", "ImportError: No module named "] {
        if let Some(module) = line.trim_start().strip_prefix(start) {
            return Some(missing_module(module.trim_end_matches('\''), project, resolve));
        }
    }
    if line.contains("use_2to3 is invalid") {
        return Some(constrain("setuptools<58", resolve));
    }
    if let Some(header) = missing_header(line) {
        return Some(install_header(header));
    }
    if let Some(library) = between(line, "cannot find -l", "") {
        let library = library.split([':', ' ']).next().unwrap_or(library);
        return Some(format!(
            "install the development files of the library `{library}` with the system's packages"
        ));
    }
    if line.contains("pg_config") && line.contains("not found") {
        return Some(install_header("libpq-fe.h"));
    }
    let network =
        ["Network is unreachable", "name resolution", "Name or service not known", "nodename nor servname"];
    if network.iter().any(|sign| line.contains(sign)) {
        return Some(format!(
            "builds have no network: name what the build of `{project}` needs in `[python.build_requirements]`, or \
             require a version that has wheels"
        ));
    }
    let compilers = ["'gcc'", "'cc'", "-gcc'", "'clang'", "'g++'", "'c++'", "-g++'"];
    let missing = ["No such file or directory", "unable to execute", "not found"];
    if compilers.iter().any(|name| line.contains(name)) && missing.iter().any(|sign| line.contains(sign)) {
        return Some(
            "install a C compiler (`apt install build-essential`, `dnf install gcc gcc-c++`), or require a version \
             that has wheels"
                .to_owned(),
        );
    }
    let rust =
        line.contains("Rust compiler") || line.contains("can't find Rust") || line.contains("cargo, rust");
    rust.then(|| format!("install Rust where the whole system finds it, or require a version of `{project}` that has wheels"))
}

fn missing_module(module: &str, project: &str, resolve: &str) -> String {
    match module.split('.').next().unwrap_or(module) {
        "distutils" => format!(
            "Python 3.12 and later have no `distutils`: build `{project}` for an older Python, or require a version \
             that has wheels"
        ),
        "pkg_resources" => constrain("setuptools<81", resolve),
        module => needs(project, module),
    }
}

fn needs(project: &str, requirement: &str) -> String {
    format!(
        "write `{project} = [\"{requirement}\"]` below `[python.build_requirements]` in pants.toml, then run \
         `pants lock`"
    )
}

fn constrain(requirement: &str, resolve: &str) -> String {
    format!(
        "write `{resolve} = [\"{requirement}\"]` below `[python.resolves_to_build_constraints]` in pants.toml, then \
         run `pants lock`"
    )
}

/// The header that gcc or clang say they do not find.
fn missing_header(line: &str) -> Option<&str> {
    let said = between(line, "fatal error: ", "")?;
    let gcc = said.split_once(": No such file").map(|(header, _)| header);
    gcc.or_else(|| between(said, "'", "' file not found"))
}

fn install_header(header: &str) -> String {
    match HEADERS.iter().find(|(known, _, _)| header.starts_with(known)) {
        Some((_, debian, fedora)) => {
            format!(
                "the header `{header}` is missing: `apt install {debian}` or `dnf install {fedora}` brings it"
            )
        }
        None => format!("the header `{header}` is missing: install the package of the system that has it"),
    }
}

fn between<'t>(text: &'t str, start: &str, end: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(start)?;
    if end.is_empty() { Some(rest) } else { rest.split_once(end).map(|(found, _)| found) }
}

/// The errors of compilers if there are any, else the end of the log.
fn lines(log: &str) -> Vec<String> {
    let all: Vec<&str> = log.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let is_error = |line: &&&str| line.contains(" error: ") || line.starts_with("error: ");
    let errors: Vec<&str> = all.iter().filter(is_error).copied().collect();
    let chosen = if errors.is_empty() { &all[all.len().saturating_sub(LINES)..] } else { &errors };
    chosen.iter().take(LINES).map(|line| plain(line)).collect()
}

/// A line without what a terminal would obey; of a very long one, both ends.
fn plain(line: &str) -> String {
    let mut text: Vec<char> = line.chars().filter(|c| !c.is_control() || *c == '\t').collect();
    if text.len() > LONGEST {
        text.splice(LONGEST / 2..text.len() - LONGEST / 2, " … ".chars());
    }
    text.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(log: &str, lines: &[&str], help: &str) {
        let found = explain(log, "thing", "old");
        assert_eq!(found.lines, lines, "{log}");
        assert!(found.help.as_deref().unwrap_or_default().contains(help), "{:?} has no {help}", found.help);
    }

    #[test]
    fn a_log_is_explained() {
        check(
            "building\nsrc/x.c:1:10: fatal error: libpq-fe.h: No such file or directory\n 1 | #include\nerror: command 'gcc' failed with exit status 1\n",
            &[
                "src/x.c:1:10: fatal error: libpq-fe.h: No such file or directory",
                "error: command 'gcc' failed with exit status 1",
            ],
            "apt install libpq-dev",
        );
        check(
            "x.c:1:10: fatal error: 'odd.h' file not found\n",
            &["x.c:1:10: fatal error: 'odd.h' file not found"],
            "the header `odd.h` is missing: install",
        );
        check(
            "error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory",
            &["error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory"],
            "build-essential",
        );
        check(
            "Traceback\nModuleNotFoundError: No module named 'numpy.core'\n",
            &["Traceback", "ModuleNotFoundError: No module named 'numpy.core'"],
            "thing = [\"numpy\"]",
        );
        check("ImportError: No module named pbr", &["ImportError: No module named pbr"], "thing = [\"pbr\"]");
        check(
            "pants: the build asks for `cffi>=1.0` as well",
            &["pants: the build asks for `cffi>=1.0` as well"],
            "thing = [\"cffi>=1.0\"]",
        );
        check(
            "error in tornado setup command: use_2to3 is invalid.",
            &["error in tornado setup command: use_2to3 is invalid."],
            "`old = [\"setuptools<58\"]` below `[python.resolves_to_build_constraints]`",
        );
        check(
            "/usr/bin/ld: cannot find -lfoo: No such file",
            &["/usr/bin/ld: cannot find -lfoo: No such file"],
            "library `foo`",
        );
    }

    #[test]
    fn the_network_is_missing() {
        check(
            "OSError: [Errno 101] Network is unreachable",
            &["OSError: [Errno 101] Network is unreachable"],
            "builds have no network: name what the build of `thing` needs in `[python.build_requirements]`, or \
             require a version that has wheels",
        );
    }

    #[test]
    fn the_end_is_told_where_nothing_is_known() {
        let log: String = (0..40).map(|line| format!("line {line}\n\n")).collect();
        let found = explain(&log, "thing", "old");
        assert_eq!((found.lines.len(), found.help), (LINES, None));
        assert_eq!(found.lines.last().map(String::as_str), Some("line 39"));
        assert_eq!(explain("", "thing", "old").lines, Vec::<String>::new());
        let found = explain(&format!("begin{}end", "x".repeat(1 << 20)), "thing", "old");
        let [line] = &found.lines[..] else { panic!("{} lines", found.lines.len()) };
        assert!(line.starts_with("beginx") && line.ends_with("xend") && line.len() < 2 * LONGEST, "{line}");
    }
}
