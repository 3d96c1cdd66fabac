//! A readiness descriptor: readable while raised. Linux: an `eventfd`, one descriptor a task.

// The one place of this room that speaks to the platform: `eventfd`, `read`, `write`, `close` on a
// descriptor that this type owns from creation to drop.
#![allow(unsafe_code)]

use crate::error::{Code, Error, Result};

#[derive(Debug)]
pub(super) struct ReadyFd(i32);

#[cfg(target_os = "linux")]
impl ReadyFd {
    pub(super) fn new() -> Result<Self> {
        // SAFETY: plain system call; the result is checked.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(Error::new(Code::InvalidArgument, "no readiness descriptor can be made")
                .caused_by(std::io::Error::last_os_error())
                .hint("close other descriptors or raise the limit (ulimit -n)"));
        }
        Ok(Self(fd))
    }

    pub(super) fn raw(&self) -> i32 {
        self.0
    }

    pub(super) fn raise(&self) {
        let one: u64 = 1;
        // SAFETY: writes 8 bytes from a live local to a descriptor that we own. A full counter
        // (EAGAIN) is as readable as it gets.
        unsafe { libc::write(self.0, (&raw const one).cast(), 8) };
    }

    pub(super) fn lower(&self) {
        let mut count: u64 = 0;
        // SAFETY: reads 8 bytes into a live local; EAGAIN means it was down already.
        unsafe { libc::read(self.0, (&raw mut count).cast(), 8) };
    }
}

#[cfg(target_os = "linux")]
impl Drop for ReadyFd {
    fn drop(&mut self) {
        // SAFETY: we own the descriptor and nobody uses it after this.
        unsafe { libc::close(self.0) };
    }
}
