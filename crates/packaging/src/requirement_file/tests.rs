//! What is read from requirements files, and what is refused.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use proptest::prelude::*;

use super::{RequirementFile, RequirementFileError, parse};

fn read(files: &BTreeMap<&str, &[u8]>) -> (RequirementFile, Vec<RequirementFileError>) {
    let files = |path: &str| {
        files.get(path).map(|bytes| bytes.to_vec()).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    };
    parse("3rdparty/requirements.txt", &files)
}

/// Reads files, the first of which is `3rdparty/requirements.txt`, and compares what is required, what is limited
/// and what is wrong, a line each.
fn check_files(files: &[(&str, &str)], expect: &str) {
    let files = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
    let (found, errors) = read(&files);
    let mut text = String::new();
    for (kind, listed) in [("", &found.requirements), ("limit ", &found.constraints)] {
        for one in listed {
            let hashes: String =
                one.hashes.iter().map(|hash| format!(" {}", &hash.to_string()[..10])).collect();
            let file = one.file.trim_start_matches("3rdparty/");
            writeln!(text, "{file}:{} {kind}{}{hashes}", one.place, one.requirement).unwrap();
        }
    }
    for error in &errors {
        let file = error.file.trim_start_matches("3rdparty/");
        let code = error.code().trim_start_matches("packaging::requirement");
        writeln!(text, "{file}:{} {code}: {error}", error.place).unwrap();
    }
    let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
    assert_eq!(lines(text.trim()), lines(expect.trim()), "{files:?}");
}

/// The same, for one file.
fn check(input: &str, expect: &str) {
    let expect = expect.trim().lines().map(|line| format!("requirements.txt:{}\n", line.trim()));
    check_files(&[("3rdparty/requirements.txt", input)], &expect.collect::<String>());
}

#[test]
fn requirements_are_read_in_order() {
    check("", "");
    check("# nothing\n\n  \t\r\n", "");
    check(
        "flask==3.0.*\r\n  requests[socks]>=2 ; python_version<'4' # why\nZope.Interface#not-a-comment",
        "1:1 flask==3.0.*\n2:3 requests[socks]>=2 ; python_version<'4'\n\
         3:15 : `Zope.Interface#not-a-comment` is not a requirement: expected one of `@`, `(`, `<`, `=`, `>`, `~`, `!`, `;`, found `#`",
    );
    check("\u{feff}flask", "1:1 flask");
    check(
        "é\nflask==",
        "1:1 : `é` is not a requirement: expected ASCII, found `é`
        2:6 : `flask==` is not a requirement: unexpected end of version specifier, expected version",
    );
}

#[test]
fn lines_go_on_and_comments_end_them() {
    check("fla\\\nsk \\\r\n  >=2\nrich", "1:1 flask   >=2\n4:1 rich");
    check(
        "flask \\\n# end\n>=2",
        "1:1 flask\n3:1 : `>=2` is not a requirement: expected package name starting with an alphanumeric character, found `>`",
    );
    check("flask # joined first \\\nrich\nattrs", "1:1 flask\n3:1 attrs");
    check("flask\\", "1:1 flask");
    check(
        "flask \\ \nrich",
        "2:1 rich\n1:7 _file_option: something follows the `\\` that continues a line, expected the end of the line",
    );
    check("\\\n\\\\flask\\\n == 1", "2:3 flask == 1");
}

#[test]
fn hashes_belong_to_their_requirement() {
    let (a, b) = ("a".repeat(64), "B".repeat(128));
    check(
        &format!(
            "flask==3.0.0 ; python_version >= '3' \\\n  --hash=sha256:{a} \\\n\t--hash 'sha512:{b}' # both\nrich"
        ),
        "1:1 flask==3.0.0 ; python_version >= '3' sha256:aaa sha512:bbb\n4:1 rich",
    );
    check(
        "flask==3.0.0 --hash=sha256:abc\n--hash=md5:1\nrich --hash",
        "1:1 flask==3.0.0
         3:1 rich
         1:21 _file_hash: `sha256:abc` is not a hash, expected `sha256:`, `sha384:` or `sha512:` and its hexadecimal digits
         2:1 _file_hash: `--hash` belongs to no requirement
         3:6 _file_option: the option `--hash` lacks its value",
    );
}

#[test]
fn places_are_requirements_where_they_tell_the_project() {
    for input in ["x @ ./y", "x[a] @ https://h/x ; os_name == 'a'", "x @ git+https://h/x"] {
        check(input, &format!("1:1 {input}"));
    }
    let named = [
        (
            "./libs/a_b-1.0-py3-none-any.whl[x] ; os_name == 'a'",
            "a-b[x] @ ./libs/a_b-1.0-py3-none-any.whl  ; os_name == 'a'",
        ),
        ("https://h/x/a-1.0.tar.gz?y#z", "a @ https://h/x/a-1.0.tar.gz?y#z"),
    ];
    for (input, expect) in named {
        check(input, &format!("1:1 {expect}"));
    }
    let unnamed =
        "this names a place and no project, expected `name @ PLACE`, or a project's name and versions";
    for input in [
        "https://u:secret@h/x.whl",
        "git+ssh://git@h/x",
        "file:x",
        "git+file:///x",
        "git+https://h/x@v1#egg=x",
        "./x",
        "../x[a]",
        "/x",
        "x/y",
        "x.whl",
        "x-1.0.tar.gz",
        "~/x",
        "x-/y",
    ] {
        check(input, &format!("1:1 _unnamed: {unnamed}"));
    }
    check(
        "flask\n -e ./x\n--editable=git+https://t@h/x",
        "1:1 flask
        2:2 _editable: `-e` is not supported, expected a project's name and versions
        3:1 _editable: `--editable` is not supported, expected a project's name and versions",
    );
}

#[test]
fn options_of_pip_are_refused_without_their_values() {
    let index = "is not read here: indexes are configured in `pants.toml`";
    check(
        "-i https://u:secret@h/s --extra-index-url=https://u:secret@h\n-fhttps://secret --no-index\n--trusted-host secret",
        &format!("1:1 _file_index: `-i` {index}\n1:25 _file_index: `--extra-index-url` {index}\n2:1 _file_index: `-f` {index}
                  2:18 _file_index: `--no-index` {index}\n3:1 _file_index: `--trusted-host` {index}"),
    );
    check(
        "--pre --no-binary :all:\nflask --global-option='a b'\n--indexurl https://secret\n--pre=1\n-i\n-x",
        "2:1 flask
         1:1 _file_option: the option `--pre` is not supported
         1:7 _file_option: the option `--no-binary` is not supported
         2:7 _file_option: the option `--global-option` is not supported
         3:1 _file_option: there is no option `--indexurl`
         3:12 _file_option: expected an option, which begins with `-`
         4:1 _file_option: the option `--pre` takes no value
         5:1 _file_option: the option `-i` lacks its value
         6:1 _file_option: there is no option `-x`",
    );
    check("-r 'a", "1:4 _file_option: a quote is not closed, expected `'`");
    check("flask -r a", "1:1 flask\n1:7 _file_option: `-r` is not alone on its line");
    check(
        "x-==1\ny[a-]\nz.",
        "1:2 : `x-==1` is not a requirement: expected a letter or digit at the end of a name
         2:4 : `y[a-]` is not a requirement: expected a letter or digit at the end of a name
         3:2 : `z.` is not a requirement: expected a letter or digit at the end of a name",
    );
    check("flask==${VERSION} ${B}\n#${C}", "1:8 _file_variable: the variable `${VERSION}` is not replaced: requirements do not depend on the environment
        1:19 _file_variable: the variable `${B}` is not replaced: requirements do not depend on the environment");
}

#[test]
fn advice_is_given() {
    let help = |input: &str| {
        let files = BTreeMap::from([("3rdparty/requirements.txt", input.as_bytes())]);
        read(&files).1[0].help().unwrap_or_default()
    };
    assert!(help("-i https://secret").contains("`[python-repos]`"));
    assert_eq!(help("--indexurl https://secret"), "did you mean `--index-url`?");
}

#[test]
fn files_include_others_once_each() {
    let top = "3rdparty/requirements.txt";
    check_files(
        &[
            (top, "a\n-r base.txt\n--requirement=sub/more.txt\n-c ../limits.txt\nb"),
            ("3rdparty/base.txt", "base"),
            ("3rdparty/sub/more.txt", "-r ../base.txt\n-r./../../3rdparty//shared.txt\n-c ../base.txt"),
            ("3rdparty/shared.txt", "shared"),
            ("limits.txt", "limit<1\n-r 3rdparty/shared.txt\n-c 3rdparty/shared.txt"),
        ],
        "requirements.txt:1:1 a
         base.txt:1:1 base
         shared.txt:1:1 shared
         requirements.txt:5:1 b
         base.txt:1:1 limit base
         limits.txt:1:1 limit limit<1
         shared.txt:1:1 limit shared",
    );
}

#[test]
fn files_that_cannot_be_included_are_errors() {
    let top = "3rdparty/requirements.txt";
    check_files(
        &[
            (
                top,
                "-r ../../etc/passwd\n-r /etc/passwd\n-r https://u:secret@h/x\n-r none.txt\n-r a.txt -c a.txt\n-r .",
            ),
            ("3rdparty/a.txt", "-r b.txt\nflask=3"),
            ("3rdparty/b.txt", "b\n -c a.txt"),
        ],
        "b.txt:1:1 b
         requirements.txt:5:10 _file_option: `-c` is not alone on its line
         requirements.txt:1:1 _file_outside_root: `../../etc/passwd` is not below the root of the repository
         requirements.txt:2:1 _file_outside_root: `/etc/passwd` is not below the root of the repository
         requirements.txt:3:1 _file_remote: `-r` names a URL, expected a file below the root of the repository
         requirements.txt:4:1 _file_unreadable: cannot read `3rdparty/none.txt`: entity not found
         a.txt:2:6 : `flask=3` is not a requirement: no such comparison operator \"=\", must be one of ~= == != <= >= < > ===
         b.txt:2:2 _file_cycle: the files include each other: `3rdparty/a.txt` -> `3rdparty/b.txt` -> `3rdparty/a.txt`
         requirements.txt:6:1 _file_unreadable: cannot read `3rdparty`: entity not found",
    );
    check_files(
        &[],
        "requirements.txt:1:1 _file_unreadable: cannot read `3rdparty/requirements.txt`: entity not found",
    );
}

#[test]
fn a_file_is_read_once() {
    let count = RefCell::new(BTreeMap::new());
    let read = |path: &str| {
        *count.borrow_mut().entry(path.to_owned()).or_insert(0) += 1;
        Ok(if path == "a" { b"-r b\n-c b\n-r c".to_vec() } else { b"-r ./b\nx".to_vec() })
    };
    let (found, errors) = parse("a", &read);
    assert_eq!((found.requirements.len(), found.constraints.len(), errors.len()), (2, 1, 1));
    assert_eq!(count.into_inner(), BTreeMap::from(["a", "b", "c"].map(|path| (path.to_owned(), 1))));
}

#[test]
fn bytes_that_are_not_utf8_are_an_error() {
    let (_, errors) = read(&BTreeMap::from([("3rdparty/requirements.txt", &b"flask\n\xff\xfe"[..])]));
    assert_eq!(errors[0].to_string(), "`3rdparty/requirements.txt` is not UTF-8, from byte 6 on");
}

#[test]
fn depth_and_length_are_no_danger() {
    check(
        &"-x ".repeat(20_000),
        &(0..20)
            .map(|at| format!("1:{} _file_option: there is no option `-x`\n", at * 3 + 1))
            .collect::<String>(),
    );
    let deep = |path: &str| Ok(format!("-r {}\nx\n", path.parse::<u32>().unwrap() + 1).into_bytes());
    let bounded = |path: &str| if path == "5000" { Ok(b"y".to_vec()) } else { deep(path) };
    let (found, errors) = parse("0", &bounded);
    assert_eq!((found.requirements.len(), errors.len()), (5001, 0));
    for garbage in ["${", "-x ", "(", "\\", "\\\n", "# ", "a ", "https://", "--hash=", "\u{2028}x"] {
        let (_, errors) = parse("x", &|_| Ok(garbage.repeat(20_000).into_bytes()));
        assert!(errors.len() <= 40_000, "{garbage}");
    }
}

proptest! {
    #[test]
    fn random_text_never_panics(text in any::<String>(), tokens in proptest::collection::vec(
        prop::sample::select(vec![
            "flask", "==1.0", " ", "\t", "\\\n", "\\", "\n", "\r\n", "#", "--hash=", "-r", "x", "-c ", "'", "\"", "é",
            "${A}", ";", "os_name", "[", "]", "@", "https://", "-", "--", "=", "\u{2028}", "sha256:", "(",
        ]), 0..30)) {
        for input in [text, tokens.concat()] {
            let (found, errors) = parse("x", &|_| Ok(input.clone().into_bytes()));
            let lines = u32::try_from(input.matches('\n').count() + 1).unwrap();
            for place in found.requirements.iter().map(|one| one.place).chain(errors.iter().map(|one| one.place)) {
                prop_assert!(place.line <= lines && place.column > 0);
            }
        }
    }
}
