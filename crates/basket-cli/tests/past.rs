//! The past is not judged by today's rules: a history that no command would write today is read as it is.

use serde_json::Value;
use testkit::{on_both_stores, one_basket::OneBasket, planted::plant, shell::Shell};

on_both_stores! {
    a_removal_of_what_is_not_there_is_read_and_named_as_a_warning
}

fn a_removal_of_what_is_not_there_is_read_and_named_as_a_warning(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID clocks", "remove ID clocks"]);
    // It removes the clocks a second time.
    plant(shell, "ItemRemoved");
    basket.says("get ID", "socks = 1\n");
    basket.does(["add ID rocks"]);
    assert_eq!(shell.basket("list").code, 0);

    let why = "(version 5): it removes 'clocks', which is not in the basket then";
    for words in ["verify", "verify ID"] {
        let verified = basket.basket(words);
        assert_eq!(verified.code, 0, "{verified:?}");
        assert!(verified.out.starts_with("warning: the document with _id ObjectId('") && verified.out.contains(why));
        assert_eq!(verified.err, "6 events of 1 basket were read: all can be read, with 1 warning\n");
        let strict = basket.basket(&format!("{words} --strict"));
        strict.fails_after_printing(7, "6 events of 1 basket were read, all can be read, with 1 warning");
    }
    let findings: Value = serde_json::from_str(&shell.basket("verify --format json").out).unwrap();
    assert_eq!((&findings[0]["severity"], &findings[0]["version"]), (&"warning".into(), &5.into()), "{findings}");

    let exported = shell.basket("export");
    assert_eq!((exported.code, exported.out.lines().count()), (0, 8), "{exported:?}");
    std::fs::write(shell.folder.path().join("all.ndjson"), exported.out).unwrap();
    shell.basket("import all.ndjson --store copy.db").says("6 events read: 6 new, 0 there already\n");
    basket.says("get ID --store copy.db", "socks = 1\nrocks = 1\n");
}
