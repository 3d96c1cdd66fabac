use super::Shop;

#[test]
fn a_store_is_made_looked_at_and_checked() {
    let shop = Shop::new();
    let none = shop.line("db status");
    assert_eq!(none.status, 1);
    assert!(none.out.contains("there is no such store yet: aikit db migrate"), "{}", none.out);
    assert!(!shop.has("aikit.db"), "looking makes nothing");
    shop.fails(1, "db check", "there is no store ./aikit.db");
    shop.fails(1, "tenant list", "there is no store ./aikit.db");

    assert_eq!(shop.ok("db migrate"), "made the store ./aikit.db: version 4\n");
    assert_eq!(shop.ok("db migrate"), "./aikit.db is up to date: version 4\n");
    assert!(shop.ok("db status").contains("\nstate    ready\n"));
    let status = shop.json("db status");
    assert_eq!((&status["backend"], &status["ok"]), (&"sqlite".into(), &true.into()));
    assert_eq!((&status["schema"], &status["wanted"]), (&4.into(), &4.into()));
    assert_eq!(shop.ok("db check"), "./aikit.db: sound\n");
    let report = shop.json("db migrate --store other.db");
    assert_eq!((&report["from"], &report["to"]), (&0.into(), &4.into()));
    assert_eq!(report["applied"].as_array().map(Vec::len), Some(4));
}

#[test]
fn the_store_comes_from_a_reference_the_environment_or_a_profile() {
    let shop = Shop::new();
    shop.write("address", "kept.db\n");
    shop.ok("db migrate --store file:address");
    assert!(shop.has("kept.db"));
    let done = shop.aikit_with(&[("PLACE", "kept.db")], &["db", "check", "--store", "env:PLACE"]);
    assert_eq!(done.out, "kept.db: sound\n");
    let done = shop.aikit_with(&[("AIKIT_STORE", "file:address")], &["db", "check"]);
    assert_eq!(done.out, "kept.db: sound\n");
    shop.write("aikit.toml", "store = \"kept.db\"\nactor = \"grace\"\n");
    assert_eq!(shop.ok("db check --profile aikit.toml"), "kept.db: sound\n");
    let done = shop.aikit_with(&[("AIKIT_PROFILE", "aikit.toml")], &["tenant", "create", "acme"]);
    assert_eq!(done.status, 0, "{done:?}");
    let log = shop.json("audit list --store kept.db");
    assert_eq!(log["entries"][0]["actor"], "grace", "the profile's actor acts");

    shop.fails(1, "db status --store env:NOWHERE_TO_BE_FOUND", "NOWHERE_TO_BE_FOUND is not set");
    shop.fails(1, "db status --store file:none", "there is no file none");
    shop.fails(2, "db status --store env:", "names no place that an address is kept in");
    shop.fails(2, "db status --store file:", "names no place that an address is kept in");
    shop.fails(1, "db status --profile none.toml", "there is no file none.toml");
}

#[test]
fn damage_is_found_and_told_with_the_exit_status() {
    let shop = Shop::with_tenant("acme");
    shop.write("text.db", "this is no database, and never was one");
    shop.fails(1, "db check --store text.db", "error[store_corrupt]");
    shop.fails(1, "db status --store text.db", "error[store_corrupt]");
    let path = shop.path().join("aikit.db");
    let mut bytes = std::fs::read(&path).expect("read");
    // Somewhere in the middle of the pages.
    for byte in bytes.iter_mut().skip(9 * 4096).take(4096) {
        *byte = 0x5a;
    }
    std::fs::write(&path, bytes).expect("write");
    let done = shop.line("db check");
    assert_eq!(done.status, 1, "{done:?}");
    assert!(done.out.contains("finding") || done.err.contains("store_corrupt"), "{done:?}");
}

#[test]
fn a_backup_is_a_whole_store() {
    let shop = Shop::with_tenant("acme");
    assert!(shop.ok("db backup copy.db").starts_with("copied ./aikit.db to copy.db: "));
    let one = shop.ok("tenant export acme one.jsonl");
    let two = shop.ok("tenant export acme two.jsonl --store copy.db");
    assert_eq!(one.replace("one.jsonl", "two.jsonl"), two);
    shop.fails(1, "db backup copy.db", "copy.db");
    shop.fails(1, "db backup x.db --store none.db", "there is no store none.db");
}

#[test]
fn old_runs_are_pruned_where_a_configuration_says_so() {
    let shop = Shop::with_tenant("acme");
    let nothing = "nothing to remove: no tenant has runs that are older than it keeps them\n";
    assert_eq!(shop.ok("db prune"), nothing);
    shop.ok("tenant configure acme --set retention.runs_days=1");
    assert_eq!(shop.ok("db prune"), nothing, "the run is of today");
    assert_eq!(shop.json("db prune"), serde_json::json!({}));
}

#[test]
fn logins_are_postgres_only() {
    let shop = Shop::new();
    shop.ok("db migrate");
    shop.fails(1, "db grant shop --create", "only PostgreSQL has logins");
    shop.fails(2, "db grant shop --revoke --create", "cannot be used with");
    shop.fails(2, "db grant shop --password-env A --password-file b", "cannot be used with");
    shop.fails(1, "db grant shop --password-env NOWHERE_TO_BE_FOUND", "is not set");
}
