//! The 64-bit handles: an index and a generation. A handle that was freed or made up finds nothing,
//! because the generation of its slot is another one.

use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use aikit::error::{Code, Error, Result};
use aikit::host::{HostAdmin, HostAgent, HostCall};
use aikit::io::Mutex;
use aikit::spec::Spec;

use crate::kernel::Kernel;
use crate::run::Run;

/// What is behind a handle.
pub(crate) enum Object {
    Kernel(Arc<Kernel>),
    Spec(Spec),
    Agent(Arc<Agent>),
    Run(Arc<Run>),
    Reply(HostCall),
    Admin(HostAdmin),
}

/// An agent and the kernel whose tools its runs call.
pub(crate) struct Agent {
    pub(crate) host: HostAgent,
    pub(crate) kernel: Arc<Kernel>,
}

impl Object {
    fn kind(&self) -> &'static str {
        match self {
            Self::Kernel(_) => "a kernel",
            Self::Spec(_) => "a spec",
            Self::Agent(_) => "an agent",
            Self::Run(_) => "a run",
            Self::Reply(_) => "a reply",
            Self::Admin(_) => "an administrator",
        }
    }
}

/// What can be found by its handle without taking it out.
pub(crate) trait Shared: Sized {
    const KIND: &'static str;
    fn pick(object: &Object) -> Option<Self>;
}

macro_rules! shared {
    ($($type:ty = $variant:ident, $kind:literal;)*) => {
        $(impl Shared for $type {
            const KIND: &'static str = $kind;
            fn pick(object: &Object) -> Option<Self> {
                match object {
                    Object::$variant(found) => Some(found.clone()),
                    _ => None,
                }
            }
        })*
    };
}

shared! {
    Arc<Kernel> = Kernel, "a kernel";
    Spec = Spec, "a spec";
    Arc<Agent> = Agent, "an agent";
    Arc<Run> = Run, "a run";
    HostAdmin = Admin, "an administrator";
}

struct Slot {
    /// Raised whenever the slot is emptied; never 0, so that the handle 0 is never valid.
    generation: u32,
    object: Option<Object>,
}

struct Table {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

static TABLE: Mutex<Table> = Mutex::new(Table { slots: Vec::new(), free: Vec::new() });

fn table() -> Result<MutexGuard<'static, Table>> {
    // The lock is held for microseconds. Only a fork in just that time leaves it locked for ever in
    // the child: then the child gets an answer instead of waiting.
    TABLE.try_lock_for(Duration::from_secs(1)).ok_or_else(|| {
        Error::new(Code::Forked, "this process was forked while another thread was inside aikit")
            .hint("fork before aikit is used, or while no other thread uses it")
    })
}

impl Table {
    fn slot(&mut self, handle: u64) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(usize::try_from(handle & 0xffff_ffff).ok()?)?;
        (u64::from(slot.generation) == handle >> 32 && slot.object.is_some()).then_some(slot)
    }
}

fn unknown(wanted: &str) -> Error {
    Error::new(
        Code::InvalidHandle,
        format!("the handle of {wanted} was freed, or was never given out"),
    )
}

fn wrong(wanted: &str, found: &Object) -> Error {
    let message = format!("{wanted} was expected, and this is the handle of {}", found.kind());
    Error::new(Code::InvalidHandle, message)
}

/// Keeps an object and gives its handle.
pub(crate) fn insert(object: Object) -> Result<u64> {
    let mut table = table()?;
    let index = match table.free.pop() {
        Some(index) => index,
        None => {
            let index = u32::try_from(table.slots.len())
                .map_err(|_| Error::invalid_argument("there are too many handles"))?;
            table.slots.push(Slot { generation: 1, object: None });
            index
        }
    };
    let slot = &mut table.slots[index as usize];
    slot.object = Some(object);
    Ok(u64::from(slot.generation) << 32 | u64::from(index))
}

/// The object behind a handle.
pub(crate) fn get<T: Shared>(handle: u64) -> Result<T> {
    let mut table = table()?;
    let object = table.slot(handle).and_then(|slot| slot.object.as_ref());
    let object = object.ok_or_else(|| unknown(T::KIND))?;
    T::pick(object).ok_or_else(|| wrong(T::KIND, object))
}

/// Whether the handle is one of a reply that somebody still waits for.
pub(crate) fn reply_is_awaited(handle: u64) -> Result<bool> {
    let mut table = table()?;
    match table.slot(handle).and_then(|slot| slot.object.as_ref()) {
        Some(Object::Reply(call)) => Ok(!call.is_abandoned()),
        Some(other) => Err(wrong("a reply", other)),
        None => Err(unknown("a reply")),
    }
}

/// Takes the object out if it is of the wanted kind; the handle is invalid from now on. The object
/// is dropped by the caller, outside of the lock: its end may call back into the host.
pub(crate) fn remove(handle: u64, wanted: fn(&Object) -> bool) -> Result<Option<Object>> {
    let mut table = table()?;
    let Some(slot) = table.slot(handle) else { return Ok(None) };
    if !slot.object.as_ref().is_some_and(wanted) {
        return Ok(None);
    }
    let object = slot.object.take();
    // A slot whose generations are used up is retired: no handle is ever given out twice.
    if let Some(next) = slot.generation.checked_add(1) {
        slot.generation = next;
        table.free.push((handle & 0xffff_ffff) as u32);
    }
    Ok(object)
}

/// Takes the object out, drops it and sets the caller's handle to 0, the handle that is never valid.
///
/// # Safety
/// `handle` is NULL or can be read and written.
pub(crate) unsafe fn free(handle: *mut u64, wanted: fn(&Object) -> bool) {
    if handle.is_null() {
        return;
    }
    // SAFETY: the caller's promise.
    let old = unsafe { handle.replace(0) };
    // In a child whose registry is locked for ever there is nothing to free.
    drop(remove(old, wanted));
}
