//! Has a server run an action, and stays with it: a stream that breaks off is taken up again, and a wish to stop is passed on.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bazel_remote_apis::google::longrunning::operation::Result as Ended;
use bazel_remote_apis::google::longrunning::operations_client::OperationsClient;
use bazel_remote_apis::google::longrunning::{CancelOperationRequest, Operation};
use prost::Message as _;
use store::Digest;
use tonic::{Code, Streaming};

use crate::api::{self, execution_client::ExecutionClient};
use crate::blobs::wire;
use crate::capabilities::value;
use crate::connection::{Connection, LARGEST_MESSAGE, with};
use crate::fault::{Fault, Kind};
use crate::statistics::add;

/// How often a stream that breaks off is taken up again.
const TRIES: u32 = 5;

/// How often it is looked whether somebody wants to stop.
const GLANCE: Duration = Duration::from_millis(100);

/// How an execution ended that ended.
pub(crate) enum Executed {
    /// The program did, with whatever status, now or, where it is `known`, before.
    Ended { result: Box<api::ActionResult>, known: bool },
    /// It took longer than it may; with what it left, where the server says it.
    TimedOut(Option<Box<api::ActionResult>>),
    /// Somebody asked to stop.
    Cancelled,
    /// The server did not find what it needs, or failed in a way in which it may.
    Lacking(Fault),
}

impl Connection {
    /// Has the server run the action of this digest, with `anew` also where it knows the outcome.
    pub(crate) async fn execute(
        self: &Arc<Self>,
        action: &Digest,
        anew: bool,
        is_cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Executed, Fault> {
        let (mut name, mut tries, mut renewed) = (String::new(), 0, false);
        loop {
            let followed = match self.begin(action, &name, anew).await {
                Ok(stream) => self.follow(stream, &mut name, is_cancelled).await,
                Err(fault) => Err(fault),
            };
            let fault = match followed {
                Ok(Some(executed)) => return Ok(executed),
                // It ended as if all were said.
                Ok(None) => Fault::new(Kind::Unreachable, "the execution was not followed to its end"),
                // The server was started anew, and knows nothing of it.
                Err(fault) if fault.kind == Kind::Missing && !name.is_empty() => {
                    name.clear();
                    fault
                }
                // What was shown to the server has expired since it began.
                Err(fault) if fault.kind == Kind::Unauthenticated && !renewed && !self.breaker.is_off() => {
                    renewed = true;
                    let (shown, _) = self.metadata("", None).await?;
                    self.metadata("", Some(shown)).await?;
                    continue;
                }
                // One cut ends all streams at once: others may have found out that the server fails, and it may be back soon.
                Err(fault) if fault.kind.passes() || (fault.kind == Kind::Off && tries > 0) => fault,
                Err(fault) => {
                    self.judge(&fault, Duration::ZERO);
                    return Err(fault);
                }
            };
            tries += 1;
            if tries == TRIES || self.breaker.is_off() || is_cancelled() {
                return Err(fault);
            }
            add(&self.counters.repeated, 1);
            tokio::time::sleep(GLANCE * tries).await;
        }
    }

    /// Begins an execution or, where it has a name, goes on with it.
    async fn begin(
        self: &Arc<Self>,
        action: &Digest,
        name: &str,
        anew: bool,
    ) -> Result<Streaming<Operation>, Fault> {
        let request = api::ExecuteRequest {
            instance_name: self.settings.instance.clone(),
            skip_cache_lookup: anew,
            action_digest: Some(wire(action)),
            digest_function: value(self.function) as i32,
            ..api::ExecuteRequest::default()
        };
        let about = action.hex();
        let stream = self.ask_about(&about, |metadata| {
            let channel = self.channel();
            let (request, name) = (request.clone(), name.to_owned());
            async move {
                let client = ExecutionClient::new(channel?);
                let mut client = client.max_decoding_message_size(LARGEST_MESSAGE);
                let stream = if name.is_empty() {
                    client.execute(with(metadata, request)).await?
                } else {
                    client.wait_execution(with(metadata, api::WaitExecutionRequest { name })).await?
                };
                Ok(stream.into_inner())
            }
        });
        stream.await
    }

    /// Follows an execution to its end; none where the stream ends before.
    async fn follow(
        self: &Arc<Self>,
        mut stream: Streaming<Operation>,
        name: &mut String,
        is_cancelled: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Executed>, Fault> {
        loop {
            let operation = {
                let mut next = pin!(stream.message());
                let mut asked = Instant::now();
                loop {
                    if let Ok(next) = tokio::time::timeout(GLANCE, next.as_mut()).await {
                        break next;
                    }
                    if is_cancelled() {
                        self.cancel(name).await;
                        return Ok(Some(Executed::Cancelled));
                    }
                    // A program may take long; a server that is well says so meanwhile.
                    if asked.elapsed() > self.settings.patience {
                        if !self.is_alive(asked).await {
                            let fault = Fault::new(Kind::Silent, "no answer");
                            self.judge(&fault, self.settings.patience);
                            return Err(fault);
                        }
                        asked = Instant::now();
                    }
                }
            };
            let operation = operation.map_err(Fault::from);
            // What does not pass is judged by whoever gives up.
            let judge = |fault: &Fault| {
                if fault.kind.passes() {
                    self.judge(fault, Duration::ZERO);
                }
            };
            let Some(operation) = operation.inspect_err(judge)? else { return Ok(None) };
            name.clone_from(&operation.name);
            if operation.done {
                // What has ended is not waited for again.
                return ended(operation).map(Some).inspect_err(|_| name.clear());
            }
        }
    }

    /// Asks the server to stop an execution. If it does not hear, the program runs on for nobody.
    async fn cancel(self: &Arc<Self>, name: &str) {
        let message = CancelOperationRequest { name: name.to_owned() };
        let call = async {
            let (_, metadata) = self.metadata("", None).await?;
            let mut client = OperationsClient::new(self.channel()?);
            client.cancel_operation(with(metadata, message)).await.map_err(Fault::from)
        };
        let _ = tokio::time::timeout(self.settings.patience, call).await;
    }
}

/// What an operation that is done came to. An exit status counts only where the execution itself went well.
fn ended(operation: Operation) -> Result<Executed, Fault> {
    let response = match operation.result {
        Some(Ended::Response(response)) => response,
        Some(Ended::Error(status)) => return judged(status.code, status.message),
        None => return Err(Fault::new(Kind::Broken, "the execution has no result")),
    };
    let response = api::ExecuteResponse::decode(response.value.as_slice());
    let response = response.map_err(|_| Fault::new(Kind::Broken, "the result cannot be read"))?;
    let result = response.result.map(Box::new);
    if let Some(status) = response.status.filter(|status| status.code != 0) {
        return match Code::from_i32(status.code) {
            Code::DeadlineExceeded => Ok(Executed::TimedOut(result)),
            _ => judged(status.code, status.message),
        };
    }
    let result = result.ok_or_else(|| Fault::new(Kind::Broken, "the execution has no result"))?;
    Ok(Executed::Ended { result, known: response.cached_result })
}

fn judged(code: i32, message: String) -> Result<Executed, Fault> {
    let fault: Fault = tonic::Status::new(Code::from_i32(code), message).into();
    match Code::from_i32(code) {
        Code::DeadlineExceeded => Ok(Executed::TimedOut(None)),
        Code::NotFound | Code::FailedPrecondition | Code::Internal => Ok(Executed::Lacking(fault)),
        _ => Err(fault),
    }
}
