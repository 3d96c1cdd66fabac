//! Reading: what is taken, what is refused, where, and in which words.

use serde_json::{Value as Json, json};

use super::{everything, everything_of_a_tenant, profile, tenant};
use crate::config::Settings;
use crate::error::{Code, Error};

const PROFILE: &str = r#"
store = { env = "DATABASE_URL" }
tenant = "acme"
actor = "Ada Lovelace"
default_model = "openai/gpt-4o-mini"

[providers.openai]
base_url = "https://api.openai.com/v1"
api_key = { env = "OPENAI_API_KEY" }
first_byte_ms = 30_000
between_chunks_ms = 15_000
total_ms = 120_000
max_retries = 3
requests_per_minute = 500
tokens_per_minute = 200_000
concurrent_requests = 8
headers = { Helicone-Auth = { env = "HELICONE_KEY" }, env.file = "/run/secrets/env" }
[providers.azure]
wire = "openai_chat"
api_version = "2024-10-21"
cassette = "/tmp/azure.json"
[providers.env]
base_url = "http://127.0.0.1:8080/v1"
[providers."own.host"]
api_key.file = '/run/secrets/own'

[policy]
allowed_tools = [
    "calculator", # a comment
    "datetime",
]
denied_tools = ["shell"]

[quotas]
max_specs = 10
max_documents = 1_000
max_vectors = 0x7FFFFFFFFFFFFFFF
max_storage_mb = 512.0
max_concurrent_executions = +4
max_memory_mb = 0o400
max_cpu_percent = 150
requests_per_minute = 60
llm_tokens_per_day = 1000000
cost_limit_usd_per_day = 2_5e-1

[retention]
runs_days = 30

[prices."openai/gpt-4o-mini"]
input_usd_per_million = 0.15
output_usd_per_million = 0.6
cached_input_usd_per_million = 0.075
cache_write_usd_per_million = 0.15
[prices]
"scripted/x" = { input_usd_per_million = 0, output_usd_per_million = -0.0 }

[run]
max_turns = 5
timeout_ms = 30000
tokens_per_run = 50_000
cost_usd_per_run = 0.25
"#;

fn refused(text: &str) -> Error {
    let error = Settings::from_toml(text, "aikit.toml").expect_err(text);
    assert_eq!(error.code(), Code::ConfigInvalid, "{error}");
    error
}

fn refused_json(value: &Json) -> Error {
    let error = Settings::from_json(value).expect_err("refused");
    assert_eq!(error.code(), Code::ConfigInvalid, "{error}");
    error
}

#[test]
fn a_profile_says_the_same_in_toml_and_json() {
    let settings = Settings::from_toml(PROFILE, "aikit.toml").expect("a profile");
    assert_eq!(settings, profile(&everything()));
}

#[test]
fn what_is_read_is_written_again_without_loss() {
    let settings = profile(&everything());
    assert_eq!(settings.to_json(), everything());
    assert_eq!(profile(&settings.to_json()), settings);
    let settings = tenant(&everything_of_a_tenant());
    assert_eq!(settings.to_json(), everything_of_a_tenant());
    assert_eq!(tenant(&json!({})).to_json(), json!({}));
    let none_allowed = json!({"policy": {"allowed_tools": []}});
    assert_eq!(tenant(&none_allowed).to_json(), none_allowed);
}

#[test]
fn each_setting_can_be_left_out_and_a_null_leaves_it_out() {
    // The paths of all values that are no tables, and of tables that are one value.
    fn paths(value: &Json, at: &str, out: &mut Vec<String>) {
        let Some(entries) = value.as_object() else { return out.push(at.to_owned()) };
        if entries.contains_key("input_usd_per_million") || entries.contains_key("file") {
            return out.push(at.to_owned());
        }
        for (key, value) in entries {
            let key = key.replace('/', "~1");
            paths(value, &format!("{at}/{key}"), out);
        }
    }
    let mut all = Vec::new();
    paths(&everything_of_a_tenant(), "", &mut all);
    assert!(all.len() > 20, "{all:?}");
    for path in all.iter().filter(|path| !path.ends_with("/env") && !path.contains("/own")) {
        let mut value = everything_of_a_tenant();
        *value.pointer_mut(path).expect("there") = Json::Null;
        let said = Settings::from_json(&value);
        // A provider that says nothing is refused, and so is none.
        match path.as_str() {
            "/providers/env/base_url" => assert!(said.is_err(), "{path}"),
            _ => assert_ne!(said.expect(path).to_json(), everything_of_a_tenant(), "{path}"),
        }
    }
}

#[test]
fn faults_have_a_place_a_reason_and_a_way_out() {
    // Text, line and column, part of the message, part of the hint.
    let table = [
        (
            "defualt_model = 'a/b'",
            (1, 1),
            "`defualt_model` is not known",
            "did you mean `default_model`",
        ),
        (
            "[quotas]\nmax_doc = 1",
            (2, 1),
            "`quotas.max_doc` is not known",
            "known here: max_specs, ",
        ),
        ("[quotas]\nmax_vector = 1", (2, 1), "not known", "did you mean `max_vectors`"),
        ("providers.openai.key = 1", (1, 18), "`providers.openai.key` is not known", "api_key"),
        ("é = 1", (1, 1), "this is not TOML", ""),
        ("\"é\" = 1", (1, 1), "is not known", "known here: store, tenant"),
        ("run = {max_turns = 1, 'é' = 1, x = 2}", (1, 23), "(and 1 more)", ""),
        (
            "[run]\n\n  max_turns = 'many'",
            (3, 15),
            "must be a whole number, and this is a text",
            "",
        ),
        ("run.max_turns = 0", (1, 17), "must be from 1 to 4294967295", ""),
        ("run.max_turns = 1.5", (1, 17), "must be a whole number, and this is a number", ""),
        ("run.max_turns = nan", (1, 17), "must be a whole number", ""),
        ("run.timeout_ms = -1", (1, 18), "must be from 1 to 9223372036854775807", ""),
        ("run.timeout_ms = 1e300", (1, 18), "must be from 1", ""),
        ("run.timeout_ms = inf", (1, 18), "must be a whole number", ""),
        ("run.timeout_ms = 2024-01-01", (1, 18), "and this is a date", ""),
        ("quotas.max_specs = 9223372036854775808", (1, 20), "to 9223372036854775807", ""),
        (&format!("quotas.max_specs = {}", "9".repeat(400)), (1, 20), "must be from 0", ""),
        ("quotas.max_storage_mb = 8796093022208", (1, 25), "to 8796093022207", ""),
        ("quotas.max_cpu_percent = 0", (1, 26), "from 1 to 100000", ""),
        ("quotas.cost_limit_usd_per_day = -0.01", (1, 33), "from 0 to 1000000000", ""),
        ("quotas.cost_limit_usd_per_day = nan", (1, 33), "must be US dollars", ""),
        ("quotas.cost_limit_usd_per_day = 1e400", (1, 33), "must be US dollars", ""),
        (
            &format!("quotas.cost_limit_usd_per_day = {}", "9".repeat(400)),
            (1, 33),
            "US dollars",
            "",
        ),
        ("quotas.cost_limit_usd_per_day = true", (1, 33), "and this is true or false", ""),
        ("quotas = []", (1, 10), "must be a table, and this is a list", "max_specs"),
        ("policy.quotas.max_specs = 1", (1, 8), "is a table of its own", "`quotas` at the top"),
        (
            "policy.allowed_tools = 'x'",
            (1, 24),
            "must be a list of names of tools",
            "[\"calculator\"]",
        ),
        ("policy.denied_tools = ['a', 1]", (1, 29), "`policy.denied_tools.1` must be a text", ""),
        ("policy.denied_tools = ['a', 'a']", (1, 29), "stands before it already", ""),
        ("policy.denied_tools = ['']", (1, 24), "is empty", "leave it out"),
        ("policy.denied_tools = [\"a\\u001b[2J\"]", (1, 24), "holds a control character", ""),
        ("retention.runs_days = 0", (1, 23), "must be from 1 to 36500", ""),
        ("retention.days = 1", (1, 11), "not known", "runs_days"),
        (
            "default_model = 'gpt-4o'",
            (1, 17),
            "not of the form provider/model",
            "openai/gpt-4o-mini",
        ),
        ("tenant = 'a b'", (1, 10), "`tenant` is not a slug", "letters, digits"),
        (&format!("actor = '{}'", "x".repeat(201)), (1, 9), "more than 200 characters", ""),
        ("providers = 1", (1, 13), "must be a table of providers by name", ""),
        (
            "[providers.'a b']\nbase_url = 'http://x'",
            (1, 1),
            "`providers.\"a b\"` is not the name of",
            "",
        ),
        ("[providers.x]", (1, 1), "says nothing", "base_url"),
        ("providers.x.max_retries = 11", (1, 27), "must be from 0 to 10", ""),
        ("providers.x.max_retry = 1", (1, 13), "not known", "did you mean `max_retries`"),
        ("providers.x.requests_per_minute = 0", (1, 35), "must be from 1", ""),
        ("providers.x.wire = 'a b'", (1, 20), "is not a slug", ""),
        ("providers.x.headers = 1", (1, 23), "must be a table of headers by name", ""),
        ("providers.x.headers.'a b'.env = 'A'", (1, 21), "is not the name of a header", "X-Title"),
        ("providers.x.headers.Host.env = 'A'", (1, 21), "is set by aikit itself", "`base_url`"),
        ("providers.x.headers.X-A = 'v'", (1, 27), "is a secret", "{env = \"NAME\"}"),
        (
            "[providers.x.headers]\nX-A.env = 'A'\nx-a.env = 'B'",
            (3, 1),
            "`providers.x.headers.x-a` stands there twice",
            "small letters",
        ),
        (
            "[providers.x]\napi_key.env = 'A'\nheaders.Authorization.env = 'B'",
            (1, 1),
            "says who asks twice",
            "take one of them",
        ),
        (
            &format!(
                "[providers.x.headers]\n{}",
                (0..33).map(|i| format!("x-{i}.env = 'A'\n")).collect::<String>()
            ),
            (1, 1),
            "has more than 32 headers",
            "",
        ),
        ("providers.x.cassette = 'a.json'", (1, 24), "is not an absolute path", ""),
        ("providers.x.total_ms = 0", (1, 24), "must be from 1", ""),
        ("run.cost_usd_per_run = -1", (1, 24), "must be US dollars", ""),
        ("providers.x.base_url = 'ftp://x'", (1, 24), "https:// or http://", ""),
        ("providers.x.base_url = 'https://'", (1, 24), "https:// or http://", ""),
        ("providers.x.base_url = 'https://x/v1?k=1'", (1, 24), "has parameters", ""),
        (
            "prices.gpt.input_usd_per_million = 1",
            (1, 8),
            "`prices.gpt` is not of the form",
            "[prices.",
        ),
        (
            "[prices.'a/b']\ninput_usd_per_million = 1",
            (1, 1),
            "has no `output_usd_per_million`",
            "0",
        ),
        ("store = 1", (1, 9), "must be a text", ""),
        ("store = {path = 'x'}", (1, 9), "one of `env` and `file`", "{env = \"NAME\"}"),
        ("a = 1\na = 2", (2, 1), "this is not TOML: duplicate key", ""),
        ("run.max_turns = 1\n[run]\nmax_turns = 2", (2, 2), "this is not TOML: duplicate key", ""),
        ("[run]\nmax_turns = 1\n[run]\n", (3, 2), "this is not TOML: duplicate key", ""),
        ("tenant = \"acme", (1, 15), "this is not TOML: invalid basic string", ""),
        ("tenant = \u{0}", (1, 10), "this is not TOML", ""),
        ("\u{feff}tenan = 'x'", (1, 1), "`tenan` is not known", "did you mean `tenant`"),
        ("tenant = 'x'\r\nactr = 'y'", (2, 1), "`actr` is not known", "did you mean `actor`"),
    ];
    for (text, (line, column), message, hint) in table {
        let error = refused(text);
        let place = (error.line(), error.column());
        assert_eq!(place, (Some(line), Some(column)), "{text:?}: {error}");
        assert!(error.message().contains(message), "{text:?}: {error}");
        assert!(error.hint_text().unwrap_or_default().contains(hint), "{text:?}: {error}");
        let start = format!("aikit.toml:{line}:{column}: ");
        assert!(error.message().starts_with(&start), "{text:?}: {error}");
    }
}

#[test]
fn faults_of_json_have_a_path() {
    let table = [
        (json!(null), "", "the configuration is missing"),
        (json!([]), "", "the configuration must be a table, and this is a list"),
        (json!({"quota": {}}), "/quota", "`quota` is not known"),
        (json!({"quotas": {"max_specs": -1}}), "/quotas/max_specs", "from 0 to"),
        (json!({"quotas": {"max_specs": u64::MAX}}), "/quotas/max_specs", "from 0 to"),
        (json!({"quotas": {"max_specs": "1"}}), "/quotas/max_specs", "and this is a text"),
        (json!({"prices": {"a/b~": {}}}), "/prices/a~1b~0", "has no `input_usd_per_million`"),
        (json!({"policy": {"denied_tools": [null]}}), "/policy/denied_tools/0", "this is nothing"),
        (json!({"store": "aikit.db"}), "/store", "`store` belongs in a profile"),
        (json!({"tenant": "acme"}), "/tenant", "`tenant` belongs in a profile"),
        (json!({"actor": "Ada"}), "/actor", "`actor` belongs in a profile"),
        (
            json!({"providers": {"x": {"cassette": "/tmp/x"}}}),
            "/providers/x/cassette",
            "belongs in a profile",
        ),
        (json!({"providers": {"": {"api_key": {"env": "X"}}}}), "/providers/", "is not the name"),
    ];
    for (value, path, message) in table {
        let error = refused_json(&value);
        assert_eq!(error.path(), Some(path), "{value}: {error}");
        assert!(error.message().contains(message), "{value}: {error}");
        assert_eq!((error.line(), error.column()), (None, None), "{value}");
    }
}

#[test]
fn secrets_stand_nowhere_and_no_error_shows_one() {
    const CANARY: &str = "sk-canary-7f3a9c";
    let table = [
        "providers.openai.api_key = 'CANARY'",
        "providers.openai.api_key = ['CANARY']",
        "providers.openai.api_key = {env = 'CANARY'}",
        "providers.openai.api_key = {file = 'CANARY'}",
        "providers.openai.api_key = {env = 'A', file = '/CANARY'}",
        "providers.openai.api_key = {literal = 'CANARY'}",
        "providers.openai.api_key = {}",
        "providers.openai.apikey = 'CANARY'",
        "providers.openai.headers = 'CANARY'",
        "providers.openai.headers.x-a = 'CANARY'",
        "providers.openai.headers.x-a = ['CANARY']",
        "providers.openai.headers.x-a.env = 'CANARY'",
        "providers.openai.headers.x-a.value = 'CANARY'",
        "providers.openai = 'CANARY'",
        "providers.openai.base_url = 'https://CANARY@host/v1'",
        "providers.openai.base_url = 'https://user:CANARY@host/v1'",
        "providers.openai.base_url = 'https://host/v1?key=CANARY'",
        "providers.openai.base_url = 'CANARY'",
        "store = 'postgres://user:CANARY@host/db'",
        "store = 'postgres://user:a/CANARY@host/db'",
        "store = 'postgres://host/db?user=u&password=CANARY'",
        "store = 'host=db PASSWORD=CANARY'",
        "store = {env = 'postgres://user:CANARY@host/db'}",
        "default_model = 'CANARY'",
        "tenant = 'CANARY '",
        "quotas.max_specs = 'CANARY'",
        "policy.allowed_tools = 'CANARY'",
        "providers.openai.api_key = CANARY",
        "providers.openai.api_key = 'CANARY",
    ];
    for text in table {
        let error = refused(&text.replace("CANARY", CANARY));
        let whole = format!("{error:?} {} {:?}", error.to_json(), error.cause());
        assert!(!whole.contains(CANARY), "{text}: {whole}");
    }
    for text in ["api_key = 'x'", "api_key = {literal = 'x'}", "api_key = 1"] {
        let error = refused(&format!("[providers.openai]\n{text}"));
        assert!(error.hint_text().unwrap_or_default().contains("{env = \"NAME\"}"), "{error}");
    }
}

#[test]
fn a_store_is_said_openly_when_there_is_nothing_to_hide() {
    for text in ["aikit.db", "/var/lib/aikit/a@b.db", "postgres://app@host:5432/db?sslmode=require"]
    {
        let settings = Settings::from_toml(&format!("store = '{text}'"), "p").expect(text);
        assert_eq!(settings.to_json(), json!({"store": text}));
    }
}

#[test]
fn hostile_texts_are_errors_and_nothing_worse() {
    for deep in [100, 10_000, 100_000] {
        refused(&format!("a = {}", "[".repeat(deep)));
        refused(&format!("a = {}{}", "{b = ".repeat(deep / 5), "}".repeat(deep / 5)));
        refused(&format!("{}b = 1", "a.".repeat(deep)));
        refused(&format!("[{}b]", "a.".repeat(deep)));
    }
    refused(&"=\n".repeat(100_000));
    // Every beginning of a profile, and every profile without one of its characters.
    for (at, c) in PROFILE.char_indices() {
        for text in
            [&PROFILE[..at], &format!("{}{}", &PROFILE[..at], &PROFILE[at + c.len_utf8()..])]
        {
            if let Err(error) = Settings::from_toml(text, "aikit.toml") {
                assert_eq!(error.code(), Code::ConfigInvalid);
                let lines = u32::try_from(text.lines().count()).expect("few");
                assert!(
                    error.line().is_some_and(|line| (1..=lines + 1).contains(&line)),
                    "{error}"
                );
            }
        }
    }
    refused(&"x".repeat(256 * 1024 + 1));
    let many: String = (0..5_000).map(|i| format!("k{i} = 1\n")).collect();
    let error = refused(&many);
    assert!(error.message().len() < 200, "{error}");
    let long = refused(&format!("\"{}\" = 1", "k".repeat(100_000)));
    assert!(long.message().len() < 200, "{long}");

    let mut deep = json!(1);
    for _ in 0..1_000 {
        deep = json!([deep]);
    }
    assert!(refused_json(&json!({"quotas": deep})).message().contains("nested deeper"));
    refused_json(&json!({"default_model": format!("a/{}", "b".repeat(256 * 1024))}));
    refused_json(&json!({"policy": {"denied_tools": vec![0; 256 * 1024]}}));
}

#[test]
fn a_profile_is_read_from_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("aikit.toml");
    std::fs::write(&path, format!("\u{feff}{PROFILE}")).expect("written");
    assert_eq!(Settings::read(&path).expect("a profile"), profile(&everything()));

    std::fs::write(&path, "tenant = 'a b'").expect("written");
    let error = Settings::read(&path).expect_err("no slug");
    assert!(error.message().starts_with(&format!("{}:1:10: ", path.display())), "{error}");

    let table: [(&[u8], Code); 2] =
        [(b"tenant = '\xff'", Code::FileUnreadable), (&[b'#'; 300_000], Code::ConfigInvalid)];
    for (bytes, code) in table {
        std::fs::write(&path, bytes).expect("written");
        assert_eq!(Settings::read(&path).expect_err("refused").code(), code);
    }
    let missing = folder.path().join("none.toml");
    assert_eq!(Settings::read(missing).expect_err("none").code(), Code::FileNotFound);
    assert_eq!(Settings::read(folder.path()).expect_err("folder").code(), Code::FileUnreadable);
}

#[cfg(unix)]
#[test]
fn the_path_of_a_file_need_not_be_utf8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(OsStr::from_bytes(b"a\xff.toml"));
    std::fs::write(&path, "tenant = 'acme'").expect("written");
    assert_eq!(Settings::read(&path).expect("read").tenant.as_deref(), Some("acme"));
    std::fs::write(&path, "tenant = 1").expect("written");
    assert!(Settings::read(&path).expect_err("refused").message().contains("a\u{fffd}.toml:1:10"));
}
