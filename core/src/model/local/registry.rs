//! The models that are in memory: one for each file, for all kernels of the process.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::engine::{Job, Limits, serve};
use super::loaded::Loaded;
use crate::error::{Code, Error, Result};

/// What local models may take of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LocalOptions {
    /// Threads that compute; default: one for each core that the process may use, at most 16.
    pub threads: usize,
    /// Answers of one model side by side; more wait. Default 8.
    pub parallel: usize,
    /// Tokens of a conversation with its answer, at most what the model was made for; default 8,192.
    pub context: usize,
    /// Bytes of memory for conversations, beside the file itself; default 1 GiB.
    pub cache_bytes: usize,
    /// How long a model that nobody uses stays in memory; default 10 minutes.
    pub idle: Duration,
}

impl Default for LocalOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            threads: cores.min(16),
            parallel: 8,
            context: 8_192,
            cache_bytes: 1 << 30,
            idle: Duration::from_secs(600),
        }
    }
}

/// A model that is in memory, for who looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedModel {
    /// Its file.
    pub path: PathBuf,
    /// What the file calls itself.
    pub name: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// How long loading took.
    pub took: Duration,
}

/// A file as it was when it was opened: another file of the same name is another model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    path: PathBuf,
    bytes: u64,
    changed: Option<SystemTime>,
    options: LocalOptions,
}

/// A model with the thread that answers.
pub(super) struct Handle {
    pub(super) model: Arc<Loaded>,
    jobs: Sender<Job>,
}

impl Handle {
    pub(super) fn send(&self, job: Job) -> Result<()> {
        self.jobs.send(job).map_err(|_| gone())
    }
}

/// The error for an engine that ended before its answer did.
pub(super) fn gone() -> Error {
    Error::new(Code::ModelUnavailable, "the local model was taken out of memory meanwhile")
        .hint("ask again")
}

/// Held while it loads, so that it is loaded once. Stays when the model leaves, for the next.
type Slot = Arc<Mutex<Option<Arc<Handle>>>>;

struct Registry {
    process: u32,
    slots: HashMap<Key, Slot>,
}

static REGISTRY: Mutex<Option<Registry>> = Mutex::new(None);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The models of this process.
fn slots<T>(with: impl FnOnce(&mut HashMap<Key, Slot>) -> T) -> T {
    let mut registry = locked(&REGISTRY);
    let process = std::process::id();
    if registry.as_ref().is_none_or(|registry| registry.process != process) {
        // After a fork the threads of the models are the parent's: nothing of them is dropped, as
        // that would wait for them.
        std::mem::forget(registry.replace(Registry { process, slots: HashMap::new() }));
    }
    match &mut *registry {
        Some(registry) => with(&mut registry.slots),
        None => with(&mut HashMap::new()),
    }
}

/// The model in this file; loads it if it is not in memory. Blocks meanwhile.
pub(super) fn get(path: &Path, options: LocalOptions) -> Result<Arc<Handle>> {
    let missing = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Error::new(Code::FileNotFound, format!("there is no model file {}", path.display()))
                .hint("`aikit model list` shows the models that are there")
        }
        _ => Error::new(Code::FileUnreadable, format!("cannot read {}", path.display()))
            .caused_by(error),
    };
    let path = path.canonicalize().map_err(missing)?;
    let about = path.metadata().map_err(|error| {
        Error::new(Code::FileUnreadable, format!("cannot read {}", path.display())).caused_by(error)
    })?;
    let key = Key { path, bytes: about.len(), changed: about.modified().ok(), options };
    let slot = slots(|slots| Arc::clone(slots.entry(key.clone()).or_default()));
    let mut held = locked(&slot);
    if let Some(handle) = &*held {
        return Ok(Arc::clone(handle));
    }
    let handle = start(&key, &slot)?;
    *held = Some(Arc::clone(&handle));
    Ok(handle)
}

fn start(key: &Key, slot: &Slot) -> Result<Arc<Handle>> {
    tracing::info!(path = %key.path.display(), bytes = key.bytes, "loading a local model");
    let model = Arc::new(Loaded::open(&key.path)?);
    tracing::info!(path = %key.path.display(), ms = model.took.as_millis() as u64, "a local model is loaded");
    let (jobs, taken) = channel();
    let handle = Arc::new(Handle { model: Arc::clone(&model), jobs });
    let options = key.options;
    let limits = Limits {
        threads: options.threads.max(1),
        parallel: options.parallel,
        cache_bytes: options.cache_bytes,
        idle: options.idle,
    };
    let (path, slot) = (key.path.clone(), Arc::downgrade(slot));
    let run = move || {
        let leave = || {
            let Some(slot) = slot.upgrade() else { return true };
            // Whoever asks for the model waits for this lock, and loads it anew after it.
            let mut held = locked(&slot);
            let unused = held.as_ref().is_none_or(|handle| Arc::strong_count(handle) == 1);
            if unused {
                *held = None;
                tracing::info!(path = %path.display(), "a local model is out of use and unloaded");
            }
            unused
        };
        if let Err(error) = serve(model, &limits, &taken, &leave) {
            tracing::error!(%error, "a local model cannot answer");
            if let Some(slot) = slot.upgrade() {
                *locked(&slot) = None;
            }
        }
    };
    std::thread::Builder::new().name("aikit-local".into()).spawn(run).map_err(|error| {
        Error::new(Code::ModelUnavailable, "no thread can be started for the model")
            .caused_by(error)
    })?;
    Ok(handle)
}

/// The models that are in memory now.
pub fn loaded_models() -> Vec<LoadedModel> {
    let all: Vec<(Key, Slot)> =
        slots(|slots| slots.iter().map(|(key, slot)| (key.clone(), Arc::clone(slot))).collect());
    let mut found: Vec<LoadedModel> = all
        .into_iter()
        .filter_map(|(key, slot)| {
            // One that is being loaded is not loaded.
            let handle = slot.try_lock().ok()?.clone()?;
            let (name, took) = (handle.model.name.clone(), handle.model.took);
            Some(LoadedModel { path: key.path, name, bytes: key.bytes, took })
        })
        .collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}
