//! What every embedding needs once: blocking waits, run queues, the readiness descriptor, the
//! dispatch of host tools, and the rules by which values cross (documents cross as JSON text).
//!
//! The C ABI and the three language modules stand on this room and add nothing but conversion.

mod admin;
mod any;
mod documents;
mod ready;
mod session;
mod specs;
mod task;

pub use admin::{ADMIN_OPERATIONS, HostAdmin};
pub use any::{AnyTask, Outcome};
pub use documents::{
    diagnose, diff_specs, edit_spec, import_spec, parse_spec, render_spec, spec_schema,
};
pub use session::{HostAgent, HostCollection, HostKernel, version};
pub use specs::HostSpecs;
pub use task::{QUEUE_LIMIT, Step, Task};

pub use crate::tool::HostCall;
