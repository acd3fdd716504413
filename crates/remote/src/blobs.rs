//! Blobs in messages: which of them a server has, and many small ones at once. What comes is hashed by whoever keeps it.

use std::sync::Arc;

use store::Digest;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::api::compressor::Value as Compressor;
use crate::api::{self, ContentAddressableStorageClient};
use crate::capabilities::value;
use crate::compression;
use crate::connection::{Connection, LARGEST_MESSAGE, with};
use crate::fault::{Fault, Kind};
use crate::statistics::add;

/// How many digests are asked for at once.
const DIGESTS: usize = 10_000;

/// What a digest takes in a message.
pub(crate) const DIGEST_LEN: usize = 96;

/// What became of each of some blobs.
pub(crate) type Each<T> = Vec<(Digest, Result<T, Fault>)>;

pub(crate) fn wire(digest: &Digest) -> api::Digest {
    api::Digest { hash: digest.hex(), size_bytes: digest.size.cast_signed() }
}

/// The digest of a message. Fails where it is none.
pub(crate) fn read(digest: Option<&api::Digest>) -> Result<Digest, Fault> {
    let bad = || Fault::new(Kind::Corrupt, "the answer has a digest that is none");
    let digest = digest.ok_or_else(bad)?;
    let size = u64::try_from(digest.size_bytes).map_err(|_| bad())?;
    Digest::from_hex(&digest.hash, size).map_err(|_| bad())
}

impl Connection {
    pub(crate) fn blobs(&self) -> Result<ContentAddressableStorageClient<Channel>, Status> {
        let client = ContentAddressableStorageClient::new(self.channel()?);
        Ok(client.max_decoding_message_size(LARGEST_MESSAGE))
    }

    /// Those of the blobs that the server does not have.
    pub(crate) async fn find_missing(self: &Arc<Self>, digests: &[Digest]) -> Result<Vec<Digest>, Fault> {
        if let Some(plain) = self.plain() {
            return self.not_there(plain, digests);
        }
        let mut missing = Vec::new();
        for some in digests.chunks(DIGESTS) {
            let message = api::FindMissingBlobsRequest {
                instance_name: self.settings.instance.clone(),
                blob_digests: some.iter().map(wire).collect(),
                digest_function: value(self.function) as i32,
            };
            let answer = self.ask(|metadata| {
                let (client, message) = (self.blobs(), message.clone());
                async move { Ok(client?.find_missing_blobs(with(metadata, message)).await?.into_inner()) }
            });
            for digest in &answer.await?.missing_blob_digests {
                missing.push(read(Some(digest))?);
            }
        }
        Ok(missing)
    }

    /// Uploads blobs that fit into one message. Gives what became of each.
    pub(crate) async fn update(self: &Arc<Self>, blobs: Vec<(Digest, Vec<u8>)>) -> Result<Each<()>, Fault> {
        if let Some(plain) = self.plain() {
            let taken: Each<()> = blobs.iter().map(|(digest, _)| (*digest, Ok(()))).collect();
            return self.pack(plain, blobs).await.map(|()| taken);
        }
        let is_compressed = self.abilities.get().is_some_and(|abilities| abilities.zstd_batches);
        let requests = blobs.into_iter().map(|(digest, data)| {
            let smaller = is_compressed.then(|| compression::compressed(&data)).flatten();
            let compressor = if smaller.is_some() { Compressor::Zstd } else { Compressor::Identity };
            api::batch_update_blobs_request::Request {
                digest: Some(wire(&digest)),
                data: smaller.unwrap_or(data),
                compressor: compressor as i32,
            }
        });
        let requests: Vec<_> = requests.collect();
        let sent: usize = requests.iter().map(|request| request.data.len()).sum();
        let message = api::BatchUpdateBlobsRequest {
            instance_name: self.settings.instance.clone(),
            requests,
            digest_function: value(self.function) as i32,
        };
        let answer = self.ask(|metadata| {
            let (client, message) = (self.blobs(), message.clone());
            async move { Ok(client?.batch_update_blobs(with(metadata, message)).await?.into_inner()) }
        });
        let answer = answer.await?;
        add(&self.counters.bytes_up, sent as u64);
        answer
            .responses
            .iter()
            .map(|response| Ok((read(response.digest.as_ref())?, status(response.status.as_ref()))))
            .collect()
    }

    /// Reads blobs that fit into one message. What is not in the answer is missing. Nothing of it is hashed.
    pub(crate) async fn read(self: &Arc<Self>, digests: &[Digest]) -> Result<Each<Vec<u8>>, Fault> {
        if let Some(plain) = self.plain() {
            return self.read_packed(plain, digests).await;
        }
        let message = api::BatchReadBlobsRequest {
            instance_name: self.settings.instance.clone(),
            digests: digests.iter().map(wire).collect(),
            acceptable_compressors: self.has_zstd().then_some(Compressor::Zstd as i32).into_iter().collect(),
            digest_function: value(self.function) as i32,
        };
        let answer = self.ask(|metadata| {
            let (client, message) = (self.blobs(), message.clone());
            async move { Ok(client?.batch_read_blobs(with(metadata, message)).await?.into_inner()) }
        });
        let mut found: Each<Vec<u8>> = Vec::new();
        for response in answer.await?.responses {
            let digest = read(response.digest.as_ref())?;
            add(&self.counters.bytes_down, response.data.len() as u64);
            let read = status(response.status.as_ref()).and_then(|()| match response.compressor() {
                Compressor::Zstd => compression::restored(&response.data, digest.size),
                _ => Ok(response.data),
            });
            found.push((digest, read));
        }
        Ok(found)
    }
}

/// What one status in an answer means.
fn status(status: Option<&bazel_remote_apis::google::rpc::Status>) -> Result<(), Fault> {
    match status {
        Some(status) if status.code != 0 => {
            Err(Status::new(Code::from_i32(status.code), status.message.clone()).into())
        }
        _ => Ok(()),
    }
}

/// Digests in groups that fit into a message of `batch` bytes, and those that fit into none.
pub(crate) fn batches(
    digests: impl IntoIterator<Item = Digest>,
    batch: usize,
) -> (Vec<Vec<Digest>>, Vec<Digest>) {
    let (mut groups, mut large): (Vec<Vec<Digest>>, _) = (Vec::new(), Vec::new());
    let mut room = 0;
    for digest in digests {
        let len = usize::try_from(digest.size).unwrap_or(usize::MAX).saturating_add(DIGEST_LEN);
        if len > batch {
            large.push(digest);
            continue;
        }
        if len > room || groups.is_empty() {
            groups.push(Vec::new());
            room = batch;
        }
        room -= len;
        if let Some(group) = groups.last_mut() {
            group.push(digest);
        }
    }
    (groups, large)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_fit_into_messages() {
        let blob = |size| Digest { hash: [0; 32], size };
        let sizes = |digests: &[Digest]| digests.iter().map(|digest| digest.size).collect::<Vec<_>>();
        let (groups, large) = batches([10, 800, 500, 2000, 1].map(blob), 1000);
        let groups: Vec<_> = groups.iter().map(|group| sizes(group)).collect();
        assert_eq!(groups, [vec![10], vec![800], vec![500, 1]]);
        assert_eq!(sizes(&large), [2000]);
    }
}
