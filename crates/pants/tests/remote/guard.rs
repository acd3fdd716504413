//! A proxy that wants a token which may expire at any time, in front of a server that wants none. It also ends what goes on with
//! a token that has expired.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::servers::{bgd_python, free_port};

/// Passes every request on whose token is in a file, and refuses the others.
const PROXY: &str = r#"
import sys, threading, time
from concurrent import futures
import grpc
port, server, valid = sys.argv[1], sys.argv[2], sys.argv[3]
channel = grpc.insecure_channel(server)
def is_valid(token):
    return token in open(valid).read().split()
class Pass(grpc.GenericRpcHandler):
    def service(self, about):
        metadata = dict(about.invocation_metadata)
        token = metadata.get("authorization", "").removeprefix("Bearer ")
        forwarded = [(name, value) for name, value in about.invocation_metadata if name.startswith("build.")]
        def call(messages, context):
            if not is_valid(token):
                context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token has expired")
            answers = channel.stream_stream(about.method)(messages, metadata=forwarded)
            expired = threading.Event()
            def watch():
                while context.is_active():
                    if not is_valid(token):
                        expired.set()
                        return answers.cancel()
                    time.sleep(0.05)
            if about.method.endswith("Execute"):
                threading.Thread(target=watch, daemon=True).start()
            try:
                yield from answers
            except grpc.RpcError as error:
                if expired.is_set():
                    context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token has expired meanwhile")
                context.abort(error.code(), error.details())
        return grpc.stream_stream_rpc_method_handler(call)
limits = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
proxy = grpc.server(futures.ThreadPoolExecutor(80), handlers=[Pass()], options=limits)
proxy.add_insecure_port("127.0.0.1:" + port)
proxy.start()
proxy.wait_for_termination()
"#;

/// The proxy; it ends with the value.
pub(crate) struct Guard {
    child: Child,
    port: u16,
    valid: PathBuf,
}

impl Guard {
    /// A guard of the server at this port, with what it needs in `folder`; why not, where it cannot be had.
    pub(crate) fn of(server: u16, folder: &Path) -> Result<Guard, String> {
        let python = bgd_python()?;
        let (port, valid) = (free_port(), folder.join("valid"));
        fs::write(&valid, "").map_err(|error| error.to_string())?;
        let mut command = Command::new(python);
        command.args(["-c", PROXY, &port.to_string(), &format!("127.0.0.1:{server}")]).arg(&valid);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut guard = Guard { child: child.map_err(|error| error.to_string())?, port, valid };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if start.elapsed() > Duration::from_secs(60)
                || guard.child.try_wait().is_ok_and(|ended| ended.is_some())
            {
                return Err("the proxy does not listen".to_owned());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(guard)
    }

    pub(crate) fn address(&self) -> String {
        format!("grpc://127.0.0.1:{}", self.port)
    }

    /// From now on this token alone is valid.
    pub(crate) fn accept(&self, token: &str) {
        let new = self.valid.with_extension("new");
        fs::write(&new, token).unwrap();
        fs::rename(new, &self.valid).unwrap();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
