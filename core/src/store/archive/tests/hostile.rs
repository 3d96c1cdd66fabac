//! Archives that are damaged, or made by somebody with other intents.

use std::path::Path;

use super::places::between;
use super::{ImportOptions, Place, archive, fill_with};
use crate::error::{Code, Error};
use crate::store::archive::digest::Sum;
use crate::store::archive::{Digests, line, source};

/// An archive as text: the lines with their breaks.
type Lines = Vec<String>;

fn table_of(line: &str) -> &str {
    if line.starts_with("{\"aikit\"") {
        return "tenants";
    }
    line.strip_prefix("{\"table\":\"").and_then(|rest| rest.split('"').next()).unwrap_or_default()
}

/// The first line of a table, from 0.
fn first(lines: &Lines, table: &str) -> usize {
    lines.iter().position(|line| table_of(line) == table).expect("a row")
}

/// Makes the end say what the lines are: somebody who forges rows can do that too.
fn seal(lines: &mut Lines) {
    let mut digests = Digests::new();
    for name in super::super::tables::TABLES.iter().map(|table| table.name).chain(["tenants"]) {
        let mut sum = Sum::new();
        lines.iter().filter(|line| table_of(line) == name).for_each(|line| sum.add(line));
        digests.insert(name.to_owned(), sum.digest());
    }
    lines.pop();
    lines.push(source::end_line(&digests));
}

async fn import(place: &Place, path: &Path, content: &[u8]) -> Result<(), Error> {
    std::fs::write(path, content).expect("write");
    place.admin.import_tenant(path, ImportOptions::default()).await.map(drop)
}

/// Changes the first row of a table.
fn change(lines: &mut Lines, table: &str, from: &str, to: &str) -> usize {
    let at = first(lines, table);
    assert!(lines[at].contains(from), "{from:?} is not in {:?}", lines[at]);
    lines[at] = lines[at].replacen(from, to, 1);
    at + 1
}

/// What is done to the lines; gives the line that is to blame, from 1.
type Forgery = fn(&mut Lines) -> usize;

/// Each is sealed again, so that it is found by what it is and not by its hash.
const FORGED: &[(&str, Forgery)] = &[
    ("no table", |l| change(l, "runs", "\"runs\"", "\"sqlite_schema\"")),
    ("no table", |l| change(l, "collections", "\"collections\"", "\"usage_totals\"")),
    ("no column", |l| change(l, "runs", "\"agent_id\"", "\"tenant_id\":\"org\",\"agent_id\"")),
    ("is missing", |l| change(l, "collections", "\"name\"", "\"created_at\"")),
    ("form", |l| change(l, "runs", "\"row\":{", "\"row\":{ ")),
    ("form", |l| change(l, "runs", "{\"agent_id\":", "{\"agent_id\":\"x\",\"agent_id\":")),
    ("form", |l| change(l, "runs", "}}", "},\"more\":1}")),
    ("form", |l| change(l, "collections", "library", "lib\\u0072ary")),
    ("wrong type", |l| change(l, "collections", "\"library\"", "7")),
    ("wrong type", |l| change(l, "collections", "\"library\"", "null")),
    ("whole number", |l| change(l, "documents", "\"bytes\":1000", "\"bytes\":-1")),
    ("whole number", |l| change(l, "documents", "\"bytes\":1000", "\"bytes\":1000.5")),
    ("whole number", |l| {
        change(l, "documents", "\"bytes\":1000", "\"bytes\":18446744073709551615")
    }),
    ("wrong type", |l| change(l, "documents", "\"bytes\":1000", "\"bytes\":\"1000\"")),
    ("base64", |l| change(l, "documents", "AP8HPg==", "AP8HPg")),
    ("form", |l| change(l, "documents", "AP8HPg==", "AP8HPh==")),
    ("none of", |l| change(l, "runs", "\"status\":\"finished\"", "\"status\":\"done\"")),
    ("JSON", |l| change(l, "run_events", "{\\\"n\\\": 0}", "{\\\"n\\\": }")),
    ("numbers", |l| change(l, "vectors", "[0,", "[1e39,")),
    ("neither", |l| change(l, "vectors", "[0,", "[NaN,")),
    ("numbers", |l| change(l, "vectors", "[0,", "[true,")),
    ("form", |l| change(l, "vectors", "[0,", "[0.0,")),
    ("ordering", |l| change(l, "spec_versions", "\"version\":\"1.2.0\"", "\"version\":\"9.9.9\"")),
    ("two active", |l| {
        change(l, "spec_versions", "\"active\"", "\"active\"");
        let second = first(l, "spec_versions") + 1;
        l[second] = l[second].replacen("\"draft\"", "\"active\"", 1);
        second + 1
    }),
    ("twice", |l| {
        let at = first(l, "chunks");
        l.insert(at, l[at].clone());
        at + 2
    }),
    ("not sorted", |l| {
        let at = first(l, "chunks");
        l.swap(at, at + 1);
        at + 2
    }),
    ("behind those of", |l| {
        let term = l.remove(first(l, "spec_terms"));
        let at = l.len() - 1;
        l.insert(at, term);
        at + 1
    }),
    ("belongs to none", |l| {
        let at = first(l, "collections");
        l.remove(at);
        first(l, "documents") + 1
    }),
    ("belongs to none", |l| {
        let at = first(l, "documents");
        l.remove(at);
        first(l, "chunks") + 1
    }),
    ("passage that is not there", |l| {
        let at = first(l, "chunks");
        l.remove(at);
        first(l, "vectors") + 1
    }),
    ("belongs to none", |l| {
        let at = first(l, "runs");
        l.remove(at);
        first(l, "run_events") + 1
    }),
    ("JSON", |l| change(l, "tenants", "\"config\":\"{", "\"config\":\"[{")),
    ("tenant id", |l| change(l, "tenants", "\"acme\"", "\"@store\"")),
    ("format 2", |l| change(l, "tenants", "\"format\":1", "\"format\":2,\"new\":0")),
    ("no format", |l| change(l, "tenants", "\"format\":1", "\"format\":\"1\"")),
    ("form", |l| change(l, "tenants", "\"format\":1", "\"format\":1,\"new\":0")),
    ("no archive", |l| change(l, "tenants", "\"aikit\":\"tenant\"", "\"aikit\":\"specs\"")),
    ("twice", |l| {
        let at = first(l, "audit_log");
        l.insert(at, l[at].clone());
        at + 2
    }),
];

/// These are not sealed.
const DAMAGED: &[(&str, Forgery)] = &[
    ("end line is missing", |l| {
        l.pop();
        l.len() + 1
    }),
    ("rows, and the end line says", |l| {
        let at = first(l, "spec_terms");
        l.remove(at);
        l.len()
    }),
    ("do not have their hash", |l| {
        change(l, "chunks", "passage", "massage");
        l.len()
    }),
    ("do not have their hash", |l| {
        change(l, "tenants", "\"active\"", "\"suspended\"");
        l.len()
    }),
    ("behind the end", |l| {
        l.push("\n".into());
        l.len()
    }),
    ("has no end", |l| {
        let last = l.len();
        l[last - 1].pop();
        last
    }),
    ("no table", |l| {
        let last = l.len();
        l[last - 1] = l[last - 1].replacen("\"audit_log\":", "\"audit_log2\":", 1);
        last
    }),
    ("form", |l| {
        let last = l.len();
        l[last - 1] = l[last - 1].replacen("{\"end\":{", "{\"end\":{ ", 1);
        last
    }),
    ("no archive", |l| {
        l.remove(0);
        1
    }),
    ("the file is empty", |l| {
        l.clear();
        1
    }),
    ("neither a row nor the end", |l| {
        l.insert(3, "[]\n".into());
        4
    }),
    ("neither a row nor the end", |l| {
        l.insert(3, format!("{}\n", "[".repeat(10_000)));
        4
    }),
    ("more than", |l| {
        l.insert(3, format!("{}\n", " ".repeat(line::LINE_LIMIT)));
        4
    }),
];

#[test]
fn what_is_wrong_with_an_archive_is_said_and_nothing_is_taken_in() {
    between(async |from, to| {
        fill_with(from, 7).await;
        let folder = tempfile::tempdir().expect("folder");
        let content = std::fs::read_to_string(archive(from, folder.path()).await).expect("read");
        let whole: Lines = content.split_inclusive('\n').map(str::to_owned).collect();
        let mut sealed = whole.clone();
        seal(&mut sealed);
        assert_eq!(sealed, whole, "sealing says what an export says");

        let path = folder.path().join("forged.jsonl");
        let before = to.admin.audit_log("@store", 0, 1000).await.expect("log");
        let cases = FORGED.iter().map(|case| (case, true));
        for (number, ((what, forge), resealed)) in
            cases.chain(DAMAGED.iter().map(|case| (case, false))).enumerate()
        {
            let mut lines = whole.clone();
            let line = forge(&mut lines);
            if resealed {
                seal(&mut lines);
            }
            let outcome = import(to, &path, lines.concat().as_bytes()).await;
            let error = outcome.expect_err(&format!("case {number}: {what}"));
            let said = format!("case {number}: {error:?}");
            assert_eq!(error.code(), Code::ArchiveInvalid, "{said}");
            assert!(error.message().contains(what), "{what:?} is not in {said}");
            assert_eq!(error.line().map(|line| line as usize), Some(line), "{said}");
            assert_eq!(error.path(), path.to_str(), "{said}");
        }
        let binary = [b"{\"aikit\":\"\xff\"}\n".as_slice(), b"\x1f\x8b\x08\x00", b"\0\0\0\n"];
        for content in binary {
            let error = import(to, &path, content).await.expect_err("no archive");
            assert_eq!((error.code(), error.line()), (Code::ArchiveInvalid, Some(1)), "{error}");
        }
        // Cut off anywhere: at a fifth of it, and so on.
        for part in 1..5 {
            let content = &content.as_bytes()[..content.len() * part / 5];
            let error = import(to, &path, content).await.expect_err("cut off");
            assert_eq!(error.code(), Code::ArchiveInvalid, "{error}");
        }
        assert_eq!(to.rows_of("acme").await, Vec::<String>::new());
        assert_eq!(to.admin.audit_log("@store", 0, 1000).await.expect("log"), before);
        import(to, &path, content.as_bytes()).await.expect("the original is fine");
    });
}

#[test]
fn what_is_no_file_is_refused() {
    between(async |_, to| {
        let folder = tempfile::tempdir().expect("folder");
        for (path, code) in [
            (folder.path().to_path_buf(), Code::FileUnreadable),
            (folder.path().join("missing.jsonl"), Code::FileNotFound),
        ] {
            let outcome = to.admin.import_tenant(&path, ImportOptions::default()).await;
            assert_eq!(outcome.expect_err("no file").code(), code);
        }
    });
}
