//! What an agent is made from, and how the spec is found.

use std::path::{Path, PathBuf};

use super::Kernel;
use super::specs::aside;
use crate::error::{Code, Error, Result};
use crate::spec::Spec;

/// What an agent is made from.
#[derive(Clone, Debug)]
pub enum AgentRef {
    /// A spec that was read.
    Spec(Spec),
    /// The path of a spec file.
    Path(PathBuf),
    /// A path, if it has a `/` or `\`, or ends in `.yaml`, `.yml` or `.json`; else `id` or
    /// `id@version` in the repository.
    Text(String),
}

impl From<Spec> for AgentRef {
    fn from(spec: Spec) -> Self {
        Self::Spec(spec)
    }
}

impl From<&str> for AgentRef {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&Path> for AgentRef {
    fn from(path: &Path) -> Self {
        Self::Path(path.to_owned())
    }
}

/// Whether a text that names a spec is the path of a file.
fn is_path(text: &str) -> bool {
    let ending = Path::new(text).extension().unwrap_or_default();
    text.contains(['/', '\\'])
        || ["yaml", "yml", "json"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

impl Kernel {
    /// The spec that is meant.
    pub(super) async fn resolve(&self, reference: AgentRef) -> Result<Spec> {
        match reference {
            AgentRef::Spec(spec) => Ok(spec),
            AgentRef::Path(path) => aside(move || Spec::read(path)).await,
            AgentRef::Text(text) if is_path(&text) => aside(move || Spec::read(text)).await,
            AgentRef::Text(text) => self.specs().load(&text).await,
        }
    }

    /// Refuses a spec that was written for another tenant.
    pub(super) fn check_tenant(&self, spec: &Spec) -> Result<()> {
        match &spec.document().identity.tenant_id {
            Some(tenant) if tenant != self.tenant() => {
                let error = Error::new(
                    Code::TenantMismatch,
                    format!("the spec is of tenant {tenant:?}, the kernel of {:?}", self.tenant()),
                )
                .hint("open the kernel for that tenant, or leave `identity.tenant_id` out");
                Err(spec.locate(error, "/identity/tenant_id"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_path;

    #[test]
    fn paths_have_a_separator_or_a_known_ending() {
        for path in ["a.yaml", "a.YML", "x/y", "./a", "a.json", "c:\\a", ".yaml/", "a@1.0.0.json"] {
            assert!(is_path(path), "{path}");
        }
        for reference in ["a", "a@1.0.0", "a.b", "yaml", ".yaml", "a.yamlx", ""] {
            assert!(!is_path(reference), "{reference}");
        }
    }
}
