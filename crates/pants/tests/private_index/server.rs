//! A private index that really runs: `pypiserver` with a password, in a virtual environment that is kept between runs.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// What it is started from. The password file needs the second.
const REQUIREMENTS: [&str; 2] = ["pypiserver==2.4.2", "passlib==1.7.4"];
/// No start takes longer, or it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes a wheel: the folder, the name, the version, the text of its module, and what it requires.
const WHEEL: &str = r#"
import sys, zipfile
folder, name, version, text, *requires = sys.argv[1:]
info = f"{name}-{version}.dist-info/"
metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(f"Requires-Dist: {r}\n" for r in requires)
files = {
    f"{name}.py": text,
    info + "METADATA": metadata,
    info + "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
files[info + "RECORD"] = "".join(f"{path},,\n" for path in [*files, info + "RECORD"])
with zipfile.ZipFile(f"{folder}/{name}-{version}-py3-none-any.whl", "w") as wheel:
    for path, content in files.items():
        wheel.writestr(path, content)
"#;

/// The server; it ends with the value.
pub(crate) struct Private {
    child: Child,
    python: PathBuf,
    port: u16,
    /// Where its files lie.
    pub(crate) packages: PathBuf,
}

impl Private {
    /// Starts a server for one user; why it cannot be, where pip cannot bring it.
    pub(crate) fn start(folder: &Path, username: &str, password: &str) -> Result<Private, String> {
        let python = environment()?;
        let (users, packages) = (folder.join("htpasswd"), folder.join("packages"));
        fs::create_dir_all(&packages).unwrap();
        let program = "import sys; from passlib.apache import HtpasswdFile as F; f = F(sys.argv[1], new=True); \
                       f.set_password(*sys.argv[2:]); f.save()";
        succeeds(Command::new(&python).args(["-c", program]).arg(&users).args([username, password]))?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(&python)
            .args(["-m", "pypiserver", "run", "-i", "127.0.0.1", "-p", &port.to_string(), "-P"])
            .arg(&users)
            // It would redirect to the public index for what it does not have.
            .args(["-a", "update,download,list", "--disable-fallback"])
            .arg(&packages)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let server = Private { child, python, port, packages };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < PATIENCE, "pypiserver does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/simple/", self.port)
    }

    /// Puts a wheel of one module into a folder, such as that of the server.
    pub(crate) fn wheel(&self, folder: &Path, (name, version): (&str, &str), text: &str, requires: &[&str]) {
        fs::create_dir_all(folder).unwrap();
        let mut command = Command::new(&self.python);
        command.args(["-c", WHEEL]).arg(folder).args([name, version, text]).args(requires);
        succeeds(&mut command).unwrap();
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The Python of the environment, which is made once and by one process.
fn environment() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pypiserver");
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let lock = File::create(folder.join("lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    let (python, done) = (folder.join("venv/bin/python"), folder.join(REQUIREMENTS.join("-")));
    if !done.is_file() {
        succeeds(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder.join("venv")))?;
        let pip = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet"];
        succeeds(Command::new(&python).args(pip).args(REQUIREMENTS))?;
        fs::write(done, "").map_err(|error| error.to_string())?;
    }
    Ok(python)
}

fn succeeds(command: &mut Command) -> Result<Output, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let said = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(output) } else { Err(said()) }
}
