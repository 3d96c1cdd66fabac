//! aikit, as a Rust program uses it: an agent from a spec, a run that is watched.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;

use aikit::agent::{Agent, EventKind};
use aikit::kernel::{AgentOptions, Kernel, OpenOptions};
use aikit::model::{ChatModel, ChatRequest, Delta, DeltaSink, Message, Providers};
use aikit::spec::Spec;
use aikit::tool::{Context, Definition, Tool};
use serde_json::{Value, json};

use crate::server::{APART, TOGETHER};
use crate::wires::{WIRES, Wire};
use crate::{PROMPT, SYSTEM, add, tool_parameters};

struct Add(Definition);

#[async_trait::async_trait]
impl Tool for Add {
    fn definition(&self) -> &Definition {
        &self.0
    }

    async fn call(&self, arguments: Value, _: Context) -> aikit::Result<Value> {
        Ok(add(&arguments))
    }
}

/// Counts pieces, and does nothing with them.
#[derive(Default)]
struct Pieces(usize);

#[async_trait::async_trait]
impl DeltaSink for Pieces {
    async fn delta(&mut self, delta: Delta) {
        self.0 += usize::from(matches!(delta, Delta::Text(_)));
    }
}

pub struct Kit {
    agent: Agent,
    /// By provider and model.
    chunks: HashMap<String, (Agent, Arc<dyn ChatModel>)>,
}

fn name(wire: Wire, model: &str) -> String {
    format!("bench-{}/{model}", wire.word().replace('_', "-"))
}

/// Every wire as a provider of its own.
fn providers(server: &str) -> Value {
    let provider = |wire: Wire| {
        let config = json!({"base_url": wire.base_url(server), "api_key": "none",
                            "wire": wire.word()});
        (name(wire, "").trim_end_matches('/').to_owned(), config)
    };
    Value::Object(WIRES.into_iter().map(provider).collect())
}

impl Kit {
    pub async fn new(server: &str) -> Result<Self, Box<dyn Error>> {
        let options: OpenOptions = serde_json::from_value(json!({"providers": providers(server)}))?;
        let kernel = Kernel::open(options).await?;
        kernel.register(Arc::new(Add(Definition {
            name: "add".into(),
            description: "Adds.".into(),
            parameters: tool_parameters(),
            timeout_ms: None,
        })))?;
        let spec = Spec::parse(&format!(
            "identity: {{agent_id: bench}}\n\
             integration: {{tools: [add]}}\n\
             intelligence: {{model: {}, system_prompt: \"{SYSTEM}\"}}\n",
            name(Wire::Chat, "bench")
        ))?;
        let agent = kernel.agent(spec).await?;
        // Only what the others send, too.
        let plain = Spec::parse("agent: bench\nmodel: scripted/none\n")?;
        // A connection belongs to the runtime that it was made on: models that are asked without a
        // run have their own ones, under another name of the host.
        let apart: Providers =
            serde_json::from_value(providers(&server.replace("127.0.0.1", "localhost")))?;
        let mut chunks = HashMap::new();
        for name in WIRES.iter().flat_map(|wire| [APART, TOGETHER].map(|m| name(*wire, m))) {
            let options = AgentOptions { model: Some(name.clone()) };
            let agent = kernel.agent_with(plain.clone().into(), options).await?;
            let model = apart.chat(&name, &[])?;
            chunks.insert(name, (agent, model));
        }
        Ok(Self { agent, chunks })
    }

    pub async fn run(&self) -> Result<String, Box<dyn Error>> {
        Ok(watch(&self.agent).await?.0)
    }

    /// A whole run: the model, the events in their queue and out of it, the store.
    pub async fn chunks(&self, wire: Wire, model: &str) -> Result<(String, usize), Box<dyn Error>> {
        watch(&self.chunks[&name(wire, model)].0).await
    }

    /// The model alone: what a run asks, before its events.
    pub async fn model(&self, wire: Wire, model: &str) -> Result<(String, usize), Box<dyn Error>> {
        let model = &self.chunks[&name(wire, model)].1;
        let messages = vec![Message::user(PROMPT)];
        let request = ChatRequest { messages, ..ChatRequest::default() };
        let mut pieces = Pieces::default();
        let done = model.chat(&request, &mut pieces).await?;
        Ok((done.text, pieces.0))
    }
}

async fn watch(agent: &Agent) -> Result<(String, usize), Box<dyn Error>> {
    let mut run = agent.start(PROMPT);
    let mut pieces = 0;
    while let Some(event) = run.next().await {
        pieces += usize::from(matches!(*event.kind, EventKind::TextDelta { .. }));
    }
    Ok((run.result().await?.text, pieces))
}
