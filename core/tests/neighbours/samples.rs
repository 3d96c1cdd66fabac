//! The sample texts, their leaves, and texts mangled in a way that repeats itself.

use std::path::Path;

use aikit::spec::Spec;
use aikit::spec::neighbours::Format;
use serde_json::Value as Json;

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/neighbours"))
}

pub(crate) fn read(file: &str) -> String {
    std::fs::read_to_string(folder().join(file)).expect(file)
}

/// Every sample with its name and its format.
pub(crate) fn all() -> Vec<(String, Format, String)> {
    let mut files: Vec<String> = std::fs::read_dir(folder())
        .expect("the folder of samples")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| !name.ends_with(".rs"))
        .collect();
    files.sort();
    let format = |file: &str| match file.split('-').next() {
        Some("oracle") => Format::Oracle,
        Some("oa") => Format::OpenAgentSpec,
        Some("docker") => Format::DockerAgent,
        Some("adl") => Format::Adl,
        Some("adk") => Format::GoogleAdk,
        Some("maf") => Format::AgentFramework,
        _ => Format::CrewAi,
    };
    files.into_iter().map(|file| (file.clone(), format(&file), read(&file))).collect()
}

/// A text as a tree: the reader of specs reads it as an extension, which is kept as it is.
pub(crate) fn tree(text: &str) -> Option<Json> {
    let indented: String = text.lines().map(|line| format!("    {line}\n")).collect();
    let spec = Spec::parse(&format!("agent: tree\nextensions:\n  tree:\n{indented}")).ok()?;
    spec.document().extensions.get("tree").cloned()
}

/// The JSON pointers of all leaves.
pub(crate) fn leaves(tree: &Json) -> Vec<String> {
    fn walk(value: &Json, path: &str, out: &mut Vec<String>) {
        match value {
            Json::Array(items) if !items.is_empty() => {
                for (i, item) in items.iter().enumerate() {
                    walk(item, &format!("{path}/{i}"), out);
                }
            }
            Json::Object(map) if !map.is_empty() => {
                for (key, item) in map {
                    let key = key.replace('~', "~0").replace('/', "~1");
                    walk(item, &format!("{path}/{key}"), out);
                }
            }
            _ => out.push(path.to_owned()),
        }
    }
    let mut out = Vec::new();
    walk(tree, "", &mut out);
    out
}

/// A generator of numbers that always gives the same ones (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end.max(1) as u64).unwrap_or(0)
    }
}

/// The tree with up to four nodes taken out, replaced, doubled, or put elsewhere.
pub(crate) fn mangle(tree: &Json, name: &str, round: u64) -> Json {
    let seed =
        name.bytes().fold(0x9e37_79b9_7f4a_7c15, |seed: u64, b| seed.rotate_left(5) ^ u64::from(b));
    let mut dice = Dice((seed ^ (round + 1).wrapping_mul(0x2545_f491_4f6c_dd1d)) | 1);
    let mut tree = tree.clone();
    for _ in 0..=dice.below(4) {
        let mut nodes = Vec::new();
        pointers(&tree, "", &mut nodes);
        let at = nodes[dice.below(nodes.len())].clone();
        let other = tree.pointer(&nodes[dice.below(nodes.len())]).cloned().unwrap_or_default();
        let junk = [
            Json::Null,
            Json::Bool(true),
            0.into(),
            (-1).into(),
            1e300.into(),
            "".into(),
            "{{ x }} {% y".into(),
            "../../etc".into(),
            "a b/c:d".into(),
            "\u{7}\u{1f600}".into(),
            Json::Array(Vec::new()),
            other.clone(),
            serde_json::json!([[], {}, [null]]),
            serde_json::json!({"$component_ref": "llm", "type": 5}),
        ];
        let value = junk[dice.below(junk.len())].clone();
        let Some((above, key)) = at.rsplit_once('/') else { continue };
        let key = key.replace("~1", "/").replace("~0", "~");
        let what = dice.below(4);
        match tree.pointer_mut(above) {
            Some(Json::Object(map)) => {
                match what {
                    0 => drop(map.remove(&key)),
                    1 => drop(map.insert(format!("{key}-2"), other)),
                    2 => drop(map.insert(key, value)),
                    _ => drop(map.insert(
                        ["name", "id", "type", "tools", "model"][dice.below(5)].into(),
                        value,
                    )),
                }
            }
            Some(Json::Array(items)) => {
                let index: usize = key.parse().unwrap_or(0);
                match what {
                    0 => drop(items.remove(index)),
                    1 => items.push(items[index].clone()),
                    2 => items[index] = value,
                    _ => items.insert(index, value),
                }
            }
            _ => {}
        }
    }
    tree
}

fn pointers(value: &Json, path: &str, out: &mut Vec<String>) {
    out.push(path.to_owned());
    match value {
        Json::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                pointers(item, &format!("{path}/{i}"), out);
            }
        }
        Json::Object(map) => {
            for (key, item) in map {
                pointers(
                    item,
                    &format!("{path}/{}", key.replace('~', "~0").replace('/', "~1")),
                    out,
                );
            }
        }
        _ => {}
    }
}
