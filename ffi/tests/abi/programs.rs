//! C and C++ programs that use an installed libaikit as strangers would: by pkg-config, by CMake,
//! statically, and under valgrind.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::support::{built, finish, root, run};

/// One installation of what was built together with this test, for all tests of this file.
static PREFIX: LazyLock<PathBuf> = LazyLock::new(|| {
    let prefix = built().join("aikit-test-prefix");
    let script = root().join("scripts/install.sh");
    finish(Command::new(script).arg(&prefix).arg(built()));
    prefix
});

/// The flags that pkg-config has for the installation.
fn flags(more: &[&str]) -> Vec<String> {
    let out = finish(
        Command::new("pkg-config")
            .args(["--cflags", "--libs"])
            .args(more)
            .arg("aikit")
            .env("PKG_CONFIG_PATH", PREFIX.join("lib/pkgconfig")),
    );
    out.split_whitespace().map(str::to_owned).collect()
}

fn program(name: &str) -> PathBuf {
    root().join("ffi/tests/programs").join(name)
}

/// Compiles a program against the installation.
fn build(compiler: &str, standard: &str, source: &str, to: &Path, flags: &[String]) {
    finish(
        Command::new(compiler)
            .args([standard, "-Wall", "-Wextra", "-Werror", "-pedantic", "-g", "-pthread"])
            .arg(program(source))
            .arg("-o")
            .arg(to)
            .args(flags)
            .arg(format!("-Wl,-rpath,{}", PREFIX.join("lib").display())),
    );
}

/// What the C programs with checks print when all of them hold.
const FINE: &str = "all checks hold\n";

/// Runs a C program with checks, by itself or as the last of `before`.
fn check(source: &str, before: &[&str]) {
    let folder = tempfile::tempdir().expect("folder");
    let built = folder.path().join("program");
    build("gcc", "-std=gnu11", source, &built, &flags(&[]));
    let (built, at) = (built.to_string_lossy(), folder.path().to_string_lossy());
    let words: Vec<&str> = before.iter().copied().chain([&*built, &*at]).collect();
    assert_eq!(run(words[0], &words[1..]), FINE, "{source}");
}

const VALGRIND: &[&str] = &[
    "valgrind",
    "--quiet",
    "--error-exitcode=99",
    "--leak-check=full",
    "--show-leak-kinds=definite",
    "--errors-for-leak-kinds=definite",
];

#[test]
fn a_c_program_that_does_everything_wrong_gets_an_answer_to_everything() {
    check("torture.c", &[]);
}

#[test]
fn the_same_program_under_valgrind_has_no_error_and_loses_nothing() {
    check("torture.c", VALGRIND);
}

#[test]
fn a_c_program_lives_with_specs_and_their_repository() {
    check("specs.c", &[]);
}

#[test]
fn specs_and_their_repository_under_valgrind_have_no_error_and_lose_nothing() {
    check("specs.c", VALGRIND);
}

#[test]
fn a_c_program_administers_tenants() {
    check("admin.c", &[]);
}

#[test]
fn administration_under_valgrind_has_no_error_and_loses_nothing() {
    check("admin.c", VALGRIND);
}

#[test]
fn the_cpp_wrapper_throws_moves_iterates_and_cancels() {
    let folder = tempfile::tempdir().expect("folder");
    let wrapper = folder.path().join("wrapper");
    build("g++", "-std=c++17", "wrapper.cpp", &wrapper, &flags(&[]));
    let at = folder.path().to_string_lossy();
    assert_eq!(run(&wrapper.to_string_lossy(), &[&*at]), FINE);
}

#[test]
fn a_program_links_to_the_static_library_through_pkg_config() {
    let folder = tempfile::tempdir().expect("folder");
    let consumer = folder.path().join("consumer");
    let flags: Vec<String> = flags(&["--static"])
        .into_iter()
        .map(|flag| if flag == "-laikit" { "-l:libaikit.a".to_owned() } else { flag })
        .collect();
    build("gcc", "-std=c11", "consumer.c", &consumer, &flags);
    assert_eq!(run(&consumer.to_string_lossy(), &[]), version_line());
    let needed = run("ldd", &[&consumer.to_string_lossy()]);
    assert!(!needed.contains("libaikit"), "{needed}");
}

fn version_line() -> String {
    format!("aikit {} abi {}\n", env!("CARGO_PKG_VERSION"), aikit_ffi::AIKIT_ABI_VERSION)
}

#[test]
fn a_cmake_project_finds_the_package_and_links_both_libraries() {
    let folder = tempfile::tempdir().expect("folder");
    let project = format!(
        "cmake_minimum_required(VERSION 3.16)\n\
         project(consumer C)\n\
         find_package(aikit 0.1 REQUIRED)\n\
         add_executable(shared {source})\n\
         target_link_libraries(shared aikit::aikit)\n\
         add_executable(static {source})\n\
         target_link_libraries(static aikit::static)\n",
        source = program("consumer.c").display()
    );
    std::fs::write(folder.path().join("CMakeLists.txt"), project).expect("project");
    let at = folder.path().to_string_lossy().into_owned();
    let build = format!("{at}/build");
    let prefix = format!("-DCMAKE_PREFIX_PATH={}", PREFIX.display());
    run("cmake", &["-S", &at, "-B", &build, &prefix]);
    run("cmake", &["--build", &build]);
    for name in ["shared", "static"] {
        assert_eq!(run(&format!("{build}/{name}"), &[]), version_line(), "{name}");
    }
    let wants_more = std::fs::read_to_string(folder.path().join("CMakeLists.txt"))
        .expect("project")
        .replace("aikit 0.1", "aikit 9.0");
    std::fs::write(folder.path().join("CMakeLists.txt"), wants_more).expect("project");
    let refused = Command::new("cmake")
        .args(["-S", &at, "-B", &format!("{at}/refused"), &prefix])
        .output()
        .expect("cmake");
    assert!(!refused.status.success(), "a version that is not there must not be found");
}

#[test]
fn the_installed_library_has_its_soname_and_is_never_unloaded() {
    let library = PREFIX.join("lib/libaikit.so");
    let dynamic = run("readelf", &["-d", &library.to_string_lossy()]);
    assert!(dynamic.contains("libaikit.so.0"), "{dynamic}");
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
    for name in ["libaikit.so.0", concat!("libaikit.so.", env!("CARGO_PKG_VERSION"))] {
        assert!(PREFIX.join("lib").join(name).exists(), "{name}");
    }
}
