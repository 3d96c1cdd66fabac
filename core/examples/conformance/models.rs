//! Models of a scenario: functions that answer for `host/NAME`, as the scenario says.

use std::sync::Arc;
use std::time::Duration;

use aikit::Result;
use aikit::host::HostCall;
use aikit::kernel::Kernel;
use aikit::tool::HostCalls;
use serde_json::{Value, json};

use crate::{from_json, only, text};

/// The models of the scenario.
pub(crate) struct Models(Vec<Value>);

impl Models {
    /// Registers the scenario's models; runs are given what answers for them.
    pub(crate) fn register(kernel: &Kernel, scenario: &Value) -> Result<Arc<dyn HostCalls>> {
        let models = scenario["models"].as_array().cloned().unwrap_or_default();
        for model in &models {
            kernel.register_host_model(from_json(only(model, &["name", "timeout_ms"]))?)?;
        }
        Ok(Arc::new(Self(models)))
    }
}

impl HostCalls for Models {
    fn dispatch(&self, call: HostCall) {
        let name = call.name.strip_prefix("host/").unwrap_or_default().to_owned();
        let model = self.0.iter().find(|model| model["name"] == name.as_str());
        let behaviour = model.map_or(Value::Null, |model| model["behaviour"].clone());
        tokio::spawn(async move {
            if let Some(pause) = behaviour["sleeps_ms"].as_u64() {
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            match behaviour["fails"].as_str() {
                Some(message) => call.fail(message, None),
                None => {
                    let answer = answer(&behaviour, &call.arguments);
                    call.succeed(answer);
                }
            }
        });
    }
}

fn answer(behaviour: &Value, request: &Value) -> Value {
    let messages = request["messages"].as_array().map_or(&[][..], Vec::as_slice);
    if behaviour["repeats"] == true {
        return json!({"text": messages.last().map_or("", |message| text(message, "content"))});
    }
    let said = messages.iter().filter(|message| message["role"] == "assistant").count();
    behaviour["answers"][said].clone()
}
