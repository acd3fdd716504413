//! Edges and findings of small repositories, whose files are in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use graph::{Field, Label, Place, SourceFile, Target, TargetGraph, Value, join, schema};
use packaging::lock::Lock;
use store::{Digest, DigestFunction};

use super::{InferSettings, Inferred, Workspace, World, edges};
use crate::closure::Closure;
use crate::entry_point;
use crate::source_roots::SourceRoots;

/// Files in memory, and how often one was read.
#[derive(Default)]
pub(super) struct Memory {
    files: BTreeMap<String, String>,
    /// What files held when their digests were asked for, where they have been edited since.
    before: BTreeMap<String, String>,
    memo: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
    read: Mutex<Vec<String>>,
}

impl Workspace for Memory {
    fn digests(&self, paths: &[&str]) -> Vec<Result<Digest, String>> {
        let digest = |path: &&str| {
            let known = self.before.get(*path).or_else(|| self.files.get(*path));
            let text = known.ok_or_else(|| "it is not there".to_owned())?;
            Ok(DigestFunction::Blake3.digest(text.as_bytes()))
        };
        paths.iter().map(digest).collect()
    }

    fn read(&self, path: &str) -> Result<(Digest, Vec<u8>), String> {
        self.read.lock().expect("no panic").push(path.to_owned());
        let bytes = self.files[path].clone().into_bytes();
        Ok((DigestFunction::Blake3.digest(&bytes), bytes))
    }

    fn is_file(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    fn recall(&self, keys: &[Vec<u8>]) -> Vec<Option<Vec<u8>>> {
        let memo = self.memo.lock().expect("no panic");
        keys.iter().map(|key| memo.get(key).cloned()).collect()
    }

    fn remember(&self, entries: &[(Vec<u8>, Vec<u8>)]) {
        self.memo.lock().expect("no panic").extend(entries.iter().cloned());
    }
}

/// `rule label file,file field=value field=[value,value]`; the files without a directory are below that of the label.
fn target(line: &str, number: u32) -> Target {
    let mut words = line.split_whitespace();
    let rule = schema(words.next().unwrap_or_default()).expect("a rule");
    let label = Label::parse(words.next().expect("a label"), "").expect("a label");
    let package = label.package().to_owned();
    let place = Place::new(join(&package, "BUILD"), number, 1);
    let (mut fields, mut sources) = (Vec::new(), Vec::new());
    for word in words {
        let Some((name, value)) = word.split_once('=') else {
            sources.extend(word.split(',').map(|file| SourceFile { path: join(&package, file).into() }));
            continue;
        };
        let value = match value.strip_prefix('[').and_then(|list| list.strip_suffix(']')) {
            Some(list) => Value::List(list.split(',').map(Value::from).collect()),
            None => Value::from(value),
        };
        let field = rule.field(name).expect("a field");
        let value = field.check(value, &package).expect("a value");
        fields.push(Field { name: field.name, value, place: place.clone(), items: Vec::new() });
    }
    Target { label, rule, fields: fields.into(), place, sources }
}

/// A repository: its targets, its files as `path: text` with `; ` for line ends, and what the configuration says.
pub(super) struct Repository {
    targets: Vec<Target>,
    memory: Memory,
    roots: SourceRoots,
    locks: BTreeMap<String, Lock>,
    settings: InferSettings,
}

impl Repository {
    pub(super) fn new(targets: &[&str], files: &[&str]) -> Repository {
        let targets = targets.iter().zip(1..).map(|(line, number)| target(line, number)).collect();
        let file = |line: &&str| {
            let (path, text) = line.split_once(':').expect("a path and a text");
            (path.to_owned(), text.trim().replace("; ", "\n"))
        };
        let files = files.iter().map(file).collect();
        let roots = ["/", "src", "tests"].map(ToOwned::to_owned);
        Repository {
            targets,
            memory: Memory { files, ..Memory::default() },
            roots: SourceRoots::new(&roots).expect("patterns"),
            locks: BTreeMap::new(),
            settings: InferSettings::default(),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut InferSettings)) -> Repository {
        change(&mut self.settings);
        self
    }

    fn locked(mut self, resolve: &str, packages: &[(&str, &[&str])]) -> Repository {
        let packages: String = packages
            .iter()
            .map(|(name, modules)| {
                format!(
                    "[[packages]]\nname = \"{name}\"\nversion = \"1\"\ntool.pants.modules = {modules:?}\n"
                )
            })
            .collect();
        let text = format!(
            "lock-version = \"1.0\"\ncreated-by = \"pants\"\nrequires-python = \">=3.8\"\n\
                            environments = []\n{packages}\n[tool.pants]\nformat = 1\nrequirements = []\n\
                            interpreters = []\ninterpreter-constraints = []\nplatforms = []\nindexes = [\"default\"]\n"
        );
        self.locks.insert(resolve.to_owned(), Lock::parse(&text).expect("a lock"));
        self
    }

    fn infer(&self) -> Inferred {
        let world = World {
            roots: &self.roots,
            settings: &self.settings,
            default_resolve: "default",
            locks: &self.locks,
            constraints: &|_| &[],
            workspace: &self.memory,
        };
        edges(&self.targets, &world)
    }

    /// The edges of a file or target, as `to to`, and all findings.
    #[track_caller]
    fn check(&self, from: &str, expect: &str, findings: &[&str]) {
        let inferred = self.infer();
        let from: Label = from.parse().expect("a label");
        let found = inferred.edges.iter().filter(|edge| edge.from == from);
        let found: Vec<String> = found.map(|edge| edge.to.to_string()).collect();
        assert_eq!(found.join(" "), expect, "{from}");
        let told = inferred.findings.iter().map(|finding| {
            let site = finding.imports.first().map(|import| import.place.to_string()).unwrap_or_default();
            let notes: String = finding.notes().iter().map(|note| format!("; {note}")).collect();
            format!("{site}: {}{notes}; {}", finding.message(), finding.help())
        });
        assert_eq!(told.collect::<Vec<_>>(), findings);
    }

    /// The files of a program.
    fn closure(&self, program: &str) -> BTreeSet<String> {
        let (mut edges, wrong) = entry_point::edges(&self.targets, &self.roots);
        assert!(wrong.is_empty(), "{wrong:?}");
        edges.extend(self.infer().edges);
        let (graph, wrong) = TargetGraph::build(self.targets.clone(), &edges);
        assert_eq!(wrong, []);
        let program = graph.node(&program.parse().expect("a label")).expect("it is there");
        let closure = Closure::of(&graph, program, &self.roots).expect("a closure");
        closure.paths().map(ToOwned::to_owned).collect()
    }
}

const NOTHING: &[&str] = &[];

#[test]
fn files_depend_on_files() {
    let targets = [
        "python_library //a x.py,y.py,z.py",
        "python_library //b __init__.py,c.py,c.pyi,d/__init__.py,d/e.py",
    ];
    let files = [
        "a/x.py: import b.c; from b import d, attribute; import a.x",
        "a/y.py: from . import x; from .z import f",
        "a/z.py: from a import y; from b.d.e import g; import b.d.e as h",
        "b/__init__.py: from .c import attribute",
        "b/c.py:",
        "b/c.pyi: import typing",
        "b/d/__init__.py:",
        "b/d/e.py: from ... import nowhere; from ..c import x",
    ];
    let outside = ["b/d/e.py:1:17: the import of `...` leads out of its source root; \
                    is the source root right? `[source] root_patterns` names all of them"];
    let repository = Repository::new(&targets, &files);
    repository.check("//a/x.py", "//b/__init__.py //b/c.py //b/c.pyi //b/d/__init__.py:../b", &outside);
    repository.check("//a/y.py", "//a/x.py //a/z.py", &outside);
    repository.check("//a/z.py", "//a/y.py //b/d/e.py:../b", &outside);
    repository.check("//b/__init__.py", "//b/c.py //b/c.pyi", &outside);
    let all = "//b/__init__.py //b/c.py //b/c.pyi //b/d/__init__.py:../b";
    repository.check("//b/d/e.py:../b", all, &outside);
}

#[test]
fn packages_above_and_conftests() {
    let targets = [
        "python_library //a __init__.py,b/__init__.py,b/c.py",
        "python_library //a/b:support conftest.py",
        "python_library //a:support conftest.py",
        "python_test //a/b:tests c_test.py,d_test.py",
    ];
    let files = [
        "a/__init__.py: x = 1",
        "a/conftest.py:",
        "a/b/__init__.py:",
        "a/b/c.py:",
        "a/b/conftest.py:",
        "a/b/c_test.py: from .d_test import Helper",
        "a/b/d_test.py:",
    ];
    let repository = Repository::new(&targets, &files);
    repository.check("//a/b/c.py:../a", "//a/__init__.py //a/b/__init__.py:../a", NOTHING);
    let of_test = "//a/__init__.py //a/b/__init__.py:../a //a/conftest.py:support //a/b/conftest.py:support \
                   //a/b/d_test.py:tests";
    repository.check("//a/b/c_test.py:tests", of_test, NOTHING);
    let repository = repository.with(|settings| {
        settings.init_files = super::InitFiles::ContentOnly;
        settings.conftests = false;
    });
    repository.check("//a/b/c_test.py:tests", "//a/__init__.py //a/b/d_test.py:tests", NOTHING);
    let repository = repository.with(|settings| settings.init_files = super::InitFiles::Never);
    repository.check("//a/b/c.py:../a", "", NOTHING);
    repository.with(|settings| settings.imports = false).check("//a/b/c_test.py:tests", "", NOTHING);
}

#[test]
fn requirements_bring_modules() {
    let targets = [
        "python_library //a x.py",
        "python_requirement //3rdparty:flask requirements=[flask]",
        "python_requirement //3rdparty:yaml requirements=[PyYAML>=5]",
        "python_requirement //3rdparty:storage requirements=[google-cloud-storage]",
        "python_requirement //3rdparty:acme requirements=[acme-client] modules=[acme.client]",
        "python_requirement //3rdparty:odd requirements=[odd-name]",
        "python_requirement //3rdparty:types requirements=[types-requests]",
    ];
    let files =
        ["a/x.py: import flask.json, yaml; from google.cloud import storage; from acme.client import x; \
                  from odd import y; import os.path, requests, werkzeug"];
    let findings = [
        "a/x.py:5:17: no target provides the module `requests`; add the requirement that provides it, or \
         end the line with `# pants: no-infer-dep`",
        "a/x.py:5:27: no target provides the module `werkzeug`; the lock of `default` has it, from `werkzeug`, which no \
         target asks for; add `werkzeug` to the requirements",
    ];
    let all = "//3rdparty:acme //3rdparty:flask //3rdparty:odd //3rdparty:storage //3rdparty:yaml";
    Repository::new(&targets, &files)
        .locked("default", &[("odd-name", &["odd"]), ("werkzeug", &["werkzeug"])])
        .check("//a/x.py", all, &findings);
}

#[test]
fn several_requirements_of_one_project_are_one() {
    let targets = [
        "python_library //a x.py",
        "python_requirement //m:one requirements=[flask[async]>=3]",
        "python_requirement //m:two requirements=[Flask]",
        "python_requirement //n:flask requirements=[flask>=2]",
        "python_requirement //n:old requirements=[flask;python_version<'3.9']",
    ];
    let files = ["a/x.py: import flask"];
    Repository::new(&targets, &files).check("//a/x.py", "//m:two", &[]);
    let apart =
        [targets[0], targets[1], "python_requirement //n:fork requirements=[flask-fork] modules=[flask]"];
    Repository::new(&apart, &files).check("//a/x.py", "", &["a/x.py:1:8: the module `flask` may be that of `//m:one` or `//n:fork`; the import adds no dependency; name the one that is meant in the `dependencies` of `//a:a`"]);
}

#[test]
fn the_longest_module_wins_and_then_the_repository() {
    let targets = [
        "python_library //a x.py",
        "python_library //google/cloud/ours ours.py",
        "python_library //yaml __init__.py",
        "python_library //src logging.py",
        "python_library //src/b y.py",
        "python_requirement //3rdparty:storage requirements=[google-cloud-storage]",
        "python_requirement //3rdparty:yaml requirements=[pyyaml]",
    ];
    let files = [
        "a/x.py: from google.cloud import storage; from google.cloud.ours import ours; import yaml, google, typing, logging",
        "google/cloud/ours/ours.py:",
        "yaml/__init__.py:",
        "src/logging.py:",
        "src/b/y.py: import logging",
    ];
    let all = "//3rdparty:storage //google/cloud/ours/ours.py //yaml/__init__.py";
    let repository = Repository::new(&targets, &files);
    repository.check("//a/x.py", all, NOTHING);
    repository.check("//src/b/y.py", "//src/logging.py", NOTHING);
}

#[test]
fn several_owners() {
    let targets = [
        "python_library //src/a x.py",
        "python_library //src/a:util util.py",
        "python_library //tests/a y.py",
        "python_library //tests/a:util util.py",
        "python_library //b z.py",
        "python_library //c w.py dependencies=[//tests/a:util]",
    ];
    let files = [
        "src/a/x.py: import a.util",
        "src/a/util.py:",
        "tests/a/y.py: from a import util",
        "tests/a/util.py:",
        "b/z.py: from a.util import f",
        "c/w.py: from a.util import f",
    ];
    let findings = [
        "b/z.py:1:6: the module `a.util` may be that of `//src/a/util.py:util` or `//tests/a/util.py:util`; \
                     the import adds no dependency; name the one that is meant in the `dependencies` of `//b:b`",
    ];
    let repository = Repository::new(&targets, &files);
    repository.check("//src/a/x.py", "//src/a/util.py:util", &findings);
    repository.check("//tests/a/y.py", "//tests/a/util.py:util", &findings);
    repository.check("//b/z.py", "", &findings);
    repository.check("//c/w.py", "//tests/a/util.py:util", &findings);
}

#[test]
fn resolves_tell_owners_apart() {
    let targets = [
        "python_library //a x.py resolve=old",
        "python_library //b y.py resolve=new",
        "python_library //lib:old u.py resolve=old",
        "python_library //lib:new u.py resolve=new",
        "python_library //free f.py",
        "python_requirement //r:six requirements=[six] resolve=old",
    ];
    let files = [
        "a/x.py: import lib.u, six, free.f, b.y",
        "b/y.py: import lib.u, six, free.f",
        "lib/u.py:",
        "free/f.py:",
    ];
    let findings = [
        "a/x.py:1:28: no target of the resolve `old` provides the module `b.y`; `//b:b` provides it in the resolve `new`; \
         provide it in `old` too, or give the target that imports it another `resolve`",
        "b/y.py:1:15: no target of the resolve `new` provides the module `six`; `//r:six` provides it in the resolve `old`; \
         provide it in `new` too, or give the target that imports it another `resolve`",
    ];
    let repository = Repository::new(&targets, &files);
    repository.check("//a/x.py", "//free/f.py //lib/u.py:old //r:six", &findings);
    repository.check("//b/y.py", "//free/f.py //lib/u.py:new", &findings);
}

#[test]
fn hints() {
    let targets = [
        "python_library //pkg __init__.py,one.py,two.py",
        "python_test //pkg:tests one_test.py",
        "python_library //web web.py",
        "python_library //lib/python/inner mod.py",
        "python_library //lib/cache __init__.py,redis.py",
    ];
    let files = [
        "lib/python/inner/mod.py:",
        "lib/cache/__init__.py:",
        "lib/cache/redis.py: import redis",
        "pkg/__init__.py:",
        "pkg/one.py: import two; import requets; from pkg.three import x; from pkg import one_test; import wbe.web; \
         from .four import y; import bs4, inner.mod",
        "pkg/two.py: import numpy.linalg; import numpy as np; try:;  import weak; except ImportError:;  pass",
        "pkg/three.py:",
        "pkg/one_test.py: import numpy",
        "web/web.py:",
    ];
    let findings = [
        "pkg/one.py:7:8: no target provides the module `bs4`; add `beautifulsoup4` to the requirements",
        "pkg/one.py:7:13: no target provides the module `inner`; `lib/python/inner/mod.py` would be it if `/lib/python` were \
         a source root; add `/lib/python` to `[source] root_patterns`",
        "pkg/one_test.py:1:8: no target provides the module `numpy`; also imported by `pkg/two.py`; add the requirement that provides it, or \
         end the line with `# pants: no-infer-dep`",
        "pkg/one.py:6:7: no target provides the module `pkg.four`; name its file in the `sources` of a target, or end the line \
         with `# pants: no-infer-dep`",
        "pkg/one.py:4:6: no target provides the module `pkg.one_test`; `//pkg:tests` has it, and only tests can depend on a \
         test; move what both need into a python_library",
        "pkg/one.py:3:6: no target provides the module `pkg.three`; `pkg/three.py` is a source of no target; name it in the \
         `sources` of a python_library",
        "lib/cache/redis.py:1:8: no target provides the module `redis`; add the requirement that provides it, or end the \
         line with `# pants: no-infer-dep`",
        "pkg/one.py:2:8: no target provides the module `requets`; add the requirement that provides it, or \
         end the line with `# pants: no-infer-dep`",
        "pkg/one.py:1:8: no target provides the module `two`; did you mean `pkg.two`?",
        "pkg/one.py:5:8: no target provides the module `wbe`; did you mean `web`?",
    ];
    Repository::new(&targets, &files).check("//web/web.py", "", &findings);
}

#[test]
fn python_2_looks_beside_the_file_too() {
    let files = ["a/x.py: import y; from b import c; import a.b", "a/y.py:", "a/b/__init__.py:"];
    let targets = ["python_library //a x.py,y.py,b/__init__.py interpreter_constraints=[CPython==2.7.*]"];
    Repository::new(&targets, &files).check("//a/x.py", "//a/b/__init__.py:../a //a/y.py", NOTHING);
}

#[test]
fn strings_where_they_are_on() {
    let targets = [
        "python_library //a x.py",
        "python_library //a/b c.py",
        "resources //a:data t/x.html",
        "files //f g/h.txt",
        "python_requirement //r:django requirements=[django]",
    ];
    let files = [
        "a/x.py: A = ['a.b.c', 'a.b.c.D', 'django.contrib.auth', 't/x.html', 'f/g/h.txt', 'no.such.thing']",
        "a/b/c.py:",
    ];
    let repository = Repository::new(&targets, &files);
    repository.check("//a/x.py", "", NOTHING);
    let repository = repository.with(|settings| settings.string_imports = true);
    repository.check("//a/x.py", "//a/b/c.py //r:django", NOTHING);
    let repository = repository.with(|settings| settings.assets = true);
    repository.check("//a/x.py", "//a/t/x.html:../data //a/b/c.py //f/g/h.txt:../f //r:django", NOTHING);
}

#[test]
fn entry_points_and_closures_take_single_files() {
    let targets = [
        "python_binary //svc:app entry_point=svc.main",
        "python_library //svc:lib main.py,used.py,unused.py dependencies=[:data]",
        "resources //svc:data data.txt",
        "python_binary //svc:server entry_point=gunicorn.app.wsgiapp:run",
        "python_requirement //r:gunicorn requirements=[gunicorn]",
    ];
    let files = ["svc/main.py: from svc import used", "svc/used.py:", "svc/unused.py: import svc.main"];
    let repository = Repository::new(&targets, &files);
    let closure: Vec<String> = repository.closure("//svc:app").into_iter().collect();
    assert_eq!(closure, ["svc/data.txt", "svc/main.py", "svc/used.py"]);
    repository.check("//svc:server", "//r:gunicorn", NOTHING);
}

#[test]
fn files_are_read_once() {
    let targets = ["python_library //a x.py,y.py,gone.py"];
    let repository = Repository::new(&targets, &["a/x.py: import b", "a/y.py: import b"]);
    let first = repository.infer();
    assert_eq!(
        repository.memory.read.lock().expect("no panic").as_slice(),
        ["a/x.py"],
        "the content is the same"
    );
    assert_eq!((first.unread.len(), first.unread[0].path.as_str()), (1, "a/gone.py"));
    let second = repository.infer();
    assert_eq!(repository.memory.read.lock().expect("no panic").len(), 1, "nothing is read again");
    assert_eq!((first.edges, first.findings), (second.edges, second.findings));
}

#[test]
fn what_is_edited_meanwhile_is_what_it_is_now() {
    let targets = ["python_library //a x.py,y.py,b.py,c.py"];
    let files = ["a/x.py: import a.c", "a/y.py: import a.b", "a/b.py:", "a/c.py:"];
    let mut repository = Repository::new(&targets, &files);
    // The same as the other when their digests were asked for.
    repository.memory.before.insert("a/x.py".to_owned(), "import a.b".to_owned());
    repository.check("//a/x.py", "//a/c.py", &[]);
    repository.check("//a/y.py", "//a/b.py", &[]);
    repository.memory.before.clear();
    repository.check("//a/x.py", "//a/c.py", &[]);
    repository.check("//a/y.py", "//a/b.py", &[]);
}
