//! The quick start of the README.

use aikit::kernel::{Kernel, OpenOptions};

#[tokio::main]
async fn main() -> aikit::Result<()> {
    let kernel = Kernel::open(OpenOptions::default()).await?;
    kernel.collection("handbook")?.ingest("examples/handbook").await?;
    let agent = kernel.agent("examples/specs/quickstart.yaml").await?;
    println!("{}", agent.run("How many days of leave do I get?").await?.text);
    Ok(())
}
