//! The past is not judged by today's rules: a history that no command would write today is read as it is.

use basket_cli::EmbeddedStore;
use basket_domain::BasketEvent::ItemRemoved;
use basket_mongo::{Baskets, CommitId, EventStore, Expected};
use testkit::{
    mongo::{created_with_socks, product, with_database},
    shell::Shell,
};

/// Socks, and then a removal of clocks that were never in the basket.
async fn odd_history(store: &impl EventStore<basket_domain::Basket>) -> String {
    let mut basket = created_with_socks();
    store.save(&mut basket).await.unwrap();
    let removed = ItemRemoved { basket_id: *basket.id(), product: product("clocks") };
    store.append(basket.id(), Expected::Loaded(2), CommitId::new(), &[removed]).await.unwrap();
    basket.id().to_string()
}

fn is_read_and_named_as_a_warning(shell: &Shell, id: &str) {
    shell.basket(&format!("get {id}")).says("socks = 1\n");
    shell.basket(&format!("add {id} rocks")).says("");
    assert_eq!(shell.basket("list").code, 0);

    let why = "(version 3): it removes 'clocks', which is not in the basket then";
    for words in ["verify".to_owned(), format!("verify {id}")] {
        let verified = shell.basket(&words);
        assert_eq!(verified.code, 0, "{verified:?}");
        assert!(verified.out.starts_with("warning: the document with _id ObjectId('") && verified.out.contains(why));
        assert_eq!(verified.err, "4 events of 1 basket were read: all can be read, with 1 warning\n");
        let strict = shell.basket(&format!("{words} --strict"));
        strict.fails_after_printing(7, "4 events of 1 basket were read, all can be read, with 1 warning");
    }
    let json = shell.basket("verify --format json");
    let findings: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&findings[0]["severity"], &findings[0]["version"]), (&"warning".into(), &3.into()), "{findings}");

    let exported = shell.basket("export");
    assert_eq!((exported.code, exported.out.lines().count()), (0, 6), "{exported:?}");
    std::fs::write(shell.folder.path().join("all.ndjson"), exported.out).unwrap();
    shell.basket("import all.ndjson --store copy.db").says("4 events read: 4 new, 0 there already\n");
    shell.basket(&format!("get {id} --store copy.db")).says("socks = 1\nrocks = 1\n");
}

#[tokio::test]
async fn embedded_a_removal_of_what_was_never_there_is_read_and_named_as_a_warning() {
    let shell = Shell::new().with("BASKET_STORE", "baskets.db");
    let id = odd_history(&EmbeddedStore::<Baskets>::at(shell.folder.path().join("baskets.db"))).await;
    is_read_and_named_as_a_warning(&shell, &id);
}

#[test]
fn mongo_a_removal_of_what_was_never_there_is_read_and_named_as_a_warning() {
    with_database(async |db| {
        let id = odd_history(&db.store().await).await;
        is_read_and_named_as_a_warning(&Shell::new().with("BASKET_STORE", db.address), &id);
    });
}
