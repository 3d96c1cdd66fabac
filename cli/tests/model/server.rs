//! A server of models on this machine.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a path is answered with.
#[derive(Clone)]
pub(crate) enum Answer {
    Whole(Vec<u8>),
    /// All of it, without saying how much that is.
    Unmeasured(Vec<u8>),
    /// Half of it, and nothing more.
    Cut(Vec<u8>),
    /// Half of it, and nothing more for as long as somebody waits.
    Held(Vec<u8>),
    /// Half of it, and the rest after a while.
    Slow(Vec<u8>, Duration),
    Moved(&'static str),
}

/// It serves until the test ends.
pub(crate) struct Server {
    address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn new(answers: Vec<(&'static str, Answer)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = heads.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (answers, seen) = (answers.clone(), seen.clone());
                std::thread::spawn(move || serve(stream.expect("a stream"), &answers, &seen));
            }
        });
        Self { address, heads }
    }

    /// Its address, with a login if there is one.
    pub(crate) fn url(&self, login: &str, path: &str) -> String {
        format!("http://{login}{}{path}", self.address)
    }

    /// What it was asked, and with which headers.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no panic").clone()
    }
}

fn serve(mut stream: TcpStream, answers: &[(&'static str, Answer)], seen: &Mutex<Vec<String>>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split([' ', '?']).nth(1).unwrap_or_default().to_owned();
    seen.lock().expect("no panic").push(head);
    let known = answers.iter().find(|(known, _)| *known == path);
    let mut say = |status: &str, headers: &str, body: &[u8]| {
        let head = format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\n\r\n");
        // Who hangs up in the middle is what some tests are about.
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    };
    let length = |body: &[u8]| format!("Content-Length: {}\r\n", body.len());
    match known.map(|(_, answer)| answer) {
        Some(Answer::Whole(body)) => say("200 OK", &length(body), body),
        Some(Answer::Unmeasured(body)) => say("200 OK", "", body),
        Some(Answer::Moved(to)) => {
            say("302 Found", &format!("Location: {to}\r\nContent-Length: 0\r\n"), b"");
        }
        Some(Answer::Cut(body)) => say("200 OK", &length(body), &body[..body.len() / 2]),
        Some(Answer::Held(body)) => {
            say("200 OK", &length(body), &body[..body.len() / 2]);
            // Nothing comes: this returns when the other side has gone.
            let _ = stream.read(&mut byte);
        }
        Some(Answer::Slow(body, pause)) => {
            let (first, rest) = body.split_at(body.len() / 2);
            say("200 OK", &length(body), first);
            std::thread::sleep(*pause);
            let _ = stream.write_all(rest);
        }
        None => say("404 Not Found", "Content-Length: 0\r\n", b""),
    }
}
