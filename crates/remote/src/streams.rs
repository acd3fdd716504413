//! Large blobs in streams: read on from where they broke off, and written again from the beginning.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::Instant;

use store::{Digest, DigestFunction, Store, StoreError};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use crate::api::{ByteStreamClient, ReadRequest, WriteRequest};
use crate::connection::{Connection, LARGEST_MESSAGE, random, with};
use crate::fault::{Fault, Kind};
use crate::statistics::add;

/// How many bytes go into a message of a stream.
const CHUNK: usize = 1 << 20;

/// How many messages wait for the network.
const AHEAD: usize = 4;

/// How often a stream that breaks off without a byte is gone on with.
const TRIES: u32 = 3;

/// Why a blob could not be brought or sent.
#[derive(Debug)]
pub(crate) enum Failed {
    /// By the server's fault, or the network's.
    Remote(Fault),
    /// By the store's.
    Store(StoreError),
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Failed {
        Failed::Remote(fault)
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Failed {
        Failed::Store(error)
    }
}

impl Connection {
    /// Reads a blob into the store. To be awaited on a thread that may wait for a disk.
    pub(crate) async fn read_stream(self: &Arc<Self>, digest: &Digest, store: &Store) -> Result<(), Failed> {
        if let Some(plain) = self.plain() {
            return self.read_object(plain, digest, store).await;
        }
        let mut writer = store.writer()?;
        let (mut offset, mut tries) = (0, 0);
        while offset < digest.size {
            let begin = offset;
            let result = self.read_from(digest, &mut offset, &mut writer).await;
            match result {
                Ok(()) if offset >= digest.size => break,
                // It ended too early, as if it were whole.
                Ok(()) if offset == begin => return Err(Fault::corrupt().into()),
                Ok(()) => {}
                Err(Failed::Remote(fault)) if fault.kind.passes() => {
                    tries = if offset > begin { 0 } else { tries + 1 };
                    if tries == TRIES {
                        return Err(fault.into());
                    }
                    add(&self.counters.repeated, 1);
                }
                Err(error) => return Err(error),
            }
        }
        match writer.finish()? {
            found if found == *digest => Ok(()),
            _ => Err(Fault::corrupt().into()),
        }
    }

    async fn read_from(
        self: &Arc<Self>,
        digest: &Digest,
        offset: &mut u64,
        writer: &mut store::BlobWriter,
    ) -> Result<(), Failed> {
        let message = ReadRequest {
            resource_name: self.resource(None, digest),
            read_offset: offset.cast_signed(),
            read_limit: 0,
        };
        let stream = self.ask(|metadata| {
            let (channel, message) = (self.channel(), message.clone());
            async move {
                let client = ByteStreamClient::new(channel?);
                let mut client = client.max_decoding_message_size(LARGEST_MESSAGE);
                Ok(client.read(with(metadata, message)).await?.into_inner())
            }
        });
        let mut stream = stream.await?;
        loop {
            let begin = Instant::now();
            let chunk = self.attend(stream.message()).await.and_then(|next| next.map_err(Fault::from));
            let chunk = chunk.inspect_err(|fault| self.judge(fault, begin.elapsed()))?;
            let Some(chunk) = chunk else { return Ok(()) };
            add(&self.counters.bytes_down, chunk.data.len() as u64);
            *offset += chunk.data.len() as u64;
            if *offset > digest.size {
                return Err(Fault::corrupt().into());
            }
            writer.write_all(&chunk.data).map_err(|error| of_store(error, digest))?;
        }
    }

    /// Writes a blob of the store to the server.
    pub(crate) async fn write_stream(self: &Arc<Self>, digest: &Digest, store: &Store) -> Result<(), Failed> {
        // What is not here any more is found out before anything is sent.
        drop(store.open_blob(digest)?);
        if let Some(plain) = self.plain() {
            return Ok(self.write_object(plain, digest, store).await?);
        }
        let committed = self.ask(|metadata| {
            let (sender, receiver) = mpsc::channel(AHEAD);
            let name = self.resource(Some(random()), digest);
            let (store, digest) = (store.clone(), *digest);
            tokio::task::spawn_blocking(move || send(&store, &digest, &name, &sender));
            let channel = self.channel();
            async move {
                let mut client = ByteStreamClient::new(channel?);
                let stream = ReceiverStream::new(receiver).map(|message| message);
                Ok(client.write(with(metadata, stream)).await?.into_inner().committed_size)
            }
        });
        let committed = committed.await?;
        add(&self.counters.bytes_up, digest.size);
        // A server that had it already may say how much it has, or that much is not needed.
        if committed == digest.size.cast_signed() || committed == -1 {
            return Ok(());
        }
        let message = format!("the server took {committed} of {} bytes", digest.size);
        Err(Fault::new(Kind::Refused, message).into())
    }

    /// The name of a blob in a stream, that of an upload where it has a number.
    fn resource(&self, upload: Option<u64>, digest: &Digest) -> String {
        let mut name = String::new();
        if !self.settings.instance.is_empty() {
            name = format!("{}/", self.settings.instance);
        }
        if let Some(number) = upload {
            let (high, low) = (random(), number);
            name += &format!(
                "uploads/{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}/",
                high >> 32,
                high >> 16 & 0xffff,
                high & 0xfff,
                low >> 52,
                low & 0xffff_ffff_ffff
            );
        }
        let function = match self.function {
            DigestFunction::Blake3 => "blake3/",
            DigestFunction::Sha256 => "",
        };
        format!("{name}blobs/{function}{digest}")
    }
}

/// Sends a blob piece by piece, until nobody takes it any more.
fn send(store: &Store, digest: &Digest, name: &str, sender: &mpsc::Sender<WriteRequest>) {
    let Ok(mut blob) = store.open_blob(digest) else { return };
    let mut offset = 0;
    while offset < digest.size {
        let mut data = Vec::with_capacity(CHUNK);
        // A blob that cannot be read any more ends too early, which the server refuses.
        if !(&mut blob).take(CHUNK as u64).read_to_end(&mut data).is_ok_and(|len| len > 0) {
            return;
        }
        let end = offset + data.len() as u64;
        let message = WriteRequest {
            resource_name: if offset == 0 { name.to_owned() } else { String::new() },
            write_offset: offset.cast_signed(),
            finish_write: end == digest.size,
            data,
        };
        if sender.blocking_send(message).is_err() {
            return;
        }
        offset = end;
    }
}

fn of_store(error: std::io::Error, digest: &Digest) -> Failed {
    match StoreError::from_io(error) {
        Ok(error) => Failed::Store(error),
        Err(_) => Failed::Store(StoreError::Missing(*digest)),
    }
}
