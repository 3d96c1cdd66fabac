//! A local model as a [`ChatModel`].

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::answer::Answer;
use super::cache::tokens_in;
use super::grammar::From;
use super::registry::{Handle, LocalOptions, get, gone};
use super::sampling::{Sampler, Sampling};
use super::sequence::{Event, Job};
use crate::error::{Code, Error, Result};
use crate::io::run_blocking;
use crate::model::{
    ChatModel, ChatRequest, Completion, Delta, DeltaSink, Message, Reasoning, StructuredOutput,
    ToolCall,
};
use crate::spec::{ReasoningEffort, ToolChoice};

/// Events between an engine and who takes them.
const EVENTS: usize = 64;
/// Tokens of an answer where the request does not say.
const MAX_TOKENS: usize = 4_096;

/// A GGUF model in the process. Loading waits for the first call; after that all kernels share it.
#[derive(Clone, Debug)]
pub struct LocalModel {
    path: PathBuf,
    options: LocalOptions,
    owner: Arc<str>,
}

impl LocalModel {
    /// The model in this file.
    pub fn new(path: impl Into<PathBuf>, options: LocalOptions) -> Self {
        Self { path: path.into(), options, owner: "".into() }
    }

    /// For the conversations of this owner: what others had read is read again for it.
    pub fn of(mut self, owner: &str) -> Self {
        self.owner = owner.into();
        self
    }

    /// Loads the model if it is not in memory, so that the first call need not.
    ///
    /// # Errors
    /// [`Code::FileNotFound`], [`Code::FileUnreadable`] and [`Code::ModelFileInvalid`].
    pub async fn load(&self) -> Result<()> {
        let (path, options) = (self.path.clone(), self.options);
        run_blocking(move || get(&path, options).map(drop)).await
    }
}

#[async_trait]
impl ChatModel for LocalModel {
    async fn chat(&self, request: &ChatRequest, sink: &mut dyn DeltaSink) -> Result<Completion> {
        let (path, options, request) = (self.path.clone(), self.options, request.clone());
        let owner = Arc::clone(&self.owner);
        let (events, mut taken) = mpsc::channel(EVENTS);
        // Reading a template, cutting a text into tokens and making a grammar take their time.
        let handle = run_blocking(move || {
            let handle = get(&path, options)?;
            let job = job(&handle, owner, &request, &options, events)?;
            handle.send(job)?;
            Ok(handle)
        })
        .await?;
        let mut done = Completion::default();
        let mut thought = String::new();
        while let Some(event) = taken.recv().await {
            match event {
                Event::Text(text) => {
                    done.text.push_str(&text);
                    sink.delta(Delta::Text(text)).await;
                }
                Event::Thought(text) => {
                    thought.push_str(&text);
                    sink.delta(Delta::Reasoning(text)).await;
                }
                Event::Call { name, arguments } => {
                    let call = ToolCall { id: call_id(), name, arguments, receipt: None };
                    sink.delta(Delta::ToolCall {
                        call_id: call.id.clone(),
                        name: call.name.clone(),
                        arguments: call.arguments.clone(),
                    })
                    .await;
                    done.tool_calls.push(call);
                }
                Event::Usage(usage) => sink.delta(Delta::Usage(usage)).await,
                Event::Done { reason, usage } => {
                    sink.delta(Delta::Usage(usage)).await;
                    if !thought.is_empty() {
                        done.reasoning.push(Reasoning { text: thought, receipt: None });
                    }
                    (done.usage, done.finish_reason) = (usage, reason.to_owned());
                    return Ok(done);
                }
                Event::Failed(error) => return Err(error),
            }
        }
        drop(handle);
        Err(gone())
    }

    fn structured_output(&self) -> StructuredOutput {
        StructuredOutput::Native
    }
}

fn call_id() -> String {
    format!("call_{}", uuid::Uuid::now_v7().simple())
}

/// What is asked of the engine.
fn job(
    handle: &Arc<Handle>,
    owner: Arc<str>,
    request: &ChatRequest,
    options: &LocalOptions,
    events: mpsc::Sender<Event>,
) -> Result<Job> {
    let model = &*handle.model;
    let images =
        |message: &Message| matches!(message, Message::User { images, .. } if !images.is_empty());
    if request.messages.iter().any(images) {
        return Err(Error::new(Code::ModelRefused, "local models read no images")
            .hint("leave the images out, or name a model of a provider that reads them"));
    }
    let sampling = Sampling::of(request)?;
    let tools = match request.tool_choice {
        ToolChoice::None => &[][..],
        _ => &request.tools[..],
    };
    let output = request.output.as_ref().map(|output| &output.schema);
    let required = request.tool_choice == ToolChoice::Required && !tools.is_empty();
    let held = required || output.is_some();
    let thinks = !held && request.reasoning_effort != Some(ReasoningEffort::None);
    let harmless = |text: &str| model.tokenizer.harmless(text);
    let text = model.template.render(&request.messages, tools, thinks, &harmless)?;
    let prompt = model.tokenizer.encode(&text, true);
    // What the memory for caches has room for is a bound, too.
    let sizes = &model.weights.sizes;
    let context = options.context.min(sizes.context).min(tokens_in(options.cache_bytes, sizes));
    if prompt.is_empty() || prompt.len() >= context {
        return Err(Error::new(
            Code::ModelContextExceeded,
            format!("the conversation has {} tokens, and the model takes {context}", prompt.len()),
        )
        .hint("shorten the conversation, or allow a larger context for local models"));
    }
    let asked = request.max_tokens.map_or(MAX_TOKENS, |most| most as usize);
    let many = request.parallel_tool_calls;
    let calls = |from| model.grammars.calls(&model.tokenizer, tools, from, many, output);
    let grammar = match output {
        _ if required => {
            Some(model.grammars.calls(&model.tokenizer, tools, From::Start, many, None)?)
        }
        Some(_) if !tools.is_empty() => Some(calls(From::Start)?),
        Some(schema) => Some(model.grammars.json(&model.tokenizer, schema)?),
        None => None,
    };
    let later = if tools.is_empty() || held { None } else { Some(calls(From::Call)?) };
    let thinking = thinks && text.trim_end().ends_with("<think>");
    Ok(Job {
        owner,
        max_tokens: asked.clamp(1, context - prompt.len()),
        prompt,
        sampler: Sampler::new(sampling),
        grammar,
        calls: later,
        many,
        answer: Answer::new(&request.stop, !tools.is_empty(), thinking),
        events,
    })
}
