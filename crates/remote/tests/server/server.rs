//! A server of the Remote Execution API in memory, with what those that can be installed do not have: compressed blobs,
//! BLAKE3, and faults when they are asked for.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bazel_remote_apis::build::bazel::remote::execution::v2 as api;
use bazel_remote_apis::google::bytestream::byte_stream_server::{ByteStream, ByteStreamServer};
use bazel_remote_apis::google::bytestream::{
    QueryWriteStatusRequest, QueryWriteStatusResponse, ReadRequest, ReadResponse, WriteRequest, WriteResponse,
};
use bazel_remote_apis::google::{self, rpc};
use store::{Digest, DigestFunction};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request, Response, Status, Streaming, async_trait};

const ZSTD: i32 = api::compressor::Value::Zstd as i32;

/// How many bytes are in a message of a stream.
const CHUNK: usize = 200_000;

/// What is kept, and what was asked.
pub(crate) struct State {
    /// How it names content.
    function: DigestFunction,
    /// Whether it says that it has Zstandard.
    pub(crate) has_zstd: AtomicBool,
    /// How the next stream that is read breaks off in the middle, if it does.
    pub(crate) breaks: Mutex<Option<Break>>,
    /// For so long, once, it wants not to be asked for an outcome.
    pub(crate) busy: Mutex<Option<Duration>>,
    /// Whether it gives more than what is asked for.
    pub(crate) swells: AtomicBool,
    blobs: Mutex<HashMap<String, Vec<u8>>>,
    outcomes: Mutex<HashMap<String, api::ActionResult>>,
    /// The names of all streams, with where they began.
    pub(crate) streams: Mutex<Vec<(String, i64)>>,
    /// How many bytes of blobs came and went.
    pub(crate) bytes: Mutex<(usize, usize)>,
}

/// How a stream breaks off.
#[derive(Clone, Copy)]
pub(crate) enum Break {
    /// With an error.
    Fails,
    /// As if it were whole.
    Ends,
}

/// A server, which ends when it is dropped.
pub(crate) struct Server {
    pub(crate) state: Arc<State>,
    pub(crate) address: SocketAddr,
    _runtime: Runtime,
}

impl Server {
    pub(crate) fn start(function: DigestFunction) -> Server {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let state = Arc::new(State {
            function,
            has_zstd: AtomicBool::new(false),
            breaks: Mutex::default(),
            busy: Mutex::default(),
            swells: AtomicBool::new(false),
            blobs: Mutex::default(),
            outcomes: Mutex::default(),
            streams: Mutex::default(),
            bytes: Mutex::default(),
        });
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let one = || Shared(Arc::clone(&state));
        let served = tonic::transport::Server::builder()
            .add_service(api::capabilities_server::CapabilitiesServer::new(one()))
            .add_service(api::action_cache_server::ActionCacheServer::new(one()))
            .add_service(
                api::content_addressable_storage_server::ContentAddressableStorageServer::new(one())
                    .max_decoding_message_size(8 << 20),
            )
            .add_service(ByteStreamServer::new(one()).max_decoding_message_size(8 << 20))
            .serve_with_incoming(TcpListenerStream::new(listener));
        runtime.spawn(served);
        Server { state, address, _runtime: runtime }
    }
}

struct Shared(Arc<State>);

impl Shared {
    fn keep(&self, digest: &api::Digest, content: Vec<u8>) -> Result<(), Status> {
        let found = self.0.function.digest(&content);
        if found.hex() != digest.hash {
            return Err(Status::invalid_argument("another content"));
        }
        self.0.blobs.lock().unwrap().insert(digest.hash.clone(), content);
        Ok(())
    }

    fn blob(&self, hash: &str) -> Result<Vec<u8>, Status> {
        let blobs = self.0.blobs.lock().unwrap();
        blobs.get(hash).cloned().ok_or_else(|| Status::not_found(hash.to_owned()))
    }
}

/// That it has too much to do, for so long.
fn busy(wait: Duration) -> Status {
    let delay = prost::Message::encode_to_vec(&google::protobuf::Duration {
        seconds: i64::try_from(wait.as_secs()).unwrap(),
        nanos: wait.subsec_nanos().cast_signed(),
    });
    // The one field of a `RetryInfo`.
    let value = [vec![0x0a, u8::try_from(delay.len()).unwrap()], delay].concat();
    let type_url = "type.googleapis.com/google.rpc.RetryInfo".to_owned();
    let status = rpc::Status {
        code: Code::Unavailable as i32,
        message: "busy".to_owned(),
        details: vec![google::protobuf::Any { type_url, value }],
    };
    Status::with_details(Code::Unavailable, "busy", prost::Message::encode_to_vec(&status).into())
}

fn ok() -> Option<rpc::Status> {
    Some(rpc::Status::default())
}

#[async_trait]
impl api::capabilities_server::Capabilities for Shared {
    async fn get_capabilities(
        &self,
        _: Request<api::GetCapabilitiesRequest>,
    ) -> Result<Response<api::ServerCapabilities>, Status> {
        let function = match self.0.function {
            DigestFunction::Blake3 => api::digest_function::Value::Blake3,
            DigestFunction::Sha256 => api::digest_function::Value::Sha256,
        };
        let compressors = if self.0.has_zstd.load(Ordering::Relaxed) { vec![ZSTD] } else { vec![] };
        let cache = api::CacheCapabilities {
            digest_functions: vec![function as i32],
            action_cache_update_capabilities: Some(api::ActionCacheUpdateCapabilities {
                update_enabled: true,
            }),
            supported_compressors: compressors.clone(),
            supported_batch_update_compressors: compressors,
            ..api::CacheCapabilities::default()
        };
        let found = api::ServerCapabilities { cache_capabilities: Some(cache), ..Default::default() };
        Ok(Response::new(found))
    }
}

#[async_trait]
impl api::action_cache_server::ActionCache for Shared {
    async fn get_action_result(
        &self,
        request: Request<api::GetActionResultRequest>,
    ) -> Result<Response<api::ActionResult>, Status> {
        if let Some(wait) = self.0.busy.lock().unwrap().take() {
            return Err(busy(wait));
        }
        let outcomes = self.0.outcomes.lock().unwrap();
        let found = outcomes.get(&request.into_inner().action_digest.unwrap().hash).cloned();
        found.map(Response::new).ok_or_else(|| Status::not_found("no outcome"))
    }

    async fn update_action_result(
        &self,
        request: Request<api::UpdateActionResultRequest>,
    ) -> Result<Response<api::ActionResult>, Status> {
        let request = request.into_inner();
        let result = request.action_result.unwrap();
        self.0.outcomes.lock().unwrap().insert(request.action_digest.unwrap().hash, result.clone());
        Ok(Response::new(result))
    }
}

type Stream<T> = tokio_stream::Iter<std::vec::IntoIter<Result<T, Status>>>;

#[async_trait]
impl api::content_addressable_storage_server::ContentAddressableStorage for Shared {
    async fn find_missing_blobs(
        &self,
        request: Request<api::FindMissingBlobsRequest>,
    ) -> Result<Response<api::FindMissingBlobsResponse>, Status> {
        let blobs = self.0.blobs.lock().unwrap();
        let mut missing = request.into_inner().blob_digests;
        missing.retain(|digest| !blobs.contains_key(&digest.hash));
        Ok(Response::new(api::FindMissingBlobsResponse { missing_blob_digests: missing }))
    }

    async fn batch_update_blobs(
        &self,
        request: Request<api::BatchUpdateBlobsRequest>,
    ) -> Result<Response<api::BatchUpdateBlobsResponse>, Status> {
        let mut responses = Vec::new();
        for one in request.into_inner().requests {
            self.0.bytes.lock().unwrap().0 += one.data.len();
            let digest = one.digest.unwrap();
            let content = if one.compressor == ZSTD { zstd::decode_all(&*one.data)? } else { one.data };
            self.keep(&digest, content)?;
            responses.push(api::batch_update_blobs_response::Response { digest: Some(digest), status: ok() });
        }
        Ok(Response::new(api::BatchUpdateBlobsResponse { responses }))
    }

    async fn batch_read_blobs(
        &self,
        request: Request<api::BatchReadBlobsRequest>,
    ) -> Result<Response<api::BatchReadBlobsResponse>, Status> {
        let request = request.into_inner();
        let mut responses = Vec::new();
        for digest in request.digests {
            let mut data = self.blob(&digest.hash)?;
            if self.0.swells.load(Ordering::Relaxed) {
                data.extend(vec![0; 1 << 20]);
            }
            let compressor = request.acceptable_compressors.first().copied().unwrap_or_default();
            if compressor == ZSTD {
                data = zstd::encode_all(&*data, 3)?;
            }
            self.0.bytes.lock().unwrap().1 += data.len();
            let (digest, status) = (Some(digest), ok());
            responses.push(api::batch_read_blobs_response::Response { digest, data, compressor, status });
        }
        Ok(Response::new(api::BatchReadBlobsResponse { responses }))
    }

    type GetTreeStream = Stream<api::GetTreeResponse>;

    async fn get_tree(
        &self,
        _: Request<api::GetTreeRequest>,
    ) -> Result<Response<Self::GetTreeStream>, Status> {
        Err(Status::unimplemented("trees"))
    }

    async fn split_blob(
        &self,
        _: Request<api::SplitBlobRequest>,
    ) -> Result<Response<api::SplitBlobResponse>, Status> {
        Err(Status::unimplemented("parts"))
    }

    async fn splice_blob(
        &self,
        _: Request<api::SpliceBlobRequest>,
    ) -> Result<Response<api::SpliceBlobResponse>, Status> {
        Err(Status::unimplemented("parts"))
    }

    type GetChunkMappingStream = Stream<api::GetChunkMappingResponse>;

    async fn get_chunk_mapping(
        &self,
        _: Request<api::GetChunkMappingRequest>,
    ) -> Result<Response<Self::GetChunkMappingStream>, Status> {
        Err(Status::unimplemented("parts"))
    }

    async fn register_chunk_mapping(
        &self,
        _: Request<Streaming<api::RegisterChunkMappingRequest>>,
    ) -> Result<Response<api::RegisterChunkMappingResponse>, Status> {
        Err(Status::unimplemented("parts"))
    }
}

#[async_trait]
impl ByteStream for Shared {
    type ReadStream = Stream<ReadResponse>;

    async fn read(&self, request: Request<ReadRequest>) -> Result<Response<Self::ReadStream>, Status> {
        let request = request.into_inner();
        let hash = request.resource_name.rsplit('/').nth(1).unwrap();
        let offset = usize::try_from(request.read_offset).unwrap();
        let mut data = self.blob(hash)?.split_off(offset);
        if self.0.swells.load(Ordering::Relaxed) {
            data.extend(vec![0; 1 << 26]);
        }
        if request.resource_name.contains("compressed-blobs/zstd/") {
            data = zstd::encode_all(&*data, 3)?;
        }
        self.0.streams.lock().unwrap().push((request.resource_name, request.read_offset));
        let mut chunks: Vec<_> =
            data.chunks(CHUNK).map(|chunk| Ok(ReadResponse { data: chunk.to_vec() })).collect();
        if let Some(how) = self.0.breaks.lock().unwrap().take() {
            chunks.truncate(chunks.len() / 2);
            if let Break::Fails = how {
                chunks.push(Err(Status::unavailable("as asked")));
            }
        }
        let sent: usize = chunks.iter().flatten().map(|chunk| chunk.data.len()).sum();
        self.0.bytes.lock().unwrap().1 += sent;
        Ok(Response::new(tokio_stream::iter(chunks)))
    }

    async fn write(
        &self,
        request: Request<Streaming<WriteRequest>>,
    ) -> Result<Response<WriteResponse>, Status> {
        let mut stream = request.into_inner();
        let (mut name, mut data, mut is_whole) = (String::new(), Vec::new(), false);
        while let Some(message) = stream.message().await? {
            if data.is_empty() {
                name = message.resource_name;
            }
            if message.write_offset != i64::try_from(data.len()).unwrap() || is_whole {
                return Err(Status::invalid_argument("not where it went on"));
            }
            data.extend(message.data);
            is_whole = message.finish_write;
        }
        if !is_whole {
            return Err(Status::invalid_argument("not whole"));
        }
        let committed_size = i64::try_from(data.len()).unwrap();
        self.0.bytes.lock().unwrap().0 += data.len();
        let content = if name.contains("/compressed-blobs/zstd/") { zstd::decode_all(&*data)? } else { data };
        let (hash, size) = {
            let mut parts = name.rsplit('/');
            let size = parts.next().unwrap().parse().unwrap();
            (parts.next().unwrap().to_owned(), size)
        };
        assert_eq!(Digest::from_hex(&hash, size).unwrap(), self.0.function.digest(&content));
        assert_eq!(name.contains("/blake3/"), self.0.function == DigestFunction::Blake3, "{name}");
        self.keep(&api::Digest { hash, size_bytes: 0 }, content)?;
        self.0.streams.lock().unwrap().push((name, 0));
        Ok(Response::new(WriteResponse { committed_size }))
    }

    async fn query_write_status(
        &self,
        _: Request<QueryWriteStatusRequest>,
    ) -> Result<Response<QueryWriteStatusResponse>, Status> {
        Err(Status::unimplemented("status"))
    }
}
