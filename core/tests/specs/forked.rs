//! A repository that was opened before a fork says so in the child.

#![allow(unsafe_code, reason = "fork, wait and leave")]

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use aikit::Code;
use aikit::kernel::ListOptions;

use super::{kernel, save, spec};

/// Whether an operation says so at once: the child has no thread that could wake it later.
fn forked<T>(operation: impl Future<Output = aikit::Result<T>>) -> bool {
    match pin!(operation).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Err(error)) => error.code() == Code::Forked,
        _ => false,
    }
}

#[tokio::test]
async fn a_child_is_told_and_the_parent_goes_on() {
    let kernel = kernel().await;
    let specs = kernel.specs();
    save(&specs, "a", "1.0.0").await;
    let (new, bundle) =
        (spec("b", "1.0.0"), specs.export(Default::default()).await.expect("export"));
    // SAFETY: the child asks questions that take no lock, and leaves.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let told = forked(specs.save(&new, Default::default()))
            && forked(specs.get("a@1.0.0"))
            && forked(specs.load("a@1.0.0"))
            && forked(specs.list(ListOptions::default()))
            && forked(specs.history("a"))
            && forked(specs.diff("a@1.0.0", "a@1.0.0"))
            && forked(specs.promote("a@1.0.0", Default::default()))
            && forked(specs.deprecate("a@1.0.0", Default::default()))
            && forked(specs.retire("a@1.0.0", Default::default()))
            && forked(specs.delete("a@1.0.0", Default::default()))
            && forked(specs.export(Default::default()))
            && forked(specs.import(bundle, Default::default()))
            && forked(kernel.agent("a@1.0.0"));
        // SAFETY: ends the child without the handlers of its parent.
        unsafe { libc::_exit(i32::from(!told)) };
    }
    let mut status = -1;
    // SAFETY: waits for our own child.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
    assert!(specs.get("a@1.0.0").await.is_ok());
}
