//! Plain caches that really are there: an object store that checks signatures and rights, an HTTP server, a folder.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::servers::{Server, casd, environment, free_port, succeeds};

/// The kinds of caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Folder,
    Http,
    Bucket,
    /// Not a plain one: a server of the Remote Execution API, to set them beside.
    Server,
}

/// The plain ones.
pub(crate) const KINDS: [Kind; 3] = [Kind::Folder, Kind::Http, Kind::Bucket];

/// A cache, and what it takes to use it.
pub(crate) struct Cache {
    pub(crate) address: String,
    /// None for a folder.
    pub(crate) server: Option<Server>,
    /// Variables for whoever may write, and for whoever may only read.
    pub(crate) writer: Vec<(String, String)>,
    pub(crate) reader: Vec<(String, String)>,
}

/// Starts a cache with its content in `folder`; why not, where it cannot be had.
pub(crate) fn start(kind: Kind, folder: &Path) -> Result<Cache, String> {
    match kind {
        Kind::Folder => {
            let address = folder.join("shared").display().to_string();
            Ok(Cache { address, server: None, writer: Vec::new(), reader: Vec::new() })
        }
        Kind::Http => http(folder),
        Kind::Bucket => bucket(folder),
        Kind::Server => {
            let server = casd(folder)?;
            let address = server.address();
            Ok(Cache { address, server: Some(server), writer: Vec::new(), reader: Vec::new() })
        }
    }
}

/// The name and the password of whoever may use the HTTP server.
const LOGIN: &str = "ada:a-password-of-the-tests";

fn http(folder: &Path) -> Result<Cache, String> {
    let python = environment("wsgidav", "python3", &["wsgidav==4.4.0", "cheroot==11.1.2"])?;
    let (content, port) = (folder.join("dav"), free_port());
    for below in ["ac", "cas"] {
        fs::create_dir_all(content.join(below)).map_err(|error| error.to_string())?;
    }
    let (name, password) = LOGIN.split_once(':').unwrap_or_default();
    let configuration = format!(
        "host: 127.0.0.1\nport: {port}\nprovider_mapping:\n  '/': '{}'\nhttp_authenticator:\n  accept_basic: true\n  \
         accept_digest: false\n  default_to_digest: false\nsimple_dc:\n  user_mapping:\n    '*':\n      {name}:\n        \
         password: {password}\n",
        content.display()
    );
    let file = folder.join("dav.yaml");
    fs::write(&file, configuration).map_err(|error| error.to_string())?;
    let command = move || {
        let mut command = Command::new(python.with_file_name("wsgidav"));
        command.arg("--config").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let server = Server::start(Box::new(command), port, content)?;
    // The name and the password in base 64.
    let header = ("PANTS_REMOTE_HEADERS", "{'authorization': 'Basic YWRhOmEtcGFzc3dvcmQtb2YtdGhlLXRlc3Rz'}");
    let shown = vec![(header.0.to_owned(), header.1.to_owned())];
    let address = format!("http://127.0.0.1:{port}");
    Ok(Cache { address, server: Some(server), writer: shown.clone(), reader: shown })
}

/// Makes a user that may write and one that may read, and the bucket. Seven requests need no signature.
const USERS: &str = r#"
import boto3, json, sys
def client(name):
    keys = dict(aws_access_key_id="any", aws_secret_access_key="any")
    return boto3.client(name, endpoint_url=sys.argv[1], region_name="us-east-1", **keys)
iam = client("iam")
for name, actions in [("writer", ["s3:*"]), ("reader", ["s3:GetObject", "s3:ListBucket"])]:
    iam.create_user(UserName=name)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    print(key["AccessKeyId"], key["SecretAccessKey"])
client("s3").create_bucket(Bucket="cache")
"#;

fn bucket(folder: &Path) -> Result<Cache, String> {
    let python = environment("moto", "python3", &["moto[s3,iam,server]==5.2.5"])?;
    let (port, log) = (free_port(), folder.join("moto.log"));
    let program = python.with_file_name("moto_server");
    let command = move || {
        let mut command = Command::new(&program);
        let log = File::create(&log).map_or_else(|_| Stdio::null(), Stdio::from);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).env("INITIAL_NO_AUTH_ACTION_COUNT", "7");
        command.stdout(Stdio::null()).stderr(log);
        command
    };
    let server = Server::start(Box::new(command), port, folder.join("moto"))?;
    let endpoint = format!("http://127.0.0.1:{port}");
    let said = succeeds(Command::new(&python).args(["-c", USERS, &endpoint]))?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let shown = |line: &str| {
        let (id, secret) = line.split_once(' ').unwrap_or_default();
        let pairs = [
            ("PANTS_REMOTE_ENDPOINT", endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", id),
            ("AWS_SECRET_ACCESS_KEY", secret),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    };
    let mut users = said.lines().map(shown);
    let (writer, reader) = users.next().zip(users.next()).ok_or("no users")?;
    let address = "s3://cache/of/pants".to_owned();
    Ok(Cache { address, server: Some(server), writer, reader })
}
