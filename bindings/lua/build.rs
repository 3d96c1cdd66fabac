//! Link options of the Lua module.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // `lua_close` unloads C modules. Threads of ours may still run then, so the image must stay.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        // What libraries below export for C is nobody's here.
        println!("cargo:rustc-cdylib-link-arg=-Wl,--exclude-libs,ALL");
    }
}
