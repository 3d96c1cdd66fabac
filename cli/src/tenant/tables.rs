//! What a tenant has, table by table, and how both sides of a copy compare.

use aikit::store::{CopyReport, Digests, LeftOut, TableDigest};

use crate::output::{count, table};

/// Digits of a hash that people compare; `--format json` has all of them.
const DIGITS: usize = 12;

fn short(digest: Option<&TableDigest>) -> String {
    digest.map_or_else(|| "-".into(), |d| d.sha256.chars().take(DIGITS).collect())
}

fn rows_of(digest: Option<&TableDigest>) -> String {
    digest.map_or_else(|| "-".into(), |d| d.rows.to_string())
}

pub(super) fn rows(digests: &Digests) -> u64 {
    digests.values().map(|digest| digest.rows).sum()
}

/// `3 tables, 120 rows`.
pub(super) fn total(digests: &Digests) -> String {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    format!("{}, {}", count(digests.len(), "table"), count(number(rows(digests)), "row"))
}

/// The tables of one side.
pub(super) fn one_side(digests: &Digests) -> String {
    let head = ["TABLE", "ROWS", "SHA-256"].map(str::to_owned);
    let row = |(name, digest): (&String, &TableDigest)| {
        [name.clone(), digest.rows.to_string(), short(Some(digest))]
    };
    let rows: Vec<_> = std::iter::once(head).chain(digests.iter().map(row)).collect();
    table(&rows)
}

/// The tables of both sides, one beside the other.
pub(super) fn both_sides(report: &CopyReport) -> String {
    let head = ["TABLE", "ROWS HERE", "ROWS THERE", "SHA-256 HERE", "SHA-256 THERE", ""];
    let mut names: Vec<&String> = report.source.keys().chain(report.target.keys()).collect();
    names.sort();
    names.dedup();
    let row = |name: &String| {
        let (here, there) = (report.source.get(name), report.target.get(name));
        let verdict = match (here == there, report.altered.contains(name)) {
            (true, _) => "equal",
            (false, true) => "as wished",
            (false, false) => "DIFFERENT",
        };
        let cells = [rows_of(here), rows_of(there), short(here), short(there)];
        let [a, b, c, d] = cells;
        [name.clone(), a, b, c, d, verdict.to_owned()]
    };
    let head = head.map(str::to_owned);
    let rows: Vec<_> = std::iter::once(head).chain(names.into_iter().map(row)).collect();
    table(&rows)
}

/// What did not come along, each in a line.
pub(super) fn left_out(left_out: &[LeftOut]) -> Vec<String> {
    let line = |left: &LeftOut| match left {
        LeftOut::Parent { tenant_id } => {
            format!("it does not stand below {tenant_id} there")
        }
        LeftOut::Providers { names } => format!(
            "the providers of its configuration ({}) were left out; --with-providers keeps them",
            names.join(", ")
        ),
        LeftOut::Grant { reader_id } => {
            format!("{reader_id} may not read it there: it does not stand above it")
        }
        LeftOut::AuditLog { seq, hash } => format!(
            "its audit log begins anew under the other id; the old one ended with entry {seq}, {hash}"
        ),
    };
    left_out.iter().map(line).collect()
}
