//! Link arguments of a Node.js addon. On Linux with glibc they hold `-z nodelete`, so that the end
//! of a worker thread cannot unmap code that threads of the runtime still run.

fn main() {
    napi_build::setup();
}
