//! The blocking front of a connection: the threads that all that is asynchronous runs on.

use std::future::Future;
use std::sync::Arc;

use store::DigestFunction;
use tokio::runtime::{Builder, Runtime};

use crate::capabilities::Abilities;
use crate::connection::Connection;
use crate::fault::{Fault, Kind};
use crate::notice::Notice;
use crate::settings::Settings;
use crate::statistics::Statistics;

/// How many threads wait for the network.
const THREADS: usize = 2;

/// A server that a build uses.
pub struct Client {
    /// Taken when it ends.
    runtime: Option<Runtime>,
    pub(crate) connection: Arc<Connection>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("settings", &self.connection.settings).finish_non_exhaustive()
    }
}

impl Client {
    /// A client for content that is named by this function. Nothing is asked yet.
    ///
    /// # Errors
    /// Where a certificate cannot be used, or the system gives no thread.
    pub fn new(settings: Settings, function: DigestFunction) -> Result<Client, Fault> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("remote")
            .enable_all()
            .build()
            .map_err(|error| Fault::new(Kind::Refused, error.to_string()))?;
        let connection = {
            let _inside = runtime.enter();
            Arc::new(Connection::new(settings, function)?)
        };
        Ok(Client { runtime: Some(runtime), connection })
    }

    /// Waits for something on the thread of whoever calls.
    pub(crate) fn wait<T>(&self, what: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(what),
            None => Err(Fault::off()),
        }
    }

    /// The same for what fails in other ways as well.
    pub(crate) fn runtime(&self) -> Option<&Runtime> {
        self.runtime.as_ref()
    }

    /// What the server can do, asked at the first call that it is well for.
    ///
    /// # Errors
    /// When it does not say.
    pub fn abilities(&self) -> Result<Abilities, Fault> {
        self.wait(self.find_abilities()).cloned()
    }

    /// Whether the server can be used, for content as it is named here; why not is said once.
    pub(crate) async fn usable(&self) -> Result<&Abilities, Fault> {
        if !self.connection.breaker.lets_pass() {
            return Err(Fault::off());
        }
        let abilities = self.find_abilities().await?;
        let (address, function) = (&self.connection.settings.address, self.connection.function);
        let wrong = if !abilities.speaks {
            format!(
                "the remote cache `{address}` speaks the versions {} of the Remote Execution API, of which `pants` speaks \
                 none",
                abilities.versions
            )
        } else if !abilities.functions.contains(&function) {
            format!("the remote cache `{address}` does not know digests by `{}`", function.name())
        } else {
            return Ok(abilities);
        };
        self.connection.breaker.turn_off();
        let help = "this build goes on without the remote cache";
        self.connection.notices.add("remote::unsupported", wrong.clone(), Some(help));
        Err(Fault::new(Kind::Refused, wrong))
    }

    async fn find_abilities(&self) -> Result<&Abilities, Fault> {
        let connection = &self.connection;
        let find = || async {
            if let Some(plain) = connection.plain() {
                return Ok(Abilities::of_plain(plain.functions()));
            }
            let found = connection.ask(|metadata| connection.capabilities(metadata)).await;
            let found = found.inspect_err(|fault| {
                if matches!(fault.kind, Kind::Refused | Kind::Missing | Kind::Denied) {
                    connection.breaker.turn_off();
                    let address = &connection.settings.address;
                    let message = format!("the remote cache `{address}` cannot be used: {}", fault.message);
                    let help =
                        "`[remote] cache` and `instance` have to name a server of the Remote Execution API";
                    connection.notices.add("remote::refused", message, Some(help));
                }
            })?;
            Ok(Abilities::of(&found.0))
        };
        connection.abilities.get_or_try_init(find).await
    }

    /// How content is named that the server keeps.
    pub fn function(&self) -> DigestFunction {
        self.connection.function
    }

    /// What is to be said of the server, and was not yet.
    pub fn take_notices(&self) -> Vec<Notice> {
        self.connection.notices.take()
    }

    /// What was exchanged so far.
    pub fn statistics(&self) -> Statistics {
        self.connection.counters.read()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // A server that does not answer must not be waited for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
