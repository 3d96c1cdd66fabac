//! An archive that is read, line by line: everything that can be said against it without a
//! database is said here.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

use serde::Deserialize as _;
use serde_json::Value as Json;

use super::digest::{Digests, Sum};
use super::line::{self, FORMAT, LINE_LIMIT};
use super::tables::{SPECS, TABLES, TENANT, Table, table};
use crate::error::{Code, Error, Result};
use crate::store::VersionId;
use crate::store::tx::Cell;

/// Rows that are taken in at once at most.
const BATCH_ROWS: usize = 500;
/// Bytes that are taken in at once at most, if it is more than one row.
const BATCH_BYTES: usize = 1024 * 1024;

/// Rows of one table.
pub(super) struct Batch {
    pub(super) table: &'static Table,
    pub(super) rows: Vec<Vec<Cell>>,
    /// The line of the first one; the others follow.
    pub(super) line: u64,
}

/// An archive that is being read.
pub(super) struct Source {
    shown: String,
    lines: BufReader<File>,
    /// The number of the line that was read last.
    number: u64,
    bytes: u64,
    /// The table whose rows are being read.
    place: usize,
    sum: Sum,
    last: Option<Vec<Cell>>,
    /// The agent whose active version was read.
    active: Option<String>,
    /// A row that the last batch had no room for.
    ahead: Option<(usize, Vec<Cell>, usize)>,
    digests: Digests,
    ended: bool,
}

/// The last line, with its line break.
pub(super) fn end_line(digests: &Digests) -> String {
    format!("{}\n", crate::spec::canonical(&serde_json::json!({"end": {"tables": digests}})))
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let unreadable = |error: std::io::Error| {
            let (code, what) = match error.kind() {
                ErrorKind::NotFound => (Code::FileNotFound, "is not there"),
                _ => (Code::FileUnreadable, "cannot be read"),
            };
            Error::new(code, format!("the archive {shown} {what}"))
                .at(&shown)
                .hint("check the path and that it may be read")
                .caused_by(error)
        };
        let kind = std::fs::metadata(path).map_err(unreadable)?;
        if !kind.is_file() {
            return Err(unreadable(ErrorKind::InvalidInput.into()));
        }
        let file = File::open(path).map_err(unreadable)?;
        Ok(Self {
            lines: BufReader::with_capacity(128 * 1024, file),
            shown,
            number: 0,
            bytes: 0,
            place: 0,
            sum: Sum::new(),
            last: None,
            active: None,
            ahead: None,
            digests: Digests::new(),
            ended: false,
        })
    }

    /// An error on a line.
    pub(super) fn invalid(&self, line: u64, what: impl std::fmt::Display) -> Error {
        let mut error = Error::new(Code::ArchiveInvalid, format!("{}:{line}: {what}", self.shown))
            .at(&self.shown)
            .hint("nothing was taken in; export the tenant again");
        if let Ok(line) = u32::try_from(line) {
            error = error.on_line(line, 1);
        }
        error
    }

    fn wrong<T>(&self, what: impl std::fmt::Display) -> Result<T> {
        Err(self.invalid(self.number, what))
    }

    /// What was read so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The digests of all tables, when the end was read.
    pub(super) fn digests(&self) -> &Digests {
        &self.digests
    }

    /// The next line with its line break; none at the end of the file.
    fn line(&mut self) -> Result<Option<String>> {
        self.number += 1;
        let mut line = Vec::new();
        let limit = LINE_LIMIT as u64 + 1;
        if let Err(error) = (&mut self.lines).take(limit).read_until(b'\n', &mut line) {
            return Err(self.invalid(self.number, "it cannot be read on").caused_by(error));
        }
        if line.is_empty() {
            return Ok(None);
        }
        if line.len() > LINE_LIMIT {
            return self.wrong(format_args!("the line has more than {LINE_LIMIT} bytes"));
        }
        self.bytes += line.len() as u64;
        if !line.ends_with(b"\n") {
            return self.wrong("the file is cut off: its last line has no end");
        }
        match String::from_utf8(line) {
            Ok(line) => Ok(Some(line)),
            Err(_) => self.wrong("the line is not UTF-8"),
        }
    }

    /// The first line: the tenant.
    pub(super) fn tenant(&mut self) -> Result<Vec<Cell>> {
        let Some(line) = self.line()? else { return self.wrong("the file is empty") };
        // An archive of a later form may have more on this line: its number is looked at first.
        let json: Json = match serde_json::from_str(&line) {
            Ok(json) => json,
            Err(error) => return self.wrong(format_args!("it is no archive of a tenant: {error}")),
        };
        if json["aikit"] != "tenant" {
            return self.wrong("it is no archive of a tenant");
        }
        if json["format"].as_u64().is_some_and(|format| format > FORMAT) {
            let error =
                self.invalid(self.number, format_args!("it is of format {}", json["format"]));
            return Err(error.hint(format!("this aikit reads format {FORMAT}: upgrade it")));
        }
        if json["format"] != FORMAT {
            return self.wrong(format_args!("there is no format {}", json["format"]));
        }
        let cells = line::cells(&TENANT, &json["tenant"], &line);
        let cells = cells.map_err(|what| self.invalid(self.number, what))?;
        self.same(&line, line::of_tenant(&cells))?;
        self.digests.insert(TENANT.name.to_owned(), Sum::of(&line));
        Ok(cells)
    }

    /// A line must be the one that these cells are written as. This refuses a key that stands twice,
    /// white space, other forms of a number, and whatever else would not come out as it went in.
    fn same(&self, line: &str, written: Result<String>) -> Result<()> {
        if written.is_ok_and(|written| written == line) {
            return Ok(());
        }
        self.wrong("the line is not in the form in which aikit writes it")
    }

    /// The next rows of one table; none when the end was read and is true.
    pub(super) fn batch(&mut self) -> Result<Option<Batch>> {
        let mut batch: Option<Batch> = None;
        let mut bytes = 0;
        while let Some((place, cells, length)) = self.next()? {
            bytes += length;
            match &mut batch {
                None => {
                    let (table, line) = (&TABLES[place], self.number);
                    batch = Some(Batch { table, rows: vec![cells], line });
                }
                Some(batch)
                    if batch.table.name == TABLES[place].name
                        && batch.rows.len() < BATCH_ROWS
                        && bytes <= BATCH_BYTES =>
                {
                    batch.rows.push(cells);
                }
                Some(_) => {
                    self.ahead = Some((place, cells, length));
                    break;
                }
            }
        }
        Ok(batch)
    }

    fn next(&mut self) -> Result<Option<(usize, Vec<Cell>, usize)>> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        if self.ended {
            return Ok(None);
        }
        let Some(line) = self.line()? else {
            return self.wrong("the file is cut off: its end line is missing");
        };
        let json: Json = match serde_json::from_str(&line) {
            Ok(json) => json,
            Err(error) => return self.wrong(format_args!("neither a row nor the end: {error}")),
        };
        if let Some(end) = json.get("end") {
            return self.end(&line, end).map(|()| None);
        }
        let Some(name) = json["table"].as_str() else {
            return self.wrong("neither a row nor the end");
        };
        let Some((place, table)) = table(name) else {
            return self.wrong(format_args!("there is no table {name:?}"));
        };
        if place < self.place {
            let now = TABLES[self.place].name;
            return self.wrong(format_args!("a row of {name} behind those of {now}"));
        }
        let cells = line::cells(table, &json["row"], &line);
        let cells = cells.map_err(|what| self.invalid(self.number, what))?;
        self.same(&line, line::of_row(table, &cells))?;
        while self.place < place {
            self.turn();
        }
        self.check(table, &cells)?;
        self.sum.add(&line);
        self.last = Some(key(table, &cells));
        Ok(Some((place, cells, line.len())))
    }

    /// Goes on to the next table.
    fn turn(&mut self) {
        let sum = std::mem::replace(&mut self.sum, Sum::new());
        self.digests.insert(TABLES[self.place].name.to_owned(), sum.digest());
        self.place += 1;
        self.last = None;
    }

    /// What holds between the rows and columns of a table.
    fn check(&mut self, table: &Table, cells: &[Cell]) -> Result<()> {
        if let Some(last) = &self.last {
            match compare(last, &key(table, cells)) {
                Ordering::Less => {}
                Ordering::Equal => {
                    return self.wrong(format_args!("a row of {} twice", table.name));
                }
                Ordering::Greater => {
                    return self.wrong(format_args!("the rows of {} are not sorted", table.name));
                }
            }
        }
        if table.name != SPECS {
            return Ok(());
        }
        let text = |column: &str| match table.position(column).map(|i| &cells[i]) {
            Some(Cell::Text(text)) => text.as_str(),
            _ => "",
        };
        let agent = text("agent_id");
        let id = VersionId::new(agent, text("version"));
        let ordering = table.position("ordering").map(|i| &cells[i]);
        if id.is_none_or(|id| ordering != Some(&Cell::Blob(id.order().to_vec()))) {
            return self.wrong("agent, version and ordering do not fit together");
        }
        if text("status") == "active" {
            if self.active.as_deref() == Some(agent) {
                return self.wrong(format_args!("agent {agent} has two active versions"));
            }
            self.active = Some(agent.to_owned());
        }
        Ok(())
    }

    /// Compares what the end says with what was read.
    fn end(&mut self, line: &str, end: &Json) -> Result<()> {
        let said = match Digests::deserialize(&end["tables"]) {
            Ok(said) => said,
            Err(error) => return self.wrong(error),
        };
        while self.place < TABLES.len() {
            self.turn();
        }
        if end_line(&said) != line {
            return self.wrong("the line is not in the form in which aikit writes it");
        }
        if let Some(unknown) = said.keys().find(|name| !self.digests.contains_key(*name)) {
            return self.wrong(format_args!("there is no table {unknown:?}"));
        }
        for (name, found) in &self.digests {
            match said.get(name) {
                None => return self.wrong(format_args!("the end line says nothing of {name}")),
                Some(said) if said.rows != found.rows => {
                    return self.wrong(format_args!(
                        "{name} has {} rows, and the end line says {}",
                        found.rows, said.rows
                    ));
                }
                Some(said) if said != found => {
                    return self.wrong(format_args!("the rows of {name} do not have their hash"));
                }
                Some(_) => {}
            }
        }
        if self.line()?.is_some() {
            return self.wrong("there is something behind the end line");
        }
        self.ended = true;
        Ok(())
    }
}

fn key(table: &Table, cells: &[Cell]) -> Vec<Cell> {
    table.key_positions().map(|i| cells[i].clone()).collect()
}

/// The order of both databases: texts and bytes by their bytes.
fn compare(a: &[Cell], b: &[Cell]) -> Ordering {
    let pair = |(a, b): (&Cell, &Cell)| match (a, b) {
        (Cell::Int(a), Cell::Int(b)) => a.cmp(b),
        (Cell::Text(a), Cell::Text(b)) => a.cmp(b),
        (Cell::Blob(a), Cell::Blob(b)) => a.cmp(b),
        _ => Ordering::Equal,
    };
    a.iter().zip(b).map(pair).find(|order| *order != Ordering::Equal).unwrap_or(Ordering::Equal)
}
