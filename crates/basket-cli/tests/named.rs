//! How a basket is named: by its id, by the beginning of it, as `@`, and by standard input, on both stores.

use std::{io::Write, process::Stdio};

use testkit::{
    on_both_stores,
    one_basket::OneBasket,
    shell::{Answer, Shell, answer},
};

on_both_stores! {
    the_beginning_of_an_id_is_enough
    a_beginning_of_several_ids_names_them
    at_is_the_basket_that_was_used_last
    a_basket_that_was_moved_is_found_by_the_beginning_of_its_id
    ids_come_from_standard_input
}

/// Runs a command that reads this.
fn fed(shell: &Shell, words: &str, input: &str) -> Answer {
    let mut command = shell.command(&testkit::shell::split(words));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that is wrong does not read.
    child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
    answer(child.wait_with_output().unwrap())
}

fn the_beginning_of_an_id_is_enough(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    let whole = basket.id.clone();
    for length in [1, 4, 23, 24] {
        let id = &whole[..length];
        shell.basket(&format!("get {id}")).says("socks = 1\n");
        shell.basket(&format!("get {}", id.to_uppercase())).says("socks = 1\n");
    }
    let id = &whole[..6];
    for words in ["add SHORT rocks", "remove SHORT rocks"] {
        shell.basket(&words.replace("SHORT", id)).says("");
    }
    let other = shell.create("hats");
    let tail = (0..24).find(|at| whole.as_bytes()[*at] != other.as_bytes()[*at]).unwrap();
    let (id, other) = (&whole[..=tail], &other[..=tail]);
    shell.basket(&format!("merge {id} {other}")).says(&format!(
        "merged '{}' into '{whole}': added 1 of 'hats'\n",
        shell.basket("list --ids").out.lines().find(|line| line.starts_with(other)).unwrap()
    ));
    for words in [
        "log SHORT -n 1",
        "diff SHORT 2..",
        "blame SHORT",
        "verify SHORT",
        "what-if SHORT --without 3",
        "revert SHORT 5 --dry-run",
        "restore SHORT --version 2",
        "export SHORT",
        "snapshot SHORT",
        "watch SHORT --from 1 -n 1",
        "archive SHORT --to a.ndjson --idle 0",
    ] {
        let answer = shell.basket(&words.replace("SHORT", id));
        assert_eq!(answer.code, 0, "{words}: {answer:?}");
    }
}

fn a_beginning_of_several_ids_names_them(shell: &Shell) {
    for words in ["get 5", "add 5ab rocks", "log 5ab6"] {
        let why = format!("there is no basket '{}' in ", words.split(' ').nth(1).unwrap());
        shell.basket(words).fails(3, &why);
    }
    // The ids of requests are spread over all the digits.
    let mut ids: Vec<_> = (0..40)
        .map(|request| {
            let created = shell.basket(&format!("create socks --request-id {request}"));
            created.out.split('\'').nth(1).unwrap().to_owned()
        })
        .collect();
    ids.sort();
    let first = &ids[0][..1];
    let same: Vec<_> = ids.iter().filter(|id| id.starts_with(first)).map(String::as_str).collect();
    assert!((2..=10).contains(&same.len()), "{ids:?}");
    let why = format!("'{first}' is the beginning of {} ids: {}; type more of it", same.len(), same.join(", "));
    for words in ["get ID", "add ID rocks", "remove ID socks", "verify ID"] {
        shell.basket(&words.replace("ID", first)).fails(2, &why);
    }
    // A beginning that no id can have stays what it was.
    for words in ["get five", "add g rocks", "remove '' socks", "get ' '", "get 5ab69073421aa917e62b47345"] {
        shell.basket(words).fails(2, "a basket id is 24 hex digits");
    }
    (0..12).for_each(|_| drop(shell.create("socks")));
    let now = shell.create("socks");
    let many = shell.basket(&format!("get {}", &now[..6]));
    many.fails(2, " ids: ");
    assert!(many.err.contains(" and 3 more; type more of it"), "{many:?}");
    assert_eq!(many.err.matches(&now[..6]).count(), 11, "{many:?}");
}

fn at_is_the_basket_that_was_used_last(shell: &Shell) {
    shell.basket("get @").fails(2, "'@' is the basket that was used last, and none of ");
    let first = OneBasket::with(shell, "socks");
    shell.basket("add @ rocks").says("");
    let second = OneBasket::with(shell, "hats");
    shell.basket("get @").says("hats = 1\n");
    first.says("get ID", "socks = 1\nrocks = 1\n");
    shell.basket("remove @ socks").says("");
    // What is not there is not used.
    shell.basket("get 5ab69073421aa917e62b4734").fails(3, "there is no basket");
    shell.basket("remove 5ab69073421aa917e62b4734 socks").fails(3, "there is no basket");
    shell.basket("get @").says("rocks = 1\n");
    for words in ["log ID", "blame ID", "verify ID", "diff ID 1..", "what-if ID --without 2", "revert ID 2 --dry-run"] {
        shell.basket("get @").says("rocks = 1\n");
        assert_eq!(second.basket(words).code, 0, "{words}");
        shell.basket("get @").says("hats = 1\n");
        first.says("get ID", "rocks = 1\n");
    }
    // Each store has its own.
    shell.basket("get @ --store other.db").fails(2, "'@' is the basket that was used last, and none of ");
    assert_eq!(shell.basket("create pins --store other.db").code, 0);
    shell.basket("get @").says("rocks = 1\n");
    shell.basket("get @ --store other.db").says("pins = 1\n");
}

fn a_basket_that_was_moved_is_found_by_the_beginning_of_its_id(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    assert_eq!(basket.basket("archive ID --to old.ndjson --idle 0").code, 0);
    shell.basket(&format!("get {}", &basket.id[..5])).fails(3, "was moved to the file");
}

fn ids_come_from_standard_input(shell: &Shell) {
    let ids = [(); 3].map(|()| shell.create("socks"));
    let two = format!("{}\n\n  {} \n", ids[0], ids[1]);
    let exported = fed(shell, "export -", &two);
    assert_eq!(exported.out, shell.basket(&format!("export {} {}", ids[0], ids[1])).out);
    assert_eq!(exported.err, "4 events were exported\n");
    // No id is not all of them.
    for words in ["export -", "snapshot --drop -", "forward http://127.0.0.1:1/ - --once", "archive - --to a.ndjson"] {
        fed(shell, words, "\n").fails(2, "standard input names no basket");
    }
    fed(shell, "export -", &format!("{two}\nfive\n"))
        .fails(2, "line 5 of standard input, 'five', names nothing: a basket id is 24 hex digits");
    assert_eq!(shell.basket("list --format ndjson").out.lines().count(), 3);
}

#[test]
fn where_no_state_can_be_kept_nothing_else_is_missing() {
    let shell = Shell::new().with("BASKET_STORE", "baskets.db").with("XDG_STATE_HOME", "/dev/null/none");
    let basket = OneBasket::with(&shell, "socks");
    basket.says("get ID", "socks = 1\n");
    basket.fails("get @", 2, "none of ");
}
