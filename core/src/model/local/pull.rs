//! Brings a model into the folder, from an address or from a place on this machine.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Response, StatusCode, Url, header};
use tokio::sync::{mpsc, oneshot};

use super::folder::{BLOCK, Incoming, ModelEntry, ModelFolder, Progress, failed, opened, origin};
use crate::error::{Code, Error, Result};
use crate::io::{self, run_blocking};

/// How long a server may be silent.
const SILENCE: Duration = Duration::from_secs(60);
const MAX_REDIRECTS: usize = 10;
/// Pieces on their way from the network to the disk.
const PIECES: usize = 32;

impl ModelFolder {
    /// Takes in what is at `source`, an `https` or `http` address or a path, under a name, and tells
    /// how far it is. Dropping the future gives it up, and nothing of it stays.
    ///
    /// # Errors
    /// [`Code::ModelUnavailable`] when the server does not give it, and as of [`ModelFolder::add`].
    pub async fn pull(
        &self,
        name: &str,
        source: &str,
        sha256: Option<&str>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<ModelEntry> {
        let (folder, name) = (self.clone(), name.to_owned());
        let sha256 = sha256.map(str::to_owned);
        let incoming = move |source: String| {
            run_blocking(move || folder.incoming(&name, &source, sha256.as_deref()))
        };
        if !source.starts_with("https://") && !source.starts_with("http://") {
            let path = PathBuf::from(source.strip_prefix("file://").unwrap_or(source));
            return copy(path, incoming, progress).await;
        }
        let url = Url::parse(source)
            .map_err(|error| Error::invalid_argument("this is no address").caused_by(error))?;
        let shown = shown(&url);
        let incoming = incoming(shown.clone()).await?;
        let mut response = get(url, &shown).await?;
        let total = response.content_length();
        let writer = Writer::start(incoming, total)?;
        let mut bytes = 0;
        loop {
            let piece = tokio::time::timeout(SILENCE, response.chunk()).await;
            let piece = piece.map_err(|_| unavailable(&shown, "the server fell silent"))?;
            let Some(piece) = piece.map_err(|error| broken(&shown, error))? else { break };
            bytes += piece.len() as u64;
            if !writer.take(piece.to_vec()).await {
                break;
            }
            progress(Progress { bytes, total });
        }
        writer.finish().await
    }
}

/// Takes in a file of this machine, piece by piece, so that it can be given up.
async fn copy<Made: Future<Output = Result<Incoming>>>(
    path: PathBuf,
    incoming: impl FnOnce(String) -> Made,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<ModelEntry> {
    let from = origin(&path);
    let (mut file, total, path) = run_blocking(move || {
        let (file, total) = opened(&path)?;
        Ok((file, total, path))
    })
    .await?;
    let path: std::sync::Arc<Path> = path.into();
    let writer = Writer::start(incoming(from).await?, Some(total))?;
    let mut bytes = 0;
    loop {
        let path = path.clone();
        let (piece, back) = run_blocking(move || block(file, &path)).await?;
        file = back;
        bytes += piece.len() as u64;
        if piece.is_empty() || !writer.take(piece).await {
            break;
        }
        progress(Progress { bytes, total: Some(total) });
    }
    writer.finish().await
}

/// The next block of a file; nothing at its end.
fn block(file: File, path: &Path) -> Result<(Vec<u8>, File)> {
    let mut block = Vec::with_capacity(BLOCK);
    let mut part = file.take(BLOCK as u64);
    part.read_to_end(&mut block).map_err(|error| failed("read", path, error))?;
    Ok((block, part.into_inner()))
}

/// An address without what may be a secret: login, query and fragment are neither shown nor stored.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Both fail only for addresses that cannot have a login.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

/// A thread that writes what arrives. Dropped, it gives up and removes what it wrote.
struct Writer {
    /// `None` says that the file is whole.
    pieces: mpsc::Sender<Option<Vec<u8>>>,
    outcome: oneshot::Receiver<Result<ModelEntry>>,
}

impl Writer {
    fn start(incoming: Incoming, total: Option<u64>) -> Result<Self> {
        total.map_or(Ok(()), |total| incoming.announce(total))?;
        let (pieces, mut taken) = mpsc::channel(PIECES);
        let (done, outcome) = oneshot::channel();
        // On the runtime of the caller: it waits for what gives up and removes its file.
        tokio::task::spawn_blocking(move || {
            let written = write(incoming, &mut taken, &|| done.is_closed());
            let _ = done.send(written);
        });
        Ok(Self { pieces, outcome })
    }

    /// Whether it goes on. It stops only for an error, which `finish` tells.
    async fn take(&self, piece: Vec<u8>) -> bool {
        self.pieces.send(Some(piece)).await.is_ok()
    }

    async fn finish(self) -> Result<ModelEntry> {
        let _ = self.pieces.send(None).await;
        self.outcome.await.unwrap_or_else(|error| Err(defect(error)))
    }
}

/// Writes pieces until `None` says that the file is whole.
fn write(
    mut incoming: Incoming,
    pieces: &mut mpsc::Receiver<Option<Vec<u8>>>,
    given_up: &dyn Fn() -> bool,
) -> Result<ModelEntry> {
    while let Some(piece) = pieces.blocking_recv() {
        match piece {
            Some(piece) => incoming.write(&piece)?,
            None => return incoming.finish_unless(given_up),
        }
    }
    Err(Error::new(Code::Cancelled, "the download was given up"))
}

async fn get(mut url: Url, shown: &str) -> Result<Response> {
    let client = io::client()?;
    for _ in 0..=MAX_REDIRECTS {
        let answer = tokio::time::timeout(SILENCE, client.get(url.clone()).send()).await;
        let answer = answer.map_err(|_| unavailable(shown, "the server fell silent"))?;
        let answer = answer.map_err(|error| broken(shown, error))?;
        let status = answer.status();
        if status.is_success() && status != StatusCode::OK {
            return Err(unavailable(shown, &format!("the server answered with {status}")));
        }
        if status.is_success() {
            return Ok(answer);
        }
        if !status.is_redirection() {
            let error = unavailable(shown, &format!("the server answered with {status}"));
            return Err(error.retry(status.is_server_error() || status.as_u16() == 429));
        }
        let next = answer.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
        let next = next.and_then(|to| url.join(to).ok());
        let next = next.ok_or_else(|| unavailable(shown, "it is redirected to nowhere"))?;
        if !matches!(next.scheme(), "http" | "https")
            || url.scheme() == "https" && next.scheme() != "https"
        {
            return Err(unavailable(shown, "it is redirected to where it can be read by others"));
        }
        url = next;
    }
    Err(unavailable(shown, "it is redirected again and again"))
}

fn unavailable(shown: &str, why: &str) -> Error {
    Error::new(Code::ModelUnavailable, format!("cannot fetch {shown}: {why}"))
}

fn broken(shown: &str, error: reqwest::Error) -> Error {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    unavailable(shown, &format!("the connection failed: {cause}")).caused_by(&error)
}

fn defect(error: impl std::fmt::Display) -> Error {
    Error::new(Code::Panic, "a defect while a model was fetched was caught").caused_by(error)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::super::tests::model_named;
    use super::*;

    /// A server that answers each path with these bytes, once per connection.
    fn server(answers: Vec<(&'static str, Vec<u8>)>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = [0; 4096];
                let count = stream.read(&mut head).unwrap();
                let head = String::from_utf8_lossy(&head[..count]).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default();
                let found = answers.iter().find(|(known, _)| path.starts_with(known));
                let answer = found.map_or(&b"HTTP/1.1 404 Not Found\r\n\r\n"[..], |(_, a)| a);
                let _ = stream.write_all(answer);
            }
        });
        address
    }

    fn ok(length: usize, body: &[u8]) -> Vec<u8> {
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        [head.as_bytes(), body].concat()
    }

    fn left(folder: &ModelFolder) -> usize {
        std::fs::read_dir(folder.root().join("files")).map_or(0, Iterator::count)
    }

    #[tokio::test]
    #[ignore = "needs the models of tests/local"]
    async fn a_model_is_fetched_and_checked_and_followed() {
        let whole = std::fs::read(model_named("llama-gpt2.gguf")).unwrap();
        let moved = b"HTTP/1.1 302 Found\r\nLocation: /file\r\nContent-Length: 0\r\n\r\n".to_vec();
        let around =
            b"HTTP/1.1 302 Found\r\nLocation: /around\r\nContent-Length: 0\r\n\r\n".to_vec();
        let address = server(vec![
            ("/file", ok(whole.len(), &whole)),
            ("/moved", moved),
            ("/around", around),
            ("/cut", ok(whole.len(), &whole[..whole.len() / 2])),
            ("/page", ok(6, b"<html>")),
        ]);
        let place = tempfile::tempdir().unwrap();
        let folder = ModelFolder::at(place.path());
        let mut seen = Vec::new();
        let source = format!("{address}/moved?token=secret");
        let entry = folder.pull("tiny", &source, None, &mut |at| seen.push(at)).await.unwrap();
        assert_eq!(entry.source, format!("{address}/moved"));
        assert_eq!(std::fs::read(folder.resolve("tiny").unwrap()).unwrap(), whole);
        let last = Progress { bytes: whole.len() as u64, total: Some(whole.len() as u64) };
        assert_eq!(seen.last(), Some(&last));
        assert!(seen.len() > 1 && seen.is_sorted_by_key(|at| at.bytes));
        for (path, hash, code) in [
            ("/around", None, Code::ModelUnavailable),
            ("/cut", None, Code::ModelUnavailable),
            ("/none", None, Code::ModelUnavailable),
            ("/page", None, Code::ModelFileInvalid),
            ("/file", Some("0".repeat(64)), Code::ModelFileInvalid),
        ] {
            let source = format!("{address}{path}?token=secret");
            let error =
                folder.pull("other", &source, hash.as_deref(), &mut |_| ()).await.unwrap_err();
            assert_eq!(error.code(), code, "{path}: {error:?}");
            assert!(!format!("{error:?}{}", error.to_json()).contains("secret"), "{error:?}");
        }
        assert_eq!(folder.list().unwrap().len(), 1);
        // The writer of the one that was cut may take a moment to see it.
        for _ in 0..100 {
            if left(&folder) == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(left(&folder), 1, "only the whole one stays");
        let path = model_named("llama-gpt2.gguf");
        folder
            .pull("here", path.to_str().unwrap(), Some(&entry.sha256), &mut |_| ())
            .await
            .unwrap();
        assert_eq!(folder.list().unwrap().len(), 2);
    }
    #[tokio::test]
    async fn a_copy_that_is_given_up_leaves_nothing() {
        let place = tempfile::tempdir().unwrap();
        let large = place.path().join("large.gguf");
        let mut file = std::fs::File::create_new(&large).unwrap();
        file.write_all(b"GGUF").unwrap();
        file.set_len(1 << 34).unwrap();
        let folder = ModelFolder::at(place.path().join("models"));
        let (begun, under_way) = oneshot::channel();
        let mut begun = Some(begun);
        let mut said = |at: Progress| {
            assert_eq!(at.total, Some(1 << 34));
            begun.take().map(|begun| begun.send(at.bytes));
        };
        tokio::select! {
            done = folder.pull("large", large.to_str().unwrap(), None, &mut said) => {
                panic!("so soon? {done:?}");
            }
            bytes = under_way => assert!(bytes.unwrap() > 0),
        }
        for _ in 0..250 {
            if left(&folder) == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(left(&folder), 0);
        assert_eq!(folder.list().unwrap(), []);
    }

    #[test]
    fn a_login_is_not_shown() {
        let url = Url::parse("https://ada:secret@example.com:8080/a%20b.gguf?token=x#y").unwrap();
        assert_eq!(shown(&url), "https://example.com:8080/a%20b.gguf");
    }
}
