//! Vectors of providers that fail, bound and break off, over a real socket; and vectors of a folder
//! whose weights are replaced.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aikit::Code;
use aikit::kernel::{Kernel, OpenOptions};
use aikit::model::{ProviderConfig, Providers};
use aikit::retrieval::{Collection, IngestOptions, IngestReport, SearchOptions, SearchStrategy};
use aikit::store::{Admin, Location, NewTenant};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

const MODEL: &str = "one/e";

/// How the server answers request number `n`, from 0: status and headers; `None` hangs.
type Script = fn(usize) -> Option<(&'static str, &'static str)>;

/// An OpenAI-compatible server for embeddings that keeps the texts of each request.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<Vec<String>>>>,
    /// The most requests that were at it at once.
    most: Arc<AtomicUsize>,
}

impl Server {
    fn new(takes: Duration, script: Script) -> Self {
        Self::when(1, takes, script)
    }

    /// One that answers nobody before so many were at it at once; after a while it does.
    fn when(together: usize, takes: Duration, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let address = format!("http://{}/v1", listener.local_addr().expect("address"));
        let server = Self { address, asked: Arc::default(), most: Arc::default() };
        let (asked, most, now) = (server.asked.clone(), server.most.clone(), AtomicUsize::new(0));
        let now = Arc::new(now);
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let (asked, most, now) = (asked.clone(), most.clone(), now.clone());
                std::thread::spawn(move || {
                    let Some(texts) = texts(&mut stream) else { return };
                    let at_once = now.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(at_once, Ordering::SeqCst);
                    let number = {
                        let mut asked = asked.lock().expect("lock");
                        asked.push(texts.clone());
                        asked.len() - 1
                    };
                    let Some((status, headers)) = script(number) else {
                        // Until the other side hangs up.
                        let _ = stream.read(&mut [0]);
                        now.fetch_sub(1, Ordering::SeqCst);
                        return;
                    };
                    let asked = Instant::now();
                    while most.load(Ordering::SeqCst) < together
                        && asked.elapsed() < Duration::from_secs(20)
                    {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    std::thread::sleep(takes);
                    now.fetch_sub(1, Ordering::SeqCst);
                    let body = match status {
                        "200 OK" => vectors(&texts).to_string(),
                        _ => json!({"error": {"message": "not now"}}).to_string(),
                    };
                    let length = body.len();
                    let _ = stream.write_all(
                        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}")
                            .as_bytes(),
                    );
                });
            }
        });
        server
    }

    fn config(&self) -> ProviderConfig {
        ProviderConfig { base_url: Some(self.address.clone()), ..ProviderConfig::default() }
    }

    /// How many texts each request had.
    fn asked(&self) -> Vec<usize> {
        self.asked.lock().expect("lock").iter().map(Vec::len).collect()
    }
}

/// The texts of a request; `None` when it never becomes one.
fn texts(stream: &mut TcpStream) -> Option<Vec<String>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes);
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body);
        if let Some(Ok(body)) = body.map(serde_json::from_str::<Value>) {
            return serde_json::from_value(body["input"].clone()).ok();
        }
    }
}

fn vectors(texts: &[String]) -> Value {
    let of = |(i, text): (usize, &String)| {
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let length = text.len() as f32;
        json!({"index": i, "embedding": [length, 1.0]})
    };
    json!({"data": texts.iter().enumerate().map(of).collect::<Vec<_>>()})
}

async fn kernel(tenant: &str, config: ProviderConfig) -> Kernel {
    let providers = Providers([("one".to_owned(), config)].into());
    let tenant = Some(tenant.to_owned());
    Kernel::open(OpenOptions { tenant, providers, ..OpenOptions::default() }).await.expect("open")
}

/// A folder with one document of so many passages.
fn document(passages: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    let text: Vec<_> = (0..passages)
        .map(|i| format!("# Part {i}\n\n{}\n", format!("Passage {i} says something. ").repeat(40)))
        .collect();
    std::fs::write(folder.path().join("a.md"), text.join("\n")).expect("document");
    folder
}

async fn ingest(collection: &Collection, folder: &Path) -> aikit::Result<IngestReport> {
    ingest_as(collection, folder, MODEL, CancellationToken::new()).await
}

async fn ingest_as(
    collection: &Collection,
    folder: &Path,
    model: &str,
    cancel: CancellationToken,
) -> aikit::Result<IngestReport> {
    let options = IngestOptions { embedding_model: Some(model.into()), ..IngestOptions::default() };
    collection.ingest_with(folder, options, cancel).await
}

#[tokio::test]
async fn a_provider_that_is_down_is_left_alone() {
    let server = Server::new(Duration::ZERO, |_| Some(("503 Service Unavailable", "")));
    let kernel = kernel("t", ProviderConfig { max_retries: Some(9), ..server.config() }).await;
    let collection = kernel.collection("c").expect("collection");
    let folder = document(1);
    let error = ingest(&collection, folder.path()).await.expect_err("down");
    assert_eq!(error.answer().and_then(|answer| answer.status), Some(503), "{error}");
    assert_eq!(server.asked().len(), 5, "it was asked no more when the breaker opened");
    let error = ingest(&collection, folder.path()).await.expect_err("left alone");
    assert_eq!(error.code(), Code::ModelUnavailable);
    assert!(error.message().contains("left alone since"), "{error}");
    let options = SearchOptions {
        embedding_model: Some(MODEL.into()),
        strategy: Some(SearchStrategy::Vector),
        ..SearchOptions::default()
    };
    let error = collection.search_with("passage", options).await.expect_err("left alone");
    assert!(error.hint_text().expect("hint").contains("strategy: keyword"), "{error}");
    assert_eq!(server.asked().len(), 5, "nothing went out");
    // What was read is kept, and found by its words.
    let options = SearchOptions { strategy: Some(SearchStrategy::Keyword), ..Default::default() };
    assert!(!collection.search_with("passage", options).await.expect("words").is_empty());
}

#[tokio::test]
async fn what_the_provider_asks_for_is_waited_and_each_attempt_is_one() {
    let server = Server::new(Duration::ZERO, |n| match n {
        0 => Some(("429 Too Many Requests", "retry-after-ms: 300\r\n")),
        1 => Some(("500 Internal Server Error", "retry-after: 0\r\n")),
        _ => Some(("200 OK", "")),
    });
    let kernel = kernel("t", server.config()).await;
    let collection = kernel.collection("c").expect("collection");
    let before = Instant::now();
    ingest(&collection, document(1).path()).await.expect("in the end");
    assert!(before.elapsed() >= Duration::from_millis(300), "{:?}", before.elapsed());
    assert_eq!(server.asked().len(), 3);

    let refuses =
        Server::new(Duration::ZERO, |_| Some(("429 Too Many Requests", "retry-after: 0\r\n")));
    let kernel =
        self::kernel("t", ProviderConfig { max_retries: Some(3), ..refuses.config() }).await;
    let collection = kernel.collection("c").expect("collection");
    let error = ingest(&collection, document(1).path()).await.expect_err("never");
    assert_eq!(error.code(), Code::ModelRateLimited);
    assert_eq!(refuses.asked().len(), 4, "one attempt and three more");
}

#[tokio::test]
async fn a_limit_of_one_at_once_holds_for_all_of_a_tenant_and_for_nobody_else() {
    let limited =
        |server: &Server| ProviderConfig { concurrent_requests: Some(1), ..server.config() };
    let folder = document(1);
    let both = async |server: &Server, tenants: [&str; 2]| {
        let mut tasks = Vec::new();
        for tenant in tenants {
            // Kernels of their own: the limit is the process's.
            let kernel = kernel(tenant, limited(server)).await;
            let collection = kernel.collection("c").expect("collection");
            let path = folder.path().to_owned();
            tasks.push(tokio::spawn(async move { ingest(&collection, &path).await }));
        }
        for task in tasks {
            task.await.expect("task").expect("ingest");
        }
        server.most.load(Ordering::SeqCst)
    };
    let good = |together, takes| Server::when(together, takes, |_| Some(("200 OK", "")));
    assert_eq!(both(&good(1, Duration::from_millis(500)), ["t", "t"]).await, 1);
    assert_eq!(both(&good(2, Duration::ZERO), ["t", "another"]).await, 2);
}

#[tokio::test]
async fn an_ingest_that_is_stopped_gives_its_place_back() {
    let server = Server::new(Duration::ZERO, |n| (n > 0).then_some(("200 OK", "")));
    let config = ProviderConfig { concurrent_requests: Some(1), ..server.config() };
    let kernel = kernel("t", config).await;
    let (first, second) = (kernel.collection("c").expect("c"), kernel.collection("d").expect("d"));
    let folder = document(1);
    let path = folder.path().to_owned();
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let hanging = tokio::spawn(async move { ingest_as(&first, &path, MODEL, stop).await });
    while server.asked().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let path = folder.path().to_owned();
    let waiting = tokio::spawn(async move { ingest(&second, &path).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(server.asked().len(), 1, "the second one waits");
    cancel.cancel();
    let error = hanging.await.expect("task").expect_err("cancelled");
    assert_eq!(error.code(), Code::Cancelled);
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .expect("its turn")
        .expect("task")
        .expect("ingest");
}

#[tokio::test]
async fn a_request_has_its_time() {
    let server = Server::new(Duration::ZERO, |_| None);
    let kernel = kernel("t", ProviderConfig { total_ms: Some(200), ..server.config() }).await;
    let collection = kernel.collection("c").expect("collection");
    let before = Instant::now();
    let error = ingest(&collection, document(1).path()).await.expect_err("too long");
    assert!(error.message().contains("one/e took longer than 200 ms"), "{error}");
    assert!(before.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn requests_are_bounded_and_what_they_gave_stays_when_a_later_one_fails() {
    let server = Server::new(Duration::ZERO, |n| match n {
        2 => Some(("400 Bad Request", "")),
        _ => Some(("200 OK", "")),
    });
    let kernel = kernel("t", server.config()).await;
    let collection = kernel.collection("c").expect("collection");
    let folder = document(100);
    let error = ingest(&collection, folder.path()).await.expect_err("refused");
    assert_eq!(error.code(), Code::ModelRefused);
    assert_eq!(server.asked(), [32, 32, 32]);
    assert_eq!(kernel.usage(0).await.expect("usage").totals.vectors, 64);
    let report = ingest(&collection, folder.path()).await.expect("the rest");
    assert_eq!((report.added, report.unchanged), (0, 1));
    let asked = server.asked.lock().expect("lock").clone();
    let (before, after) = asked.split_at(3);
    let made: Vec<_> = before[..2].concat();
    assert!(after.concat().iter().all(|text| !made.contains(text)), "nothing was paid for twice");
    let vectors = kernel.usage(0).await.expect("usage").totals.vectors;
    assert_eq!(vectors, (made.len() + after.concat().len()) as u64);
    assert!(vectors >= 100, "{vectors}");
}

#[tokio::test]
async fn vectors_count_on_the_tenants_day_and_stop_where_it_ends() {
    let server = Server::new(Duration::ZERO, |_| Some(("200 OK", "")));
    let open = async |tokens: Option<u64>, dollars: Option<f64>| {
        let mut options = OpenOptions {
            providers: Providers([("openai".to_owned(), server.config())].into()),
            ..OpenOptions::default()
        };
        options.policy.quotas.llm_tokens_per_day = tokens;
        options.policy.quotas.cost_limit_usd_per_day = dollars;
        Kernel::open(options).await.expect("open")
    };
    let (folder, large) = (document(40), "openai/text-embedding-3-large");
    let never = CancellationToken::new;
    let spent = async |kernel: &Kernel| kernel.usage(1).await.expect("usage").days[0].clone();

    let free = open(None, None).await;
    let collection = free.collection("c").expect("collection");
    ingest_as(&collection, folder.path(), large, never()).await.expect("ingest");
    let ingested = spent(&free).await;
    // 40 passages of 1,000 bytes and more, and list price of 0.13 dollars for a million tokens.
    assert!((8_000..40_000).contains(&ingested.input_tokens), "{ingested:?}");
    let micros = ingested.input_tokens * 13 / 100;
    assert!(ingested.cost_micros >= micros && ingested.cost_micros <= micros + 5, "{ingested:?}");
    assert_eq!((ingested.output_tokens, ingested.runs), (0, 0));
    let options = SearchOptions { embedding_model: Some(large.into()), ..SearchOptions::default() };
    collection.search_with("something", options.clone()).await.expect("search");
    assert!(spent(&free).await.input_tokens > ingested.input_tokens);

    let requests = server.asked().len();
    for (kernel, quota) in [
        (open(Some(2_000), None).await, "llm_tokens_per_day"),
        (open(None, Some(0.0002)).await, "cost_limit_usd_per_day"),
    ] {
        let collection = kernel.collection("c").expect("collection");
        let outcome = ingest_as(&collection, folder.path(), large, never()).await;
        let error = outcome.expect_err("the day has no room");
        assert_eq!(error.code(), Code::QuotaExceeded);
        assert!(error.message().contains(quota), "{error}");
        assert_eq!(server.asked().len(), requests, "nobody was asked");
        // What needs no provider goes on.
        collection.search("something").await.expect("search");
    }
}

#[tokio::test]
async fn vectors_that_were_sent_for_and_never_came_count_as_well() {
    // Nothing comes; then after one that never comes, an answer.
    for (script, retries, asked) in
        [((|_| None) as Script, 0, 1), (|n| (n > 0).then_some(("200 OK", "")), 1, 2)]
    {
        let server = Server::new(Duration::ZERO, script);
        let config = ProviderConfig {
            first_byte_ms: Some(300),
            max_retries: Some(retries),
            ..server.config()
        };
        let kernel = kernel("t", config).await;
        let collection = kernel.collection("c").expect("collection");
        let outcome = ingest(&collection, document(1).path()).await;
        assert_eq!((outcome.is_ok(), server.asked().len()), (asked == 2, asked));
        let tokens = kernel.usage(1).await.expect("usage").days[0].input_tokens;
        let once = tokens / asked as u64;
        // One passage of about 1,000 bytes, estimated at 3.5 bytes a token.
        assert!((200..500).contains(&once), "{tokens}");
    }
    // Who is stopped has sent it.
    let server = Server::new(Duration::ZERO, |_| None);
    let kernel = kernel("t", server.config()).await;
    let collection = kernel.collection("c").expect("collection");
    let (folder, cancel) = (document(1), CancellationToken::new());
    let stop = async {
        while server.asked().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        cancel.cancel();
    };
    let ingest = ingest_as(&collection, folder.path(), MODEL, cancel.clone());
    let (outcome, ()) = tokio::join!(ingest, stop);
    assert_eq!(outcome.expect_err("stopped").code(), Code::Cancelled);
    let patience = Instant::now() + Duration::from_secs(60);
    while kernel.usage(1).await.expect("usage").days.is_empty() {
        assert!(Instant::now() < patience, "it was never counted");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_is_configured_for_a_provider_holds_under_its_other_names() {
    let server = Server::new(Duration::ZERO, |_| Some(("503 Service Unavailable", "")));
    let config = ProviderConfig { max_retries: Some(0), ..server.config() };
    let providers = Providers([("openai".to_owned(), config)].into());
    let options = OpenOptions { providers, ..OpenOptions::default() };
    let kernel = Kernel::open(options).await.expect("open");
    let collection = kernel.collection("c").expect("collection");
    let folder = document(1);
    let never = CancellationToken::new();
    ingest_as(&collection, folder.path(), "openai_responses/e", never).await.expect_err("down");
    assert_eq!(server.asked(), [1], "it was asked once");
}

const FOLDER: &str = "local/sentences";

/// Puts a model of the repository into the folder of models, as other weights are put there.
fn put_model(root: &Path, name: &str) {
    let given =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/model/embedding/testdata").join(name);
    let (next, place) = (root.join("next"), root.join("sentences"));
    std::fs::create_dir_all(next.join("1_Pooling")).expect("folder");
    for entry in walkdir::WalkDir::new(&given) {
        let entry = entry.expect("entry");
        if entry.file_type().is_file() {
            let part = entry.path().strip_prefix(&given).expect("inside");
            std::fs::copy(entry.path(), next.join(part)).expect("copy");
        }
    }
    if place.exists() {
        std::fs::remove_dir_all(&place).expect("remove");
    }
    std::fs::rename(next, place).expect("rename");
}

fn with_models(root: &Path, location: &Path) -> OpenOptions {
    let local = ProviderConfig { folder: Some(root.to_owned()), ..ProviderConfig::default() };
    let providers = Providers([("local".to_owned(), local)].into());
    OpenOptions { providers, ..OpenOptions::file(location) }
}

async fn vectors_of(kernel: &Kernel) -> u64 {
    kernel.usage(0).await.expect("usage").totals.vectors
}

fn by_meaning() -> SearchOptions {
    SearchOptions {
        embedding_model: Some(FOLDER.into()),
        strategy: Some(SearchStrategy::Vector),
        top_k: Some(100),
    }
}

/// The folder of documents, of models, and the store.
fn places() -> (tempfile::TempDir, tempfile::TempDir, std::path::PathBuf) {
    let (documents, root) = (document(3), tempfile::tempdir().expect("folder"));
    let store = root.path().join("store.db");
    (documents, root, store)
}

#[tokio::test]
async fn vectors_of_replaced_weights_are_never_mixed_with_new_ones() {
    let (documents, root, store) = places();
    put_model(root.path(), "tiny-mean");
    let kernel = Kernel::open(with_models(root.path(), &store)).await.expect("open");
    let collection = kernel.collection("c").expect("collection");
    let never = CancellationToken::new;
    ingest_as(&collection, documents.path(), FOLDER, never()).await.expect("ingest");
    let passages = vectors_of(&kernel).await;
    assert!(passages >= 3);
    let first = collection.search_with("passage", by_meaning()).await.expect("search");
    assert_eq!(first.len() as u64, passages);

    // A search makes the vectors of the new weights; those of the old ones are not looked at.
    put_model(root.path(), "tiny-cls");
    let found = collection.search_with("passage", by_meaning()).await.expect("search");
    assert_eq!(vectors_of(&kernel).await, 2 * passages);
    // Equal to what a store gives that never had the old ones.
    let fresh = Kernel::open(with_models(root.path(), &root.path().join("fresh.db"))).await;
    let fresh = fresh.expect("open").collection("c").expect("collection");
    ingest_as(&fresh, documents.path(), FOLDER, never()).await.expect("ingest");
    let wanted = fresh.search_with("passage", by_meaning()).await.expect("search");
    assert_eq!(found, wanted);
    assert_ne!(found, first);

    // An ingest, though nothing else is new, removes the old ones.
    let report = ingest_as(&collection, documents.path(), FOLDER, never()).await.expect("ingest");
    assert_eq!(report.unchanged, 1);
    assert_eq!(vectors_of(&kernel).await, passages);
    assert_eq!(collection.search_with("passage", by_meaning()).await.expect("search"), wanted);

    // Back again: an ingest makes what is missing, and only that is there.
    put_model(root.path(), "tiny-mean");
    ingest_as(&collection, documents.path(), FOLDER, never()).await.expect("ingest");
    assert_eq!(vectors_of(&kernel).await, passages);
    assert_eq!(collection.search_with("passage", by_meaning()).await.expect("search"), first);
}

#[tokio::test]
async fn vectors_that_nobody_can_find_take_no_room_from_a_quota() {
    let (documents, root, store) = places();
    put_model(root.path(), "tiny-mean");
    let kernel = Kernel::open(with_models(root.path(), &store)).await.expect("open");
    let collection = kernel.collection("c").expect("collection");
    let never = CancellationToken::new;
    ingest_as(&collection, documents.path(), FOLDER, never()).await.expect("ingest");
    let passages = vectors_of(&kernel).await;
    kernel.close().await.expect("close");
    let mut options = with_models(root.path(), &store);
    options.policy.quotas.max_vectors = Some(passages);
    let kernel = Kernel::open(options).await.expect("open");
    let collection = kernel.collection("c").expect("collection");
    put_model(root.path(), "tiny-cls");
    assert!(!collection.search_with("passage", by_meaning()).await.expect("search").is_empty());
    assert_eq!(vectors_of(&kernel).await, passages);
    put_model(root.path(), "tiny-mean");
    ingest_as(&collection, documents.path(), FOLDER, never()).await.expect("ingest");
    assert_eq!(vectors_of(&kernel).await, passages);
}

#[tokio::test]
async fn who_only_reads_is_told_that_the_weights_are_others() {
    let (documents, root, path) = places();
    put_model(root.path(), "tiny-mean");
    let admin = Admin::open(&Location::from(path.as_path()), "tests").await.expect("open");
    admin.create_tenant("org", NewTenant::default()).await.expect("org");
    let below = NewTenant { parent: Some("org".into()), ..NewTenant::default() };
    admin.create_tenant("team", below).await.expect("team");
    admin.grant_read("team", "org").await.expect("grant");
    admin.close().await.expect("close");
    let open = async |reader: Option<&str>| {
        let options = OpenOptions {
            tenant: Some("team".into()),
            reader: reader.map(str::to_owned),
            ..with_models(root.path(), &path)
        };
        let kernel = Kernel::open(options).await.expect("open");
        let collection = kernel.collection("c").expect("collection");
        (kernel, collection)
    };
    let (_reading, reader) = open(Some("org")).await;
    // Nothing is there, and nothing is wrong.
    assert!(reader.search_with("passage", by_meaning()).await.expect("nothing").is_empty());
    let (_kernel, collection) = open(None).await;
    let never = CancellationToken::new;
    ingest_as(&collection, documents.path(), FOLDER, never()).await.expect("ingest");
    let first = reader.search_with("passage", by_meaning()).await.expect("search");
    assert!(!first.is_empty());
    put_model(root.path(), "tiny-cls");
    for strategy in [SearchStrategy::Vector, SearchStrategy::Hybrid] {
        let options = SearchOptions { strategy: Some(strategy), ..by_meaning() };
        let error = reader.search_with("passage", options).await.expect_err("other weights");
        assert_eq!(error.code(), Code::TenantReadOnly);
        assert!(error.message().contains(FOLDER), "{error}");
        assert!(error.hint_text().expect("hint").contains("take the documents in again"));
    }
    let words = SearchOptions { strategy: Some(SearchStrategy::Keyword), ..Default::default() };
    assert!(!reader.search_with("passage", words).await.expect("by words").is_empty());
    ingest_as(&collection, documents.path(), FOLDER, never()).await.expect("ingest");
    assert!(!reader.search_with("passage", by_meaning()).await.expect("search").is_empty());
}
