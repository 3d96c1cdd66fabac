//! The models that were registered with a kernel.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::{HOST, HostModel};
use crate::error::{Code, Error, Result};
use crate::io::RwLock;
use crate::model::ChatModel;
use crate::spec::is_slug;

/// Models by name, `host/` left out. Thread safe.
#[derive(Default)]
pub struct Models(RwLock<BTreeMap<String, Arc<dyn ChatModel>>>);

impl fmt::Debug for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Models").field(&self.0.read().keys().collect::<Vec<_>>()).finish()
    }
}

impl Models {
    /// Adds a model.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] for a bad name, or one that is taken.
    pub fn register(&self, name: &str, model: Arc<dyn ChatModel>) -> Result<()> {
        if !is_slug(name) {
            return Err(Error::invalid_argument(format!("{name:?} is not the name of a model"))
                .hint("letters, digits, `-`, `_` and `.`, at most 64; specs name it `host/NAME`"));
        }
        let mut models = self.0.write();
        if models.contains_key(name) {
            let message = format!("a model named {name:?} is registered already");
            return Err(Error::invalid_argument(message).hint("give the model another name"));
        }
        models.insert(name.to_owned(), model);
        Ok(())
    }

    /// Adds a model of the host's.
    ///
    /// # Errors
    /// As [`Models::register`]; [`Code::InvalidArgument`] for a model that has no time.
    pub fn register_host(&self, model: HostModel) -> Result<()> {
        if model.timeout_ms == Some(0) {
            let message =
                format!("model {:?}: timeout_ms: an answer needs more than no time", model.name);
            return Err(Error::invalid_argument(message));
        }
        self.register(&model.name.clone(), Arc::new(model))
    }

    /// The model that a spec means; `None` if the name is of another provider.
    ///
    /// # Errors
    /// [`Code::ModelUnknown`].
    pub fn named(&self, name: &str) -> Result<Option<Arc<dyn ChatModel>>> {
        let Some((HOST, name)) = name.split_once('/') else { return Ok(None) };
        let models = self.0.read();
        if let Some(model) = models.get(name) {
            return Ok(Some(model.clone()));
        }
        let known: Vec<&str> = models.keys().map(String::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let message = format!("no model named {name:?} is registered (there are: {known})");
        Err(Error::new(Code::ModelUnknown, message)
            .hint("register the model with the kernel before making the agent"))
    }
}
