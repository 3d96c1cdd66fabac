//! What the requests of one turn use, each of its own model: what providers count, and our estimate
//! where they count nothing.

use crate::error::{Code, Error};
use crate::model::{Delta, Estimate, Usage};

/// The requests of a turn, one after the other.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// By providers, in all requests so far.
    counted: Usage,
    request: Option<Request>,
    /// What the last request that failed did so with.
    failure: Option<String>,
}

/// One under way.
#[derive(Debug)]
struct Request {
    model: String,
    estimate: Estimate,
    /// Counted before it.
    before: Usage,
    /// Bytes of its answer.
    given: usize,
}

/// Tokens of a request, and whose.
pub(super) type Used = (String, Usage);

impl Meter {
    /// What providers have counted.
    pub(super) fn counted(&self) -> Usage {
        self.counted
    }

    /// Why there is another request.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    pub(super) fn begin(&mut self, model: &str, estimate: Estimate) {
        let (model, before) = (model.to_owned(), self.counted);
        self.request = Some(Request { model, estimate, before, given: 0 });
    }

    pub(super) fn see(&mut self, delta: &Delta) {
        let given = match delta {
            Delta::Usage(usage) => {
                self.counted = *usage;
                return;
            }
            Delta::Text(text) | Delta::Reasoning(text) => text.len(),
            Delta::ToolCall { arguments, .. } => arguments.len(),
            Delta::Retrying { .. } => return,
        };
        if let Some(request) = &mut self.request {
            request.given = request.given.saturating_add(given);
        }
    }

    /// The request was answered, and this is counted for the whole turn.
    pub(super) fn answered(&mut self, counted: Usage) -> Option<Used> {
        self.counted = counted;
        let request = self.request.take()?;
        let counted = counted.since(request.before);
        let used = match request.is_estimated() {
            true => request.estimate.of_whole(counted, request.given),
            false => counted,
        };
        Some((request.model, used))
    }

    /// The request failed. One that was refused before the model saw it used nothing.
    pub(super) fn failed(&mut self, error: &Error) -> Option<Used> {
        let request = self.request.as_ref()?;
        self.failure = Some(format!("[{}] {}", error.code(), error.message()));
        let begun = request.given > 0 || request.before != self.counted;
        let answered = matches!(error.code(), Code::ModelStreamBroken | Code::ModelInvalidResponse);
        if begun || answered || error.is_unanswered() {
            return self.cut_off();
        }
        self.request = None;
        None
    }

    /// Nobody waits for the request any more. The provider, which may not even notice, will have
    /// counted what it read and wrote.
    pub(super) fn cut_off(&mut self) -> Option<Used> {
        let request = self.request.take()?;
        let counted = self.counted.since(request.before);
        let used = match request.is_estimated() {
            true => request.estimate.of_part(counted, request.given),
            false => counted,
        };
        Some((request.model, used))
    }
}

impl Request {
    /// A scripted model uses what its script says.
    fn is_estimated(&self) -> bool {
        !self.model.starts_with("scripted/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ProviderAnswer;

    const ESTIMATE: Estimate = Estimate { input: 1_000, output: 256 };

    fn meter(model: &str) -> Meter {
        let mut meter = Meter::default();
        meter.begin(model, ESTIMATE);
        meter
    }

    fn said(meter: &mut Meter, bytes: usize) {
        meter.see(&Delta::Text("x".repeat(bytes)));
    }

    fn used(model: &str, input: u64, output: u64) -> Option<Used> {
        Some((model.to_owned(), Usage::new(input, output)))
    }

    #[test]
    fn what_is_not_counted_is_estimated() {
        let mut quiet = meter("a/1");
        said(&mut quiet, 35);
        assert_eq!(quiet.answered(Usage::default()), used("a/1", 1_000, 10));
        assert_eq!(quiet.cut_off(), None, "it is told once");
        let mut counting = meter("a/1");
        said(&mut counting, 35);
        assert_eq!(counting.answered(Usage::new(7, 2)), used("a/1", 7, 2));
        let mut cut = meter("a/1");
        cut.see(&Delta::Reasoning("x".repeat(7)));
        let (call_id, name) = ("1".into(), "t".into());
        cut.see(&Delta::ToolCall { call_id, name, arguments: "x".repeat(28) });
        assert_eq!(cut.cut_off(), used("a/1", 1_000, 10));
        let mut early = meter("a/1");
        early.see(&Delta::Usage(Usage::new(900, 1)));
        said(&mut early, 35);
        assert_eq!(early.cut_off(), used("a/1", 900, 10));
        assert_eq!(early.counted(), Usage::new(900, 1), "what was counted stays what it is");
    }

    #[test]
    fn each_request_is_its_models() {
        let mut meter = meter("a/1");
        meter.see(&Delta::Usage(Usage::new(900, 20)));
        let broken = Error::new(Code::ModelStreamBroken, "ended");
        assert_eq!(meter.failed(&broken), used("a/1", 900, 20));
        assert_eq!(meter.failure(), Some("[model_stream_broken] ended"));
        meter.begin("b/2", ESTIMATE);
        said(&mut meter, 7);
        meter.see(&Delta::Usage(Usage::new(1_000, 25)));
        assert_eq!(meter.answered(Usage::new(1_000, 26)), used("b/2", 100, 6));
    }

    #[test]
    fn what_no_model_saw_costs_nothing() {
        let with = |status| ProviderAnswer { status: Some(status), ..ProviderAnswer::default() };
        let refused = |code, status| Error::new(code, "no").answered(with(status));
        let nothing = [
            refused(Code::ModelUnauthorized, 401),
            refused(Code::ModelRateLimited, 429),
            refused(Code::ModelRefused, 400),
            refused(Code::ModelUnavailable, 503),
            Error::new(Code::ModelUnavailable, "cannot be reached"),
        ];
        for error in nothing {
            let mut none = meter("a/1");
            assert_eq!(none.failed(&error), None, "{error}");
            assert_eq!(none.cut_off(), None, "{error}");
            let mut begun = meter("a/1");
            said(&mut begun, 35);
            assert_eq!(begun.failed(&error), used("a/1", 1_000, 10), "{error}");
        }
        let silent = Error::new(Code::ModelUnavailable, "silent").unanswered();
        assert_eq!(meter("a/1").failed(&silent), used("a/1", 1_000, 0));
        let nonsense = Error::new(Code::ModelInvalidResponse, "no JSON");
        assert_eq!(meter("a/1").failed(&nonsense), used("a/1", 1_000, 0));
    }

    #[test]
    fn a_script_is_taken_at_its_word() {
        let mut scripted = meter("scripted/a");
        said(&mut scripted, 35);
        assert_eq!(scripted.answered(Usage::default()), used("scripted/a", 0, 0));
        let mut cut = meter("scripted/a");
        cut.see(&Delta::Usage(Usage::new(3, 1)));
        said(&mut cut, 35);
        assert_eq!(cut.cut_off(), used("scripted/a", 3, 1));
    }
}
