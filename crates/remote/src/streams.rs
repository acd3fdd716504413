//! Large blobs in streams: read on from where they broke off, and written again from the beginning.

use std::io::{self, Read as _, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use store::{BlobWriter, Digest, DigestFunction, Store, StoreError};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use crate::api::{ByteStreamClient, ReadRequest, WriteRequest};
use crate::compression::{self, Restoring};
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
        let mut taken = Taken { writer: store.writer()?, offset: 0, size: digest.size };
        let mut tries = 0;
        while taken.offset < digest.size {
            let begin = taken.offset;
            let result = self.read_on(digest, &mut taken).await;
            match result {
                // It ended too early, as if it were whole.
                Ok(()) if taken.offset == begin => return Err(Fault::corrupt().into()),
                Ok(()) => {}
                Err(Failed::Remote(fault)) if fault.kind.passes() => {
                    tries = if taken.offset > begin { 0 } else { tries + 1 };
                    if tries == TRIES {
                        return Err(fault.into());
                    }
                    add(&self.counters.repeated, 1);
                }
                Err(error) => return Err(error),
            }
        }
        match taken.writer.finish()? {
            found if found == *digest => Ok(()),
            _ => Err(Fault::corrupt().into()),
        }
    }

    /// Reads on from where a blob broke off.
    async fn read_on(self: &Arc<Self>, digest: &Digest, taken: &mut Taken) -> Result<(), Failed> {
        let is_compressed = self.has_zstd();
        let message = ReadRequest {
            resource_name: self.resource(None, is_compressed, digest),
            read_offset: taken.offset.cast_signed(),
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
        let mut restoring = Restoring::new(taken, is_compressed).map_err(of_content)?;
        loop {
            let begin = Instant::now();
            let chunk = self.attend(stream.message()).await.and_then(|next| next.map_err(Fault::from));
            let chunk = chunk.inspect_err(|fault| self.judge(fault, begin.elapsed()))?;
            let Some(chunk) = chunk else { return Ok(()) };
            add(&self.counters.bytes_down, chunk.data.len() as u64);
            restoring.take(&chunk.data).map_err(of_content)?;
        }
    }

    /// Writes a blob of the store to the server.
    pub(crate) async fn write_stream(self: &Arc<Self>, digest: &Digest, store: &Store) -> Result<(), Failed> {
        // What is not here any more is found out before anything is sent.
        let mut blob = store.open_blob(digest)?;
        if let Some(plain) = self.plain() {
            return Ok(self.write_object(plain, digest, store).await?);
        }
        let mut sample = Vec::new();
        let is_compressed = self.has_zstd()
            && (&mut blob).take(compression::SAMPLE as u64).read_to_end(&mut sample).is_ok()
            && compression::compressed(&sample).is_some();
        drop(blob);
        let sent = Arc::new(AtomicU64::new(0));
        let committed = self.ask(|metadata| {
            let (sender, receiver) = mpsc::channel(AHEAD);
            let name = self.resource(Some(random()), is_compressed, digest);
            let (store, digest, sent) = (store.clone(), *digest, Arc::clone(&sent));
            tokio::task::spawn_blocking(move || {
                let Ok(blob) = store.open_blob(&digest) else { return };
                if !is_compressed {
                    send(blob, &name, &sent, &sender);
                } else if let Ok(blob) = compression::compressing(blob) {
                    send(blob, &name, &sent, &sender);
                }
            });
            let channel = self.channel();
            async move {
                let mut client = ByteStreamClient::new(channel?);
                let stream = ReceiverStream::new(receiver).map(|message| message);
                Ok(client.write(with(metadata, stream)).await?.into_inner().committed_size)
            }
        });
        let committed = committed.await?;
        let sent = sent.load(Ordering::Relaxed);
        add(&self.counters.bytes_up, sent);
        // A server that had it already may say how much it has, or that much is not needed.
        if [sent.cast_signed(), digest.size.cast_signed(), -1].contains(&committed) {
            return Ok(());
        }
        let message = format!("the server took {committed} of {} bytes", digest.size);
        Err(Fault::new(Kind::Refused, message).into())
    }

    /// The name of a blob in a stream, that of an upload where it has a number.
    fn resource(&self, upload: Option<u64>, is_compressed: bool, digest: &Digest) -> String {
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
        let kind = if is_compressed { "compressed-blobs/zstd" } else { "blobs" };
        format!("{name}{kind}/{function}{digest}")
    }
}

/// A blob that is being taken in.
struct Taken {
    writer: BlobWriter,
    offset: u64,
    size: u64,
}

impl Write for &mut Taken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() as u64 > self.size - self.offset {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is larger than its digest says"));
        }
        self.writer.write_all(bytes)?;
        self.offset += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends a blob piece by piece, until nobody takes it any more.
fn send(mut blob: impl io::Read, name: &str, sent: &AtomicU64, sender: &mpsc::Sender<WriteRequest>) {
    let mut piece = || {
        let mut data = Vec::with_capacity(CHUNK);
        (&mut blob).take(CHUNK as u64).read_to_end(&mut data).ok().map(|_| data)
    };
    let (mut offset, mut next) = (0, piece());
    // A blob that cannot be read any more ends too early, which the server refuses.
    while let Some(data) = next {
        next = piece();
        let end = offset + data.len() as u64;
        let is_last = next.as_ref().is_some_and(Vec::is_empty);
        let message = WriteRequest {
            resource_name: if offset == 0 { name.to_owned() } else { String::new() },
            write_offset: offset.cast_signed(),
            finish_write: is_last,
            data,
        };
        sent.store(end, Ordering::Relaxed);
        if sender.blocking_send(message).is_err() || is_last {
            return;
        }
        offset = end;
    }
}

/// Why content could not be taken in: by the store's fault, or because it is none that was compressed.
fn of_content(error: io::Error) -> Failed {
    StoreError::from_io(error).map_or_else(|_| Fault::corrupt().into(), Failed::Store)
}
