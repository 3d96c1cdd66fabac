//! An operation under way ([`aikit::host::Task`]), taken in batches: one native call hands over
//! all that is available, so a thousand deltas do not cost a thousand promises.

use aikit::error::Error;
use aikit::host::{AnyTask, HostCall, Outcome, Step};
use napi::bindgen_prelude::Object;
use napi::{Env, JsDeferred};
use napi_derive::napi;

use crate::admin::NativeAdmin;
use crate::failure::{Failure, thrown};
use crate::kernel::{NativeAgent, NativeKernel};
use crate::spec::NativeSpec;

/// An operation under way. Garbage collection cancels it.
#[napi]
pub struct NativeTask(Box<dyn AnyTask>);

/// What was available: events first, then what stopped the taking of more.
#[napi(object, object_from_js = false)]
pub struct Batch {
    /// Events as a JSON array, in order.
    pub events: Option<String>,
    /// A tool call that came after these events.
    pub call: Option<NativeToolCall>,
    /// The operation has ended; one of the fields below says how, or none for an empty result.
    pub done: bool,
    /// The result as JSON.
    pub json: Option<String>,
    /// The result, if it is a kernel.
    pub kernel: Option<NativeKernel>,
    /// The result, if it is an agent.
    pub agent: Option<NativeAgent>,
    /// The result, if it is a store open for administration.
    pub admin: Option<NativeAdmin>,
    /// The result, if it is a spec.
    pub spec: Option<NativeSpec>,
    /// The error document, if it failed.
    pub error: Option<String>,
}

impl Batch {
    fn end(&mut self, result: Result<Outcome, Error>) {
        self.done = true;
        match result {
            Ok(Outcome::Kernel(kernel)) => self.kernel = Some(NativeKernel(kernel)),
            Ok(Outcome::Agent(agent)) => self.agent = Some(NativeAgent(agent)),
            Ok(Outcome::Admin(admin)) => self.admin = Some(NativeAdmin(admin)),
            Ok(Outcome::Spec(spec)) => self.spec = Some(NativeSpec(spec)),
            Ok(Outcome::Json(json)) => self.json = Some(json),
            Ok(Outcome::Nothing) => {}
            Err(error) => self.error = Some(error.to_json().to_string()),
        }
    }
}

type Resolver = fn(Env) -> napi::Result<()>;

impl NativeTask {
    pub(crate) fn new(task: impl AnyTask + 'static) -> Self {
        Self(Box::new(task))
    }
}

#[napi]
impl NativeTask {
    /// Takes what is available now, at most `limit` events and up to the first tool call; `null`
    /// when there is nothing.
    #[napi]
    pub fn drain(&self, limit: u32) -> Option<Batch> {
        let mut batch = Batch {
            events: None,
            call: None,
            done: false,
            json: None,
            kernel: None,
            agent: None,
            admin: None,
            spec: None,
            error: None,
        };
        let mut events = String::new();
        let mut count = 0;
        while count < limit && !batch.done && batch.call.is_none() {
            match self.0.try_next() {
                Step::Event(event) => {
                    events.push(if count == 0 { '[' } else { ',' });
                    events.push_str(event.as_json());
                    count += 1;
                }
                Step::ToolCall(call) => batch.call = Some(NativeToolCall::new(call)),
                Step::Done(result) => batch.end(result),
                Step::Pending | Step::Ended => break,
            }
        }
        if count > 0 {
            events.push(']');
            batch.events = Some(events);
        }
        (count > 0 || batch.done || batch.call.is_some()).then_some(batch)
    }

    /// A promise that is resolved when [`NativeTask::drain`] has something. While it is pending the
    /// event loop stays alive. One at a time: a second one would take the place of the first, which
    /// would then never be resolved.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn ready<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        let (deferred, promise): (JsDeferred<(), Resolver>, _) = env.create_deferred()?;
        // The waker may fire on a thread of the runtime; napi hands the resolution over to ours.
        self.0.on_ready(Box::new(move || deferred.resolve(|_| Ok(()))));
        Ok(promise)
    }

    /// Asks the operation to stop.
    #[napi]
    pub fn cancel(&self) {
        self.0.cancel();
    }
}

/// A call of a host tool, to be answered once; garbage collection answers it as a failure.
#[napi]
pub struct NativeToolCall {
    name: String,
    arguments: String,
    call: Option<HostCall>,
}

impl NativeToolCall {
    fn new(call: HostCall) -> Self {
        Self { name: call.name.clone(), arguments: call.arguments.to_string(), call: Some(call) }
    }
}

#[napi]
impl NativeToolCall {
    /// The tool's name.
    #[napi(getter)]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The arguments as JSON.
    #[napi(getter)]
    pub fn arguments(&self) -> &str {
        &self.arguments
    }

    /// Answers with a result as JSON text. What cannot be read as JSON is refused, and the call
    /// still waits for its answer.
    #[napi]
    pub fn succeed(&mut self, result: String) -> Result<(), Failure> {
        let result = serde_json::from_str(&result).map_err(|error| {
            thrown(&Error::invalid_argument("it is not JSON that aikit can read").caused_by(error))
        })?;
        if let Some(call) = self.call.take() {
            call.succeed(result);
        }
        Ok(())
    }

    /// Answers with a failure.
    #[napi]
    pub fn fail(&mut self, message: String, cause: Option<String>) {
        if let Some(call) = self.call.take() {
            call.fail(&message, cause.as_deref());
        }
    }
}
