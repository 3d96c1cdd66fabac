//! The answer as text while it comes as the arguments of a call.

/// What was given of such an answer. A call that breaks off is made anew, and says again what was
/// given: that is left out.
#[derive(Debug, Default)]
pub(super) struct Said {
    call_id: String,
    /// What the call under way has said.
    now: String,
    /// What was given of the calls that broke off.
    given: String,
    /// Whether the next call of another id is the same one, made anew.
    anew: bool,
    /// How much of that the call under way has said again; `None` when it says something else.
    again: Option<usize>,
}

impl Said {
    /// The request is made again: what is called next stands for what was called before.
    pub(super) fn begin_anew(&mut self) {
        self.anew = true;
    }

    /// What is new in the next piece of a call's arguments. The first call is the answer; others
    /// beside it are none.
    pub(super) fn add<'a>(&mut self, call_id: &str, piece: &'a str) -> &'a str {
        if self.call_id != call_id {
            if !self.call_id.is_empty() && !self.anew {
                return "";
            }
            self.anew = false;
            call_id.clone_into(&mut self.call_id);
            let before = std::mem::take(&mut self.now);
            if before.len() > self.given.len() {
                self.given = before;
            }
            self.again = Some(0);
        }
        self.now.push_str(piece);
        let Some(again) = self.again else { return piece };
        let rest = self.given.get(again..).unwrap_or_default();
        let both = piece.chars().zip(rest.chars()).take_while(|(a, b)| a == b);
        let same: usize = both.map(|(letter, _)| letter.len_utf8()).sum();
        self.again = (same == piece.len()).then_some(again + same);
        piece.get(same..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is given of several calls, each in pieces of `size` letters.
    fn given(calls: &[&str], size: usize) -> String {
        let mut said = Said::default();
        let mut all = String::new();
        for (i, call) in calls.iter().enumerate() {
            said.begin_anew();
            let letters: Vec<char> = call.chars().collect();
            for piece in letters.chunks(size) {
                let piece: String = piece.iter().collect();
                all += said.add(&format!("call_{i}"), &piece);
            }
        }
        all
    }

    #[test]
    fn what_a_call_says_again_is_given_once_however_it_is_cut() {
        let whole = r#"{"city":"Zürich","people":440000}"#;
        for cut in (0..whole.len()).filter(|cut| whole.is_char_boundary(*cut)) {
            for size in 1..=whole.len() {
                assert_eq!(given(&[&whole[..cut], whole], size), whole, "{cut} by {size}");
                let shorter = &whole[..whole.floor_char_boundary(cut / 3)];
                assert_eq!(given(&[&whole[..cut], shorter, whole], size), whole, "{cut} by {size}");
            }
        }
    }

    #[test]
    fn a_second_call_beside_the_first_is_no_answer() {
        let mut said = Said::default();
        assert_eq!(said.add("a", "{\"a\""), "{\"a\"");
        assert_eq!(said.add("b", "{\"b\":2}"), "");
        assert_eq!(said.add("a", ":1}"), ":1}");
    }

    #[test]
    fn what_it_says_otherwise_is_given() {
        assert_eq!(given(&["{\"a\":1", "{\"b\":12}"], 3), "{\"a\":1b\":12}");
        assert_eq!(given(&["", "{}"], 1), "{}");
    }
}
