//! `include/aikit.h` is what this crate exports, can be compiled as it stands, and describes the
//! structs as Rust lays them out.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::support::{compile, root, run, shared_library};
use aikit::error::Code;
use aikit_ffi::{aikit_bytes, aikit_run_callbacks};

/// The order of the header.
const SOURCES: [&str; 13] = [
    "failure",
    "text",
    "library",
    "kernel",
    "spec",
    "documents",
    "specs",
    "collection",
    "tool",
    "agent",
    "run",
    "watch",
    "admin",
];

fn statuses() -> String {
    let mut out = String::from("/* The numbers of aikit_status. */\nenum {\n");
    out.push_str("  /* The call did what it says. */\n  AIKIT_OK = 0,\n");
    for code in Code::ALL {
        let word = code.as_str().to_uppercase();
        let _ = writeln!(out, "  /* {} */\n  AIKIT_{word} = {},", code.meaning(), *code as i32);
    }
    out.truncate(out.trim_end().len() - 1);
    let _ = write!(
        out,
        "\n}};\n\n/* The release that this header belongs to; compare with aikit_version(). */\n\
         #define AIKIT_VERSION \"{}\"\n\n\
         /* As the length of a text: the text ends at its first NUL. */\n\
         #define AIKIT_TO_NUL SIZE_MAX",
        env!("CARGO_PKG_VERSION")
    );
    out
}

fn generate() -> String {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"));
    let preamble = std::fs::read_to_string(source.join("header/preamble.h")).expect("preamble");
    let config = cbindgen::Config { usize_is_size_t: true, ..cbindgen::Config::default() };
    let mut builder = cbindgen::Builder::new()
        .with_config(config)
        .with_language(cbindgen::Language::C)
        .with_style(cbindgen::Style::Both)
        .with_cpp_compat(true)
        .with_include_guard("AIKIT_H")
        .with_header(preamble.trim_end())
        .with_autogen_warning(
            "/* Generated from the Rust sources. Change those: see ffi/tests/abi/header.rs. */",
        )
        .with_no_includes()
        .with_sys_include("stdbool.h")
        .with_sys_include("stddef.h")
        .with_sys_include("stdint.h")
        .with_after_include(statuses())
        .with_documentation(true);
    for name in SOURCES {
        builder = builder.with_src(source.join(format!("src/{name}.rs")));
    }
    let mut out = Vec::new();
    builder
        .with_tab_width(2)
        .with_line_length(100)
        .generate()
        .expect("the sources can be read")
        .write(&mut out);
    String::from_utf8(out).expect("UTF-8")
}

fn header() -> PathBuf {
    root().join("include/aikit.h")
}

#[test]
fn the_header_is_current() {
    let wanted = generate();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(header(), &wanted).expect("include/aikit.h can be written");
    }
    let found = std::fs::read_to_string(header()).expect("include/aikit.h");
    assert!(
        found == wanted,
        "include/aikit.h differs from the sources: run `BLESS=1 cargo test --workspace --test abi`"
    );
    assert_eq!(wanted, generate(), "two generations differ");
}

/// The names of the functions that the header declares.
fn declared(header: &str) -> Vec<String> {
    let mut names: Vec<String> = header
        .lines()
        .filter(|line| !line.starts_with([' ', '/', '*', '#']) && !line.starts_with("typedef"))
        .filter_map(|line| line.split_once('('))
        .filter_map(|(before, _)| before.split([' ', '*']).next_back())
        .filter(|name| name.starts_with("aikit_"))
        .map(str::to_owned)
        .collect();
    names.sort();
    names
}

#[test]
fn exported_symbols_are_the_functions_of_the_header() {
    let library = shared_library();
    let listed = run("nm", &["-D", "--defined-only", "--format=posix", &library.to_string_lossy()]);
    let mut exported: Vec<String> =
        listed.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    exported.sort();
    let header = std::fs::read_to_string(header()).expect("include/aikit.h");
    let declared = declared(&header);
    assert!(declared.len() > 30, "the header was not understood: {declared:?}");
    assert_eq!(exported, declared);
}

#[test]
fn every_function_says_who_owns_what_and_how_it_bears_threads() {
    let header = std::fs::read_to_string(header()).expect("include/aikit.h");
    for name in declared(&header) {
        // The chapters at the top name functions too; what is declared comes last.
        let at = header.rfind(&format!("{name}(")).expect("declared");
        let comment = header[..at].rsplit("/**").next().unwrap_or_default().replace("\n * ", " ");
        assert!(comment.len() < 2000, "{name} has no comment of its own");
        assert!(
            comment.to_lowercase().contains("thread safe") || name.ends_with("_free"),
            "{name} does not say whether it is thread safe"
        );
        if header[..at].ends_with("\naikit_status ") && name != "aikit_error_number" {
            assert!(
                comment.contains("Errors:") || comment.contains("with the errors of"),
                "{name} does not name its errors"
            );
        }
    }
}

#[test]
fn the_header_compiles_alone_as_c11_and_cpp17() {
    let folder = tempfile::tempdir().expect("folder");
    let strict = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-c"];
    for (compiler, standard, file, include) in [
        ("gcc", "-std=c11", "alone.c", "aikit.h"),
        ("g++", "-std=c++17", "alone.cpp", "aikit.h"),
        ("g++", "-std=c++17", "wrapper.cpp", "aikit.hpp"),
        ("g++", "-std=c++20", "wrapper20.cpp", "aikit.hpp"),
    ] {
        let source = folder.path().join(file);
        let text = format!("#include <{include}>\n#include <{include}>\n");
        std::fs::write(&source, text).expect("source");
        let object = folder.path().join(format!("{file}.o"));
        compile(compiler, &[&[standard], &strict[..]].concat(), &[&source], &object);
    }
}

#[test]
fn structs_and_constants_are_the_same_in_rust_c_and_cpp() {
    use std::mem::{align_of, offset_of, size_of};
    let wanted = format!(
        "aikit_bytes {} {} {} {}\naikit_run_callbacks {} {} {} {} {} {} {}\nhandles 8 8 8 8 8 8\n\
         status 4 {}\n",
        size_of::<aikit_bytes>(),
        align_of::<aikit_bytes>(),
        offset_of!(aikit_bytes, data),
        offset_of!(aikit_bytes, len),
        size_of::<aikit_run_callbacks>(),
        align_of::<aikit_run_callbacks>(),
        offset_of!(aikit_run_callbacks, struct_size),
        offset_of!(aikit_run_callbacks, user_data),
        offset_of!(aikit_run_callbacks, on_event),
        offset_of!(aikit_run_callbacks, on_end),
        offset_of!(aikit_run_callbacks, finalizer),
        Code::SpecInvalid as i32,
    );
    let folder = tempfile::tempdir().expect("folder");
    let source = root().join("ffi/tests/programs/layout.c");
    for (compiler, flags) in [("gcc", vec!["-std=c11"]), ("g++", vec!["-std=c++17", "-x", "c++"])] {
        let program = folder.path().join(compiler);
        compile(compiler, &flags, &[&source], &program);
        assert_eq!(run(&program.to_string_lossy(), &[]), wanted, "{compiler}");
    }
}
