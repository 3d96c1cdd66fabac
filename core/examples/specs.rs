//! The guide of Rust (docs/rust.md): what a program does with specs.

use aikit::kernel::{ChangeOptions, Kernel, OpenOptions, SaveOptions};
use aikit::spec::{self, Format, Spec};

const TEXT: &str = "
agent: clerk   # who answers
version: 1.0.0
model: scripted/clerk
script: [{text: At your service.}]
";

#[tokio::main]
async fn main() -> aikit::Result<()> {
    // Says everything about a text and never fails; `Spec::parse` fails with all of it.
    let findings = Spec::diagnose(TEXT);
    eprint!("{}", spec::terminal("clerk.yaml", TEXT, &findings));

    let options = OpenOptions { actor: Some("ada".into()), ..OpenOptions::file("agents.db") };
    let kernel = Kernel::open(options).await?;
    let first = Spec::parse(TEXT)?;
    for finding in kernel.check(&first).await? {
        eprintln!("{}: {}", finding.code, finding.message);
    }
    let specs = kernel.specs();
    specs.save(&first, SaveOptions::default()).await?;
    specs.promote("clerk@1.0.0", ChangeOptions::default()).await?;
    println!("{}", kernel.agent("clerk").await?.run("Hello").await?.text);

    let next = Spec::parse(&spec::edit(TEXT, "/version", &"1.1.0".into())?)?;
    for change in spec::diff(&first, &next) {
        println!("{change}");
    }
    print!("{}", next.render(Format::Yaml)?);
    kernel.close().await
}
