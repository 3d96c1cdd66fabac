//! Layers of configuration: defaults, profile (TOML), tenant (JSON), spec, call. What each of them
//! says, what holds in the end, and why.
//!
//! A layer is [`Settings`] with its [`Source`]. Policies only narrow: denied tools add up, allowed
//! tools intersect, the smallest quota wins. Other values are replaced by the later layer. Secrets
//! stand as [references](SecretRef), are read when they are used, and are shown as references.
//!
//! ```
//! use aikit::config::{Layer, Settings, Source, resolve};
//!
//! # fn main() -> aikit::Result<()> {
//! let profile = Settings::from_toml("default_model = \"openai/gpt-4o-mini\"", "aikit.toml")?;
//! let tenant = Settings::from_json(&serde_json::json!({"quotas": {"max_documents": 500}}))?;
//! let resolved = resolve(&[
//!     Layer::defaults(),
//!     Layer { source: Source::Profile("aikit.toml".into()), settings: profile },
//!     Layer { source: Source::Tenant("acme".into()), settings: tenant },
//! ]);
//! assert_eq!(resolved.settings.policy.quotas.max_documents, Some(500));
//! println!("{}", resolved.explain());
//! # Ok(()) }
//! ```

mod explain;
mod file;
mod layer;
mod policy;
mod read;
mod reader;
mod resolve;
mod secret;
mod settings;
mod tree;

pub use explain::{Explanation, Row, Said};
pub use layer::{Layer, Source};
pub(crate) use policy::mapping;
pub use policy::{Policy, Quotas};
pub use resolve::{Resolved, resolve};
pub use secret::{Address, SecretRef, SecretState};
pub use settings::{Price, ProviderSettings, Retention, RunLimits, Settings};

#[cfg(test)]
mod tests;
