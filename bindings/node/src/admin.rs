//! Administration: the name of an operation and text in, a task out.

use aikit::host::HostAdmin;
use napi_derive::napi;

use crate::task::NativeTask;

/// Opens a store for administration; the task gives a [`NativeAdmin`].
#[napi]
pub fn open_admin(options: String) -> NativeTask {
    NativeTask::new(HostAdmin::open(&options))
}

/// The names of the operations.
#[napi]
pub fn admin_operations() -> Vec<&'static str> {
    aikit::host::ADMIN_OPERATIONS.to_vec()
}

/// A store that is open for administration.
#[napi]
pub struct NativeAdmin(pub(crate) HostAdmin);

#[napi]
impl NativeAdmin {
    /// Does an operation; the task gives its document.
    #[napi]
    pub fn call(&self, operation: String, arguments: String) -> NativeTask {
        NativeTask::new(self.0.call(&operation, &arguments))
    }

    /// Closes the store.
    #[napi]
    pub fn close(&self) -> NativeTask {
        NativeTask::new(self.0.close())
    }
}
