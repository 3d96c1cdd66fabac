//! A kernel that was opened on a runtime of the program's own knows of a fork as well.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]
#![allow(unsafe_code, reason = "fork, wait and leave")]

use aikit::Code;
use aikit::kernel::{Kernel, OpenOptions};

#[test]
fn a_child_is_told_even_if_nothing_ever_used_the_global_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let kernel = runtime.expect("runtime").block_on(Kernel::open(OpenOptions::default()));
    let kernel = kernel.expect("open");
    // SAFETY: the child asks one question that takes no lock, and leaves.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let told = kernel.collection("c").is_err_and(|e| e.code() == Code::Forked);
        // SAFETY: ends the child without the handlers of its parent.
        unsafe { libc::_exit(i32::from(!told)) };
    }
    let mut status = -1;
    // SAFETY: waits for our own child.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
    assert!(kernel.collection("c").is_ok());
}
