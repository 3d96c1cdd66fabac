//! Models that come over the network.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{Desk, sha256};
use crate::gguf::{Value, model};
use crate::server::{Answer, Server};

/// A model that is so large that it does not come at once.
fn large() -> Vec<u8> {
    let mut bytes = model(&[]);
    bytes.resize(8 << 20, 0);
    bytes
}

#[test]
fn a_model_is_fetched_from_where_it_was_moved_to() {
    let server = Server::new(vec![
        ("/a/My%20Tiny.gguf", Answer::Moved("/store/0815")),
        ("/store/0815", Answer::Whole(large())),
    ]);
    let desk = Desk::new();
    desk.write("wanted", &large());
    let hash = sha256(&desk.path().join("wanted"));
    let url = server.url("ada:hunter2@", "/a/My%20Tiny.gguf?token=hunter2#hunter2");
    let pull = desk.line(&format!("pull {url}"));
    let usage = "use it: aikit run FILE --model local/My-Tiny\n";
    assert_eq!(pull.out, format!("pulled My-Tiny: 8.0 MiB, SHA-256 {hash}; {usage}"));
    assert_eq!((pull.status, pull.err.as_str()), (0, ""), "nobody is at a terminal");
    // The server was asked with the login and the query; nothing here knows them any more.
    let heads = server.heads();
    let first = heads[0].to_lowercase();
    assert!(first.contains("?token=hunter2 ") && first.contains("\r\nauthorization: basic"));
    assert_eq!(heads.len(), 2);
    let json = desk.json("list")["models"][0].clone();
    assert_eq!(json["source"], server.url("", "/a/My%20Tiny.gguf"));
    let kept = std::fs::read_to_string(desk.models().join("names/My-Tiny.json")).expect("a name");
    assert!(!kept.contains("hunter2"), "{kept}");

    // Again: the same content is what was wanted; with its hash nobody has to be asked.
    assert!(desk.ok(&format!("pull {url}")).starts_with("My-Tiny is there already"));
    assert_eq!(server.heads().len(), 4);
    let again = desk.json(&format!("pull {url} --sha256 {hash}"));
    assert_eq!((&again["changed"], &again["replaced"]), (&false.into(), &().into()));
    assert_eq!(server.heads().len(), 4);
    assert_eq!(desk.files().len(), 1);
}

#[test]
fn what_does_not_come_whole_leaves_nothing() {
    let small = model(&[]);
    let server = Server::new(vec![
        ("/cut.gguf", Answer::Cut(large())),
        ("/half.gguf", Answer::Unmeasured(small[..small.len() / 2].to_vec())),
        ("/page.gguf", Answer::Whole(b"<html>please log in, and then try again".to_vec())),
        // Nobody waits for the rest.
        ("/archive.gguf", Answer::Held(b"PK\x03\x04".repeat(1 << 20))),
        ("/around.gguf", Answer::Moved("/around.gguf")),
        ("/other.gguf", Answer::Whole(small.clone())),
        ("/file.gguf", Answer::Moved("file:///etc/passwd")),
        ("/good.gguf", Answer::Unmeasured(small)),
    ]);
    let desk = Desk::new();
    let wrong = "0".repeat(64);
    let closed = "http://127.0.0.1:1/x.gguf".to_owned();
    for (url, option, says) in [
        (server.url("", "/cut.gguf"), "", "error[model_unavailable]"),
        (server.url("", "/half.gguf"), "", "error[model_file_invalid]"),
        (server.url("", "/page.gguf"), "", "this is not a GGUF file"),
        (server.url("", "/archive.gguf"), "", "this is not a GGUF file"),
        (server.url("", "/around.gguf"), "", "redirected again and again"),
        (server.url("", "/file.gguf"), "", "error[model_unavailable]"),
        (server.url("", "/none.gguf"), "", "404 Not Found"),
        (closed, "", "Connection refused"),
        ("http://".to_owned(), "--name x", "error[invalid_argument]: this is no address"),
        (server.url("", "/other.gguf"), &format!("--sha256 {wrong}"), "and 000000"),
    ] {
        let url = format!("{url}{}", if url.len() > 10 { "?token=hunter2" } else { "" });
        let done = desk.fails(1, &format!("pull {url} {option}"), says);
        assert!(!done.err.contains("hunter2"), "{done:?}");
        assert_eq!(desk.files().len(), 0, "{url}");
    }
    assert!(desk.names().is_empty());
    // Without a length, too, all of it comes.
    desk.ok(&format!("pull {}", server.url("", "/good.gguf")));
    assert_eq!(desk.names(), ["good"]);
}

#[test]
fn another_content_of_the_same_name_is_refused_before_it_comes() {
    let server = Server::new(vec![
        ("/a/tiny.gguf", Answer::Whole(model(&[]))),
        // It would never end.
        ("/b/tiny.gguf", Answer::Held(large())),
        ("/c/tiny.gguf", Answer::Whole(model(&[("general.name", Value::Text("Ynit"))]))),
    ]);
    let desk = Desk::new();
    desk.ok(&format!("pull {}", server.url("", "/a/tiny.gguf")));
    let before = desk.files();
    for path in ["/b/tiny.gguf", "/c/tiny.gguf"] {
        let done =
            desk.fails(1, &format!("pull {}", server.url("", path)), "tiny is there already");
        assert!(done.err.contains("--force"), "{done:?}");
        assert_eq!(desk.files(), before);
    }
    let forced = desk.ok(&format!("pull {} --force", server.url("", "/c/tiny.gguf")));
    let was = before[0].get(..12).expect("a hash");
    assert!(forced.starts_with(&format!("pulled tiny in place of {was}: ")), "{forced}");
    assert_eq!((desk.names().len(), desk.files().len()), (1, 1));
}

#[test]
fn secrets_of_misplaced_addresses_are_not_shown() {
    let desk = Desk::new();
    for words in [
        "add https://ada:hunter2@example.com/a.gguf?token=hunter2",
        "remove https://ada:hunter2@example.com/a.gguf?token=hunter2",
        "show https://ada:hunter2@example.com/a.gguf?token=hunter2",
        "list https://ada:hunter2@example.com/a.gguf?token=hunter2",
        "pull https://example.com/a.gguf https://ada:hunter2@example.com",
        "pull https://ada:hunter2@[example.com/a.gguf?token=hunter2",
        "pull x --sha256 https://example.com/?hunter2",
    ] {
        let done = desk.line(words);
        assert_ne!(done.status, 0, "{words}");
        assert!(!format!("{done:?}").contains("hunter2"), "{done:?}");
    }
}

/// A file system that takes no more: the limit on file sizes makes every write past it fail.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_nothing() {
    let server = Server::new(vec![("/large.gguf", Answer::Whole(large()))]);
    let desk = Desk::new();
    let url = server.url("", "/large.gguf");
    let program = env!("CARGO_BIN_EXE_aikit");
    let script = format!("trap '' XFSZ; ulimit -f 1024; exec '{program}' model pull {url}");
    let output = std::process::Command::new("bash")
        .args(["-c", &script])
        .env("AIKIT_MODELS", desk.models())
        .output()
        .expect("bash");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.starts_with("error[file_unreadable]: cannot write "), "{err}");
    assert!(err.contains("cause: File too large"), "{err}");
    assert_eq!((desk.files().len(), desk.names().len()), (0, 0));
}

/// Waits until something is on its way into the folder.
#[cfg(unix)]
fn begun(desk: &Desk) {
    let since = Instant::now();
    let part = || {
        let entries = std::fs::read_dir(desk.models().join("files")).into_iter().flatten();
        let mut sizes = entries.flatten().filter_map(|entry| Some(entry.metadata().ok()?.len()));
        sizes.any(|size| size > 0)
    };
    while !part() {
        assert!(since.elapsed() < Duration::from_secs(60), "nothing comes");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_in_the_middle_leaves_nothing() {
    let server = Server::new(vec![("/large.gguf", Answer::Held(large()))]);
    let desk = Desk::new();
    // A file that takes longer to copy than this test waits: it has little content but its size.
    desk.write("huge.gguf", &model(&[]));
    let file = std::fs::File::options().write(true).open(desk.path().join("huge.gguf"));
    file.expect("a file").set_len(1 << 40).expect("a sparse file");
    for words in [["pull", &server.url("", "/large.gguf")], ["add", "huge.gguf"]] {
        let mut command = desk.command();
        command.arg("model").args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().expect("the command starts");
        begun(&desk);
        let interrupt = std::process::Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .expect("kill");
        assert!(interrupt.success());
        let output = child.wait_with_output().expect("it ends");
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{words:?}: {err}");
        assert!(err.starts_with("error[cancelled]: ") && output.stdout.is_empty(), "{err}");
        assert_eq!(desk.files().len(), 0, "{words:?}");
        assert!(desk.names().is_empty());
    }
}

/// What a terminal shows; `script` lends one.
#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_one_sees_how_far_it_is() {
    let pause = Duration::from_millis(2500);
    let server = Server::new(vec![("/large.gguf", Answer::Slow(large(), pause))]);
    let desk = Desk::new();
    let line = format!(
        "'{}' model pull {}",
        env!("CARGO_BIN_EXE_aikit"),
        server.url("", "/large.gguf?token=hunter2")
    );
    let output = std::process::Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env("AIKIT_MODELS", desk.models())
        .current_dir(desk.path())
        .stdin(Stdio::null())
        .output()
        .expect("script");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}");
    assert!(shown.contains("taking in large ... 4.0 MiB of 8.0 MiB, 50 %, "), "{shown}");
    assert!(shown.contains("/s"), "{shown}");
    // The line is empty again before the result stands there.
    assert!(shown.contains("\r\u{1b}[Kpulled large: 8.0 MiB"), "{shown:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert_eq!(desk.names(), ["large"]);
}
