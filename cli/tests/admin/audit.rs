use super::Shop;

/// The head of a chain, as it is printed.
fn head(table: &str, chain: &str) -> String {
    let mut words = table.split_whitespace();
    let start = format!("{chain}:");
    words.rfind(|word| word.starts_with(&start)).expect("a head").to_owned()
}

#[test]
fn the_log_is_listed_in_pages() {
    let shop = Shop::with_tenant("acme");
    shop.ok("tenant create beta");
    shop.ok("tenant suspend beta --why unpaid --by grace");
    let log = shop.ok("audit list");
    assert!(log.contains("grace  tenant.suspended"), "{log}");
    let page = shop.line("audit list --limit 1");
    assert_eq!(page.out.lines().count(), 2, "{page:?}");
    assert!(page.err.contains("aikit audit list --limit 1 --after 1\n"), "{page:?}");
    assert_eq!(shop.json("audit list --after 1")["entries"][0]["seq"], 2);
    let own = shop.ok("audit list --tenant acme");
    assert!(own.contains("spec.promoted") || own.contains("spec.saved"), "{own}");
    shop.fails(1, "audit list --tenant nobody", "error[tenant_not_found]");
    shop.fails(2, "audit list --limit 0", "invalid value");
}

#[test]
fn a_head_that_was_noted_shows_what_was_cut_off() {
    let shop = Shop::with_tenant("acme");
    shop.ok("db backup before.db");
    let at_first = head(&shop.ok("audit verify"), "acme");
    shop.ok("spec deprecate echo@1.0.0 --tenant acme");
    let later = head(&shop.ok("audit verify --tenant acme"), "acme");
    assert_ne!(at_first, later);
    shop.ok(&format!("audit verify --expect {at_first} --expect {later}"));
    // The copy from before has not come as far as the head that was noted.
    let cut = shop.line(&format!("audit verify --store before.db --expect {later}"));
    assert_eq!(cut.status, 1, "{cut:?}");
    assert!(cut.out.contains("BROKEN"), "{cut:?}");
    assert!(cut.out.contains("\nthe chain acme breaks at entry "), "{cut:?}");
    let json = shop.line(&format!("audit verify --store before.db --expect {later} --format json"));
    assert_eq!(json.status, 1);
    for wrong in ["acme", "acme:1", "acme:x:00", "acme:1:00"] {
        shop.fails(2, &format!("audit verify --expect {wrong}"), "is not a head of a chain");
    }
}
