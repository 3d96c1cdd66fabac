//! Exchanges with a provider, recorded once and replayed: tests with real answers that need neither
//! network nor key. `docs/testing.md` has what its users see.
//!
//! - `exchange`: what is kept of a request and its answer, and what never is.
//! - `file`: the cassette on the disk.
//! - `difference`: how a request differs from the recorded ones.

mod difference;
mod exchange;
mod file;

pub(super) use exchange::{Asked, End, Said, pieces};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::error::{Code, Error, Result};
use crate::io::Mutex;
use exchange::Exchange;

/// A file of recorded exchanges. If it is not there at first use, exchanges are recorded into it;
/// if it is, they are replayed from it. Clones share what was used of it: a kernel rewinds it when
/// it is opened.
#[derive(Clone, Debug)]
pub struct Cassette(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
enum State {
    /// Nobody has looked whether the file is there.
    #[default]
    Unused,
    Recording(Recording),
    Replaying(Vec<Recorded>),
}

#[derive(Debug, Default)]
struct Recording {
    exchanges: Vec<Exchange>,
    /// Whether the file is ours to replace.
    published: bool,
}

#[derive(Debug)]
struct Recorded {
    exchange: Exchange,
    used: bool,
}

impl Cassette {
    /// The cassette at this path. Nothing is opened yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Inner { path: path.into(), state: Mutex::new(State::Unused) }))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Whether it answers in the provider's place, so that no key is needed. A file that cannot be
    /// read does: the reason is told with the first request.
    pub(super) fn replays(&self) -> bool {
        let mut state = self.0.state.lock();
        !matches!(self.opened(&mut state), Ok(State::Recording(_)))
    }

    /// The recorded answer to this request; `None` if it is to be recorded. Of equal requests the
    /// n-th takes the n-th recording.
    ///
    /// # Errors
    /// [`Code::CassetteDiffers`] if no recording is left that equals it; [`Code::FileUnreadable`].
    pub(super) fn play(&self, asked: &Asked) -> Result<Option<Said>> {
        let mut state = self.0.state.lock();
        let State::Replaying(recorded) = self.opened(&mut state)? else { return Ok(None) };
        match recorded.iter_mut().find(|r| !r.used && r.exchange.request == *asked) {
            Some(found) => {
                found.used = true;
                Ok(Some(found.exchange.response.clone()))
            }
            None => Err(self.differs(asked, recorded)),
        }
    }

    /// Adds an exchange, and writes the file.
    ///
    /// # Errors
    /// [`Code::InvalidArgument`] when the file cannot be written, or somebody else made it meanwhile.
    pub(super) fn record(&self, request: Asked, response: Said) -> Result<()> {
        let mut state = self.0.state.lock();
        let State::Recording(recording) = self.opened(&mut state)? else {
            return Ok(());
        };
        recording.exchanges.push(Exchange { request, response });
        let written = file::write(&self.0.path, &recording.exchanges, recording.published);
        match written {
            Ok(()) => recording.published = true,
            // What its caller was told of as failed does not stand in the file later.
            Err(_) => drop(recording.exchanges.pop()),
        }
        written
    }

    fn opened<'a>(&self, state: &'a mut State) -> Result<&'a mut State> {
        if matches!(state, State::Unused) {
            *state = match file::read(&self.0.path)? {
                None => State::Recording(Recording::default()),
                Some(exchanges) => State::Replaying(
                    exchanges.into_iter().map(|e| Recorded { exchange: e, used: false }).collect(),
                ),
            };
        }
        Ok(state)
    }

    fn differs(&self, asked: &Asked, recorded: &[Recorded]) -> Error {
        let shown = self.0.path.display();
        let same = recorded.iter().filter(|r| r.exchange.request == *asked).count();
        let message = if same > 0 {
            format!(
                "the request was made more often than it was recorded: {shown} has it {same} \
                 time(s), and each recording answers once"
            )
        } else {
            let unused = recorded.iter().enumerate().filter(|(_, r)| !r.used);
            let all = recorded.iter().enumerate();
            let closest = |among: &mut dyn Iterator<Item = (usize, &Recorded)>| {
                among
                    .map(|(i, r)| (i, difference::between(&r.exchange.request, asked)))
                    .min_by_key(|(_, difference)| difference.count)
            };
            match closest(&mut { unused }).or_else(|| closest(&mut { all })) {
                None => format!("{shown} has no exchange"),
                Some((i, difference)) => format!(
                    "the request is none of the {} in {shown}; from the closest, number {}, it \
                     differs in\n{difference}",
                    recorded.len(),
                    i + 1
                ),
            }
        };
        Error::new(Code::CassetteDiffers, message)
            .at(shown.to_string())
            .hint("if the change is meant, remove the file and record it anew")
    }
}

impl From<PathBuf> for Cassette {
    fn from(path: PathBuf) -> Self {
        Self::new(path)
    }
}

impl<'de> Deserialize<'de> for Cassette {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = PathBuf::deserialize(deserializer)?;
        if path.as_os_str().is_empty() {
            return Err(D::Error::custom("`cassette` must be the path of a file"));
        }
        Ok(Self::new(path))
    }
}
