//! A small server of all the protocols, so that all contestants speak to the same thing. It runs in a
//! process of its own: its CPU time is nobody's.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};

use crate::wires::{Wire, chat_end, choice};

/// Pieces of a usual answer, and of an answer of the models [`APART`] and [`TOGETHER`].
pub const DELTAS: usize = 20;
pub const CHUNKS: usize = 1000;

/// Each piece is an HTTP chunk and a packet of its own, as providers send them.
pub const APART: &str = "chunks-apart";
/// The answer is one HTTP chunk: what is left is what a client does with the bytes.
pub const TOGETHER: &str = "chunks-together";

/// Serves until the process ends. Prints its port first.
pub fn serve() -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    println!("{}", listener.local_addr()?.port());
    std::io::stdout().flush()?;
    for connection in listener.incoming() {
        let connection = connection?;
        std::thread::spawn(move || {
            // A client that hangs up ends its connection, and nothing else.
            let _ = converse(connection);
        });
    }
    Ok(())
}

/// What was asked.
struct Asked {
    path: String,
    body: Vec<u8>,
}

impl Asked {
    /// Whether it has these words anywhere: some protocols name the model in the path.
    fn says(&self, words: &str) -> bool {
        self.path.contains(words) || self.body.windows(words.len()).any(|w| w == words.as_bytes())
    }
}

fn converse(connection: TcpStream) -> Result<()> {
    connection.set_nodelay(true)?;
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut writer = connection;
    while let Some(asked) = read_request(&mut reader)? {
        answer(&mut writer, &asked)?;
    }
    Ok(())
}

fn read_request(reader: &mut impl BufRead) -> Result<Option<Asked>> {
    let mut length = 0;
    let mut path = String::new();
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if path.is_empty() {
            line.split(' ').nth(1).unwrap_or_default().clone_into(&mut path);
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Asked { path, body }))
}

fn answer(writer: &mut TcpStream, asked: &Asked) -> Result<()> {
    let wire = Wire::at(&asked.path);
    let events = match () {
        () if asked.says(APART) || asked.says(TOGETHER) => wire.answer(CHUNKS),
        () if asked.says("\"role\":\"tool\"") => wire.answer(DELTAS),
        () => call(),
    };
    let events = if asked.says(TOGETHER) { vec![events.concat()] } else { events };
    writer.write_all(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
    )?;
    for event in events {
        writer.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes())?;
    }
    writer.write_all(b"0\r\n\r\n")
}

/// A call in four pieces, on the chat wire.
fn call() -> Vec<String> {
    let function = json!({"name": "add", "arguments": ""});
    let first = json!({"index": 0, "id": "call_1", "type": "function", "function": function});
    let first = json!({"role": "assistant", "content": null, "tool_calls": [first]});
    let mut events = vec![choice(first, Value::Null)];
    for piece in [r#"{"a":"#, " 19, ", r#""b":"#, " 23}"] {
        let call = json!({"index": 0, "function": {"arguments": piece}});
        events.push(choice(json!({"tool_calls": [call]}), Value::Null));
    }
    events.push(choice(json!({}), json!("tool_calls")));
    events.extend(chat_end());
    events
}
