//! How many tokens a request will about take, before it is made, and has taken, where nobody counted.

use std::io::Write;

use serde::Serialize;

use super::{ChatRequest, Message, Usage};

/// Bytes of a token, times two: with 3.5 bytes, English prose is estimated a fifth too high, and
/// code and other languages about right. Counting with the model's own vocabulary would cost more
/// than it tells: providers add tokens of their own.
const BYTES_TIMES_TWO: u64 = 7;
/// For the frame of a message.
const FRAME: u64 = 4;
/// A picture of middle size.
const IMAGE: u64 = 1_000;
/// Of an answer, when the request does not bound it.
const ANSWER: u64 = 256;

/// Tokens that a request will about take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Estimate {
    /// Of the request.
    pub(crate) input: u64,
    /// Of the answer: what it may be at most, if that was said.
    pub(crate) output: u64,
}

impl Estimate {
    pub(crate) fn of(request: &ChatRequest) -> Self {
        let messages = request.messages.iter().map(|message| {
            let bytes = match message {
                Message::System(text) => text.len(),
                Message::User { text, .. } => text.len(),
                Message::Assistant { text, reasoning, tool_calls } => {
                    let thought: usize = reasoning.iter().map(|r| r.text.len()).sum();
                    let calls: usize =
                        tool_calls.iter().map(|c| c.name.len() + c.arguments.len()).sum();
                    text.len() + thought + calls
                }
                Message::Tool { name, content, .. } => name.len() + content.len(),
            };
            let images = match message {
                Message::User { images, .. } => images.len() as u64,
                _ => 0,
            };
            tokens(bytes) + FRAME + images * IMAGE
        });
        let tools = request.tools.iter().map(|tool| {
            tokens(tool.name.len() + tool.description.len() + size(&tool.parameters)) + FRAME
        });
        let output = request.output.as_ref().map_or(0, |output| tokens(size(&output.schema)));
        Self {
            input: messages.chain(tools).sum::<u64>() + output,
            output: request.max_tokens.map_or(ANSWER, u64::from),
        }
    }

    pub(crate) fn total(self) -> u64 {
        self.input.saturating_add(self.output)
    }

    /// What a request used that was answered to its end: what the provider counted. One that counts
    /// nothing is taken at this estimate, and at that of the bytes that it gave.
    pub(crate) fn of_whole(self, counted: Usage, given: usize) -> Usage {
        if counted.total_tokens > 0 {
            return counted;
        }
        self.of_part(counted, given)
    }

    /// The same of one that was cut off. Many providers count at the end only; some say what they
    /// have read at the beginning, and that is exact.
    pub(crate) fn of_part(self, counted: Usage, given: usize) -> Usage {
        let input = match counted.input_tokens {
            0 => self.input,
            input => input,
        };
        Usage::new(input, counted.output_tokens.max(tokens(given)))
            .cached(counted.cached_input_tokens, counted.cache_write_tokens)
            .reasoned(counted.reasoning_tokens)
    }
}

/// Of texts that are to become vectors.
pub(super) fn of_texts(texts: &[String]) -> u64 {
    texts.iter().map(|text| tokens(text.len())).sum()
}

/// Bytes that are about so many tokens.
pub(super) fn bytes_of(tokens: u32) -> usize {
    usize::try_from(u64::from(tokens) * BYTES_TIMES_TWO / 2).unwrap_or(usize::MAX)
}

fn tokens(bytes: usize) -> u64 {
    (bytes as u64).saturating_mul(2).div_ceil(BYTES_TIMES_TWO)
}

/// Bytes as JSON, without making it.
fn size(value: &impl Serialize) -> usize {
    struct Count(usize);
    impl Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::ToolSpec;

    #[test]
    fn everything_that_is_sent_counts() {
        let mut request =
            ChatRequest { messages: vec![Message::user("x".repeat(350))], ..Default::default() };
        assert_eq!(Estimate::of(&request), Estimate { input: 104, output: 256 });
        request.max_tokens = Some(50);
        assert_eq!(Estimate::of(&request).total(), 154);
        let parameters = json!({"type": "object", "properties": {}});
        let bytes = parameters.to_string().len();
        assert_eq!(size(&parameters), bytes);
        let tool = ToolSpec { name: "t".into(), description: "d".into(), parameters };
        request.tools = vec![tool].into();
        assert_eq!(Estimate::of(&request).input, 104 + tokens(bytes + 2) + FRAME);
        let result = Message::Tool {
            call_id: "1".into(),
            name: "t".into(),
            content: "y".repeat(34),
            is_error: false,
        };
        request.messages.push(result);
        assert_eq!(Estimate::of(&request).input, 104 + tokens(bytes + 2) + FRAME + 10 + FRAME);
    }

    #[test]
    fn what_nobody_counted_is_estimated() {
        let estimate = Estimate { input: 1_000, output: 256 };
        let none = Usage::default();
        assert_eq!(estimate.of_whole(none, 35), Usage::new(1_000, 10));
        assert_eq!(estimate.of_whole(Usage::new(3, 1), 35), Usage::new(3, 1), "it was counted");
        assert_eq!(estimate.of_part(none, 0), Usage::new(1_000, 0));
        let read = Usage::new(800, 1).cached(700, 50);
        assert_eq!(estimate.of_part(read, 35), Usage::new(800, 10).cached(700, 50));
        let thought = Usage::new(0, 90).reasoned(80);
        assert_eq!(estimate.of_part(thought, 35), Usage::new(1_000, 90).reasoned(80));
    }

    /// Counted with the vocabulary that gpt-4o has (o200k_base).
    #[test]
    fn the_estimate_is_near_what_a_model_counts() {
        let text = "The quick brown fox jumps over the lazy dog. ".repeat(20);
        let estimated = tokens(text.len());
        assert!((180..=300).contains(&estimated), "{estimated} for 200 tokens");
    }
}
