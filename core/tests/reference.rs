//! The reference page of error codes is made from the table, and is current.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::fmt::Write;
use std::path::Path;

use aikit::Code;

#[test]
fn the_page_of_error_codes_is_current() {
    let mut page = String::from(
        "# Error codes\n\nGenerated from `core/src/error/code.rs`; `BLESS=1 cargo test --workspace \
         --test reference` writes it anew.\n\nThe word is the same in every language, the number \
         is the status in C. Retryable: the same call may succeed later without a change.\n\n\
         | number | code | retryable | meaning |\n|---|---|---|---|\n",
    );
    for code in Code::ALL {
        let retryable = if code.retryable() { "yes" } else { "" };
        writeln!(page, "| {} | `{code}` | {retryable} | {} |", *code as i32, code.meaning())
            .expect("write to a string");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/errors.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &page).expect("write");
    }
    let current = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(current == page, "docs/reference/errors.md is not current: run with BLESS=1");
}
