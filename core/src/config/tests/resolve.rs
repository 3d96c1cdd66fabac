//! What holds, and why.

use serde_json::{Value as Json, json};

use super::{everything, everything_of_a_tenant, profile, tenant};
use crate::agent::RunOptions;
use crate::config::{Layer, Settings, Source, resolve};
use crate::spec::Spec;

const SPEC: &str = "agent: handbook\nversion: 1.2.0\nmodel: scripted/x\nscript: [{text: hi}]\n";

fn layer(source: Source, settings: Settings) -> Layer {
    Layer { source, settings }
}

fn of_profile(value: &Json) -> Layer {
    layer(Source::Profile("aikit.toml".into()), profile(value))
}

fn of_tenant(id: &str, value: &Json) -> Layer {
    layer(Source::Tenant(id.into()), tenant(value))
}

fn of_spec(rest: &str) -> Layer {
    Layer::spec(&Spec::parse(&format!("{SPEC}{rest}")).expect("a spec"))
}

/// The row of a key, without its key.
fn row(layers: &[Layer], key: &str) -> Json {
    let rows = serde_json::to_value(resolve(layers).explain()).expect("JSON");
    let found: Vec<&Json> =
        rows.as_array().expect("rows").iter().filter(|row| row["key"] == key).collect();
    assert_eq!(found.len(), 1, "{key}: {rows:#}");
    let mut row = found[0].clone();
    row.as_object_mut().expect("a row").remove("key");
    row
}

#[test]
fn one_layer_gives_itself() {
    let whole = everything();
    let mut all = vec![profile(&whole), tenant(&everything_of_a_tenant()), Settings::default()];
    // Each block alone, and all without it.
    for (key, value) in whole.as_object().expect("an object") {
        all.push(profile(&json!({key: value})));
        let mut rest = whole.clone();
        rest.as_object_mut().expect("an object").remove(key);
        all.push(profile(&rest));
    }
    all.push(Layer::defaults().settings);
    all.push(of_spec("behavior: {timeout_ms: 5}\n").settings);
    for settings in all {
        let one = layer(Source::Call, settings.clone());
        let resolved = resolve(std::slice::from_ref(&one));
        assert_eq!(resolved.settings, settings);
        // Said twice it is the same.
        assert_eq!(resolve(&[one.clone(), one]).settings, settings);
        for row in resolved.explain().rows {
            assert_eq!((row.source, row.overruled), (vec![Source::Call], vec![]), "{}", row.key);
        }
    }
    assert_eq!(resolve(&[]).settings, Settings::default());
    assert!(resolve(&[]).explain().rows.is_empty());
}

#[test]
fn every_value_that_holds_is_explained_once_in_order() {
    let resolved = resolve(&[Layer::defaults(), of_profile(&everything())]);
    let keys: Vec<String> = resolved.explain().rows.into_iter().map(|row| row.key).collect();
    let mut sorted = keys.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(keys, sorted);
    for key in [
        "actor",
        "policy.allowed_tools",
        "prices.\"openai/gpt-4o-mini\".output_usd_per_million",
        "providers.\"own.host\".api_key",
        "providers.env.base_url",
        "providers.openai.headers.env",
        "quotas.cost_limit_usd_per_day",
        "retention.runs_days",
        "run.timeout_ms",
        "store",
    ] {
        assert!(keys.iter().any(|k| k == key), "{key}: {keys:?}");
    }
    assert_eq!(keys.len(), 43, "{keys:?}");
}

#[test]
fn the_later_layer_replaces() {
    let layers = [
        Layer::defaults(),
        of_profile(&json!({"run": {"max_turns": 5}, "default_model": "a/b", "tenant": "acme"})),
        of_tenant("acme", &json!({"run": {"max_turns": 7, "timeout_ms": 100}})),
        of_spec("behavior: {max_turns: 10}\n"),
        Layer::call(Some("c/d"), &RunOptions { max_turns: Some(2), ..RunOptions::default() }),
    ];
    assert_eq!(
        row(&layers, "run.max_turns"),
        json!({"value": 2, "source": "call", "overruled": [
            {"value": 10, "source": "default"},
            {"value": 5, "source": "profile aikit.toml"},
            {"value": 7, "source": "tenant acme"},
            {"value": 10, "source": "spec handbook@1.2.0"},
        ]})
    );
    assert_eq!(
        row(&layers, "default_model"),
        json!({"value": "c/d", "source": "call", "overruled": [
            {"value": "a/b", "source": "profile aikit.toml"},
            {"value": "scripted/x", "source": "spec handbook@1.2.0"},
        ]})
    );
    assert_eq!(
        row(&layers, "run.timeout_ms"),
        json!({"value": 100, "source": "tenant acme", "overruled": []})
    );
    assert_eq!(
        row(&layers, "tenant"),
        json!({"value": "acme", "source": "profile aikit.toml",
               "overruled": [{"value": "default", "source": "default"}]})
    );
}

#[test]
fn the_smallest_quota_wins_wherever_it_stands() {
    let quota = |n: u64| json!({"quotas": {"max_storage_mb": n, "cost_limit_usd_per_day": 1.5}});
    let org = of_tenant("org", &quota(100));
    let team = of_tenant("team", &quota(300));
    let user = of_tenant("user", &quota(100));
    // The tenant's quotas are counted over all of its agents: one spec cannot narrow them.
    let spec = of_spec("governance: {security: {resource_limits: {max_storage_mb: 20}}}\n");
    assert_eq!(
        row(&[org, team, user, spec], "quotas.max_storage_mb"),
        json!({"value": 100, "source": "tenant org, tenant user", "overruled": [
            {"value": 300, "source": "tenant team"},
        ]})
    );
    let layers = [of_tenant("a", &quota(1)), of_tenant("b", &json!({"quotas": {"max_specs": 0}}))];
    let quotas = resolve(&layers).settings.policy.quotas;
    assert_eq!((quotas.max_storage_mb, quotas.max_specs), (Some(1), Some(0)));
    assert_eq!(quotas.cost_limit_usd_per_day, Some(1.5));
}

#[test]
fn policies_only_narrow() {
    let tools = |allowed: &[&str], denied: &[&str]| json!({"policy": {"allowed_tools": allowed, "denied_tools": denied}});
    let layers = [
        Layer::defaults(),
        of_profile(&tools(&["a", "b", "c"], &["x"])),
        of_tenant("acme", &tools(&["c", "a", "d"], &["y", "x"])),
        of_spec("governance: {security: {denied_tools: [z, z]}}\n"),
    ];
    let policy = resolve(&layers).settings.policy;
    assert_eq!(policy.allowed_tools, Some(vec!["a".to_owned(), "c".to_owned()]));
    assert_eq!(policy.denied_tools, ["x", "y", "z"]);
    assert_eq!(
        row(&layers, "policy.allowed_tools"),
        json!({
            "value": ["a", "c"],
            "source": "profile aikit.toml, tenant acme",
            "elements": [
                {"value": "a", "source": "profile aikit.toml, tenant acme"},
                {"value": "c", "source": "profile aikit.toml, tenant acme"},
            ],
            "overruled": [
                {"value": "b", "source": "profile aikit.toml"},
                {"value": "d", "source": "tenant acme"},
            ],
        })
    );
    assert_eq!(
        row(&layers, "policy.denied_tools"),
        json!({
            "value": ["x", "y", "z"],
            "source": "profile aikit.toml, tenant acme, spec handbook@1.2.0",
            "elements": [
                {"value": "x", "source": "profile aikit.toml, tenant acme"},
                {"value": "y", "source": "tenant acme"},
                {"value": "z", "source": "spec handbook@1.2.0"},
            ],
            "overruled": [],
        })
    );
    // Nothing in common: nothing is allowed, which is not the same as no rule.
    let layers = [of_profile(&tools(&["a"], &[])), of_tenant("acme", &tools(&["b"], &[]))];
    let policy = resolve(&layers).settings.policy;
    assert_eq!(policy.allowed_tools, Some(vec![]));
    assert!(policy.forbids("a").is_some() && policy.forbids("b").is_some());
    assert_eq!(row(&layers, "policy.allowed_tools")["value"], json!([]));
}

#[test]
fn no_order_of_layers_makes_a_policy_wider() {
    let some = [
        tenant(&everything_of_a_tenant()),
        tenant(&json!({"policy": {"allowed_tools": ["datetime", "shell"]},
                       "quotas": {"max_specs": 3, "max_documents": 5000}})),
        tenant(&json!({"policy": {"denied_tools": ["datetime"]}, "quotas": {"max_vectors": 0}})),
    ];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let layers = order.map(|i| layer(Source::Call, some[i].clone()));
        let policy = resolve(&layers).settings.policy;
        for tool in ["calculator", "datetime", "shell", "other"] {
            let forbidden = some.iter().any(|settings| settings.policy.forbids(tool).is_some());
            assert_eq!(policy.forbids(tool).is_some(), forbidden, "{order:?} {tool}");
        }
        let quotas = policy.quotas;
        let held = (quotas.max_specs, quotas.max_documents, quotas.max_vectors);
        assert_eq!(held, (Some(3), Some(1000), Some(0)), "{order:?}");
    }
}

#[test]
fn a_price_is_replaced_whole_and_providers_key_by_key() {
    let layers = [
        of_profile(&everything()),
        of_tenant(
            "acme",
            &json!({
                "prices": {"openai/gpt-4o-mini": {"input_usd_per_million": 1, "output_usd_per_million": 2}},
                "providers": {"openai": {"api_key": {"env": "OTHER"}}},
            }),
        ),
    ];
    let held = resolve(&layers).settings;
    assert_eq!(held.prices["openai/gpt-4o-mini"].output_usd_per_million, 2.0);
    assert_eq!(held.prices.len(), 2);
    assert_eq!(held.providers["openai"].base_url.as_deref(), Some("https://api.openai.com/v1"));
    assert_eq!(
        row(&layers, "prices.\"openai/gpt-4o-mini\".input_usd_per_million"),
        json!({"value": 1.0, "source": "tenant acme",
               "overruled": [{"value": 0.15, "source": "profile aikit.toml"}]})
    );
}

#[test]
fn keys_and_headers_stay_with_their_address() {
    let held = |later: Json| {
        let first = json!({"mine": {"base_url": "http://a/v1", "api_key": {"env": "KEY"},
            "headers": {"X-A": {"env": "A"}, "X-B": {"env": "B"}}}});
        let layers = [
            of_profile(&json!({"providers": first})),
            of_tenant("acme", &json!({"providers": {"mine": later}})),
        ];
        let mine = &resolve(&layers).settings.providers["mine"];
        let said = serde_json::to_value(mine).expect("JSON");
        let names = mine.headers.keys().cloned().collect::<Vec<_>>().join(" ");
        (names, said["api_key"]["env"].clone(), said["headers"]["x-a"]["env"].clone())
    };
    let is = |names: &str, key: Json, a: Json| (names.to_owned(), key, a);
    let (key, a) = (json!("KEY"), json!("A"));
    // By name, in any case.
    let other = json!({"headers": {"x-A": {"env": "OTHER"}, "X-C": {"env": "C"}}});
    assert_eq!(held(other), is("x-a x-b x-c", key.clone(), json!("OTHER")));
    let same = json!({"base_url": "http://a/v1", "max_retries": 1});
    assert_eq!(held(same), is("x-a x-b", key.clone(), a.clone()));
    // Neither goes to another address, which may have its own.
    assert_eq!(held(json!({"base_url": "http://b/v1"})), is("", Json::Null, Json::Null));
    let own = json!({"base_url": "http://b/v1", "headers": {"X-C": {"env": "C"}}});
    assert_eq!(held(own), is("x-c", Json::Null, Json::Null));
    // Who asks is said by one of them.
    let bearer = json!({"headers": {"Authorization": {"env": "TOKEN"}}});
    assert_eq!(held(bearer.clone()), is("authorization x-a x-b", Json::Null, a.clone()));
    let layers = [
        of_profile(&json!({"providers": {"mine": bearer}})),
        of_tenant("acme", &json!({"providers": {"mine": {"api_key": {"env": "KEY"}}}})),
    ];
    let mine = &resolve(&layers).settings.providers["mine"];
    assert!(mine.api_key.is_some() && mine.headers.is_empty());
    assert_eq!(
        row(&layers, "providers.mine.headers.authorization"),
        json!({"value": null, "source": "tenant acme",
               "overruled": [{"value": "env:TOKEN", "source": "profile aikit.toml"}]})
    );
}

#[test]
fn a_spec_says_what_is_written_in_it() {
    assert_eq!(of_spec("").settings.to_json(), json!({"default_model": "scripted/x"}));
    let no_model = Spec::parse("agent: handbook\n").expect("a spec");
    assert_eq!(Layer::spec(&no_model).settings, Settings::default());
    // The default of the format, said by the spec itself.
    let said = of_spec("behavior: {max_turns: 10}\n").settings.run;
    assert_eq!((said.max_turns, said.timeout_ms), (Some(10), None));
    let whole = of_spec(
        "behavior: {max_turns: 3, timeout_ms: 500}\n\
         governance:\n  security:\n    allowed_tools: [a]\n    denied_tools: [b]\n    \
         resource_limits: {max_concurrent_executions: 1, max_memory_mb: 2, max_cpu_percent: 3, max_storage_mb: 4}\n  \
         compliance: {data_retention_days: 30}\n  \
         rate_limits: {requests_per_minute: 5, llm_tokens_per_day: 6, cost_limit_usd_per_day: 7.5}\n",
    );
    assert_eq!(whole.source, Source::Spec("handbook@1.2.0".into()));
    assert_eq!(
        whole.settings.to_json(),
        json!({
            "default_model": "scripted/x",
            "policy": {"allowed_tools": ["a"], "denied_tools": ["b"]},
            "run": {"max_turns": 3, "timeout_ms": 500},
        })
    );
}

#[test]
fn people_see_aligned_columns() {
    let layers = [
        Layer::defaults(),
        of_profile(&json!({
            "default_model": "openai/gpt-4o-mini",
            "policy": {"allowed_tools": ["a"], "denied_tools": ["x"]},
            "providers": {"openai": {"api_key": {"env": "AIKIT_TEST_NO_SUCH_VARIABLE"}}},
            "actor": "w".repeat(100),
        })),
        layer(
            Source::Tenant("ac\u{1b}me".into()),
            tenant(&json!({"policy": {"allowed_tools": ["b"], "denied_tools": ["y"]},
                           "run": {"max_turns": 3}})),
        ),
    ];
    let wide = "w".repeat(100);
    let expected = format!(
        "\
actor                     {wide}  profile aikit.toml
default_model             openai/gpt-4o-mini                         profile aikit.toml
policy.allowed_tools      none                                       profile aikit.toml, tenant ac\\u{{1b}}me
  overruled               a                                          profile aikit.toml
  overruled               b                                          tenant ac\\u{{1b}}me
policy.denied_tools       x                                          profile aikit.toml
                          y                                          tenant ac\\u{{1b}}me
providers.openai.api_key  env:AIKIT_TEST_NO_SUCH_VARIABLE (missing)  profile aikit.toml
run.max_turns             3                                          tenant ac\\u{{1b}}me
  overruled               10                                         default
tenant                    default                                    default
"
    );
    assert_eq!(resolve(&layers).explain().to_string(), expected);
}
