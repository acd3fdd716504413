//! Indexes in `pants.toml` that cannot be what is meant.

use crate::repository::Repository;

#[track_caller]
fn check(text: &str, expected: &str) {
    let repository = Repository::new(&[("pants.toml", text)]);
    repository.fails(&["list", "::"], 2, expected);
}

#[test]
fn tables_of_indexes() {
    check(
        "[[python-repos.indexes]]\nname = \"corp\"\nurl = \"https://h.example/\"\nexplicit = true\n",
        r#"
error[config::unknown]: an index has no key `explicit`
 --> pants.toml:4:1
  |
4 | explicit = true
  | ^^^^^^^^
  |
  = help: an index with `packages` serves these and no others
"#,
    );
    check(
        "[python-repos]\nindexes = [\"https://a.example/\", \"https://b.example/\", 3, { url = \"x\" }]\n",
        r#"
error[config::index]: `indexes` has two addresses without a name
 --> pants.toml:2:34
  |
2 | indexes = ["https://a.example/", "https://b.example/", 3, { url = "x" }]
  |                                  ^^^^^^^^^^^^^^^^^^^^
  |
  = help: locks name the index that a file comes from: write `{ name = "...", url = "..." }`
error[config::type]: `indexes` takes addresses and tables, not `3`
 --> pants.toml:2:56
  |
2 | indexes = ["https://a.example/", "https://b.example/", 3, { url = "x" }]
  |                                                        ^
error[config::index]: an index in a table needs a `name`
 --> pants.toml:2:59
  |
2 | indexes = ["https://a.example/", "https://b.example/", 3, { url = "x" }]
  |                                                           ^^^^^^^^^^^^^
  |
  = help: locks name the index that a file comes from; `default` is the one that is asked last
"#,
    );
    check(
        "[python-repos]\nindexes = [{ name = \"default\", packages = [\"a\"] }]\n",
        r#"
error[config::index]: the index `default` cannot have `packages`: it is asked for what no other index has
 --> pants.toml:2:12
  |
2 | indexes = [{ name = "default", packages = ["a"] }]
  |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"#,
    );
}

#[test]
fn what_is_neither_an_address_nor_a_folder() {
    let text = "[python-repos]\nfind_links = [\"wheels\"]\nindexes = [\"pypi.example/simple\", { name = \"corp\", url = \"none\" }]\n";
    let repository = Repository::new(&[("pants.toml", text)]);
    repository.fails(
        &["list", "::"],
        2,
        r#"
error[config::address]: `wheels` in `find_links` is no URL, and no folder that is there
 --> pants.toml:2:15
  |
2 | find_links = ["wheels"]
  |               ^^^^^^^^
  |
  = help: an address begins with `https://`; a folder is named relative to the root
error[config::address]: `pypi.example/simple` in `indexes` is no URL, and no folder that is there
 --> pants.toml:3:12
  |
3 | indexes = ["pypi.example/simple", { name = "corp", url = "none" }]
  |            ^^^^^^^^^^^^^^^^^^^^^
  |
  = help: an address begins with `https://`, as in `https://pypi.example/simple`; a folder is named relative to the root
error[config::address]: `none` in `indexes` is no URL, and no folder that is there
 --> pants.toml:3:35
  |
3 | indexes = ["pypi.example/simple", { name = "corp", url = "none" }]
  |                                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: an address begins with `https://`; a folder is named relative to the root
"#,
    );
    repository.write("wheels/a.txt", "");
    repository.write("pants.toml", "[python-repos]\nfind_links = [\"wheels\"]\n");
    repository.compare(&repository.run(&["list", "::"]), 0, "");
}

#[test]
fn a_password_is_not_for_all_and_not_shown() {
    check(
        "[python-repos]\nindexes = [{ name = \"my-corp\", url = \"https://bob:s3cret@h.example/\" }]\n",
        r#"
error[config::password]: the address of the index `my-corp` holds a password
 --> pants.toml:2:12
  |
2 | indexes = [{ name = "my-corp", url = "https://**********@h.example/" }]
  |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: take it out of the file, and set `PANTS_INDEX_MY_CORP_USERNAME` and `PANTS_INDEX_MY_CORP_PASSWORD`, or give the host an entry in `~/.netrc`
"#,
    );
}

#[test]
fn names_that_nothing_has() {
    check(
        "[python-repos]\nkeyring_provider = \"import\"\nindexes = [{ name = \"corp\" }]\n\n\
         [python.resolves_to_indexes]\ndefault = [\"crop\", \"default\"]\n",
        r#"
error[config::choice]: `keyring_provider` takes `subprocess` or `disabled`, not `import`
 --> pants.toml:2:20
  |
2 | keyring_provider = "import"
  |                    ^^^^^^^^
error[config::index]: there is no index `crop`
 --> pants.toml:6:11
  |
6 | default = ["crop", "default"]
  |           ^^^^^^^^^^^^^^^^^^^
  |
  = help: did you mean `corp`?
"#,
    );
}
