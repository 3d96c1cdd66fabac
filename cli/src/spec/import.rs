//! `aikit spec import`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use aikit::kernel::{Bundle, ImportOptions, OnConflict, SaveOptions};
use aikit::spec::neighbours::{self, Import, Kind};
use aikit::spec::{SIZE_LIMIT, Spec};
use aikit::{Code, Error};
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::{Value, json};

use super::{report, save};
use crate::Format;
use crate::failure::{Failure, Outcome};
use crate::output::{count, is_there, quoted, write_new};
use crate::source;
use crate::store::{Access, ByWhy, StoreArguments};

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  aikit spec import cagent.yaml --out specs/\n  aikit spec import agents.yaml tasks.yaml --save      CrewAI's two files\n  aikit spec import all.json --on-conflict skip        a bundle of `aikit spec export`"
)]
pub(crate) struct Arguments {
    /// A bundle, or a document of another framework; `-` is standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// CrewAI has two files: its agents and its tasks
    #[arg(value_name = "FILE2")]
    second: Option<String>,
    /// The document's format, if it shall not be recognised
    #[arg(long, value_name = "FORMAT", value_parser = formats())]
    from: Option<neighbours::Format>,
    /// Write the spec to this file, or several specs into this folder, instead of standard output
    #[arg(long, value_name = "FILE|DIR")]
    out: Option<PathBuf>,
    /// Keep the specs in the repository, as drafts
    #[arg(long)]
    save: bool,
    /// What is done when the store has a version of the bundle already
    #[arg(long, value_enum, default_value = "fail")]
    on_conflict: Conflict,
    /// `json`: specs and report together
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    by_why: ByWhy,
    #[command(flatten)]
    store: StoreArguments,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Conflict {
    /// Nothing of the bundle is taken in
    Fail,
    /// The version is passed over
    Skip,
}

/// What a bundle says that it is, up to its version.
const BUNDLE: &str = "aikit-specs/";
/// Findings about a text as such, whatever it is meant to be.
const TEXT_CODES: [&str; 4] = ["AK1001", "AK1006", "AK1007", "AK1008"];

fn formats() -> impl TypedValueParser<Value = neighbours::Format> {
    PossibleValuesParser::new(neighbours::Format::ALL.map(neighbours::Format::as_str))
        .try_map(|word| word.parse::<neighbours::Format>())
}

pub(crate) fn import(arguments: &Arguments) -> Outcome {
    let name = source::name_of(&arguments.file);
    let (text, from) = match &arguments.second {
        Some(second) => {
            (crew(arguments, &arguments.file, second)?, Some(neighbours::Format::CrewAi))
        }
        None => (source::read_text(&arguments.file)?, arguments.from),
    };
    if from.is_none()
        && let Some(bundle) = bundle_of(&text)?
    {
        return take_in(arguments, bundle);
    }
    let import = neighbours::import(&text, from, Some(name))
        .map_err(|error| Failure::in_text(error, name, &text))?;
    convert(arguments, name, &import)
}

/// The text as a bundle, if it says that it is one.
fn bundle_of(text: &str) -> Result<Option<Bundle>, Failure> {
    // Parsing twice is spared for what cannot be one.
    if !text.trim_start().starts_with('{') || !text.contains(BUNDLE) {
        return Ok(None);
    }
    let Ok(value) = serde_json::from_str::<Value>(text) else { return Ok(None) };
    if !value["format"].as_str().is_some_and(|format| format.starts_with(BUNDLE)) {
        return Ok(None);
    }
    let bundle = serde_json::from_value(value).map_err(|e| {
        Error::invalid_argument("the bundle has not the form of one")
            .hint("import a bundle as it was exported; nothing of it was taken in")
            .caused_by(e)
    })?;
    Ok(Some(bundle))
}

fn take_in(arguments: &Arguments, bundle: Bundle) -> Outcome {
    if arguments.out.is_some() || arguments.save {
        let hint = "leave --out and --save out; a version is written with aikit spec export";
        return Err(Failure::usage("a bundle goes into the store", hint));
    }
    let options = ImportOptions {
        by: arguments.by_why.by.clone(),
        why: arguments.by_why.why.clone(),
        on_conflict: match arguments.on_conflict {
            Conflict::Fail => OnConflict::Fail,
            Conflict::Skip => OnConflict::Skip,
        },
    };
    let done = arguments.store.with_specs(Access::Create, async |specs| {
        specs.import(bundle, options).await.map_err(|error| match error.code() {
            Code::SpecConflict => error
                .hint("nothing was taken in; --on-conflict skip passes such versions over")
                .into(),
            _ => Failure::from(error),
        })
    })?;
    if arguments.format == Format::Json {
        crate::output::json(&json!(done));
        return Ok(ExitCode::SUCCESS);
    }
    let skipped = match done.skipped.as_slice() {
        [] => String::new(),
        some => format!(", passed over {}", some.join(", ")),
    };
    let taken = count(done.imported.len(), "version");
    say!("took in {taken}{skipped}; see them: aikit spec list{}\n", arguments.store.again());
    Ok(ExitCode::SUCCESS)
}

/// The two files of a crew as one text, which has `agents` and `tasks`.
fn crew(arguments: &Arguments, first: &str, second: &str) -> Result<String, Failure> {
    if arguments.from.is_some_and(|from| from != neighbours::Format::CrewAi) {
        let hint =
            "only CrewAI has its agents and its tasks in two files; import one after the other";
        return Err(Failure::usage("two files of one document", hint));
    }
    let mut parts = Vec::new();
    for path in [first, second] {
        let text = source::read_text(path)?;
        // Here a finding still has its file and its line.
        let found: Vec<_> = match text.len() > SIZE_LIMIT {
            true => Vec::new(),
            false => Spec::diagnose(&text),
        };
        let found: Vec<_> = found.into_iter().filter(|d| TEXT_CODES.contains(&d.code)).collect();
        if !found.is_empty() {
            let error = Error::from_diagnostics(None, found);
            return Err(Failure::in_text(error, source::name_of(path), &text));
        }
        parts.push(text);
    }
    // Tasks say what is expected of them, agents do not.
    let is_tasks = |text: &str| text.contains("expected_output");
    let (agents, tasks) = match (is_tasks(&parts[0]), is_tasks(&parts[1])) {
        (true, false) => (&parts[1], &parts[0]),
        _ => (&parts[0], &parts[1]),
    };
    Ok(format!("agents:\n{}tasks:\n{}", below(agents), below(tasks)))
}

/// A text of YAML as the value of a key: two columns to the right, without the marks of a document.
fn below(text: &str) -> String {
    text.trim_start_matches('\u{feff}')
        .lines()
        .filter(|line| !matches!(line.trim_end(), "---" | "..."))
        .fold(String::new(), |out, line| out + "  " + line + "\n")
}

fn convert(arguments: &Arguments, name: &str, import: &Import) -> Outcome {
    let written = match &arguments.out {
        Some(out) => write(out, import)?,
        None => Vec::new(),
    };
    if arguments.format == Format::Json {
        crate::output::json(&json!(import));
    } else {
        report::show(
            import.format.as_str(),
            &import.report,
            &[Kind::Kept, Kind::Changed, Kind::Lost],
        );
        if arguments.out.is_none() && !arguments.save {
            let texts: Vec<&str> = import.specs.iter().map(|spec| spec.text.as_str()).collect();
            say!("{}", texts.join("---\n"));
        }
        for path in &written {
            say!("wrote {path}; check it: aikit spec check {}\n", quoted(path));
        }
    }
    if arguments.save {
        keep(arguments, name, import)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes one spec to a file, or several into a folder; gives the paths.
fn write(out: &Path, import: &Import) -> Result<Vec<String>, Failure> {
    let folder = out.is_dir() || import.specs.len() > 1 || out.to_string_lossy().ends_with('/');
    if folder {
        std::fs::create_dir_all(out).map_err(|e| {
            Error::invalid_argument(format!("{} cannot be made a folder", out.display()))
                .hint(format!("{} take a folder", count(import.specs.len(), "spec")))
                .caused_by(e)
        })?;
    }
    let path_of =
        |name: &str| if folder { out.join(format!("{name}.yaml")) } else { out.to_owned() };
    let paths: Vec<PathBuf> = import.specs.iter().map(|spec| path_of(&spec.name)).collect();
    // All or none, as far as can be known before.
    if let Some(path) = paths.iter().find(|path| path.exists()) {
        return Err(is_there(path).into());
    }
    for (spec, path) in import.specs.iter().zip(&paths) {
        write_new(path, &spec.text)?;
    }
    Ok(paths.iter().map(|path| path.display().to_string()).collect())
}

/// Saves every spec as a draft.
fn keep(arguments: &Arguments, name: &str, import: &Import) -> Outcome {
    let specs =
        import.specs.iter().map(|spec| Spec::parse(&spec.text)).collect::<Result<Vec<_>, _>>()?;
    let ByWhy { by, why } = &arguments.by_why;
    let why = why.clone().unwrap_or_else(|| format!("imported from {name} ({})", import.format));
    arguments.store.with_specs(Access::Create, async |kept| {
        for spec in &specs {
            let options = SaveOptions { by: by.clone(), why: Some(why.clone()), replaces: None };
            let record = kept.save(spec, options).await.map_err(save::for_command)?;
            let line = save::saved(&record, None, &arguments.store);
            match arguments.format {
                Format::Text => say!("{line}\n"),
                Format::Json => tell!("{line}\n"),
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}
