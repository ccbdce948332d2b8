//! Decisions on more than one basket, on both stores: `merge`, which changes two of them at once, and a voucher, which is good for
//! one of all.

use std::process::{Child, Stdio};

use basket_mongo::MongoStore;
use serde_json::json;
use testkit::{
    mongo::{STANDALONE, created, saved, with_database_on},
    on_both_stores,
    one_basket::{OneBasket, is_well, record},
    shell::{Shell, answer},
};

on_both_stores! {
    a_merge_moves_all_into_the_other_basket
    a_merge_that_can_not_be_is_refused_and_changes_nothing
    a_merge_is_carried_out_once_for_a_request
    a_voucher_is_good_for_one_basket_of_all
    one_of_sixteen_processes_redeems_a_voucher
    a_voucher_is_shown_exported_and_redeemed_wherever_it_is_imported
    a_code_that_is_none_is_refused
}

const NOWHERE: &str = "5ab69073421aa917e62b4734";

fn start(shell: &Shell, words: &str) -> Child {
    let mut command = shell.command(&testkit::shell::split(words));
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn a_merge_moves_all_into_the_other_basket(shell: &Shell) {
    let (into, from) = (OneBasket::with(shell, "socks"), OneBasket::with(shell, "socks"));
    from.does(["add ID rocks -q 3"]);
    let merge = format!("merge {} {}", into.id, from.id);
    let words = "added 1 of 'socks', added 3 of 'rocks'";
    shell.basket(&merge).says(&format!("merged '{}' into '{}': {words}\n", from.id, into.id));
    into.says("get ID", "socks = 2\nrocks = 3\n");
    assert_eq!((from.basket("get ID").code, &*from.basket("get ID").out), (0, ""));
    let (added, removed) = (&into.records("log ID")[0], &from.records("log ID")[0]);
    assert_eq!((&added["commit"], &added["reason"]), (&removed["commit"], &removed["reason"]));
    assert_eq!(added["reason"], format!("Merge {} into {}", from.id, into.id));

    shell.basket(&merge).says(&format!("nothing to do: '{}' is empty\n", from.id));
    let (nothing, _) = record(shell.basket(&format!("{merge} --format json")));
    assert_eq!(
        (&nothing["outcome"], &nothing["version"], &nothing["from_version"]),
        (&json!("unchanged"), &json!(4), &json!(5))
    );
    let back = format!("merge {} {} -m 'back again' --as ann --format json", from.id, into.id);
    let (merged, _) = record(shell.basket(&back));
    assert_eq!(merged["events"], json!(["added 2 of 'socks'", "added 3 of 'rocks'"]));
    assert_eq!((&merged["id"], &merged["from"]), (&json!(from.id), &json!(into.id)));
    assert_eq!((&merged["versions"], &merged["from_version"]), (&json!([6, 7]), &json!(6)));
    assert_eq!(from.records("log ID")[0]["reason"], "back again");
    is_well(shell, "", 13);
}

fn a_merge_that_can_not_be_is_refused_and_changes_nothing(shell: &Shell) {
    let (into, from) = (OneBasket::with(shell, "socks"), OneBasket::with(shell, "rocks"));
    let (id, other) = (&into.id, &from.id);
    shell.basket(&format!("merge {id} {id}")).fails(2, "a basket can't be merged with itself");
    for (one, two) in [(&**id, NOWHERE), (NOWHERE, &**id)] {
        shell.basket(&format!("merge {one} {two}")).fails(3, &format!("there is no basket '{NOWHERE}'"));
    }
    shell.basket(&format!("merge {id} -")).fails(2, "'-' is standard input");
    shell.basket(&format!("merge {id}")).fails_with_usage();
    shell.basket(&format!("merge {id} {other} --if-version 2")).fails_with_usage();
    // The rocks would fit.
    into.does(["add ID socks -q 4294967294"]);
    from.does(["add ID socks"]);
    shell.basket(&format!("merge {id} {other}")).fails(4, "socks");
    into.says("get ID", "socks = 4294967295\n");
    from.says("get ID", "rocks = 1\nsocks = 1\n");
}

fn a_merge_is_carried_out_once_for_a_request(shell: &Shell) {
    let (into, from) = (OneBasket::with(shell, "socks"), OneBasket::with(shell, "rocks"));
    let merge = format!("merge {} {} --request-id r --format json", into.id, from.id);
    let processes: Vec<_> = (0..4).map(|_| start(shell, &merge)).collect();
    let records = processes.into_iter().map(|process| record(answer(process.wait_with_output().unwrap())).0);
    let records: Vec<_> = records.collect();
    assert_eq!(records.iter().filter(|record| record["outcome"] == "now").count(), 1, "{records:?}");
    from.does(["add ID pins"]);
    let (again, note) = record(shell.basket(&merge));
    assert_eq!((&again["outcome"], &again["events"]), (&json!("before"), &json!(["added 1 of 'rocks'"])));
    assert!(note.starts_with("request 'r' was carried out before"), "{note}");
    assert_eq!(again["commit"], records[0]["commit"]);
    from.says("get ID", "pins = 1\n");
    into.says("get ID", "socks = 1\nrocks = 1\n");
}

fn a_voucher_is_good_for_one_basket_of_all(shell: &Shell) {
    let (one, two) = (OneBasket::with(shell, "socks"), OneBasket::with(shell, "socks"));
    one.does(["add ID rocks --voucher SPRING-26"]);
    for basket in [&one, &two] {
        let why = format!("the voucher 'SPRING-26' was redeemed already, for basket '{}'", one.id);
        basket.fails("add ID rocks --voucher SPRING-26", 4, &why);
        assert_eq!(basket.versions("log ID")[0], if basket.id == one.id { 4 } else { 2 }, "nothing is added, either");
    }
    // Case counts, and a refused product redeems nothing.
    two.does(["add ID rocks --voucher spring-26", "add ID pins -q 4294967295"]);
    two.fails("add ID pins --voucher NEW", 4, "pins");
    one.does(["add ID pins --voucher NEW"]);
    shell.basket(&format!("add {NOWHERE} rocks --voucher OTHER")).fails(3, "there is no basket");
}

fn one_of_sixteen_processes_redeems_a_voucher(shell: &Shell) {
    let baskets: Vec<_> = (0..16).map(|_| OneBasket::with(shell, "socks")).collect();
    for code in ["A", "B"] {
        let add = |basket: &OneBasket<'_>| start(shell, &format!("add {} rocks --voucher {code}", basket.id));
        let processes: Vec<_> = baskets.iter().map(add).collect();
        let answers: Vec<_> =
            processes.into_iter().map(|process| answer(process.wait_with_output().unwrap())).collect();
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.code == 0);
        assert_eq!((won.len(), lost.len()), (1, 15), "{answers:?}");
        lost.iter().for_each(|answer| answer.fails(4, "was redeemed already, for basket"));
    }
    let events = shell.basket("export").out;
    assert_eq!(events.matches("VoucherRedeemed").count(), 2);
    assert_eq!(events.matches("rocks").count(), 2, "who does not redeem it adds nothing");
}

fn a_voucher_is_shown_exported_and_redeemed_wherever_it_is_imported(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID rocks --voucher SPRING"]);
    assert!(basket.basket("log ID").out.contains("4  redeemed the voucher 'SPRING'\n"));
    let newest = &basket.records("log ID")[0];
    assert_eq!((&newest["type"], &newest["data"]), (&json!("VoucherRedeemed"), &json!({ "voucher": "SPRING" })));
    let watched = basket.basket("watch ID --from 4 -n 1");
    assert!(watched.out.contains("redeemed the voucher 'SPRING'"), "{watched:?}");
    basket.says("get ID", "socks = 1\nrocks = 1\n");
    assert_eq!(basket.basket("diff ID 3..4").out, "");
    // It stays redeemed, whatever else is undone.
    basket.says("revert ID 4", "nothing to do: without version 4, the basket would be as it is\n");

    let exported = shell.basket("export").out;
    std::fs::write(shell.folder.path().join("copy.ndjson"), &exported).unwrap();
    let other =
        format!("{} --store copy.db", shell.basket("create hats --store copy.db").out.split('\'').nth(1).unwrap());
    assert_eq!(shell.basket("import copy.ndjson --store copy.db").code, 0);
    shell
        .basket(&format!("add {other} pins --voucher SPRING"))
        .fails(4, &format!("the voucher 'SPRING' was redeemed already, for basket '{}'", basket.id));
    assert!(shell.basket("export --store copy.db").out.contains(exported.lines().nth(3).unwrap()));
    is_well(shell, "--store copy.db", 6);
}

fn a_code_that_is_none_is_refused(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    let (longest, too_long) = ("V".repeat(64), "V".repeat(65));
    for code in ["", " ", "50 %", "a_b", "ü", "a\nb", "$set", "x\u{200b}", &too_long] {
        shell.run(&["add", &basket.id, "rocks", "--voucher", code]).fails(2, "a voucher is 1 to 64 letters");
    }
    basket.fails("add ID rocks --voucher -", 2, "'-' is standard input");
    basket.does(["add ID rocks --voucher 0", &format!("add ID rocks --voucher {longest}")]);
}

#[test]
fn mongo_a_server_that_keeps_no_two_events_together_says_so() {
    with_database_on(STANDALONE, async |db| {
        let store = MongoStore::<basket_mongo::Baskets>::at(&db.address).await.unwrap();
        let (into, from) = (saved(&store, created()).await, saved(&store, created()).await);
        let shell = Shell::new().with("BASKET_STORE", &db.address);
        let merge = format!("merge {} {}", into.id(), from.id());
        shell.basket(&merge).says(&format!("nothing to do: '{}' is empty\n", from.id()));
        shell.basket(&format!("add {} rocks --request-id r", from.id())).says("");
        assert_eq!(shell.basket(&format!("add {} rocks --request-id r", from.id())).code, 0);
        for words in [merge, format!("add {} rocks --voucher V", into.id())] {
            shell.basket(&words).fails(6, "is not a replica set, so it can't ");
        }
        assert_eq!(shell.basket(&format!("get {}", into.id())).out, "");
        shell.basket(&format!("get {}", from.id())).says("rocks = 1\n");
    });
}
