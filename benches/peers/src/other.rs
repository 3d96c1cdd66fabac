//! Contestants in other languages: a process each, asked over its standard input how many streams it
//! shall read, answering with the CPU time that its whole process took for one.

use std::error::Error;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;

use crate::server::CHUNKS;

pub struct Other {
    pub name: String,
    process: Child,
    asks: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

#[derive(Deserialize)]
struct Took {
    cpu_ms: f64,
    pieces: usize,
}

impl Other {
    /// Starts `NAME=COMMAND`; the command gets the address of the API and the model.
    pub fn start(given: &str, base_url: &str, model: &str) -> Result<Self, Box<dyn Error>> {
        let (name, command) = given.split_once('=').ok_or("--peer NAME=COMMAND")?;
        let mut words = command.split_whitespace();
        let mut process = Command::new(words.next().ok_or("--peer NAME=COMMAND")?)
            .args(words)
            .args([base_url, model])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let asks = process.stdin.take().ok_or("no input")?;
        let answers = BufReader::new(process.stdout.take().ok_or("no output")?).lines();
        Ok(Self { name: name.to_owned(), process, asks, answers })
    }

    /// CPU milliseconds of one stream, over so many.
    pub fn streams(&mut self, times: usize) -> Result<f64, Box<dyn Error>> {
        writeln!(self.asks, "{times}")?;
        let line = self.answers.next().ok_or_else(|| format!("{} has ended", self.name))??;
        let took: Took = serde_json::from_str(&line)?;
        if took.pieces != CHUNKS * times {
            return Err(format!("{} saw {} chunks", self.name, took.pieces).into());
        }
        Ok(took.cpu_ms / times as f64)
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
