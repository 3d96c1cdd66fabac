//! Brings a model into the folder, from an address or from a place on this machine.

use std::path::Path;
use std::time::Duration;

use reqwest::{Response, StatusCode, Url, header};
use tokio::sync::mpsc;

use super::folder::{Incoming, ModelEntry, ModelFolder, Progress};
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
        let folder = self.clone();
        let (name, from) = (name.to_owned(), source.to_owned());
        let sha256 = sha256.map(str::to_owned);
        if !source.starts_with("https://") && !source.starts_with("http://") {
            let path = source.strip_prefix("file://").unwrap_or(source).to_owned();
            let entry =
                run_blocking(move || folder.add(&name, Path::new(&path), sha256.as_deref()))
                    .await?;
            progress(Progress { bytes: entry.bytes, total: Some(entry.bytes) });
            return Ok(entry);
        }
        let shown = without_secrets(&from);
        let kept = shown.clone();
        let incoming =
            run_blocking(move || folder.incoming(&name, &kept, sha256.as_deref())).await?;
        let mut response = get(source, &shown).await?;
        let total = response.content_length();
        let (pieces, taken) = mpsc::channel(PIECES);
        let writer = io::runtime()?.spawn_blocking(move || write(incoming, taken));
        let mut bytes = 0;
        loop {
            let piece = tokio::time::timeout(SILENCE, response.chunk()).await;
            let piece = piece.map_err(|_| unavailable(&shown, "the server fell silent"))?;
            let Some(piece) = piece.map_err(|error| broken(&shown, error))? else { break };
            bytes += piece.len() as u64;
            // The writer leaves only with an error, which is told below.
            if pieces.send(Some(piece.to_vec())).await.is_err() {
                break;
            }
            progress(Progress { bytes, total });
        }
        let _ = pieces.send(None).await;
        writer.await.unwrap_or_else(|error| {
            Err(Error::new(Code::Panic, "the writing of a model did not end").caused_by(error))
        })
    }
}

/// The address as it is shown and stored: a query and a password may be secrets.
fn without_secrets(source: &str) -> String {
    let path = source.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = path.split_once("://").unwrap_or(("", path));
    let (place, file) = rest.split_once('/').unwrap_or((rest, ""));
    let host = place.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}/{file}")
}

/// Writes pieces until `None` says that the file is whole.
fn write(
    mut incoming: Incoming,
    mut pieces: mpsc::Receiver<Option<Vec<u8>>>,
) -> Result<ModelEntry> {
    while let Some(piece) = pieces.blocking_recv() {
        match piece {
            Some(piece) => incoming.write(&piece)?,
            None => return incoming.finish(),
        }
    }
    Err(Error::new(Code::Cancelled, "the download was given up"))
}

async fn get(source: &str, shown: &str) -> Result<Response> {
    let mut url = Url::parse(source).map_err(|error| {
        Error::invalid_argument(format!("{shown} is no address")).caused_by(error)
    })?;
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
    unavailable(shown, "the connection failed").caused_by(error.without_url())
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

    #[test]
    fn what_may_be_secret_is_not_shown() {
        for (source, shown) in [
            ("https://a.example/m.gguf?token=x#y", "https://a.example/m.gguf"),
            ("https://me:secret@a.example:8/d/m.gguf", "https://a.example:8/d/m.gguf"),
            ("http://a.example", "http://a.example/"),
            ("http://a.example/x@y/m.gguf", "http://a.example/x@y/m.gguf"),
        ] {
            assert_eq!(without_secrets(source), shown);
        }
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
}
