//! How `libaikit.so` is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    if os == "linux" {
        // The number is that of the ABI's line, not of the release: see "Versions" in aikit.h.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libaikit.so.0");
        // Threads of the I/O runtime outlive a dlclose; their code must too.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
        // What libraries below export for C is none of ours.
        println!("cargo::rustc-cdylib-link-arg=-Wl,--exclude-libs,ALL");
    }
}
