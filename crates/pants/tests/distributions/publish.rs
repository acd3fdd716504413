//! A library is published to a private index that really runs, with a password, and another repository locks and builds
//! against it.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::repository::{Repository, skipped};
use crate::shop::{MADE, shop};
use crate::tools::{online, succeed, virtualenv};

const PASSWORD: &str = "s3cret-word";
/// The password as Apache's `htpasswd -s` has it.
const USERS: &str = "import base64, hashlib, sys\n\
    print('bob:{SHA}' + base64.b64encode(hashlib.sha1(sys.argv[1].encode()).digest()).decode())";

/// A server that ends with the test.
struct Server(Child, u16);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An index of this machine that wants a password for all it does.
fn serve(bin: &Path, folder: &Path) -> Server {
    fs::create_dir_all(folder.join("packages")).unwrap();
    let users = succeed(Command::new(bin.join("python")).args(["-c", USERS, PASSWORD]));
    fs::write(folder.join("users"), users).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(bin.join("pypi-server"));
    command.args(["run", "-i", "127.0.0.1", "-p", &port.to_string(), "--disable-fallback"]);
    command.args(["-a", "list,download,update", "-P"]).arg(folder.join("users")).arg(folder.join("packages"));
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let server = Server(child, port);
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(start.elapsed() < Duration::from_secs(60), "the index does not start");
        std::thread::sleep(Duration::from_millis(50));
    }
    server
}

fn publish(repository: &Repository, password: Option<&str>, arguments: &[&str]) -> (Value, String) {
    let all = [&["--output", "json", "publish", "--index", "own"], arguments].concat();
    let mut command = online(repository, &all);
    if let Some(password) = password {
        command.env("UV_INDEX_OWN_USERNAME", "bob").env("UV_INDEX_OWN_PASSWORD", password);
    }
    let said = command.output().unwrap();
    let (stdout, stderr) = (String::from_utf8(said.stdout).unwrap(), String::from_utf8(said.stderr).unwrap());
    assert!(!format!("{stdout}{stderr}").contains(PASSWORD), "{stdout}{stderr}");
    (serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}")), stderr)
}

fn statuses(report: &Value) -> Vec<&str> {
    report["published"].as_array().unwrap().iter().map(|one| one["status"].as_str().unwrap()).collect()
}

fn codes(report: &Value) -> Vec<&str> {
    report["diagnostics"].as_array().unwrap().iter().map(|one| one["code"].as_str().unwrap()).collect()
}

#[test]
fn a_library_goes_to_an_index_and_another_repository_builds_against_it() {
    let test = "a_library_goes_to_an_index_and_another_repository_builds_against_it";
    let shop = shop();
    let Some(bin) = virtualenv(test, &shop.beside("tools"), &["pypiserver", "passlib"]) else { return };
    let server = serve(&bin, &shop.beside("index"));
    let configuration = format!(
        "[python]\ninterpreter_constraints = [\"CPython>=3.8,<3.15\"]\n\n[[python-repos.indexes]]\n\
         name = \"own\"\nurl = \"http://127.0.0.1:{0}/simple/\"\n\n[python.publish_urls]\nown = \"http://127.0.0.1:{0}/\"\n",
        server.1
    );
    shop.write("pants.toml", &configuration);
    let dists = ["src/acme/core:dist", "src/acme/orders:dist"];
    let (report, _) = publish(&shop, None, &dists);
    assert_eq!(codes(&report)[0], "packaging::fetch_refused", "{report:#}");
    let (report, _) = publish(&shop, Some("wrong"), &dists);
    assert_eq!((&report["exit_code"], codes(&report)[0]), (&3.into(), "packaging::fetch_refused"));
    let (report, _) = publish(&shop, Some(PASSWORD), &["--dry-run", dists[0], dists[1]]);
    assert_eq!(statuses(&report), ["new"; 4], "{report:#}");
    let packages = shop.beside("index").join("packages");
    assert_eq!(fs::read_dir(&packages).unwrap().count(), 0, "a dry run uploads nothing");
    let (report, _) = publish(&shop, Some(PASSWORD), &dists);
    assert_eq!(statuses(&report), ["uploaded"; 4], "{report:#}");
    for name in MADE {
        assert!(fs::read(packages.join(name)).unwrap() == shop.read(&format!("dist/{name}")), "{name}");
    }
    let (report, _) = publish(&shop, Some(PASSWORD), &dists);
    assert_eq!(statuses(&report), ["unchanged"; 4], "{report:#}");
    // Other bytes under a version that is there keep all others from being uploaded, too.
    shop.write("src/acme/core/money.py", "Money = int\n");
    let build = String::from_utf8(shop.read("src/acme/orders/BUILD")).unwrap();
    shop.write("src/acme/orders/BUILD", build.replace("\"2.0\"", "\"2.1\""));
    let (report, _) = publish(&shop, Some(PASSWORD), &dists);
    assert_eq!(codes(&report), ["publish::differs"; 2], "{report:#}");
    assert_eq!(fs::read_dir(&packages).unwrap().count(), 4);
    consume(test, &configuration);
}

/// Locks and builds a program of another repository that takes the library from the index.
fn consume(test: &str, configuration: &str) {
    let build = "python_requirement(name = \"orders\", requirements = [\"acme-orders==2.0\"], \
        modules = [\"acme.orders\"])\n\
        python_binary(name = \"app\", entry_point = \"acme.orders.cli:main\", dependencies = [\":orders\"])\n";
    let repository = Repository::new(&[("pants.toml", configuration), ("BUILD", build)]);
    let run = |arguments: &[&str]| {
        let mut command = online(&repository, arguments);
        command.env("UV_INDEX_OWN_USERNAME", "bob").env("UV_INDEX_OWN_PASSWORD", PASSWORD);
        command.env("PEX_ROOT", repository.beside("pex"));
        command.output().unwrap()
    };
    let locked = run(&["-q", "lock"]);
    if locked.status.code() == Some(3) {
        return skipped(test, "nothing answers for attrs, which the library needs");
    }
    assert!(locked.status.success(), "{}", String::from_utf8_lossy(&locked.stderr));
    let lock = String::from_utf8(repository.read("pants.lock")).unwrap();
    assert!(lock.contains("acme-core") && !lock.contains(PASSWORD) && !lock.contains("127.0.0.1"), "{lock}");
    let said = run(&["-q", "run", "//:app"]);
    assert_eq!(
        String::from_utf8_lossy(&said.stdout),
        "3 hello\n",
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
}
