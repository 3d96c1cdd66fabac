//! A copy of a database that is in use.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, ffi};

use super::{describe, integrity};
use crate::error::{Code, Error, Result};

/// What SQLite keeps beside a database.
const COMPANIONS: [&str; 3] = ["-journal", "-wal", "-shm"];

/// Copies the database of `source` into the new file `to`: one state of it, checked, synced, and
/// complete without any other file. Either all of it is there afterwards or nothing.
///
/// `source` must not be inside a write transaction of its own; others may write meanwhile.
///
/// # Errors
/// [`Code::InvalidArgument`] when there is something at `to`; [`Code::StoreCorrupt`] when the copy is
/// not sound, because the original is not; [`Code::StoreUnavailable`], [`Code::StoreFull`],
/// [`Code::StoreLocked`], [`Code::StoreFailed`].
pub(super) fn copy(source: &Connection, to: &Path) -> Result<()> {
    refuse_taken(to)?;
    let part = Part::beside(to, source)?;
    fill(source, &part.0)?;
    settle(&part.0)?;
    let file = File::open(&part.0).map_err(|e| failed(to, e))?;
    file.sync_all().map_err(|e| failed(to, e))?;
    publish(&part.0, to)
}

/// Refuses a path where something is, or where a journal waits that SQLite would play into the copy.
fn refuse_taken(to: &Path) -> Result<()> {
    let there = |path: &Path| fs::symlink_metadata(path).is_ok();
    let taken = COMPANIONS.iter().map(|ending| with_ending(to, ending)).find(|path| there(path));
    match Some(to.to_path_buf()).filter(|path| there(path)).or(taken) {
        None => Ok(()),
        Some(path) => Err(taken_error(&path)),
    }
}

fn taken_error(path: &Path) -> Error {
    let shown = path.display().to_string();
    Error::invalid_argument(format!("there is something at {shown} already"))
        .at(shown)
        .hint("a copy is a new file: name another one, or remove this one first")
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The file that is being written. What is left of it when this is dropped is removed.
struct Part(PathBuf);

impl Part {
    /// An empty file beside `to`, so that it can be moved there, which nobody may read who may not
    /// read the original.
    fn beside(to: &Path, source: &Connection) -> Result<Self> {
        let mut name = hidden(to).ok_or_else(|| {
            Error::invalid_argument(format!("{} is no name of a file", to.display()))
                .hint("name a file that is not there yet")
        })?;
        name.push(format!("{}{PART}", uuid::Uuid::now_v7().simple()));
        let path = to.with_file_name(name);
        let mut options = File::options();
        options.write(true).create_new(true);
        as_private(&mut options, source);
        options.open(&path).map_err(|e| failed(to, e))?;
        Ok(Self(path))
    }
}

const PART: &str = ".part";

/// How the names of the parts of a copy begin.
fn hidden(to: &Path) -> Option<OsString> {
    let mut name = OsString::from(".");
    name.push(to.file_name()?);
    name.push(".");
    Some(name)
}

#[cfg(unix)]
fn as_private(options: &mut fs::OpenOptions, original: &Connection) {
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
    let path = original.path().filter(|path| !path.is_empty());
    if let Some(original) = path.and_then(|path| fs::metadata(path).ok()) {
        options.mode(original.mode() & 0o777);
    }
}

/// There a file takes over what its folder says.
#[cfg(not(unix))]
fn as_private(_: &mut fs::OpenOptions, _: &Connection) {}

/// Removes what processes left that were killed while they copied to `to`. Nobody may be copying
/// there now.
pub(super) fn clear(to: &Path) {
    let (Some(hidden), Ok(entries)) = (hidden(to), fs::read_dir(folder_of(to))) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let rest = name.as_encoded_bytes().strip_prefix(hidden.as_encoded_bytes());
        let rest = rest.map(String::from_utf8_lossy).unwrap_or_default();
        if COMPANIONS.iter().chain(&[""]).any(|ending| rest.ends_with(&format!("{PART}{ending}"))) {
            // Left behind once more, it is in nobody's way.
            let _ = fs::remove_file(entry.path());
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // What cannot be removed has a name that says what it is.
        for ending in COMPANIONS {
            let _ = fs::remove_file(with_ending(&self.0, ending));
        }
        let _ = fs::remove_file(&self.0);
    }
}

/// Copies all pages in one step.
///
/// Steps of some pages with pauses between would begin anew whenever another connection commits, so
/// that a busy store would never be copied. One step is a read transaction of that length: in WAL mode
/// it holds up neither writers nor readers; what waits is only the shortening of the log.
fn fill(source: &Connection, part: &Path) -> Result<()> {
    let mut target = open(part)?;
    let fail = |error| describe(part, error);
    // Nobody sees the file before it is whole and synced: a journal would only be a second writing.
    target
        .pragma_update(None, "journal_mode", "OFF")
        .and_then(|()| target.pragma_update(None, "synchronous", "OFF"))
        .map_err(fail)?;
    let backup = Backup::new(source, &mut target).map_err(fail)?;
    match backup.step(-1).map_err(fail)? {
        StepResult::Done => Ok(()),
        // The time that `source` waits for locks has passed, or a write of its own is open.
        _ => Err(fail(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None))),
    }
}

/// Makes the copy a file that stands alone, also on a medium that cannot be written, and looks
/// whether it is sound.
fn settle(part: &Path) -> Result<()> {
    // Opened anew, so that what is read is what was written, and not the memory of the writing.
    let connection = open(part)?;
    let alone = |connection: &Connection| -> rusqlite::Result<()> {
        // It says of itself that it has a log, as the original does. This says that it has none.
        connection.pragma_update(None, "journal_mode", "DELETE")
    };
    alone(&connection).map_err(|e| describe(part, e))?;
    let findings = integrity::check(&connection)?;
    let Some(first) = findings.first() else {
        return connection.close().map_err(|(_, error)| describe(part, error));
    };
    let more = match findings.len() {
        1 => String::new(),
        n => format!(" (and {} more)", n - 1),
    };
    Err(Error::new(Code::StoreCorrupt, format!("the database is damaged: {first}{more}"))
        .hint("no copy was made of it; take the last good one"))
}

fn open(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).map_err(|e| describe(path, e))
}

/// Gives the finished file its name, if nobody took that meanwhile, and makes the name durable.
fn publish(part: &Path, to: &Path) -> Result<()> {
    // A second name, and then the first one goes: unlike a renaming, this never replaces a file.
    match fs::hard_link(part, to) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(taken_error(to)),
        // Not every file system knows second names.
        Err(_) => {
            refuse_taken(to)?;
            fs::rename(part, to).map_err(|e| failed(to, e))?;
        }
    }
    let _ = fs::remove_file(part);
    sync_folder(to).map_err(|error| {
        // Whether the name survives a power cut is not known: better none than perhaps one.
        let _ = fs::remove_file(to);
        failed(to, error)
    })
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(unix)]
fn sync_folder(of: &Path) -> io::Result<()> {
    File::open(folder_of(of))?.sync_all()
}

/// Folders cannot be synced there; the file system does it by itself.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

fn failed(to: &Path, error: io::Error) -> Error {
    let (code, hint) = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            (Code::StoreFull, "free space, or name a file elsewhere")
        }
        io::ErrorKind::NotFound
        | io::ErrorKind::PermissionDenied
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::ReadOnlyFilesystem => {
            (Code::StoreUnavailable, "check that the folder exists and may be written")
        }
        _ => (Code::StoreFailed, "check the disk and the file system; nothing was left behind"),
    };
    let shown = to.display().to_string();
    Error::new(code, format!("no copy can be made at {shown}"))
        .at(shown)
        .hint(hint)
        .caused_by(error)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use rusqlite::{Connection, OpenFlags};

    use super::{clear, copy};
    use crate::error::Code;
    use crate::store::sqlite::integrity;

    const SUM: &str = "SELECT (SELECT sum(x) FROM a) - (SELECT sum(x) FROM b)";

    fn database(path: &Path) -> Connection {
        let connection = Connection::open(path).expect("open");
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 60000;
                 CREATE TABLE a (x INTEGER, y TEXT); CREATE TABLE b (x INTEGER, y TEXT);
                 WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
                 INSERT INTO a SELECT i, hex(randomblob(200)) FROM n; INSERT INTO b SELECT * FROM a;",
            )
            .expect("tables");
        connection
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .expect("folder")
            .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// One state of the database, however much is written meanwhile, in a file that stands alone.
    #[test]
    fn a_store_that_is_being_written_is_copied_as_it_was_at_one_moment() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a.db");
        let source = database(&path);
        let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let writer = Connection::open(&path).expect("open");
                writer.execute_batch("PRAGMA busy_timeout = 60000").expect("patience");
                while !stop.load(Ordering::Acquire) {
                    writer
                        .execute_batch(
                            "BEGIN IMMEDIATE; UPDATE a SET x = x + 1; UPDATE b SET x = x + 1; COMMIT",
                        )
                        .expect("write");
                    written.fetch_add(1, Ordering::AcqRel);
                }
            });
            for number in 0..8 {
                let before = written.load(Ordering::Acquire);
                while written.load(Ordering::Acquire) == before {
                    std::thread::yield_now();
                }
                let to = folder.path().join(format!("{number}.copy"));
                copy(&source, &to).expect("copy");
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
                let copied = Connection::open_with_flags(&to, flags).expect("open");
                let difference: i64 = copied.query_row(SUM, [], |row| row.get(0)).expect("sum");
                assert_eq!(difference, 0);
            }
            stop.store(true, Ordering::Release);
        });
        drop(source);
        let expected: Vec<String> =
            (0..8).map(|n| format!("{n}.copy")).chain(["a.db".to_owned()]).collect();
        assert_eq!(names(folder.path()), expected);
    }

    #[test]
    fn what_is_there_is_never_touched() {
        let folder = tempfile::tempdir().expect("folder");
        let source = database(&folder.path().join("a.db"));
        let to = folder.path().join("copy.db");
        for name in ["copy.db", "copy.db-wal", "copy.db-journal"] {
            let taken = folder.path().join(name);
            std::fs::write(&taken, "theirs").expect("write");
            let error = copy(&source, &to).expect_err("refused");
            assert_eq!(error.code(), Code::InvalidArgument);
            assert!(error.message().contains(name) && error.hint_text().is_some());
            assert_eq!(std::fs::read(&taken).expect("read"), b"theirs");
            std::fs::remove_file(&taken).expect("remove");
        }
        copy(&source, &to).expect("free now");
        let other = folder.path().join("no/such/folder.db");
        assert_eq!(copy(&source, &other).expect_err("nowhere").code(), Code::StoreUnavailable);
        assert_eq!(
            copy(&source, Path::new("..")).expect_err("folder").code(),
            Code::InvalidArgument
        );
        assert_eq!(names(folder.path()), ["a.db", "a.db-shm", "a.db-wal", "copy.db"]);
    }

    #[test]
    fn of_a_damaged_database_no_copy_is_left() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a.db");
        drop(database(&path));
        let mut bytes = std::fs::read(&path).expect("read");
        let middle = bytes.len() / 2 / 4096 * 4096;
        bytes[middle..middle + 4096].fill(0xa5);
        std::fs::write(&path, bytes).expect("write");
        let source = Connection::open(&path).expect("open");
        let error = copy(&source, &folder.path().join("copy.db")).expect_err("damaged");
        assert_eq!(error.code(), Code::StoreCorrupt);
        drop(source);
        assert_eq!(names(folder.path()), ["a.db"]);
    }

    #[test]
    fn what_killed_copies_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().expect("folder");
        let left = [".copy.db.0a1b.part", ".copy.db.0a1b.part-journal"];
        let others = [".copy.db.part2", ".other.db.0a1b.part", "copy.db", "copy.db.0a1b.part"];
        for name in left.iter().chain(&others) {
            std::fs::write(folder.path().join(name), "").expect("write");
        }
        clear(&folder.path().join("copy.db"));
        assert_eq!(names(folder.path()), others);
    }

    #[test]
    fn a_store_in_memory_becomes_a_file() {
        let folder = tempfile::tempdir().expect("folder");
        let source = database(Path::new(":memory:"));
        let to = folder.path().join("copy.db");
        copy(&source, &to).expect("copy");
        let copied = Connection::open(&to).expect("open");
        assert_eq!(copied.query_row(SUM, [], |row| row.get::<_, i64>(0)), Ok(0));
        assert_eq!(integrity::check(&copied).expect("check"), [""; 0]);
    }

    #[test]
    fn a_source_that_is_inside_a_write_says_so_and_leaves_nothing() {
        let folder = tempfile::tempdir().expect("folder");
        let source = database(&folder.path().join("a.db"));
        source.execute_batch("BEGIN IMMEDIATE; DELETE FROM a").expect("begin");
        let error = copy(&source, &folder.path().join("copy.db")).expect_err("busy");
        assert_eq!(error.code(), Code::StoreLocked);
        assert_eq!(names(folder.path()), ["a.db", "a.db-shm", "a.db-wal"]);
    }

    /// Who may not read the store may not read its copy either.
    #[cfg(unix)]
    #[test]
    fn a_copy_is_as_private_as_its_original() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a.db");
        let source = database(&path);
        for mode in [0o600, 0o640] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("chmod");
            let to = folder.path().join(format!("{mode:o}.copy"));
            copy(&source, &to).expect("copy");
            let got = std::fs::metadata(&to).expect("metadata").permissions().mode();
            assert_eq!(got & 0o777, mode);
        }
    }
}
