//! The guide of specs (docs/specs.md): saved, promoted, run by its id.

use aikit::kernel::{ChangeOptions, Kernel, OpenOptions, SaveOptions};
use aikit::spec::Spec;

#[tokio::main]
async fn main() -> aikit::Result<()> {
    let options = OpenOptions { actor: Some("ada".into()), ..OpenOptions::file("agents.db") };
    let kernel = Kernel::open(options).await?;
    let specs = kernel.specs();
    let saved = SaveOptions { why: Some("first try".into()), ..SaveOptions::default() };
    specs.save(&Spec::read("greeter.yaml")?, saved).await?;
    let tried = ChangeOptions { why: Some("tried it".into()), ..ChangeOptions::default() };
    specs.promote("greeter@0.1.0", tried).await?;
    println!("{}", kernel.agent("greeter").await?.run("Good morning").await?.text);
    kernel.close().await
}
