//! Small models with random weights, and what sentence-transformers makes of texts with them
//! (`scripts/distill/tiny_reference.py`); folders that are damaged in every way we could think of.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{EmbeddingUse, SentenceModel};
use crate::error::{Code, Error};
use crate::model::EmbeddingModel;

#[derive(Deserialize)]
struct Expected {
    texts: Vec<String>,
    query: Vec<Vec<f32>>,
    document: Vec<Vec<f32>>,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/model/embedding/testdata").join(name)
}

fn expected(name: &str) -> Expected {
    let text = fs::read_to_string(folder(name).join("expected.json")).expect("expected.json");
    serde_json::from_str(&text).expect("JSON")
}

fn embed(model: &SentenceModel, texts: &[String], purpose: EmbeddingUse) -> Vec<Vec<f32>> {
    model.embed_now(texts, purpose, &CancellationToken::new()).expect("vectors")
}

fn furthest(ours: &[Vec<f32>], due: &[Vec<f32>]) -> f32 {
    assert_eq!(ours.len(), due.len());
    let pairs = ours.iter().zip(due).flat_map(|(ours, due)| {
        assert_eq!(ours.len(), due.len());
        ours.iter().zip(due)
    });
    pairs.map(|(ours, due)| (ours - due).abs()).fold(0.0, f32::max)
}

#[test]
fn vectors_are_those_of_sentence_transformers() {
    for name in ["tiny-mean", "tiny-cls"] {
        let model = SentenceModel::open(&folder(name)).expect("a model");
        let Expected { texts, query, document } = expected(name);
        assert_eq!(model.dimensions(), query[0].len());
        for (purpose, due) in [(EmbeddingUse::Query, &query), (EmbeddingUse::Document, &document)] {
            let off = furthest(&embed(&model, &texts, purpose), due);
            assert!(off < 1e-5, "{name} {purpose:?}: off by {off}");
        }
    }
    let Expected { query, document, .. } = expected("tiny-cls");
    assert!(furthest(&query, &document) > 0.1, "the prompts make a difference");
}

#[test]
fn a_text_gets_the_same_vector_in_any_company() {
    let model = SentenceModel::open(&folder("tiny-mean")).expect("a model");
    let text = |i: usize| "the cat sat on a mat and sang ".repeat(i % 7) + &i.to_string();
    let texts: Vec<String> = (0..300).map(text).collect();
    let together = embed(&model, &texts, EmbeddingUse::Document);
    for (text, vector) in texts.iter().zip(&together) {
        let alone = embed(&model, std::slice::from_ref(text), EmbeddingUse::Document);
        assert!(furthest(&alone, std::slice::from_ref(vector)) < 1e-6, "{text:?}");
        let length = vector.iter().map(|x| x * x).sum::<f32>();
        assert!((length - 1.0).abs() < 1e-5);
    }
    assert!(embed(&model, &[], EmbeddingUse::Document).is_empty());
}

#[test]
fn work_that_nobody_waits_for_ends() {
    let model = SentenceModel::open(&folder("tiny-mean")).expect("a model");
    let cancel = CancellationToken::new();
    cancel.cancel();
    let texts = ["cat".to_owned()];
    let error = model.embed_now(&texts, EmbeddingUse::Document, &cancel).expect_err("cancelled");
    assert_eq!(error.code(), Code::Cancelled);
}

#[test]
fn the_trait_gives_documents() {
    let model = SentenceModel::open(&folder("tiny-cls")).expect("a model");
    let Expected { texts, document, .. } = expected("tiny-cls");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let ours = runtime.block_on(model.embed(&texts)).expect("vectors");
    assert!(furthest(&ours, &document) < 1e-5);
}

/// A copy of a model's folder that can be damaged.
fn copy(name: &str) -> TempDir {
    let copy = tempfile::tempdir().expect("a folder");
    fs::create_dir(copy.path().join("1_Pooling")).expect("a folder");
    for file in fs::read_dir(folder(name)).expect("the folder") {
        let file = file.expect("an entry");
        if file.path().is_file() {
            fs::copy(file.path(), copy.path().join(file.file_name())).expect("a copy");
        }
    }
    let pooling = "1_Pooling/config.json";
    fs::copy(folder(name).join(pooling), copy.path().join(pooling)).expect("a copy");
    copy
}

fn refused(folder: &Path) -> Error {
    let Err(error) = SentenceModel::open(folder) else { panic!("a damaged folder was opened") };
    error
}

/// Writes a file of the folder anew with one text replaced.
fn replace(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = fs::read_to_string(&path).expect("the file");
    assert!(text.contains(from), "{from:?} is not in {file}");
    fs::write(path, text.replace(from, to)).expect("written");
}

#[test]
fn what_is_missing_is_named() {
    for (name, file) in [
        ("tiny-mean", "config.json"),
        ("tiny-mean", "1_Pooling/config.json"),
        ("tiny-mean", "model.safetensors"),
        ("tiny-cls", "vocab.txt"),
    ] {
        let copy = copy(name);
        fs::remove_file(copy.path().join(file)).expect("removed");
        let error = refused(copy.path());
        assert_eq!(error.code(), Code::ModelFileInvalid, "{file}: {error}");
        assert!(error.path().is_some_and(|path| path.ends_with(file)), "{file}: {error:?}");
        assert!(error.hint_text().is_some(), "{file}");
    }
    assert_eq!(refused(Path::new("/nowhere")).code(), Code::ModelFileInvalid);
}

#[test]
fn what_is_not_supported_is_said() {
    let cases = [
        ("config.json", "\"bert\"", "\"xlm-roberta\"", "xlm-roberta"),
        ("config.json", "\"gelu\"", "\"relu\"", "relu"),
        ("config.json", "\"hidden_size\": 40", "\"hidden_size\": 41", "sizes"),
        ("config.json", "\"hidden_size\": 40", "\"hidden_size\": 0", "sizes"),
        ("config.json", "\"intermediate_size\": 72", "\"intermediate_size\": 71", "[72, 40]"),
        ("config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", "layer.2"),
        ("config.json", "\"vocab_size\": 74", "\"vocab_size\": 73", "73"),
        ("config.json", "{", "[", "JSON"),
        ("modules.json", "modules.normalize.Normalize", "Dense", "Dense"),
        ("modules.json", "1_Pooling", "../1_Pooling", "leaves the folder"),
        ("1_Pooling/config.json", "mean", "max", "pooling"),
        ("1_Pooling/config.json", "true", "false", "prompt"),
        ("tokenizer.json", "WordPiece", "Unigram", "Unigram"),
        ("tokenizer.json", "BertNormalizer", "Precompiled", "prepared"),
        ("tokenizer.json", "\"[SEP]\": 3", "\"[SEPX]\": 3", "[SEP]"),
        ("tokenizer.json", "\"[SEP]\": 3", "\"[SEP]\": 3000000000", "piece"),
    ];
    for (file, from, to, said) in cases {
        let copy = copy("tiny-mean");
        replace(copy.path(), file, from, to);
        let error = refused(copy.path());
        assert_eq!(error.code(), Code::ModelFileInvalid, "{file} {to}: {error}");
        assert!(error.message().contains(said), "{file} {to}: {error}");
    }
}

#[test]
fn damaged_weights_are_refused_and_never_panic() {
    let copy = copy("tiny-mean");
    let path = copy.path().join("model.safetensors");
    let whole = fs::read(&path).expect("the weights");
    for length in [0, 1, 7, 8, 9, 100, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).expect("written");
        let code = refused(copy.path()).code();
        assert!(matches!(code, Code::ModelFileInvalid | Code::FileUnreadable), "{length}: {code}");
    }
    // Any byte of the header may be wrong: refused, or read as another name or number.
    for at in (0..2000).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x15;
        fs::write(&path, &bytes).expect("written");
        let _ = SentenceModel::open(copy.path());
    }
    let mut bytes = whole.clone();
    let head = u64::from_le_bytes(*bytes.first_chunk().expect("its length")) as usize + 8;
    bytes[head..].fill(0xff);
    fs::write(&path, &bytes).expect("written");
    let model = SentenceModel::open(copy.path()).expect("numbers are looked at when they are used");
    let texts = ["cat".to_owned()];
    let error = model.embed_now(&texts, EmbeddingUse::Document, &CancellationToken::new());
    assert_eq!(error.expect_err("no numbers").code(), Code::ModelFileInvalid);
}

#[test]
fn a_fingerprint_is_that_of_all_that_decides_a_vector_and_of_nothing_else() {
    let print =
        |folder: &Path| SentenceModel::open(folder).expect("a model").fingerprint_now().to_owned();
    // Vectors that were made with an earlier version of aikit are found as long as these stand.
    assert_eq!(print(&folder("tiny-mean")), "4beab3aa1fb52281");
    assert_eq!(print(&folder("tiny-cls")), "22a20d39dbfd46b9");
    let copied = copy("tiny-mean");
    assert_eq!(print(copied.path()), print(&folder("tiny-mean")), "wherever it lies");
    for file in ["README.md", "vocab.txt", "expected.json", "1_Pooling/other.json"] {
        fs::write(copied.path().join(file), "x").expect("written");
    }
    assert_eq!(print(copied.path()), print(&folder("tiny-mean")), "nothing of it is read");
    for (name, file) in [
        ("tiny-mean", "config.json"),
        ("tiny-mean", "1_Pooling/config.json"),
        ("tiny-mean", "tokenizer.json"),
        ("tiny-mean", "tokenizer_config.json"),
        ("tiny-mean", "modules.json"),
        ("tiny-mean", "sentence_bert_config.json"),
        ("tiny-mean", "config_sentence_transformers.json"),
        ("tiny-cls", "vocab.txt"),
    ] {
        let copy = copy(name);
        let path = copy.path().join(file);
        let text = fs::read_to_string(&path).expect("the file");
        // Another end of the file: one that means nothing.
        let changed = text.strip_suffix('\n').map_or_else(|| format!("{text}\n"), str::to_owned);
        fs::write(&path, changed).expect("written");
        assert_ne!(print(copy.path()), print(&folder(name)), "{file}");
    }
    let copy = copy("tiny-mean");
    let path = copy.path().join("model.safetensors");
    let mut bytes = fs::read(&path).expect("the weights");
    *bytes.last_mut().expect("a byte") ^= 1;
    fs::write(&path, bytes).expect("written");
    assert_ne!(print(copy.path()), print(&folder("tiny-mean")), "one bit of the weights");
}

#[test]
fn changed_files_are_noticed() {
    let copy = copy("tiny-cls");
    let model = SentenceModel::open(copy.path()).expect("a model");
    assert!(model.is_current());
    // One that was looked for in vain.
    fs::write(copy.path().join("tokenizer.json"), "{}").expect("written");
    assert!(!model.is_current());
    fs::remove_file(copy.path().join("tokenizer.json")).expect("removed");
    assert!(model.is_current());
    // Put in its place, not written over: it is mapped.
    fs::write(copy.path().join("new"), "x").expect("written");
    fs::rename(copy.path().join("new"), copy.path().join("model.safetensors")).expect("moved");
    assert!(!model.is_current());
}
