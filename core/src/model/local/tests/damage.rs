//! Files that are damaged, and the folder that holds whole ones.

use std::path::Path;

use super::model_named;
use crate::error::{Code, Error};
use crate::model::local::ModelFolder;
use crate::model::local::loaded::Loaded;
use crate::model::local::mapping::Mapping;

fn open(bytes: Vec<u8>) -> Result<Loaded, Error> {
    Loaded::of(Mapping::Bytes(bytes))
}

struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }
}

#[test]
#[ignore = "needs the models of tests/local"]
fn a_file_that_is_cut_off_anywhere_is_an_error() {
    let whole = std::fs::read(model_named("llama-k.gguf")).unwrap();
    assert!(open(whole.clone()).is_ok());
    let mut numbers = Numbers(1);
    let lengths = (0..200).chain((0..300).map(|_| numbers.below(whole.len())));
    for length in lengths.chain([whole.len() - 1]).collect::<Vec<_>>() {
        let error = open(whole[..length].to_vec()).err().expect("cut off");
        assert_eq!(error.code(), Code::ModelFileInvalid, "{length}: {error}");
    }
}

#[test]
#[ignore = "needs the models of tests/local"]
fn a_file_with_other_bytes_is_an_error_or_a_model_and_never_a_panic() {
    // The head and the first tensors, and room for what follows.
    let whole = std::fs::read(model_named("qwen3-mixed.gguf")).unwrap();
    let head = 70_000;
    let mut numbers = Numbers(2);
    let (mut refused, mut taken) = (0, 0);
    for round in 0..400 {
        let mut bytes = whole.clone();
        for _ in 0..1 + round % 4 {
            // Half of them in the first values and in the tensors' heads, where it matters most.
            let at = if round % 2 == 0 { numbers.below(1_200) } else { numbers.below(head) };
            bytes[at] = match numbers.below(3) {
                0 => 0xFF,
                1 => 0,
                _ => numbers.below(256) as u8,
            };
        }
        match open(bytes) {
            Ok(_) => taken += 1,
            Err(error) => {
                assert_eq!(error.code(), Code::ModelFileInvalid, "{error}");
                assert!(!error.message().is_empty());
                refused += 1;
            }
        }
    }
    assert!(refused > 50 && taken > 20, "{refused} refused, {taken} taken");
}

#[test]
fn other_files_are_no_models() {
    for bytes in
        [&b""[..], b"GGUF", b"GGUF\x03\0\0\0", &[0xFF; 64], b"not a model at all, but a text"]
    {
        assert_eq!(open(bytes.to_vec()).err().unwrap().code(), Code::ModelFileInvalid);
    }
    // So many tensors that only their number is large.
    let mut large = b"GGUF\x03\0\0\0".to_vec();
    large.extend(u64::MAX.to_le_bytes());
    large.extend(u64::MAX.to_le_bytes());
    assert_eq!(open(large).err().unwrap().code(), Code::ModelFileInvalid);
}

#[test]
#[ignore = "needs the models of tests/local"]
fn the_folder_takes_names_and_lets_them_go() {
    let place = tempfile::tempdir().unwrap();
    let folder = ModelFolder::at(place.path().join("models"));
    assert_eq!(folder.list().unwrap(), []);
    let small = model_named("llama-gpt2.gguf");
    let entry = folder.add("tiny:1b", &small, None).unwrap();
    assert_eq!(entry.bytes, small.metadata().unwrap().len());
    let found = folder.resolve("tiny:1b").unwrap();
    assert_eq!(std::fs::read(&found).unwrap(), std::fs::read(&small).unwrap());
    // The same file under another name is there once.
    folder.add("copy", &small, Some(&entry.sha256.to_uppercase())).unwrap();
    assert_eq!(folder.resolve("copy").unwrap(), found);
    let names = |folder: &ModelFolder| -> Vec<String> {
        folder.list().unwrap().into_iter().map(|entry| entry.name).collect()
    };
    assert_eq!(names(&folder), ["copy", "tiny:1b"]);
    folder.remove("tiny:1b").unwrap();
    assert!(found.exists());
    // A name that stands for another file lets the first one go.
    folder.add("copy", &model_named("qwen2-5bit.gguf"), None).unwrap();
    assert!(!found.exists());
    folder.remove("copy").unwrap();
    assert_eq!(names(&folder), [] as [&str; 0]);
    assert_eq!(files(place.path()), 0, "nothing stays");
}

fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

#[test]
#[ignore = "needs the models of tests/local"]
fn the_folder_takes_only_what_is_whole() {
    let place = tempfile::tempdir().unwrap();
    let folder = ModelFolder::at(place.path());
    let code =
        |result: Result<_, Error>| result.map(|_: super::super::ModelEntry| ()).unwrap_err().code();
    let small = model_named("llama-gpt2.gguf");
    assert_eq!(code(folder.add("x", &small, Some(&"0".repeat(64)))), Code::ModelFileInvalid);
    assert_eq!(code(folder.add("x", Path::new("/nonexistent"), None)), Code::FileNotFound);
    let text = place.path().join("text.gguf");
    std::fs::write(&text, "no model").unwrap();
    assert_eq!(code(folder.add("x", &text, None)), Code::ModelFileInvalid);
    for name in ["", "../up", "a/b", ".hidden", "a b", &"x".repeat(101)] {
        assert_eq!(code(folder.add(name, &small, None)), Code::InvalidArgument, "{name}");
    }
    assert_eq!(folder.list().unwrap(), []);
    assert_eq!(folder.remove("x").unwrap_err().code(), Code::ModelUnknown);
    assert_eq!(folder.resolve("x").unwrap_err().code(), Code::ModelUnknown);
    // A download that is given up leaves nothing.
    let mut incoming = folder.incoming("y", "https://example.com/y.gguf", None).unwrap();
    incoming.write(b"GGUF").unwrap();
    drop(incoming);
    std::fs::remove_file(text).unwrap();
    assert_eq!(files(place.path()), 0);
    // A name whose file describes nothing is told of.
    std::fs::write(place.path().join("names/bad.json"), "{}").unwrap();
    assert_eq!(folder.list().unwrap_err().code(), Code::FileUnreadable);
}

#[test]
fn what_was_left_behind_goes_and_what_is_on_its_way_stays() {
    let place = tempfile::tempdir().unwrap();
    let folder = ModelFolder::at(place.path());
    let within = place.path().join("files");
    std::fs::create_dir_all(&within).unwrap();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 3600);
    let part = |name: &str| {
        let file = std::fs::File::create_new(within.join(name)).unwrap();
        file.set_modified(long_ago).unwrap();
        file
    };
    drop(part("left.part"));
    drop(part("other.gguf"));
    let slow = part("slow.part");
    slow.lock().unwrap();
    std::fs::write(within.join("new.part"), "GG").unwrap();
    let incoming = folder.incoming("x", "somewhere", None).unwrap();
    assert!(!within.join("left.part").exists());
    assert_eq!(files(place.path()), 4, "and the one that comes in");
    drop(incoming);
    for name in ["other.gguf", "slow.part", "new.part"] {
        assert!(within.join(name).exists(), "{name}");
    }
}
