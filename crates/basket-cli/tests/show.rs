//! One event or one commit, with all that is kept beside it, on both stores.

use serde_json::{Value, json};
use testkit::{
    on_both_stores,
    one_basket::{OneBasket, record},
    shell::Shell,
};

on_both_stores! {
    an_event_is_shown_with_its_commit_and_what_it_changed
    an_event_is_found_by_its_document_and_a_commit_by_the_beginning_of_its_id
    a_commit_of_two_baskets_is_shown_whole
    what_is_not_there_is_not_shown
}

fn an_event_is_shown_with_its_commit_and_what_it_changed(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.does([
        "add ID rocks -q 2 --as ann -m 'they asked' --correlation order-7 --causation mail-3 --request-id r-1 --header tenant=acme",
        "add ID rocks",
    ]);
    let event = &basket.records("log ID")[1];
    let text = |field: &str| event[field].as_str().unwrap().to_owned();
    let shown = basket.basket("show ID@3");
    assert_eq!((shown.code, &*shown.err), (0, ""));
    let (before, after) = shown.out.split_once("at          ").unwrap();
    let commit = text("commit");
    let said = "by          ann\ncorrelation order-7\ncausation   mail-3\nrequest     r-1\n";
    assert_eq!(before, format!("commit      {commit}\n{said}"));
    let (id, document) = (&basket.id, text("document"));
    let rest = after.split_once('\n').unwrap().1;
    let words = "added 2 of 'rocks'\n+ rocks = 2\n";
    assert_eq!(
        rest,
        format!(
            "header      tenant=acme\n\n    they asked\n\nbasket {id}, version 3: ItemAdded, _id {document}\n{words}"
        )
    );
    for name in [&id[..20], "@"] {
        shell.basket(&format!("show {name}@3")).says(&shown.out);
    }
    assert!(basket.basket("show ID@4").out.ends_with("\n- rocks = 2\n+ rocks = 3\n"));
    let (json, _) = record(basket.basket("show ID@3 --format json"));
    let mut expected = event.clone();
    expected["changes"] = json!([{ "product": "rocks", "before": 0, "after": 2 }]);
    assert_eq!(json, expected);
    basket.does(["remove ID socks"]);
    assert!(basket.basket("show ID@5").out.ends_with("removed 'socks'\n- socks = 1\n"));
    assert_eq!(basket.basket("revert ID 5").code, 0);
    assert!(basket.basket("show ID@6").out.contains("\nundoes      5..5\n\n    Revert version 5\n"));
}

fn an_event_is_found_by_its_document_and_a_commit_by_the_beginning_of_its_id(shell: &Shell) {
    let other = shell.create("hats");
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID rocks"]);
    let log = basket.records("log ID");
    let document = log[0]["document"].as_str().unwrap();
    let shown = basket.basket("show ID@3").out;
    shell.basket(&format!("show {document}")).says(&shown);
    shell.basket(&format!("show {}", document.to_uppercase())).says(&shown);
    let commit = log[1]["commit"].as_str().unwrap();
    let whole = shell.basket(&format!("show {commit}"));
    let events: Vec<_> = whole.out.lines().filter(|line| line.starts_with("basket ")).collect();
    assert!(events.len() == 2 && events[1].contains(", version 2: ItemAdded"), "{whole:?}");
    assert_eq!(whole.out.matches("commit ").count(), 1, "{whole:?}");
    assert!(whole.out.ends_with("added 1 of 'socks'\n+ socks = 1\n"), "{whole:?}");
    let list: Value = serde_json::from_str(&shell.basket(&format!("show {commit} --format json")).out).unwrap();
    assert_eq!((list.as_array().unwrap().len(), &list[1]["version"]), (2, &2.into()));
    let [first, second] = [&log[0], &log[1]].map(|event| event["commit"].as_str().unwrap());
    let different = (0..24).find(|at| first.as_bytes()[*at] != second.as_bytes()[*at]).unwrap();
    let short = &commit[..=different];
    if !other.starts_with(short) {
        shell.basket(&format!("show {short}")).says(&whole.out);
    }
    shell
        .basket(&format!("show {}", &commit[..1]))
        .fails(2, &format!("'{}' is the beginning of 3 commits: ", &commit[..1]));
}

fn a_commit_of_two_baskets_is_shown_whole(shell: &Shell) {
    let [into, from] = ["socks", "hats"].map(|product| shell.create(product));
    let merged = shell.basket(&format!("merge {into} {from} --as ann"));
    assert_eq!(merged.code, 0);
    let log: Value = serde_json::from_str(&shell.basket(&format!("log {into} --format json")).out).unwrap();
    let shown = shell.basket(&format!("show {}", log[0]["commit"].as_str().unwrap())).out;
    for words in [
        &*format!("basket {into}, version 3"),
        &*format!("basket {from}, version 3"),
        "\n+ hats = 1\n",
        "\n- hats = 1\n",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}

fn what_is_not_there_is_not_shown(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.fails("show ID@3", 3, "has versions 1 to 2; there is no version 3");
    basket.fails("show 5ab69073421aa917e62b4734@1", 3, "there is no basket '5ab69073421aa917e62b4734'");
    let none = "and no event has it as its _id; an event of a basket is ID@VERSION";
    for digits in ["5ab69073421aa917e62b4734", "5ab6", "ID"] {
        basket.fails(&format!("show {digits}"), 3, none);
    }
    for (words, why) in [
        ("show ID@0", "a version is a whole number from 1"),
        ("show ID@", "a version is a whole number from 1"),
        ("show five@1", "a basket id is 24 hex digits"),
        ("show five", "an event is ID@VERSION, such as 5ab69073421aa917e62b4734@3, or "),
        ("show @", "a version is a whole number from 1"),
    ] {
        basket.fails(words, 2, why);
    }
}
