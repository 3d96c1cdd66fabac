//! aikit, as a Rust program uses it: an agent from a spec, a run that is watched.

use std::error::Error;
use std::sync::Arc;

use aikit::agent::{Agent, EventKind};
use aikit::kernel::{AgentOptions, Kernel, OpenOptions};
use aikit::spec::Spec;
use aikit::tool::{Context, Definition, Tool};
use serde_json::{Value, json};

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

pub struct Kit {
    agent: Agent,
    chunks: Agent,
}

impl Kit {
    pub async fn new(base_url: &str) -> Result<Self, Box<dyn Error>> {
        let options: OpenOptions = serde_json::from_value(json!({
            "providers": {"bench": {"base_url": base_url, "api_key": "none"}},
        }))?;
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
             intelligence: {{model: bench/bench, system_prompt: \"{SYSTEM}\"}}\n"
        ))?;
        let agent = kernel.agent(spec.clone()).await?;
        let model = Some("bench/chunks".to_owned());
        let chunks = kernel.agent_with(spec.into(), AgentOptions { model }).await?;
        Ok(Self { agent, chunks })
    }

    pub async fn run(&self) -> Result<String, Box<dyn Error>> {
        Ok(watch(&self.agent).await?.0)
    }

    pub async fn chunks(&self) -> Result<usize, Box<dyn Error>> {
        Ok(watch(&self.chunks).await?.1)
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
