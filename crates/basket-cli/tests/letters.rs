//! Names and reasons in any script: columns stay columns, and nothing that was stored can turn a terminal's text round.

use testkit::{
    on_both_stores,
    one_basket::OneBasket,
    planted::plant_product,
    shell::{Answer, Shell},
};

on_both_stores! {
    a_name_that_no_one_may_use_today_is_read_and_shown_escaped
}

const TURNED: &str = "so\u{202e}sk";

#[track_caller]
fn is_plain(answer: &Answer) {
    assert!(
        !answer.out.contains(['\u{202e}', '\u{200b}']) && !answer.err.contains(['\u{202e}', '\u{200b}']),
        "{answer:?}"
    );
}

fn a_name_that_no_one_may_use_today_is_read_and_shown_escaped(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    for name in [TURNED, "\u{200b}"] {
        let words = ["create", "add", "remove"]
            .map(|command| if command == "create" { vec![command, name] } else { vec![command, &basket.id, name] });
        for words in words {
            let refused = shell.run(&words);
            refused.fails(2, "a product's name ");
            is_plain(&refused);
        }
        plant_product(shell, name);
    }
    basket.says("get ID", "socks = 1\nso\\u{202e}sk = 1\n\\u{200b} = 1\n");
    assert_eq!(basket.records("log ID -n 2")[1]["data"]["product"], TURNED, "programs get it as it is");
    for words in [
        "log ID",
        "log ID --oneline",
        "diff ID 0..",
        "blame ID",
        "what-if ID --without 3",
        "list",
        "report removed",
        "watch ID --from 1 -n 4",
        "revert ID 3 --dry-run",
        "verify",
    ] {
        let answer = basket.basket(words);
        assert_eq!(answer.code, 0, "{words}: {answer:?}");
        is_plain(&answer);
    }
    let strict = basket.basket("verify --strict");
    strict.fails_after_printing(7, "all can be read, with 2 warnings");
    assert!(strict.out.contains("no command writes it today: a product's name "), "{strict:?}");
    basket.says("revert ID 3", "undid version 3: removed 'so\\u{202e}sk'\n");
    std::fs::write(shell.folder.path().join("baskets.ndjson"), shell.basket("export").out).unwrap();
    shell.basket("import baskets.ndjson --store other.db").says("5 events read: 5 new, 0 there already\n");
}

/// The columns that a terminal gives to a text; in these tests, two for a letter of Chinese and for an emoji.
fn columns(text: &str) -> usize {
    text.chars().map(|letter| if letter > '\u{1100}' && letter != '█' { 2 } else { 1 }).sum()
}

/// All these lines have the word at the same place.
#[track_caller]
fn are_aligned<'a>(lines: impl IntoIterator<Item = &'a str>, word: &str) {
    let lines: Vec<_> = lines.into_iter().collect();
    let places: Vec<_> = lines.iter().map(|line| columns(line.split(word).next().unwrap())).collect();
    assert!(places.len() > 1 && places.iter().all(|place| *place == places[0]), "{places:?}: {lines:#?}");
}

#[test]
fn wide_letters_shift_no_column() {
    let shell = Shell::new();
    let basket = OneBasket::with(&shell, "socks");
    basket.does([
        "add ID 靴下 --as 山田",
        "add ID 🧦🧦🧦 --as ben",
        "add ID 一足の暖かい冬用の靴下と手袋 --as annette",
    ]);
    are_aligned(shell.basket("report removed").out.lines().skip(1), " 0 % ");
    let blame = basket.basket("blame ID --format text").out;
    let products = ["socks = 1", "靴下 = 1", "🧦🧦🧦 = 1", "一足の"];
    let before = |product: &str| columns(blame.lines().find_map(|line| Some(line.split_once(product)?.0)).unwrap());
    assert!(products.iter().all(|product| before(product) == before(products[0])), "{blame}");
}

#[test]
fn a_tab_in_a_reason_is_a_blank() {
    let shell = Shell::new();
    let basket = OneBasket::with(&shell, "socks");
    basket.does(["add ID rocks -m 'first\tsecond'"]);
    assert_eq!(basket.records("log ID -n 1")[0]["reason"], "first\tsecond");
    for words in ["log ID", "log ID --oneline"] {
        assert!(basket.basket(words).out.contains("first second"), "{words}");
    }
}
