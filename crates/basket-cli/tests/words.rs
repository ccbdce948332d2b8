//! The words that people of git and gh try first, a name that was mistyped, and answers that are empty, on both stores.

use testkit::{on_both_stores, one_basket::OneBasket, shell::Shell};

on_both_stores! {
    short_names_of_commands_and_options_do_the_same
    a_product_that_is_mistyped_is_named
    an_answer_without_a_line_says_so
}

fn short_names_of_commands_and_options_do_the_same(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID rocks", "rm ID socks"]);
    assert_eq!(basket.basket("ls").out, basket.basket("list").out);
    assert_eq!(basket.versions("log ID --limit 2"), [4, 3]);
    shell.create("hats");
    assert_eq!(shell.basket("ls --limit 1 --format ndjson").out.lines().count(), 1);
    assert_eq!(basket.basket("watch ID --from 1 --limit 2").out.lines().count(), 2);
    let help = shell.basket("--help").out;
    assert!(help.contains("[alias: ls]") && help.contains("[alias: rm]"), "{help}");
}

fn a_product_that_is_mistyped_is_named(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID Söckchen", "add ID hat", "add ID hats"]);
    let cases = [
        ("sokcs", "socks"),
        ("sock", "socks"),
        ("Sockks", "socks"),
        ("SOCKS", "socks"),
        ("sockchen", "Söckchen"),
        ("ha", "hat"),
        ("hst", "hat"),
    ];
    for (typed, meant) in cases {
        let why = format!("'{typed}' is not in the basket, so it can't be removed; did you mean '{meant}'?");
        basket.fails(&format!("remove ID {typed}"), 4, &why);
    }
    // What only rhymes, or is another word, is not asked for.
    for other in ["rocks", "sandals", "pins", "hut", "x", "h"] {
        let refused = basket.basket(&format!("remove ID {other}"));
        assert_eq!((refused.code, refused.err.contains("did you mean")), (4, other == "hut"), "{refused:?}");
    }
    basket.fails("remove ID pins", 4, "; `basket get` shows what is in it");
    basket.does(["remove ID socks"]);
    let none = basket.basket("log ID --product sokcs");
    assert_eq!(none.err, format!("basket '{}' has no such event; did you mean 'socks'?\n", basket.id));
    assert_eq!(basket.versions("log ID").len(), 6);
}

fn an_answer_without_a_line_says_so(shell: &Shell) {
    for (words, note) in [
        ("list", "there is no such basket\n"),
        ("list --ids", "there is no basket\n"),
        ("report removed", "no such product ever was in a basket then\n"),
        ("log --correlation order-7", "no basket has such an event\n"),
        ("archive --list", "no basket was moved to a file\n"),
    ] {
        if words == "archive --list" {
            shell.create("socks");
        }
        let empty = shell.basket(words);
        assert_eq!((empty.code, &*empty.out, &*empty.err), (0, "", note), "{words}");
        shell.basket(&format!("{words} --format json")).says("[]\n");
        shell.basket(&format!("{words} --format ndjson")).says("");
    }
    let basket = OneBasket::with(shell, "socks");
    for (words, note) in [
        ("log ID --until yesterday", "has no such event"),
        ("log ID --grep bricks", "has no such event"),
        ("log ID --product bricks", "has no such event"),
        ("diff ID 2..2", "version 2 of basket 'ID' is as version 2"),
        ("what-if ID --without 2", "would be empty"),
    ] {
        let empty = basket.basket(words);
        assert_eq!((empty.code, &*empty.out, empty.err.lines().count()), (0, "", 1), "{words}: {empty:?}");
        assert!(empty.err.contains(&note.replace("ID", &basket.id)), "{words}: {empty:?}");
        assert_eq!(basket.basket(&format!("{words} --format json")).err, "", "{words}");
    }
}

#[test]
fn of_one_letter_nothing_is_near() {
    let shell = Shell::new();
    let basket = OneBasket::with(&shell, "ab");
    assert!(!basket.basket("remove ID a").err.contains("did you mean"));
    basket.fails("remove ID abc", 4, "did you mean 'ab'?");
}
