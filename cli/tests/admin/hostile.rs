use super::{COMMANDS, Shop};

const PASSWORD: &str = "canary-7f3a";

/// Words for the arguments that a command must have; what they are does not matter here.
fn words(command: &str, word: &str) -> Vec<String> {
    let mut words: Vec<String> = command.split(' ').map(str::to_owned).collect();
    let more: &[&str] = match command {
        "db grant" | "tenant create" | "tenant show" | "tenant suspend" | "tenant resume"
        | "tenant grants" | "tenant usage" | "db backup" | "tenant import" | "config check" => {
            &[word]
        }
        "tenant delete" => &[word, "--yes"],
        "tenant configure" => &[word, "--set", "quotas.max_specs=1"],
        "tenant rename" | "tenant move-under" | "tenant grant" | "tenant revoke"
        | "tenant export" => &[word, word],
        "tenant copy" => &[word, "--to", "x.db"],
        "tenant move" => &[word, "--to", "x.db", "--yes"],
        _ => &[],
    };
    words.extend(more.iter().map(|word| (*word).to_owned()));
    words
}

#[test]
fn no_password_of_an_address_is_shown_wherever_it_was_written() {
    let shop = Shop::new();
    shop.ok("tenant create acme");
    // Nothing listens there.
    let url = format!("postgres://boss:{PASSWORD}@127.0.0.1:1/shop?sslpassword={PASSWORD}");
    shop.write("address", &url);
    let mut shown = 0;
    for command in COMMANDS.iter().filter(|command| command.contains(' ')) {
        let mut lines = Vec::new();
        for (word, store) in [("acme", url.as_str()), ("acme", "env:URL"), ("acme", "file:address")]
        {
            let mut line = words(command, word);
            if *command != "config check" {
                line.extend(["--store".to_owned(), store.to_owned()]);
            }
            lines.push(line);
        }
        // In the wrong place: as an id, behind no option, behind one that is misspelt.
        lines.push(words(command, &url));
        let mut extra = words(command, "acme");
        extra.push(url.clone());
        lines.push(extra);
        let mut misspelt = words(command, "acme");
        misspelt.push(format!("--stroe={url}"));
        lines.push(misspelt);
        for line in lines {
            let line: Vec<&str> = line.iter().map(String::as_str).collect();
            let done = shop.aikit_with(&[("URL", &url)], &line);
            let all = format!("{}{}", done.out, done.err);
            assert!(!all.contains(PASSWORD), "{line:?}: {all}");
            shown += usize::from(all.contains("postgres://boss@127.0.0.1:1/shop"));
        }
    }
    assert!(shown > 20, "the address without its password was shown {shown} times");
    for (name, value) in [("AIKIT_STORE", url.as_str()), ("AIKIT_STORE", "file:address")] {
        let done = shop.aikit_with(&[(name, value)], &["tenant", "list"]);
        assert!(done.status == 1 && !done.err.contains(PASSWORD), "{done:?}");
    }
    let to = shop.aikit(&["tenant", "move", "acme", "--to", &url, "--yes"]);
    assert!(to.status == 1 && !to.err.contains(PASSWORD), "{to:?}");
    assert!(to.err.contains("postgres://boss@127.0.0.1:1/shop"), "{to:?}");
}

#[test]
fn a_password_is_no_argument() {
    let shop = Shop::new();
    let done = shop.aikit(&["db", "grant", "shop", "--password", PASSWORD]);
    assert_eq!(done.status, 2, "{done:?}");
    assert!(
        done.err.contains("--password-env") || done.err.contains("--password-file"),
        "{done:?}"
    );
}

#[test]
fn strange_words_end_in_an_error_and_not_in_a_panic() {
    let shop = Shop::new();
    shop.ok("tenant create acme");
    let long = "x".repeat(100_000);
    let strange =
        ["", " ", "\u{1b}[2J", "a\nb", "../../etc", "@store", "é", "'; DROP TABLE", &long];
    for command in COMMANDS.iter().filter(|command| command.contains(' ')) {
        for word in strange {
            let line = words(command, word);
            if line.len() < 3 {
                continue;
            }
            let line: Vec<&str> = line.iter().map(String::as_str).collect();
            let done = shop.aikit(&line);
            let wrong = [1, 2].contains(&done.status) && done.err.contains("error");
            let wrote = *command == "db backup" && done.status == 0;
            assert!(wrong || wrote, "{command} {word:.20?}: {} {:.300}", done.status, done.err);
            assert!(!done.err.contains("panicked"), "{command} {word:.20?}");
            assert!(!done.err.contains('\u{1b}') && !done.out.contains('\u{1b}'), "{command}");
        }
    }
    assert_eq!(shop.json("tenant list")["tenants"].as_array().map(Vec::len), Some(1));
}
