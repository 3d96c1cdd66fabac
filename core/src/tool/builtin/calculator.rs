//! `calculator`: arithmetic without a host language's `eval`.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::expression;
use crate::error::{Code, Error, Result};
use crate::tool::{Context, Definition, Tool};

pub(super) struct Calculator(Definition);

impl Calculator {
    pub(super) fn new() -> Self {
        Self(Definition {
            name: "calculator".into(),
            description: "Computes an arithmetic expression. Knows + - * / % ^, parentheses, \
                          pi, e, and sqrt, abs, floor, ceil, round, ln, log10, exp, sin, cos, tan, \
                          min, max, pow. Gives a number."
                .into(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "expression": {"type": "string", "description": "for instance (25 - 13) * 2"}
                },
                "required": ["expression"],
                "additionalProperties": false
            }),
            timeout_ms: None,
        })
    }
}

#[async_trait]
impl Tool for Calculator {
    fn definition(&self) -> &Definition {
        &self.0
    }

    async fn call(&self, arguments: Value, _: Context) -> Result<Value> {
        let text = arguments["expression"].as_str().unwrap_or_default();
        let value = expression::evaluate(text)
            .map_err(|message| Error::new(Code::ToolFailed, format!("{text:?}: {message}")))?;
        // 2 + 2 is 4 and not 4.0, as far as a double counts whole numbers exactly.
        if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 {
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
            return Ok(json!(value as i64));
        }
        Ok(json!(value))
    }
}
