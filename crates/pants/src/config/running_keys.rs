//! The keys of `[sandbox]` and `[remote]` as data: how and where programs run.

use super::key::{Key, Kind, key};
use super::keys::SECTIONS;

const SANDBOX: &str = "sandbox";
const SECTION: &str = "remote";

const KEYS: [Key; 26] = [
    key(
        SANDBOX,
        "level",
        Kind::Text,
        "\"full\"",
        "How far programs that a build runs are kept from what they did not declare: full (file system, network and \
         processes of their own), landlock (the kernel refuses the rest) or off.",
    ),
    key(
        SANDBOX,
        "processes",
        Kind::Number,
        "4096",
        "How many processes a program that a build runs may have at once, with all that it starts; then it is stopped.",
    ),
    key(
        SANDBOX,
        "disk",
        Kind::Text,
        "no bound",
        "How much disk space the files of a program that a build runs may take, its input among them, such as \"10 GB\"; \
         then it is stopped.",
    ),
    key(
        SECTION,
        "cache",
        Kind::Text,
        "none",
        "The cache that is behind that of this machine: a server of the Remote Execution API (grpcs://host:port, or \
         grpc://host:port without encryption), an HTTP cache as Bazel's (https://host/path), a bucket (s3://bucket/prefix), or \
         a folder (its path, relative to the root with ./ before it).",
    ),
    key(
        SECTION,
        "instance",
        Kind::Text,
        "\"\"",
        "The name of the instance on the server; in the other caches, a folder below their address.",
    ),
    key(
        SECTION,
        "endpoint",
        Kind::Text,
        "`AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, else that of the region",
        "The address of the object store that has the bucket: https://host.",
    ),
    key(
        SECTION,
        "region",
        Kind::Text,
        "`AWS_REGION`, `AWS_DEFAULT_REGION`, else us-east-1",
        "The region of the bucket.",
    ),
    key(
        SECTION,
        "path_style",
        Kind::Flag,
        "whether there is an `endpoint`",
        "Whether the name of the bucket is in the path of an address, and not in the name of the host.",
    ),
    key(
        SECTION,
        "budget",
        Kind::Text,
        "none",
        "How much a folder may take, such as \"4 GB\": whoever writes to it removes what is oldest.",
    ),
    key(SECTION, "read", Kind::Flag, "true", "Whether what the server has is used."),
    key(
        SECTION,
        "write",
        Kind::Flag,
        "true",
        "Whether what is made here is uploaded. What programs made is not where `[sandbox] level` is off.",
    ),
    key(
        SECTION,
        "exec",
        Kind::Flag,
        "false",
        "Whether programs (tests, tools, steps, builds of source distributions) run on the workers of the server, where they \
         have what the programs start from. `remote = True` or `False` at a target says it for that target.",
    ),
    key(
        SECTION,
        "exec_jobs",
        Kind::Number,
        "32",
        "How many programs run on workers at once, beside those that run here.",
    ),
    key(
        SECTION,
        "exec_fallback",
        Kind::Flag,
        "true",
        "Whether a program that the workers do not run runs here, where this machine is what `[remote.platform]` asks for; \
         otherwise it fails.",
    ),
    key(
        SECTION,
        "exec_race",
        Kind::Flag,
        "false",
        "Whether a program that takes long on a worker runs on an idle processor of this machine as well. Who is done \
         first counts, and the other is stopped.",
    ),
    key(
        SECTION,
        "token_env",
        Kind::Text,
        "none",
        "The variable that holds the token which is shown to the server; at most one of the `token` keys and \
         `credential_helper` is given.",
    ),
    key(
        SECTION,
        "token_file",
        Kind::Text,
        "none",
        "The file that holds the token, relative to the root; it is read again when the server refuses the token.",
    ),
    key(
        SECTION,
        "credential_helper",
        Kind::Text,
        "none",
        "The program that gives headers for the server, as Bazel's credential helpers do: it is run with the argument \
         `get`, and asked again when the server refuses them.",
    ),
    key(
        SECTION,
        "ca_certs",
        Kind::Text,
        "those that browsers trust",
        "The file of the certificates that are trusted, in PEM, relative to the root.",
    ),
    key(
        SECTION,
        "client_cert",
        Kind::Text,
        "none",
        "The file of the certificate that is shown to the server, in PEM, with its key in `client_key`.",
    ),
    key(SECTION, "client_key", Kind::Text, "none", "The file of the key of `client_cert`, in PEM."),
    key(
        SECTION,
        "timeout",
        Kind::Number,
        "2",
        "How many seconds a build waits for a server that does not answer, in all; after that it goes on without it.",
    ),
    key(
        SECTION,
        "upload_timeout",
        Kind::Number,
        "30",
        "How many seconds uploads are waited for when all else is done.",
    ),
    Key {
        section: "remote.headers",
        name: None,
        kind: Kind::Text,
        default: "{}",
        doc: "Headers that every request to the server has, such as x-api-key = \"%(env.CACHE_KEY)s\".",
    },
    Key {
        section: "remote.interpreters",
        name: None,
        kind: Kind::Text,
        default: "{}",
        doc: "Where workers have interpreters, by their ABI, such as cp311 = \"/usr/bin/python3.11\"; and `sh`, which is \
              /bin/sh.",
    },
    Key {
        section: "remote.platform",
        name: None,
        kind: Kind::Text,
        default: "{}",
        doc: "What workers have to be, by the names that the server has for it, such as OSFamily = \"Linux\".",
    },
];

/// These keys after those of the other sections.
pub(super) const fn after(others: &[Key]) -> [Key; SECTIONS.len() + KEYS.len()] {
    let mut all = [KEYS[0]; SECTIONS.len() + KEYS.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] = if at < others.len() { others[at] } else { KEYS[at - others.len()] };
        at += 1;
    }
    all
}
