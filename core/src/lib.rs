//! # aikit
//!
//! An agent runtime that lives inside the user's own program: agents are declared in a spec, and
//! run with tools, retrieval and memory, isolated per tenant. No server, no sidecar.
//!
//! ```no_run
//! # async fn example() -> aikit::Result<()> {
//! use aikit::kernel::{Kernel, OpenOptions};
//!
//! let kernel = Kernel::open(OpenOptions::default()).await?;
//! kernel.collection("handbook")?.ingest("examples/handbook").await?;
//! let agent = kernel.agent("examples/specs/handbook.yaml").await?;
//! println!("{}", agent.run("How many days of leave do I get?").await?.text);
//! # Ok(()) }
//! ```
//!
//! The rooms, from the ground up; a room uses those below it and never those above:
//! [`error`], [`io`], [`spec`], [`store`], [`model`], [`tool`], [`retrieval`], [`agent`],
//! [`config`], [`kernel`], [`host`].

pub mod agent;
pub mod config;
pub mod error;
pub mod host;
pub mod io;
pub mod kernel;
pub mod model;
pub mod retrieval;
pub mod spec;
pub mod store;
pub mod tool;

pub use error::{Code, Error, Result};

// The promise that a panic is caught at every boundary needs unwinding.
#[cfg(not(panic = "unwind"))]
compile_error!("aikit must be built with panic = \"unwind\": a defect must never end the host");
