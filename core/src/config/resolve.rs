//! What holds when all layers have spoken.

use super::explain::Explanation;
use super::layer::Layer;
use super::settings::Settings;

/// What holds, and the layers that it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// What holds.
    pub settings: Settings,
    layers: Vec<Layer>,
}

/// Puts layers on top of each other, in this order: defaults, profile, tenant, whoever opens the
/// kernel, spec, call. What a tenant's parents say is theirs, and does not reach it.
pub fn resolve(layers: &[Layer]) -> Resolved {
    let mut settings = Settings::default();
    for layer in layers {
        settings.lay(&layer.settings);
    }
    Resolved { settings, layers: layers.to_vec() }
}

impl Resolved {
    /// Each value with where it comes from, and what it overruled. Looks whether secrets are there,
    /// and reads none.
    pub fn explain(&self) -> Explanation {
        Explanation::new(&self.settings, &self.layers)
    }
}
