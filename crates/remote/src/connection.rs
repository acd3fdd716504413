//! One connection to a server: what every request has, when it is repeated, and when the server is not asked any more.

use std::collections::hash_map::RandomState;
use std::future::Future;
use std::hash::BuildHasher;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime};

use prost::Message as _;
use store::DigestFunction;
use tokio::sync::{Mutex, OnceCell};
use tonic::metadata::{Ascii, MetadataKey, MetadataMap, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status};

use crate::address::Address;
use crate::api::{
    CapabilitiesClient, GetCapabilitiesRequest, RequestMetadata, ServerCapabilities, ToolDetails,
};
use crate::breaker::{Breaker, Verdict};
use crate::capabilities::Abilities;
use crate::fault::{Fault, Kind};
use crate::limit::Limit;
use crate::notice::Notices;
use crate::plain::Plain;
use crate::reads::Reads;
use crate::settings::Settings;
use crate::statistics::{Counters, add};

/// How often a request is made at most, and how long before the second, at first and at most.
const TRIES: u32 = 4;
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// No request takes longer, however well the server is.
const LONGEST: Duration = Duration::from_secs(300);

/// The windows of the transport, in bytes: those of its standard are too small for blobs on distant servers.
const WINDOWS: (u32, u32) = (4 << 20, 16 << 20);

/// The largest message that is taken.
pub(crate) const LARGEST_MESSAGE: usize = 16 << 20;

/// Where the messages about a request are read by the server.
const METADATA: &str = "build.bazel.remote.execution.v2.requestmetadata-bin";

/// How a cache is spoken to.
pub(crate) enum Wire {
    /// By the Remote Execution API.
    Server(Channel),
    /// As objects by name.
    Plain(Box<Plain>),
}

/// A cache, as one build knows it.
pub(crate) struct Connection {
    pub(crate) settings: Settings,
    pub(crate) function: DigestFunction,
    pub(crate) wire: Wire,
    /// What the server can do, once it was asked.
    pub(crate) abilities: OnceCell<Abilities>,
    pub(crate) breaker: Breaker,
    pub(crate) limit: Limit,
    pub(crate) reads: Reads,
    pub(crate) counters: Counters,
    pub(crate) notices: Notices,
    /// What proves who asks, with how often it was asked for.
    proof: Mutex<(u32, Option<MetadataMap>)>,
    /// When the last probe began, and whether it was answered.
    probe: Mutex<Option<(Instant, bool)>>,
}

impl Connection {
    /// A connection that is made when it is first used. Has to be called on a thread of the runtime.
    ///
    /// # Errors
    /// What is wrong with the certificates.
    pub(crate) fn new(settings: Settings, function: DigestFunction) -> Result<Connection, Fault> {
        let wire = match Plain::new(&settings, function)? {
            Some(plain) => Wire::Plain(Box::new(plain)),
            None => {
                let endpoint = endpoint(&settings);
                Wire::Server(
                    endpoint.map_err(|error| Fault::new(Kind::Refused, innermost(&error)))?.connect_lazy(),
                )
            }
        };
        Ok(Connection {
            breaker: Breaker::new(settings.patience),
            settings,
            function,
            wire,
            abilities: OnceCell::new(),
            limit: Limit::new(),
            reads: Reads::default(),
            counters: Counters::default(),
            notices: Notices::default(),
            proof: Mutex::default(),
            probe: Mutex::default(),
        })
    }

    /// The plain cache, if it is one.
    pub(crate) fn plain(&self) -> Option<&Plain> {
        match &self.wire {
            Wire::Plain(plain) => Some(plain),
            Wire::Server(_) => None,
        }
    }

    /// Whether blobs may come, and go in streams, compressed.
    pub(crate) fn has_zstd(&self) -> bool {
        self.abilities.get().is_some_and(|abilities| abilities.zstd)
    }

    /// What leads to the services of a server.
    ///
    /// # Errors
    /// That it is none.
    pub(crate) fn channel(&self) -> Result<Channel, Status> {
        match &self.wire {
            Wire::Server(channel) => Ok(channel.clone()),
            Wire::Plain(_) => Err(Status::unimplemented("a plain cache has no services")),
        }
    }

    /// Makes a request, again where that may help. `call` is given what the request has to have.
    pub(crate) async fn ask<T, F>(self: &Arc<Self>, call: impl Fn(MetadataMap) -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Status>>,
    {
        self.ask_about("", call).await
    }

    /// The same, for the action of this name.
    pub(crate) async fn ask_about<T, F>(
        self: &Arc<Self>,
        action: &str,
        call: impl Fn(MetadataMap) -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let call = |metadata| {
            let answer = call(metadata);
            async { answer.await.map_err(Fault::from) }
        };
        self.repeat(action, call).await
    }

    /// The same for what fails with a fault.
    pub(crate) async fn repeat<T, F>(
        self: &Arc<Self>,
        action: &str,
        call: impl Fn(MetadataMap) -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let begin = Instant::now();
        let (mut tries, mut renewed) = (0, false);
        loop {
            let (proof, metadata) = self.metadata(action, None).await?;
            let fault = match self.attempt(call(metadata)).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            if fault.kind == Kind::Unauthenticated && !renewed {
                renewed = true;
                self.metadata(action, Some(proof)).await?;
                continue;
            }
            tries += 1;
            self.judge(&fault, begin.elapsed());
            if !fault.kind.passes() || !self.breaker.lets_pass() {
                return Err(fault);
            }
            let pause = fault.after.unwrap_or_else(|| pause(tries));
            // Who wants to be asked later than anybody waits is as good as one who does not answer.
            if tries >= TRIES || pause > self.settings.patience {
                if fault.kind == Kind::Busy {
                    self.failed(&fault, begin.elapsed());
                }
                return Err(fault);
            }
            add(&self.counters.repeated, 1);
            tokio::time::sleep(pause).await;
        }
    }

    /// Makes a request once, unless the server is not asked.
    async fn attempt<T>(&self, call: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        let permit = self.limit.enter().await;
        if !self.breaker.lets_pass() {
            return Err(Fault::off());
        }
        add(&self.counters.requests, 1);
        let answer = self.attend(call).await?;
        drop(permit);
        answer.inspect(|_| {
            self.breaker.answered();
            self.limit.widen();
        })
    }

    /// Waits for an answer as long as the server answers at all.
    ///
    /// # Errors
    /// That it does not.
    pub(crate) async fn attend<T>(&self, call: impl Future<Output = T>) -> Result<T, Fault> {
        let begin = Instant::now();
        let mut call = pin!(call);
        loop {
            let asked = Instant::now();
            if let Ok(answer) = tokio::time::timeout(self.settings.patience / 2, call.as_mut()).await {
                return Ok(answer);
            }
            if !self.breaker.lets_pass() {
                return Err(Fault::off());
            }
            if begin.elapsed() > LONGEST || !self.is_alive(asked).await {
                return Err(Fault::new(Kind::Silent, "no answer"));
            }
        }
    }

    /// Whether the server has answered anything that was asked since then, whatever it says.
    pub(crate) async fn is_alive(&self, since: Instant) -> bool {
        let mut last = self.probe.lock().await;
        if let Some((begin, alive)) = *last
            && begin >= since
        {
            return alive;
        }
        let begin = Instant::now();
        let probe = tokio::time::timeout(self.settings.patience / 2, self.greet(MetadataMap::new()));
        let alive = match probe.await {
            Ok(Ok(_)) => true,
            Ok(Err(fault)) => !fault.kind.is_of_server(),
            Err(_) => false,
        };
        *last = Some((begin, alive));
        alive
    }

    /// Makes the smallest request. Gives what the clock of the cache says, if it says anything.
    pub(crate) async fn greet(&self, metadata: MetadataMap) -> Result<Option<SystemTime>, Fault> {
        let Some(plain) = self.plain() else {
            return Ok(self.capabilities(metadata).await.map(|(_, clock)| clock)?);
        };
        let objects = Arc::clone(&plain.objects);
        let greeted = tokio::task::spawn_blocking(move || objects.greet(&metadata)).await;
        greeted.unwrap_or_else(|_| Err(Fault::off()))
    }

    /// What a server can do, and what its clock says, if it says anything.
    pub(crate) async fn capabilities(
        &self,
        metadata: MetadataMap,
    ) -> Result<(ServerCapabilities, Option<SystemTime>), Status> {
        let message = GetCapabilitiesRequest { instance_name: self.settings.instance.clone() };
        let mut client = CapabilitiesClient::new(self.channel()?);
        let answer = client.get_capabilities(with(metadata, message)).await?;
        let date = answer.metadata().get("date").and_then(|date| date.to_str().ok());
        let clock = date.and_then(|date| httpdate::parse_http_date(date).ok());
        Ok((answer.into_inner(), clock))
    }

    /// Draws the conclusions from a fault.
    pub(crate) fn judge(self: &Arc<Self>, fault: &Fault, waited: Duration) {
        let address = &self.settings.address;
        match fault.kind {
            Kind::Busy => self.limit.narrow(),
            Kind::Unauthenticated => {
                self.breaker.turn_off();
                let message =
                    format!("the remote cache `{address}` does not accept who asks: {}", fault.message);
                let help =
                    "renew what `[remote]` says is shown to it; this build goes on without the remote cache";
                self.notices.add("remote::unauthenticated", message, Some(help));
            }
            kind if kind.is_of_server() => self.failed(fault, waited),
            _ => {}
        }
    }

    /// Counts a fault of the server after somebody has `waited`, and says so where it is not asked any more.
    fn failed(self: &Arc<Self>, fault: &Fault, waited: Duration) {
        let address = &self.settings.address;
        let help = match self.breaker.failed(waited, fault.kind == Kind::Silent) {
            Verdict::GoOn | Verdict::Known => return,
            Verdict::Probe(pause) => {
                tokio::spawn(look_again(Arc::downgrade(self), pause));
                "this build goes on without the remote cache until it answers again"
            }
            Verdict::Spent => "this build goes on without the remote cache",
        };
        let message = match fault.kind {
            Kind::Silent => format!("the remote cache `{address}` does not answer"),
            Kind::Busy => format!("the remote cache `{address}` has too much to do: {}", fault.message),
            Kind::Broken => format!("the remote cache `{address}` fails: {}", fault.message),
            _ => format!("the remote cache `{address}` cannot be reached: {}", fault.message),
        };
        self.notices.add("remote::unreachable", message, Some(help));
    }

    /// What a request has to have, with how often its proof was asked for. The proof is asked for anew if the one that was
    /// `refused` is still the last.
    pub(crate) async fn metadata(
        &self,
        action: &str,
        refused: Option<u32>,
    ) -> Result<(u32, MetadataMap), Fault> {
        let mut proof = self.proof.lock().await;
        if proof.1.is_none() || refused == Some(proof.0) {
            let made = self.prove(refused.is_some()).await.map_err(|why| {
                self.breaker.turn_off();
                let message = format!("there is nothing to show to the remote cache: {why}");
                let help = "this build goes on without the remote cache";
                self.notices.add("remote::credentials", message.clone(), Some(help));
                Fault::new(Kind::Unauthenticated, message)
            })?;
            *proof = (proof.0 + 1, Some(made));
        }
        let (asked, mut metadata) = (proof.0, proof.1.clone().unwrap_or_default());
        drop(proof);
        if self.plain().is_some() {
            return Ok((asked, metadata));
        }
        let about = RequestMetadata {
            tool_details: Some(ToolDetails {
                tool_name: "pants".to_owned(),
                tool_version: self.settings.version.to_owned(),
            }),
            action_id: action.to_owned(),
            tool_invocation_id: self.settings.invocation.clone(),
            ..RequestMetadata::default()
        };
        metadata.insert_bin(METADATA, MetadataValue::from_bytes(&about.encode_to_vec()));
        Ok((asked, metadata))
    }

    /// The headers of all requests. A program may be asked for them, which takes a while.
    async fn prove(&self, renew: bool) -> Result<MetadataMap, String> {
        let mut headers = self.settings.headers.clone();
        if let Some(credentials) = self.settings.credentials.clone() {
            let asked = tokio::task::spawn_blocking(move || credentials.headers(renew)).await;
            headers.extend(asked.map_err(|_| "asking for it failed")??);
        }
        if let Some(plain) = self.plain() {
            let objects = Arc::clone(&plain.objects);
            let asked = tokio::task::spawn_blocking(move || objects.prove(renew)).await;
            asked.map_err(|_| "asking for keys failed")??;
        }
        let mut metadata = MetadataMap::new();
        for (name, value) in headers {
            let key: Result<MetadataKey<Ascii>, _> = name.to_lowercase().parse();
            let key = key.map_err(|_| format!("`{name}` cannot be the name of a header"))?;
            let value =
                value.parse().map_err(|_| format!("the value of the header `{name}` is not plain text"))?;
            metadata.append(key, value);
        }
        Ok(metadata)
    }
}

/// Asks a server that failed until it answers, or nobody wants to know any more.
async fn look_again(connection: Weak<Connection>, mut pause: Duration) {
    loop {
        tokio::time::sleep(pause).await;
        let Some(connection) = connection.upgrade() else { return };
        if connection.is_alive(Instant::now()).await {
            return connection.breaker.recovered();
        }
        match connection.breaker.still_failing() {
            Some(longer) => pause = longer,
            None => return,
        }
    }
}

/// A message with its metadata.
pub(crate) fn with<T>(metadata: MetadataMap, message: T) -> Request<T> {
    let mut request = Request::new(message);
    *request.metadata_mut() = metadata;
    request
}

/// A number that nobody can foresee.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// How long before a request is made once more: twice as long each time, by a random part less.
fn pause(tries: u32) -> Duration {
    let longest = (PAUSES.0 * 2u32.saturating_pow(tries - 1)).min(PAUSES.1);
    longest.mul_f64(0.5 + (random() % 1000) as f64 / 2000.0)
}

fn endpoint(settings: &Settings) -> Result<Endpoint, tonic::transport::Error> {
    let address = settings.address.to_string();
    let endpoint = Endpoint::from_shared(address.replacen("grpc", "http", 1))?
        .connect_timeout(settings.patience / 2)
        .tcp_nodelay(true)
        .initial_stream_window_size(WINDOWS.0)
        .initial_connection_window_size(WINDOWS.1)
        .user_agent(format!("pants/{}", settings.version))?;
    if !matches!(settings.address, Address::Server { tls: true, .. }) {
        return Ok(endpoint);
    }
    let tls = ClientTlsConfig::new();
    let tls = match &settings.roots {
        Some(roots) => tls.ca_certificate(Certificate::from_pem(roots)),
        None => tls.with_webpki_roots(),
    };
    let tls = match &settings.identity {
        Some(identity) => tls.identity(Identity::from_pem(&identity.certificate, &identity.key)),
        None => tls,
    };
    endpoint.tls_config(tls)
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
