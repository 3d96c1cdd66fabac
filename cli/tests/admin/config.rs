use super::Shop;

const PROFILE: &str = "default_model = \"openai/small\"\n\n[providers.openai]\napi_key = {env = \"CANARY_KEY\"}\n\n[quotas]\nmax_documents = 10\n";

#[test]
fn settings_are_shown_with_their_reasons() {
    let shop = Shop::with_tenant("acme");
    shop.write("aikit.toml", PROFILE);
    shop.ok("tenant configure acme --set quotas.max_documents=5 --set default_model=openai/large");
    let line = "config show --tenant acme --profile aikit.toml";
    let plain = shop.ok(line);
    assert!(plain.contains("default_model             openai/large\n"), "{plain}");
    assert!(plain.contains("env:CANARY_KEY (missing)\n"), "{plain}");
    assert!(!plain.contains("overruled"), "{plain}");
    let words: Vec<&str> = line.split(' ').collect();
    let set = shop.aikit_with(&[("CANARY_KEY", "sk-canary")], &words);
    assert!(set.out.contains("env:CANARY_KEY (set)\n"), "{set:?}");
    assert!(!set.out.contains("sk-canary"), "{set:?}");

    let why = shop.ok(&format!("{line} --why"));
    assert!(why.contains("profile aikit.toml"), "{why}");
    assert!(why.contains("tenant acme"), "{why}");
    assert!(why.contains("  overruled"), "{why}");
    let rows = shop.json(&format!("{line} --why"));
    let row = rows.as_array().expect("rows").iter().find(|r| r["key"] == "quotas.max_documents");
    let row = row.expect("the quota");
    assert_eq!((&row["value"], &row["source"]), (&5.into(), &"tenant acme".into()));
    assert_eq!(row["overruled"][0]["value"], 10);
    assert_eq!(shop.json(line)["quotas.max_documents"], 5);

    for spec in ["echo", "echo.yaml"] {
        let spec = shop.ok(&format!("config show {spec} --why --tenant acme"));
        assert!(spec.contains("spec echo@1.0.0"), "{spec}");
    }
    shop.fails(1, "config show nothing --tenant acme", "error[spec_not_found]");
}

#[test]
fn looking_at_settings_makes_nothing() {
    let shop = Shop::new();
    let done = shop.line("config show");
    assert_eq!(done.status, 0, "{done:?}");
    assert!(done.err.contains("there is no store ./aikit.db yet"), "{done:?}");
    assert!(!shop.has("aikit.db"));
    shop.ok("db migrate");
    let done = shop.line("config show --tenant ghost");
    assert!(done.err.contains("./aikit.db has no tenant ghost yet"), "{done:?}");
    assert_eq!(shop.line("tenant list").out, "");
    shop.fails(1, "config show --store none.db", "there is no store none.db");
}

#[test]
fn files_of_settings_are_checked_with_line_and_column() {
    let shop = Shop::new();
    shop.write("aikit.toml", PROFILE);
    assert_eq!(shop.ok("config check aikit.toml"), "aikit.toml: ok as a profile\n");
    let tenant = shop.ok("config check aikit.toml --as tenant");
    assert_eq!(tenant, "aikit.toml: ok as a tenant's configuration\n");
    shop.write("acme.json", r#"{"quotas": {"max_specs": 1}}"#);
    assert_eq!(shop.ok("config check acme.json"), "acme.json: ok as a tenant's configuration\n");
    shop.write("bad.toml", "tenant = \"acme\"\n\n[quotas]\nmax_documnets = 3\n");
    let bad = shop.fails(1, "config check bad.toml", "bad.toml:4:1");
    assert!(bad.err.contains("max_documents"), "{bad:?}");
    let report = shop.line("config check bad.toml --format json");
    assert_eq!(report.status, 1);
    let report: serde_json::Value = serde_json::from_str(&report.out).expect("json");
    assert_eq!((&report["ok"], &report["error"]["line"]), (&false.into(), &4.into()));
    shop.write("syntax.toml", "[quotas\n");
    shop.fails(1, "config check syntax.toml", "syntax.toml:1:");
    shop.write("secret.toml", "[providers.openai]\napi_key = \"sk-canary\"\n");
    let secret = shop.fails(1, "config check secret.toml", "secret.toml:2:11");
    assert!(!secret.err.contains("sk-canary"), "{secret:?}");
    shop.fails(1, "config check none.toml", "there is no file none.toml");
    shop.fails(2, "config check acme.json --as profile", "a profile is TOML");
}

#[test]
fn a_run_takes_a_profile() {
    let shop = Shop::new();
    shop.write("echo.yaml", super::ECHO);
    shop.write("aikit.toml", "store = \"kept.db\"\ntenant = \"acme\"\n\n[run]\nmax_turns = 7\n");
    let done = shop.line("run -q echo.yaml hello --profile aikit.toml");
    assert_eq!((done.status, done.out.as_str()), (0, "hello back\n"), "{done:?}");
    assert_eq!(shop.json("tenant usage acme --store kept.db")["days"][0]["runs"], 1);
    shop.ok("spec save echo.yaml --profile aikit.toml");
    assert!(shop.ok("spec list --store kept.db --tenant acme").contains("echo@1.0.0"));
    shop.write("bad.toml", "default_model = 3\n");
    shop.fails(1, "run -q echo.yaml hello --profile bad.toml", "bad.toml:1:17");
}
