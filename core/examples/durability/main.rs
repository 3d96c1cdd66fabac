//! Writes to a store for as long as it lives, says what was acknowledged, and later looks whether all
//! of that is there. `tests/durability` kills it, lets its files fail, and stands between it and a
//! database server.
//!
//! ```text
//! durability prepare URL --login L --password P --tenants T,T...
//!                                   PostgreSQL: tables, the logins L and L-admin, tenants
//! durability write LOCATION --tenant T --writer W [--steps N] [--files FOLDER] [--copies FOLDER]
//!                  [--lanes N] [--bound SECONDS] [--paced] [--gated]
//! durability verify LOCATION        the lines of all writers on standard input
//! durability read LOCATION          the same, without a look at the file itself
//! durability hold LOCATION          holds the write lock of an SQLite file until standard input ends
//! ```
//!
//! A writer's lines are `try TENANT KEY VALUE` before an operation, `ack TENANT KEY VALUE` after it,
//! and `fail CODE MESSAGE`. A key must have the value that was last acknowledged, or one that was tried
//! after that. `-` stands for something that is not there. `not TENANT KEY VALUE` follows a failure that
//! means that nothing was done. `--lanes` work side by side in one kernel; `--paced` waits for a line
//! on standard input before each step, and `--gated` for one inside of each run.

mod prepare;
mod verify;
mod write;

use std::error::Error;
use std::io::{Read, Write};

use aikit::kernel::{Kernel, OpenOptions};
use serde_json::json;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: durability prepare|write|verify|read|hold LOCATION [options]";

/// What was said on the command line.
struct Arguments(Vec<String>);

impl Arguments {
    fn location(&self) -> Outcome<&str> {
        Ok(self.0.get(1).ok_or(USAGE)?)
    }

    fn option(&self, name: &str) -> Option<&str> {
        let at = self.0.iter().position(|argument| argument == name)?;
        self.0.get(at + 1).map(String::as_str)
    }

    fn needed(&self, name: &str) -> Outcome<&str> {
        Ok(self.option(name).ok_or_else(|| format!("{name} is missing; {USAGE}"))?)
    }

    fn number(&self, name: &str) -> Outcome<Option<u64>> {
        Ok(self.option(name).map(str::parse).transpose()?)
    }

    fn flag(&self, name: &str) -> bool {
        self.0.iter().any(|argument| argument == name)
    }
}

#[tokio::main]
async fn main() -> Outcome {
    let arguments = Arguments(std::env::args().skip(1).collect());
    let location = arguments.location()?;
    match arguments.0[0].as_str() {
        "prepare" => prepare::prepare(&arguments).await,
        "write" => write::write(&arguments).await,
        "verify" => verify::verify(location, true).await,
        "read" => verify::verify(location, false).await,
        "hold" => hold(location),
        _ => Err(USAGE.into()),
    }
}

/// Writes a line in one piece, so that a kill leaves whole lines or none.
fn tell(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes())?;
    out.flush()
}

fn tell_failure(error: &aikit::Error) -> std::io::Result<()> {
    let cause = error.cause().unwrap_or_default();
    tell(&format!("fail {} {} [{cause}]", error.code(), error.message()).replace('\n', " "))
}

async fn open(location: &str, tenant: &str) -> aikit::Result<Kernel> {
    let options: OpenOptions = serde_json::from_value(json!({
        "location": location, "tenant": tenant, "actor": "durability",
    }))
    .map_err(|e| aikit::Error::invalid_argument("bad options").caused_by(e))?;
    Kernel::open(options).await
}

fn hold(location: &str) -> Outcome {
    let connection = rusqlite::Connection::open(location)?;
    connection.busy_timeout(std::time::Duration::from_secs(60))?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    tell("held")?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    connection.execute_batch("ROLLBACK")?;
    Ok(())
}
