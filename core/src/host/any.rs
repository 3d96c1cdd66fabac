//! A task of any result, for hosts that give out one kind of object for all operations.

use std::time::Duration;

use super::admin::HostAdmin;
use super::session::{HostAgent, HostKernel};
use super::task::{Step, Task};
use crate::error::Result;
use crate::spec::Spec;

/// What an operation ends with.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// An open kernel.
    Kernel(HostKernel),
    /// An agent.
    Agent(HostAgent),
    /// A store that is open for administration.
    Admin(HostAdmin),
    /// A spec.
    Spec(Spec),
    /// A document, as JSON text.
    Json(String),
    /// Nothing but its end.
    Nothing,
}

impl From<HostKernel> for Outcome {
    fn from(kernel: HostKernel) -> Self {
        Self::Kernel(kernel)
    }
}

impl From<HostAgent> for Outcome {
    fn from(agent: HostAgent) -> Self {
        Self::Agent(agent)
    }
}

impl From<HostAdmin> for Outcome {
    fn from(admin: HostAdmin) -> Self {
        Self::Admin(admin)
    }
}

impl From<Spec> for Outcome {
    fn from(spec: Spec) -> Self {
        Self::Spec(spec)
    }
}

impl From<String> for Outcome {
    fn from(json: String) -> Self {
        Self::Json(json)
    }
}

impl From<()> for Outcome {
    fn from((): ()) -> Self {
        Self::Nothing
    }
}

/// A [`Task`] with the type of its result out of sight. The functions are those of [`Task`].
pub trait AnyTask: Send + Sync {
    /// [`Task::next`].
    fn next(&self, timeout: Option<Duration>) -> Step<Outcome>;
    /// [`Task::try_next`].
    fn try_next(&self) -> Step<Outcome>;
    /// [`Task::cancel`].
    fn cancel(&self);
    /// [`Task::fd`].
    fn fd(&self) -> Result<i32>;
    /// [`Task::on_ready`].
    fn on_ready(&self, waker: Box<dyn FnOnce() + Send>);
}

impl<T: Into<Outcome> + Send> AnyTask for Task<T> {
    fn next(&self, timeout: Option<Duration>) -> Step<Outcome> {
        Self::next(self, timeout).map_result(Into::into)
    }

    fn try_next(&self) -> Step<Outcome> {
        Self::try_next(self).map_result(Into::into)
    }

    fn cancel(&self) {
        Self::cancel(self);
    }

    fn fd(&self) -> Result<i32> {
        Self::fd(self)
    }

    fn on_ready(&self, waker: Box<dyn FnOnce() + Send>) {
        Self::on_ready(self, waker);
    }
}
