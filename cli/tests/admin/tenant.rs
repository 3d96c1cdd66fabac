use super::Shop;

#[test]
fn tenants_are_made_listed_and_shown() {
    let shop = Shop::new();
    shop.write("quotas.toml", "[quotas]\nmax_documents = 10\nllm_tokens_per_day = 1000\n");
    let made = shop.aikit(&["tenant", "create", "acme", "--kind", "org", "--name", "Acme Ltd"]);
    assert_eq!(made.out, "made the tenant acme; look at it: aikit tenant show acme\n");
    assert_eq!(made.err, "made the store ./aikit.db\n");
    shop.ok("tenant create acme-support --parent acme --kind team --config quotas.toml");
    shop.ok("tenant create beta --store aikit.db");

    let list = shop.ok("tenant list");
    assert!(list.starts_with("TENANT"), "{list}");
    assert_eq!(list.lines().count(), 4, "{list}");
    let page = shop.line("tenant list --limit 1");
    assert!(page.err.contains("aikit tenant list --limit 1 --after acme\n"), "{page:?}");
    assert_eq!(shop.json("tenant list --parent acme")["tenants"][0]["tenant_id"], "acme-support");
    assert_eq!(shop.json("tenant list --kind org")["tenants"][0]["name"], "Acme Ltd");
    let none = shop.line("tenant list --status suspended");
    assert_eq!((none.status, none.out.as_str()), (0, ""));

    let show = shop.ok("tenant show acme-support");
    assert!(show.contains("\nQUOTA               USED  ALLOWED\n"), "{show}");
    assert!(show.contains("\nmax_documents       0     10       0 %\n"), "{show}");
    let record = shop.json("tenant show acme-support");
    assert_eq!(record["tenant"]["config"]["quotas"]["max_documents"], 10);
    assert_eq!(record["usage"]["totals"]["documents"], 0);

    shop.fails(1, "tenant create acme", "error[tenant_exists]");
    shop.fails(1, "tenant create -- -x", "error[tenant_invalid]");
    shop.fails(1, "tenant create gamma --parent nobody", "nobody");
    shop.fails(1, "tenant show nobody", "error[tenant_not_found]");
    shop.fails(2, "tenant create gamma --kind king", "invalid value 'king'");
    shop.write("bad.toml", "[quotas]\nmax_documents = -1\n");
    shop.fails(1, "tenant create gamma --config bad.toml", "bad.toml:2:17");
    shop.write("bad.json", "{\"quotas\": ");
    shop.fails(1, "tenant create gamma --config bad.json", "bad.json:1:11: this is not JSON");
    shop.write("profile.toml", "tenant = \"other\"\n");
    shop.fails(1, "tenant create gamma --config profile.toml", "belongs in a profile");
    shop.fails(1, "tenant show gamma", "error[tenant_not_found]");
}

#[test]
fn a_change_without_anybody_who_makes_it_is_refused() {
    let shop = Shop::new();
    shop.ok("db migrate");
    let done = shop.aikit_with(&[("USER", "")], &["tenant", "create", "acme"]);
    assert_eq!(done.status, 2, "{done:?}");
    assert!(done.err.contains("give --by WHO, or set AIKIT_ACTOR"), "{done:?}");
    let done = shop.aikit_with(&[("USER", "")], &["tenant", "list"]);
    assert_eq!(done.status, 0, "{done:?}");
}

#[test]
fn a_configuration_is_changed_key_by_key_or_as_a_whole() {
    let shop = Shop::new();
    shop.ok("tenant create acme");
    assert_eq!(
        shop.ok("tenant configure acme --set quotas.max_documents=5 --set default_model=openai/x"),
        "configured acme:\n  default_model         none  ->  \"openai/x\"\n  \
         quotas.max_documents  none  ->  5\n"
    );
    assert_eq!(
        shop.ok("tenant configure acme --set quotas.max_documents=6 --unset default_model"),
        "configured acme:\n  default_model         \"openai/x\"  ->  none\n  \
         quotas.max_documents  5           ->  6\n"
    );
    let again = shop.ok("tenant configure acme --set quotas.max_documents=6");
    assert_eq!(again, "nothing to change: acme is configured like this\n");
    let price = "prices.\"openai/gpt-4.1\"";
    shop.ok(&format!(
        "tenant configure acme --set {price}.input_usd_per_million=2 \
         --set {price}.output_usd_per_million=8 --set providers.openai.api_key=env:KEY"
    ));
    let config = &shop.json("tenant show acme")["tenant"]["config"];
    assert_eq!(config["prices"]["openai/gpt-4.1"]["output_usd_per_million"], 8.0);
    assert_eq!(config["providers"]["openai"]["api_key"]["env"], "KEY");
    shop.write("whole.json", r#"{"quotas": {"max_specs": 3}}"#);
    shop.ok("tenant configure acme whole.json");
    let config = &shop.json("tenant show acme")["tenant"]["config"];
    assert_eq!(config, &serde_json::json!({"quotas": {"max_specs": 3}}));

    shop.fails(1, "tenant configure acme --set quotas.max_documnets=5", "max_documnets");
    shop.fails(1, "tenant configure acme --set quotas=5", "error[config_invalid]");
    shop.fails(2, "tenant configure acme --set quotas", "has no `=`");
    shop.fails(2, "tenant configure acme --set quotas..x=1", "is not a key");
    shop.fails(2, "tenant configure acme --set a\"b=1", "is not a key");
    shop.fails(2, "tenant configure acme --set quotas.max_specs.x=1", "no table");
    shop.fails(2, "tenant configure acme", "required");
    shop.fails(1, "tenant configure nobody --set quotas.max_specs=1", "tenant_not_found");
    let config = &shop.json("tenant show acme")["tenant"]["config"];
    assert_eq!(config, &serde_json::json!({"quotas": {"max_specs": 3}}));
}

#[test]
fn a_quota_that_was_configured_is_kept() {
    let shop = Shop::with_tenant("acme");
    shop.ok("tenant configure acme --set quotas.max_documents=1");
    shop.write("more.md", "# More\n\nText.\n");
    let run = "run echo hi --tenant acme --store aikit.db --ingest more=more.md";
    shop.fails(1, run, "error[quota_exceeded]");
}

#[test]
fn tenants_are_renamed_moved_suspended_and_resumed() {
    let shop = Shop::with_tenant("acme");
    shop.ok("tenant create top");
    let named = shop.aikit(&["tenant", "rename", "acme", "Acme\u{1b}[31m Ltd"]);
    assert!(!named.out.contains('\u{1b}'), "{named:?}");
    assert_eq!(shop.ok("tenant rename acme --none"), "acme has no name now\n");
    assert_eq!(shop.ok("tenant move-under acme top"), "acme stands below top now\n");
    shop.fails(1, "tenant move-under top acme", "error[invalid_argument]");
    assert_eq!(shop.ok("tenant grant acme top"), "top may read what acme has\n");
    assert!(shop.ok("tenant grants acme").contains("\ntop "));
    assert_eq!(shop.json("tenant grants acme")[0]["granted_by"], "ada");
    assert_eq!(shop.ok("tenant revoke acme top"), "top may not read what acme has any more\n");
    assert!(shop.ok("tenant revoke acme top").starts_with("nothing to take away"));
    assert_eq!(shop.ok("tenant move-under acme --top"), "acme stands at the top now\n");
    shop.fails(1, "tenant grant acme top", "error[invalid_argument]");
    shop.fails(2, "tenant move-under acme", "required");
    shop.fails(2, "tenant rename acme", "required");

    let suspended = shop.ok("tenant suspend acme --why unpaid");
    assert!(suspended.starts_with("suspended acme: "), "{suspended}");
    shop.fails(1, "run echo hi --tenant acme --store aikit.db", "error[tenant_suspended]");
    assert!(shop.ok("tenant show acme").contains("suspended; let it be used again"));
    assert_eq!(shop.ok("tenant resume acme"), "resumed acme\n");
    assert_eq!(shop.ok("run echo hi --tenant acme --store aikit.db"), "hi back\n");
    shop.fails(1, "tenant suspend nobody", "error[tenant_not_found]");
}

#[test]
fn usage_is_shown_by_day() {
    let shop = Shop::with_tenant("acme");
    let usage = shop.json("tenant usage acme");
    assert_eq!((&usage["totals"]["specs"], &usage["totals"]["documents"]), (&1.into(), &1.into()));
    assert_eq!(usage["days"][0]["runs"], 1);
    let text = shop.ok("tenant usage acme");
    assert!(text.contains("\nDAY         RUNS  TOKENS IN  TOKENS OUT  COST\n"), "{text}");
    shop.fails(2, "tenant usage acme --days many", "invalid value");
}

#[test]
fn a_deletion_says_what_would_go_and_wants_a_yes() {
    let shop = Shop::with_tenant("acme");
    shop.ok("tenant create acme-support --parent acme");
    shop.fails(2, "tenant delete acme", "acme has tenants below it: acme-support");
    shop.fails(1, "tenant delete acme --yes", "error[invalid_argument]");
    let asked = shop.fails(2, "tenant delete acme --children", "nobody said yes");
    assert!(asked.err.contains("\ndocuments      1\n"), "{asked:?}");
    assert!(asked.err.contains("do it: aikit tenant delete acme --children --yes\n"), "{asked:?}");
    assert!(shop.ok("tenant show acme").contains("active"), "it is still there");
    let deleted = shop.ok("tenant delete acme --children --yes --erase");
    assert!(deleted.contains("\ndeleted acme-support, acme: 2 tenants, "), "{deleted}");
    shop.fails(1, "tenant show acme", "error[tenant_not_found]");
    shop.fails(1, "tenant delete acme --yes", "error[tenant_not_found]");
    let bytes = std::fs::read(shop.path().join("aikit.db")).expect("read");
    assert!(!bytes.windows(7).any(|seven| seven == b"Thirty "), "its bytes are gone");
}
