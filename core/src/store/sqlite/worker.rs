//! Threads that own a connection each and take jobs from one queue.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::error::{Code, Error, Result};
use crate::io::{self, Mutex};

type Job = Box<dyn FnOnce(&mut Connection) + Send>;
type Open = Arc<dyn Fn() -> Result<Connection> + Send + Sync>;

/// One or more threads with the same kind of connection. Further threads, up to the limit, are
/// started when all are busy.
pub(super) struct Workers {
    name: &'static str,
    limit: usize,
    open: Open,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    queue: Arc<Mutex<mpsc::Receiver<Job>>>,
    /// Jobs that were sent and have not ended.
    busy: Arc<AtomicUsize>,
    threads: Mutex<Vec<std::thread::JoinHandle<()>>>,
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workers").field("name", &self.name).field("limit", &self.limit).finish()
    }
}

impl Workers {
    /// Starts the first thread and opens its connection there.
    pub(super) async fn start(
        name: &'static str,
        limit: usize,
        open: impl Fn() -> Result<Connection> + Send + Sync + 'static,
    ) -> Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let workers = Self {
            name,
            limit,
            open: Arc::new(open),
            jobs: Mutex::new(Some(jobs)),
            queue: Arc::new(Mutex::new(queue)),
            busy: Arc::default(),
            threads: Mutex::default(),
        };
        let opened = workers.add_thread()?;
        opened
            .await
            .map_err(|_| Error::new(Code::Panic, "the database thread ended while opening"))??;
        Ok(workers)
    }

    fn add_thread(&self) -> Result<oneshot::Receiver<Result<()>>> {
        let (opened, outcome) = oneshot::channel();
        let (open, queue, busy) = (self.open.clone(), self.queue.clone(), self.busy.clone());
        let thread = std::thread::Builder::new()
            .name(self.name.to_owned())
            .spawn(move || {
                let mut connection = match open() {
                    Ok(connection) => connection,
                    Err(error) => {
                        let _ = opened.send(Err(error));
                        return;
                    }
                };
                let _ = opened.send(Ok(()));
                loop {
                    // Who waits for a job holds the lock of the queue; the others wait for that.
                    let job = queue.lock().recv();
                    let Ok(job) = job else { return };
                    // A job that panics loses its reply, which its caller reports.
                    let _ = io::catch(|| job(&mut connection));
                    busy.fetch_sub(1, Ordering::AcqRel);
                }
            })
            .map_err(|e| {
                Error::new(Code::StoreUnavailable, "no thread can be started").caused_by(e)
            })?;
        self.threads.lock().push(thread);
        Ok(outcome)
    }

    /// How many threads there are, without those that could not open their connection.
    fn alive(&self) -> usize {
        let mut threads = self.threads.lock();
        threads.retain(|thread| !thread.is_finished());
        threads.len()
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = io::catch(|| work(connection));
            let _ = reply.send(result.and_then(|result| result));
        });
        let busy = self.busy.fetch_add(1, Ordering::AcqRel);
        if busy > 0 && busy < self.limit && self.alive() <= busy {
            // One thread more only makes it faster: without it, the job waits for the others.
            let _ = self.add_thread();
        }
        let sent = self.jobs.lock().as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        if !sent {
            self.busy.fetch_sub(1, Ordering::AcqRel);
            return Err(Error::new(Code::Closed, "the kernel was closed").hint("open a new one"));
        }
        answer
            .await
            .map_err(|_| Error::new(Code::Closed, "the kernel was closed during the call"))?
    }

    /// Lets the jobs that were sent end, then the threads. When this is over, their connections
    /// are closed.
    pub(super) async fn stop(&self) {
        drop(self.jobs.lock().take());
        let threads = std::mem::take(&mut *self.threads.lock());
        if threads.is_empty() {
            return;
        }
        let (done, ended) = oneshot::channel();
        // Joining blocks, and the caller's runtime may have one thread.
        let joiner = std::thread::Builder::new().name(self.name.to_owned()).spawn(move || {
            for thread in threads {
                let _ = thread.join();
            }
            let _ = done.send(());
        });
        if joiner.is_ok() {
            let _ = ended.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use rusqlite::Connection;

    use super::Workers;
    use crate::error::{Code, Error};

    #[test]
    fn a_thread_that_could_not_open_is_replaced_later() {
        let opened = Arc::new(AtomicUsize::new(0));
        let count = opened.clone();
        let open = move || match count.fetch_add(1, Ordering::SeqCst) {
            1..=3 => Err(Error::new(Code::StoreUnavailable, "too many open files")),
            _ => Connection::open_in_memory()
                .map_err(|e| Error::new(Code::StoreUnavailable, "memory").caused_by(e)),
        };
        crate::io::runtime().expect("runtime").block_on(async {
            let workers = Workers::start("test", 4, open).await.expect("start");
            while opened.load(Ordering::SeqCst) < 4 {
                // The only thread is held while others ask for one more.
                let (go, wait) = mpsc::channel::<()>();
                let held = workers.run(move |_| Ok(wait.recv().is_err()));
                let more = async {
                    let asked =
                        futures_util::future::join_all((0..3).map(|_| workers.run(|_| Ok(()))));
                    tokio::join!(asked, async { drop(go) }).0
                };
                let (held, more) = tokio::join!(held, more);
                assert!(held.is_ok() && more.iter().all(Result::is_ok));
            }
            // Threads that failed end a moment later.
            while workers.alive() != opened.load(Ordering::SeqCst) - 3 {
                tokio::task::yield_now().await;
            }
            // A job that waits for another one needs a second thread.
            let (here, there) = mpsc::channel();
            let (heard, said) = tokio::join!(
                workers.run(move |_| Ok(there.recv_timeout(Duration::from_secs(30)).is_ok())),
                workers.run(move |_| Ok(here.send(()).is_ok())),
            );
            assert!(heard.expect("run") && said.expect("run"));
            workers.stop().await;
        });
    }
}
