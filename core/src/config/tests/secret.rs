//! Secrets are read when they are used, and shown never.

use secrecy::ExposeSecret;
use serde_json::json;

use super::{profile, tenant};
use crate::config::{Address, Layer, SecretRef, SecretState, Source, resolve};
use crate::error::Code;

/// A variable that the tests are always run with, whose value is nobody's name.
const VARIABLE: &str = "CARGO_MANIFEST_DIR";
const ABSENT: &str = "AIKIT_TEST_NO_SUCH_VARIABLE";

#[test]
fn a_file_is_read_without_the_end_of_its_last_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key");
    let reference = SecretRef::File(path.to_str().expect("text").to_owned());
    for (bytes, secret) in [
        ("sk-1", "sk-1"),
        ("sk-1\n", "sk-1"),
        ("sk-1\r\n", "sk-1"),
        ("sk-1\n\n", "sk-1"),
        (" two\nlines \n", " two\nlines "),
    ] {
        std::fs::write(&path, bytes).expect("written");
        assert_eq!(reference.read().expect("read").expose_secret(), secret);
        assert_eq!(reference.state(), SecretState::Set);
    }
}

#[test]
fn what_cannot_be_read_is_an_error_that_names_the_reference() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        SecretRef::File(path.to_str().expect("text").to_owned())
    };
    let at =
        |name: &str| SecretRef::File(folder.path().join(name).to_str().expect("text").to_owned());
    let table = [
        (SecretRef::Env(ABSENT.into()), Code::ConfigInvalid, "is not set", SecretState::Missing),
        (at("none"), Code::FileNotFound, "there is no file", SecretState::Missing),
        (at("."), Code::FileUnreadable, "is not a file", SecretState::Missing),
        (file("empty", b""), Code::ConfigInvalid, "is empty", SecretState::Missing),
        (file("blank", b"\n"), Code::ConfigInvalid, "is empty", SecretState::Set),
        (file("bytes", b"canary\xff"), Code::ConfigInvalid, "not a text", SecretState::Set),
        (file("large", &[b'x'; 65_537]), Code::ConfigInvalid, "larger than 64", SecretState::Set),
    ];
    for (reference, code, message, state) in table {
        let error = reference.read().expect_err("refused");
        assert_eq!(error.code(), code, "{error}");
        assert!(error.message().contains(message), "{error}");
        assert!(error.hint_text().is_some() || error.path().is_some(), "{error}");
        let whole = format!("{error:?} {}", error.to_json());
        assert!(!whole.contains("canary") && !whole.contains("xxxx"), "{whole}");
        assert_eq!(reference.state(), state, "{reference}");
    }
    let largest = file("largest", &[b'x'; 65_536]);
    assert_eq!(largest.read().expect("read").expose_secret().len(), 65_536);
}

#[test]
fn a_variable_is_read_when_it_is_used() {
    let value = std::env::var(VARIABLE).expect("set by cargo");
    let reference = SecretRef::Env(VARIABLE.into());
    assert_eq!(reference.read().expect("read").expose_secret(), value);
    assert_eq!(reference.state(), SecretState::Set);
    let address = Address::Secret(reference);
    assert_eq!(address.read().expect("read").expose_secret(), value);
    assert_eq!(Address::Open("a.db".into()).read().expect("read").expose_secret(), "a.db");
}

#[test]
fn no_dump_holds_a_secret() {
    const CANARY: &str = "canary-5d1e7b";
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("key");
    std::fs::write(&path, CANARY).expect("written");
    let file = path.to_str().expect("text");
    let value = std::env::var(VARIABLE).expect("set by cargo");

    let ours = profile(&json!({
        "store": {"env": VARIABLE},
        "providers": {
            "openai": {"api_key": {"file": file}},
            "moved": {"api_key": {"file": file}},
            "absent": {"api_key": {"env": ABSENT}},
        },
    }));
    let theirs = tenant(&json!({"providers": {
        "openai": {"api_key": {"env": VARIABLE}},
        "moved": {"base_url": "https://elsewhere.example/v1"},
    }}));
    let layers = [
        Layer { source: Source::Profile("aikit.toml".into()), settings: ours },
        Layer { source: Source::Tenant("acme".into()), settings: theirs },
    ];
    let resolved = resolve(&layers);
    let explanation = resolved.explain();
    let dumps = [
        explanation.to_string(),
        format!("{explanation:?}"),
        serde_json::to_string_pretty(&explanation).expect("JSON"),
        resolved.settings.to_json().to_string(),
        format!("{resolved:?}"),
    ];
    for dump in &dumps {
        assert!(!dump.contains(CANARY), "{dump}");
        assert!(!dump.contains(&value), "{dump}");
        assert!(dump.contains(VARIABLE), "{dump}");
    }
    let rows = serde_json::to_value(&explanation).expect("JSON");
    assert_eq!(
        rows,
        json!([
            {"key": "providers.absent.api_key", "value": format!("env:{ABSENT}"),
             "source": "profile aikit.toml", "secret": "missing", "overruled": []},
            {"key": "providers.moved.api_key", "value": null, "source": "tenant acme",
             "overruled": [{"value": format!("file:{file}"), "source": "profile aikit.toml"}]},
            {"key": "providers.moved.base_url", "value": "https://elsewhere.example/v1",
             "source": "tenant acme", "overruled": []},
            {"key": "providers.openai.api_key", "value": format!("env:{VARIABLE}"),
             "source": "tenant acme", "secret": "set",
             "overruled": [{"value": format!("file:{file}"), "source": "profile aikit.toml"}]},
            {"key": "store", "value": format!("env:{VARIABLE}"),
             "source": "profile aikit.toml", "secret": "set", "overruled": []},
        ])
    );
}

#[test]
fn a_key_goes_to_the_address_that_it_was_given_for() {
    let key = json!({"env": "KEY"});
    let other = json!({"env": "OTHER"});
    let table = [
        // Earlier, later, what holds.
        (json!({"api_key": key}), json!({"base_url": "http://b"}), json!({"base_url": "http://b"})),
        (
            json!({"base_url": "http://a", "api_key": key}),
            json!({"base_url": "http://b"}),
            json!({"base_url": "http://b"}),
        ),
        (
            json!({"base_url": "http://a", "api_key": key}),
            json!({"base_url": "http://a"}),
            json!({"base_url": "http://a", "api_key": key}),
        ),
        (
            json!({"base_url": "http://a", "api_key": key}),
            json!({"base_url": "http://b", "api_key": other}),
            json!({"base_url": "http://b", "api_key": other}),
        ),
        (
            json!({"base_url": "http://a", "api_key": key}),
            json!({"api_key": other}),
            json!({"base_url": "http://a", "api_key": other}),
        ),
    ];
    for (earlier, later, holds) in table {
        let layer = |provider: &serde_json::Value| Layer {
            source: Source::Call,
            settings: tenant(&json!({"providers": {"x": provider}})),
        };
        let resolved = resolve(&[layer(&earlier), layer(&later)]);
        assert_eq!(resolved.settings.to_json(), json!({"providers": {"x": holds}}));
    }
}
