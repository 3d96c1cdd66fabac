//! A thread that owns a connection and does one job after the other.

use std::sync::mpsc;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::store_error;
use crate::error::{Code, Error, Result};
use crate::io::{self, Mutex};

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

#[derive(Debug)]
pub(super) struct Worker {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
}

impl Worker {
    /// Starts the thread and opens its connection there.
    pub(super) async fn start(
        name: &str,
        open: impl FnOnce() -> Result<Connection> + Send + 'static,
    ) -> Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let (opened, outcome) = oneshot::channel();
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let mut connection = match open() {
                    Ok(connection) => connection,
                    Err(error) => {
                        let _ = opened.send(Err(error));
                        return;
                    }
                };
                let _ = opened.send(Ok(()));
                while let Ok(job) = queue.recv() {
                    // A job that panics loses its reply, which its caller reports; its transaction
                    // is rolled back as it unwinds.
                    let _ = io::catch(|| job(&mut connection));
                }
            })
            .map_err(|e| {
                Error::new(Code::StoreUnavailable, "no thread can be started").caused_by(e)
            })?;
        outcome
            .await
            .map_err(|_| Error::new(Code::Panic, "the database thread ended while opening"))??;
        Ok(Self { jobs: Mutex::new(Some(jobs)) })
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = io::catch(|| work(connection));
            let _ = reply.send(result.and_then(|result| result.map_err(store_error)));
        });
        let sent = self.jobs.lock().as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        if !sent {
            return Err(Error::new(Code::Closed, "the kernel was closed").hint("open a new one"));
        }
        answer
            .await
            .map_err(|_| Error::new(Code::Closed, "the kernel was closed during the call"))?
    }

    /// Lets the jobs that were sent end, then the thread.
    pub(super) async fn stop(&self) {
        let (done, ended) = oneshot::channel();
        let jobs = self.jobs.lock().take();
        if let Some(jobs) = jobs {
            let sent = jobs.send(Box::new(move |connection| {
                // Closing happens here, so that it is over when the caller goes on.
                if let Ok(empty) = Connection::open_in_memory() {
                    let old = std::mem::replace(connection, empty);
                    drop(old);
                }
                let _ = done.send(());
            }));
            if sent.is_ok() {
                let _ = ended.await;
            }
        }
    }
}
