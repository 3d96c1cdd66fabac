//! What the tests of the C ABI share: where things are, and how C programs are compiled and run.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a parent").to_path_buf()
}

/// The folder where cargo put the libraries that belong to this test.
pub(crate) fn built() -> PathBuf {
    let test = std::env::current_exe().expect("path of the test");
    test.parent().expect("a parent").to_path_buf()
}

/// The shared library that was built together with this test.
pub(crate) fn shared_library() -> PathBuf {
    built().join("libaikit_ffi.so")
}

/// Runs a program to its end and gives what it printed; fails with all its output if it failed.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    finish(Command::new(program).args(arguments))
}

/// As [`run`], for a command that was prepared.
pub(crate) fn finish(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{out}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    out
}

/// Compiles sources against the headers of this repository.
pub(crate) fn compile(compiler: &str, flags: &[&str], sources: &[&Path], to: &Path) {
    let include = root().join("include");
    finish(
        Command::new(compiler).args(flags).arg("-I").arg(include).args(sources).arg("-o").arg(to),
    );
}
