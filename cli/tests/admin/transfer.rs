use serde_json::Value;

use super::Shop;

fn names(value: &Value) -> Vec<&str> {
    let tenants = value["tenants"].as_array().expect("tenants");
    tenants.iter().filter_map(|tenant| tenant["tenant_id"].as_str()).collect()
}

#[test]
fn an_archive_goes_out_and_comes_in() {
    let shop = Shop::with_tenant("acme");
    let exported = shop.ok("tenant export acme acme.jsonl");
    assert!(exported.contains("\ndocuments      1     "), "{exported}");
    assert!(exported.contains("\nexported acme to acme.jsonl: 14 tables, "), "{exported}");
    shop.fails(1, "tenant export acme acme.jsonl", "is there already");
    shop.fails(1, "tenant export nobody x.jsonl", "error[tenant_not_found]");
    assert!(!shop.has("x.jsonl"));

    let imported = shop.line("tenant import acme.jsonl --store b.db");
    assert_eq!(imported.status, 0, "{imported:?}");
    assert!(imported.out.contains("\nimported acme and read it back: 14 tables, "), "{imported:?}");
    assert_eq!(shop.ok("run echo hi --tenant acme --store b.db"), "hi back\n");
    shop.fails(1, "tenant import acme.jsonl --store b.db", "error[tenant_exists]");
    let renamed = shop.line("tenant import acme.jsonl --store b.db --as beta");
    assert!(renamed.err.contains("note: its audit log begins anew"), "{renamed:?}");
    shop.fails(1, "tenant import acme.jsonl --store b.db --as c --parent no", "tenant_not_found");
    shop.fails(2, "tenant import acme.jsonl --parent a --top", "cannot be used with");

    let text = std::fs::read_to_string(shop.path().join("acme.jsonl")).expect("read");
    shop.write("forged.jsonl", &text.replace("Thirty days", "Ninety days"));
    shop.fails(1, "tenant import forged.jsonl --store c.db", "error[archive_invalid]");
    shop.fails(1, "tenant import none.jsonl --store c.db", "none.jsonl");
    assert_eq!(names(&shop.json("tenant list --store c.db")), Vec::<&str>::new());
}

#[test]
fn a_tenant_moves_and_both_sides_agree() {
    let shop = Shop::with_tenant("acme");
    let refused = shop.fails(2, "tenant move acme --to b.db", "say so with --yes");
    assert_eq!(refused.out, "");
    assert!(!shop.has("b.db"), "nothing was made");
    let moved = shop.line("tenant move acme --to b.db --yes");
    assert_eq!(moved.status, 0, "{moved:?}");
    assert!(moved.out.starts_with("here: ./aikit.db\nthere: b.db\n\nTABLE "), "{moved:?}");
    let rows = moved.out.lines().filter(|line| line.ends_with("  equal")).count();
    assert_eq!(rows, 13, "{moved:?}");
    assert!(moved.out.contains("\nmoved acme; both sides agree: 14 tables, "), "{moved:?}");
    assert!(moved.err.contains("suspended acme; if this is interrupted"), "{moved:?}");
    assert_eq!(names(&shop.json("tenant list")), Vec::<&str>::new());
    assert_eq!(shop.json("tenant show acme --store b.db")["tenant"]["status"], "active");
    assert_eq!(shop.ok("run echo hi --tenant acme --store b.db"), "hi back\n");
    // Its own chain came along, and holds there.
    assert!(shop.ok("audit verify --store b.db").contains("\nacme "));
}

#[test]
fn a_move_that_fails_leaves_everything_as_it_was() {
    let shop = Shop::with_tenant("acme");
    shop.ok("tenant create acme --store b.db --name other");
    shop.ok("tenant configure acme --store b.db --set quotas.max_specs=1");
    shop.write("echo.yaml", super::ECHO);
    shop.ok("spec save echo.yaml --tenant acme --store b.db");
    shop.fails(1, "tenant move acme --to b.db --yes", "error[tenant_exists]");
    assert_eq!(shop.json("tenant show acme")["tenant"]["status"], "active");
    assert_eq!(shop.json("tenant show acme --store b.db")["tenant"]["name"], "other");
    shop.fails(1, "tenant move nobody --to c.db --yes", "error[tenant_not_found]");
    assert!(!shop.has("c.db"), "nothing was made");
    shop.write("text.db", "this is no database, and never was one");
    shop.fails(1, "tenant move acme --to text.db --yes", "text.db: ");
    assert_eq!(shop.json("tenant show acme")["tenant"]["status"], "active");
    let empty = shop.aikit(&["tenant", "move", "acme", "--to", "", "--yes"]);
    assert_eq!(empty.status, 2, "{empty:?}");
}

#[test]
fn an_organisation_moves_with_its_tenants() {
    let shop = Shop::with_tenant("acme");
    shop.ok("tenant create acme-support --parent acme");
    shop.ok("tenant create acme-mail --parent acme-support");
    shop.ok("tenant suspend acme-mail");
    shop.fails(2, "tenant move acme --to b.db --yes", "move them with it: --children");
    // One of them is there already: nothing is moved, and those that came before it are taken back.
    shop.ok("tenant create acme-mail --store taken.db --name other");
    shop.fails(1, "tenant move acme --children --to taken.db --yes", "error[tenant_exists]");
    assert_eq!(names(&shop.json("tenant list --store taken.db")), ["acme-mail"]);
    assert_eq!(names(&shop.json("tenant list --status active")), ["acme", "acme-support"]);

    let reports = shop.json("tenant move acme --children --to b.db --yes");
    assert_eq!(reports.as_array().map(Vec::len), Some(3));
    let list = shop.json("tenant list --store b.db");
    assert_eq!(names(&list), ["acme", "acme-mail", "acme-support"]);
    let of = |key: &str| -> Vec<&Value> {
        list["tenants"].as_array().expect("tenants").iter().map(|t| &t[key]).collect()
    };
    assert_eq!(
        of("parent"),
        ["null", "acme-support", "acme"]
            .map(|p| match p {
                "null" => Value::Null,
                id => id.into(),
            })
            .iter()
            .collect::<Vec<_>>()
    );
    assert_eq!(of("status"), ["active", "suspended", "active"]);
    assert_eq!(names(&shop.json("tenant list")), Vec::<&str>::new());
}

#[test]
fn a_copy_stays_beside_its_original() {
    let shop = Shop::with_tenant("acme");
    let copied = shop.line("tenant copy acme --to b.db");
    assert!(copied.out.contains("\ncopied acme; both sides agree: "), "{copied:?}");
    let kept = shop.line("tenant move acme --to c.db --keep");
    assert!(kept.out.contains("\ncopied acme; both sides agree: "), "{kept:?}");
    assert!(!kept.err.contains("suspended"), "{kept:?}");
    let other = shop.line("tenant copy acme --to ./aikit.db --as acme-test");
    assert!(other.out.contains("both sides agree but for what was to differ"), "{other:?}");
    assert!(other.out.contains("  as wished\n"), "{other:?}");
    assert_eq!(names(&shop.json("tenant list")), ["acme", "acme-test"]);
    for store in ["./aikit.db", "b.db", "c.db"] {
        assert_eq!(shop.ok(&format!("run echo hi --tenant acme --store {store}")), "hi back\n");
    }
    shop.fails(2, "tenant move acme --to d.db --keep --yes", "cannot be used with");
    shop.fails(2, "tenant copy acme", "--to");
}
