//! A small OpenAI-compatible server, so that all contestants speak to the same thing. It runs in a
//! process of its own: its CPU time is nobody's.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};

/// Deltas of a usual answer, and of an answer of the model `chunks`.
const DELTAS: usize = 20;
pub const CHUNKS: usize = 1000;

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

fn converse(connection: TcpStream) -> Result<()> {
    connection.set_nodelay(true)?;
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut writer = connection;
    while let Some(body) = read_request(&mut reader)? {
        answer(&mut writer, &body)?;
    }
    Ok(())
}

fn read_request(reader: &mut impl BufRead) -> Result<Option<Vec<u8>>> {
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
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
    Ok(Some(body))
}

fn answer(writer: &mut TcpStream, body: &[u8]) -> Result<()> {
    let contains = |text: &str| body.windows(text.len()).any(|w| w == text.as_bytes());
    writer.write_all(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
    )?;
    if contains("\"chunks\"") {
        text(writer, CHUNKS)?;
    } else if contains("\"role\":\"tool\"") {
        text(writer, DELTAS)?;
    } else {
        let first = r#"{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"add","arguments":""}}]}"#;
        choice(writer, first, "null")?;
        for piece in [r#"{\"a\":"#, r#" 19, "#, r#"\"b\":"#, r#" 23}"#] {
            let delta =
                format!(r#"{{"tool_calls":[{{"index":0,"function":{{"arguments":"{piece}"}}}}]}}"#);
            choice(writer, &delta, "null")?;
        }
        choice(writer, "{}", "\"tool_calls\"")?;
    }
    let usage =
        r#""choices":[],"usage":{"prompt_tokens":50,"completion_tokens":20,"total_tokens":70}"#;
    event(writer, &chunk(usage))?;
    event(writer, "[DONE]")?;
    writer.write_all(b"0\r\n\r\n")
}

fn text(writer: &mut TcpStream, deltas: usize) -> Result<()> {
    choice(writer, r#"{"role":"assistant","content":""}"#, "null")?;
    for _ in 0..deltas {
        choice(writer, r#"{"content":" word"}"#, "null")?;
    }
    choice(writer, "{}", "\"stop\"")
}

fn choice(writer: &mut TcpStream, delta: &str, finish: &str) -> Result<()> {
    event(
        writer,
        &chunk(&format!(r#""choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}]"#)),
    )
}

fn chunk(rest: &str) -> String {
    format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"bench",{rest}}}"#
    )
}

/// One event is one HTTP chunk and one packet, as providers send them.
fn event(writer: &mut TcpStream, data: &str) -> Result<()> {
    let event = format!("data: {data}\n\n");
    writer.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes())
}
