//! Models that are there.

use super::{Desk, sha256};
use crate::gguf::{Value, model};

#[test]
fn an_empty_folder_says_what_to_do() {
    let desk = Desk::new();
    let list = desk.line("list --folder elsewhere");
    assert_eq!((list.status, list.out.as_str()), (0, ""));
    assert_eq!(
        list.err,
        "there are no models in elsewhere; get one: aikit model pull URL --folder elsewhere\n"
    );
    assert!(desk.line("list").err.contains("aikit model pull URL\n"));
    let json = desk.json("list");
    assert_eq!(json["models"].as_array().map(Vec::len), Some(0));
    assert_eq!(json["folder"], desk.models().display().to_string());
    // To look leaves nothing behind.
    assert!(!desk.models().exists() && !desk.path().join("elsewhere").exists());
}

#[test]
fn a_model_is_added_listed_shown_and_removed() {
    let desk = Desk::with_tiny();
    let file = desk.path().join("tiny.gguf");
    let hash = sha256(&file);
    let bytes = file.metadata().expect("it is there").len();
    assert_eq!(
        desk.ok("add tiny.gguf"),
        format!(
            "added tiny: {:.1} KiB, SHA-256 {hash}; use it: aikit run FILE --model local/tiny\n",
            (bytes * 10 / 1024) as f64 / 10.0
        )
    );
    let kept = desk.models().join("files").join(format!("{hash}.gguf"));
    assert_eq!(std::fs::read(&kept).expect("a copy"), std::fs::read(&file).expect("the file"));

    let text = desk.ok("list");
    let words: Vec<&str> = text.split_whitespace().collect();
    let (file, kept) = (file.display().to_string(), kept.display().to_string());
    assert_eq!(words[..5], ["NAME", "SIZE", "SHA256", "SOURCE", "FILE"]);
    assert_eq!((words[5], words[7], words[8]), ("tiny", "KiB", &hash[..12]));
    assert_eq!(words[9..], [&file, &kept]);

    let json = desk.json("list")["models"][0].clone();
    assert_eq!(json["name"], "tiny");
    assert_eq!(json["model"], "local/tiny");
    assert_eq!(json["sha256"], hash);
    assert_eq!(json["bytes"], bytes);
    assert_eq!((&json["source"], &json["file"]), (&file.into(), &kept.into()));
    assert_eq!(json["present"], true);

    let shown = desk.ok("show tiny");
    for line in [
        "model          local/tiny",
        "title          Tiny",
        "architecture   llama",
        "quantisation   F32",
        "context        64 tokens",
        "vocabulary     7 tokens",
        "chat template  none: ChatML is used",
        "tools          shown in the system message",
        "cache          16 bytes a token",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}: {shown}");
    }
    assert!(shown.contains(&format!("\nsha256         {hash}\n")), "{shown}");

    assert!(desk.ok("remove tiny").starts_with("removed tiny: "));
    assert_eq!((desk.names().len(), desk.files().len()), (0, 0));
}

#[test]
fn a_file_is_looked_into_where_it_is() {
    let desk = Desk::new();
    let template = "{% if tools %}<tool_call>{{ tools }}{% endif %}{{ messages }}";
    let text = Value::Text(template);
    desk.write("with.gguf", &model(&[("tokenizer.chat_template", text)]));
    let json = desk.json("show with.gguf");
    assert!(json["kept"].is_null());
    let about = &json["about"];
    assert_eq!((&about["chat_template"], &about["template_tools"]), (&true.into(), &true.into()));
    // 8 * 7 of the vocabulary, 3 norms of 8, 5 matrices of 8 * 8 and 2 of 8 * 4.
    assert_eq!(about["parameters"], 56 + 24 + 320 + 64);
    assert_eq!(about["cache_bytes_per_token"], 16);
    assert!(!desk.models().exists());
}

#[test]
fn one_file_can_have_two_names() {
    let desk = Desk::with_tiny();
    desk.ok("add tiny.gguf");
    desk.ok("add tiny.gguf --name other:1b");
    assert_eq!(desk.names(), ["other:1b", "tiny"]);
    assert_eq!(desk.files().len(), 1);
    assert_eq!(
        desk.ok("remove tiny"),
        "removed tiny; its file stays, as another name stands for it\n"
    );
    assert_eq!(desk.files().len(), 1);
    assert_eq!(desk.json("remove other:1b")["present"], false);
    assert_eq!(desk.files().len(), 0);
}

#[test]
fn what_has_a_name_keeps_it_unless_it_is_forced() {
    let desk = Desk::with_tiny();
    desk.ok("add tiny.gguf");
    let first = desk.files();
    // The same content again is what was wanted.
    assert_eq!(
        desk.ok("add tiny.gguf"),
        "tiny is there already, with the same content; use it: aikit run FILE --model local/tiny\n"
    );
    // Of another size, and of the same.
    for name in ["Another", "Ynit"] {
        desk.write("new.gguf", &model(&[("general.name", Value::Text(name))]));
        let refused =
            desk.fails(1, "add new.gguf --name tiny", "error[invalid_argument]: tiny is there");
        assert!(refused.err.contains("--force"), "{refused:?}");
        assert_eq!(desk.files(), first);
    }
    let hash = sha256(&desk.path().join("new.gguf"));
    desk.fails(1, &format!("add new.gguf --name tiny --sha256 {hash}"), "tiny is there already");
    let forced = desk.json("add new.gguf --name tiny --force");
    assert_eq!((&forced["changed"], &forced["sha256"]), (&true.into(), &hash.clone().into()));
    assert!(first[0].starts_with(forced["replaced"].as_str().expect("a hash")));
    assert_eq!(desk.files(), [format!("{hash}.gguf")], "the one before is gone");
}

#[test]
fn files_that_are_no_models_are_refused() {
    let desk = Desk::with_tiny();
    desk.write("text.gguf", b"This is no model, but a text.");
    desk.write("split.gguf", &model(&[("split.count", Value::Number(3))]));
    desk.write("other.gguf", &model(&[("general.architecture", Value::Text("gemma3"))]));
    let whole = model(&[]);
    desk.write("cut.gguf", &whole[..whole.len() - 40]);
    for (words, says) in [
        ("text.gguf", "error[model_file_invalid]: this is not a GGUF file"),
        ("split.gguf", "hint: join them"),
        ("other.gguf", "\"gemma3\" are not supported"),
        ("cut.gguf", "hint: it may not have been downloaded whole"),
        ("none.gguf", "error[file_not_found]: there is no file none.gguf"),
        ("models/..", "give it one: --name NAME"),
        (". --name x", "error[file_unreadable]: . is not a file"),
        ("tiny.gguf --name ../up", "error[invalid_argument]: \"../up\" cannot be the name"),
    ] {
        let status = if says.contains("--name") { 2 } else { 1 };
        desk.fails(status, &format!("add {words}"), says);
        desk.fails(status, &format!("pull {words}"), says);
        assert_eq!(desk.files().len(), 0, "{words}");
    }
    assert!(desk.names().is_empty());
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    let desk = Desk::with_tiny();
    desk.fails(1, "remove none", "error[model_unknown]: there is no local model \"none\"");
    desk.fails(
        1,
        "remove none --folder x",
        "hint: see what is there: aikit model list --folder x\n",
    );
    desk.fails(1, "show none", "error[model_unknown]");
    desk.fails(1, "show tiny.gguf/x", "error[model_unknown]");
    desk.fails(2, "add tiny.gguf --sha256 12ab", "64 hexadecimal digits");
    desk.fails(2, "pull ftp://example.com/a.gguf", "https and http addresses");
    desk.fails(2, "list --folder=", "a value is required for '--folder <PATH>'");
    let hash = format!("sha256:{}", sha256(&desk.path().join("tiny.gguf")).to_uppercase());
    desk.ok(&format!("add tiny.gguf --sha256 {hash}"));

    // Somebody removed the file.
    std::fs::remove_dir_all(desk.models().join("files")).expect("remove");
    let list = desk.line("list");
    assert!(list.status == 0 && list.out.trim_end().ends_with("gone"), "{list:?}");
    assert!(list.err.contains("or: aikit model remove tiny"), "{list:?}");
    assert_eq!(desk.json("list")["models"][0]["present"], false);
    desk.fails(1, "show tiny", "hint: get it again under that name, or: aikit model remove tiny");
    // The hash is known and the file is not there: it is taken in.
    assert!(desk.ok(&format!("add tiny.gguf --sha256 {hash}")).contains("same content"));
    assert_eq!(desk.files().len(), 1);

    // Somebody wrote into the folder.
    std::fs::write(desk.models().join("names/tiny.json"), "{}").expect("write");
    desk.fails(1, "list", "error[file_unreadable]");
    desk.fails(1, "add tiny.gguf", "hint: remove the file, and add the model again");
    desk.ok("add tiny.gguf --force");
    assert_eq!(desk.names(), ["tiny"]);
}

#[test]
fn another_folder_is_named_in_what_is_recommended() {
    let desk = Desk::with_tiny();
    let out = desk.ok("add tiny.gguf --folder there");
    assert!(
        out.ends_with("use it: AIKIT_MODELS=there aikit run FILE --model local/tiny\n"),
        "{out}"
    );
    assert!(desk.names().is_empty());
    assert!(desk.ok("list --folder there").contains("tiny"));
}

#[test]
#[ignore = "needs the models of tests/local"]
fn a_real_model_is_shown() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let file = root.join(".cache/models/SmolLM2-135M-Instruct.Q4_1.gguf");
    let desk = Desk::new();
    let shown = desk.aikit(&["model", "show", &file.display().to_string()]);
    assert_eq!(shown.status, 0, "{shown:?}");
    for line in [
        "architecture   llama",
        "quantisation   Q4_1",
        "parameters     134 M",
        "context        8192 tokens",
        "vocabulary     49152 tokens",
        "chat template  in the file",
        "cache          22 KiB a token",
    ] {
        assert!(shown.out.lines().any(|shown| shown == line), "{line}: {shown:?}");
    }
}
