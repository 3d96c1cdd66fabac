//! Calls of the host's tools: from the core's queue to the callback, and the replies that are due.

use std::ffi::c_char;
use std::sync::Arc;

use aikit::host::HostCall;
use aikit::io::Mutex;

use crate::kernel::Kernel;
use crate::registry::{self, Object};
use crate::text::with_nul;

/// Serves the tool calls of one operation. When it is dropped, replies that are still due lose their
/// handles: nobody waits for them any more.
pub(crate) struct Calls {
    kernel: Arc<Kernel>,
    due: Mutex<Vec<u64>>,
}

impl Calls {
    pub(crate) fn new(kernel: Arc<Kernel>) -> Self {
        Self { kernel, due: Mutex::default() }
    }

    /// Runs the callback of a tool on this thread.
    pub(crate) fn serve(&self, call: HostCall) {
        let Some(tool) = self.kernel.tool(&call.name) else {
            let message = format!("no callback is registered for the tool {:?}", call.name);
            return call.fail(&message, None);
        };
        let arguments = call.arguments.to_string();
        let len = arguments.len();
        let arguments = with_nul(arguments);
        // On failure the call is dropped, which answers it as a failure.
        let Ok(reply) = registry::insert(Object::Reply(call)) else { return };
        self.remember(reply);
        tool.call(arguments.as_ptr().cast::<c_char>(), len, reply);
    }

    /// Keeps the handle until its reply came; those that came or are too late are let go.
    fn remember(&self, reply: u64) {
        let mut due = self.due.lock();
        due.retain(|old| match registry::reply_is_awaited(*old) {
            Ok(true) => true,
            Ok(false) => {
                forget(*old);
                false
            }
            Err(_) => false,
        });
        due.push(reply);
    }

    /// Lets go of all replies that are due.
    pub(crate) fn settle(&self) {
        self.due.lock().drain(..).for_each(forget);
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.settle();
    }
}

fn forget(reply: u64) {
    drop(registry::remove(reply, |object| matches!(object, Object::Reply(_))));
}
