//! Link arguments of the module.

fn main() {
    // The runtime's threads run code of this image until the process ends, so it must never be
    // unmapped, not even by a host that closes the interpreter which loaded it.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
        // What libraries below export for C is nobody's here.
        println!("cargo::rustc-cdylib-link-arg=-Wl,--exclude-libs,ALL");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
