//! The habits of git in `log`, `diff` and `restore`, and the form of times, on both stores.

use serde_json::{Value, json};
use testkit::{
    on_both_stores,
    one_basket::{OneBasket, records},
    shell::Shell,
};

on_both_stores! {
    a_number_alone_is_how_many
    a_log_says_what_each_commit_has_changed
    a_text_is_found_in_words_and_reasons
    a_correlation_is_followed_through_all_baskets
    times_are_printed_as_they_are_asked_for
    a_diff_without_a_range_is_the_last_commit
    a_version_alone_is_what_is_restored
}

fn a_number_alone_is_how_many(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    (0..10).for_each(|_| basket.does(["add ID rocks"]));
    for words in ["log ID -3", "log -3 ID", "log @ -3 --oneline", "log -n 3 ID", "log --number 3 ID"] {
        assert_eq!(basket.versions(words), [12, 11, 10], "{words}");
    }
    assert_eq!(basket.versions("log ID -11 --reverse"), (2..=12).collect::<Vec<_>>());
    assert!(basket.versions("log ID -0").is_empty());
    basket.fails("log ID -3 -n 3", 2, "how many events are asked for twice, by -3 and before");
    basket.fails("log ID -3 -2", 2, "how many events are asked for twice, by -2 and before");
    basket.fails("log -3", 2, "name a basket, or a --correlation");
    for words in ["log ID -3x", "log"] {
        basket.basket(words).fails_with_usage();
    }
}

fn a_log_says_what_each_commit_has_changed(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID rocks -q 2 -m 'they asked'", "add ID rocks", "add ID Söckchen -q 10", "remove ID socks"]);
    assert_eq!(basket.basket("restore ID 2").code, 0);
    let log = basket.basket("log ID --stat").out;
    let commits: Vec<_> = log.split("commit ").skip(1).collect();
    let stat = |commit: usize, lines: &str| {
        assert!(
            commits[commit].contains(&format!("\n\n{lines} changed\n\n       ")),
            "{lines}\nis not in\n{}",
            commits[commit]
        );
    };
    stat(0, "     rocks     - 3\n     Söckchen  - 10\n     socks     + 1\n     3 products");
    stat(1, "     socks  - 1\n     1 product");
    stat(3, "     rocks  2 → 3\n     1 product");
    stat(4, "     rocks  + 2\n     1 product");
    stat(5, "     socks  + 1\n     1 product");
    assert_eq!(commits.len(), 6);
    // Narrowed down, it still says all that a commit has changed.
    let one = basket.basket("log ID --stat --product socks -1").out;
    assert!(one.contains("3 products changed") && one.matches("commit ").count() == 1, "{one}");
    let record = &basket.records("log ID --stat")[6];
    assert_eq!(record["commit_changes"], json!([{ "product": "rocks", "before": 0, "after": 2 }]));
    assert_eq!(basket.records("log ID")[0].get("commit_changes"), None);
    assert_eq!(basket.basket("log ID --stat --oneline").code, 2);
}

fn a_text_is_found_in_words_and_reasons(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID rocks -m 'They asked for ÄPFEL'", "add ID Socken", "remove ID rocks -m 'no rocks'"]);
    let cases: [(&str, &[u64]); 7] = [
        ("sock", &[4, 2]),
        ("ROCKS", &[5, 3]),
        ("äpfel", &[3]),
        ("they asked", &[3]),
        ("removed 'rocks", &[5]),
        ("a.*d", &[]),
        ("bricks", &[]),
    ];
    for (text, versions) in cases {
        let answer = shell.run(&["log", &basket.id, "--grep", text, "--format", "json"]);
        let found: Vec<Value> = serde_json::from_str(&answer.out).unwrap();
        assert_eq!(
            found.iter().map(|event| event["version"].as_u64().unwrap()).collect::<Vec<_>>(),
            versions,
            "{text}"
        );
    }
    assert_eq!(basket.versions("log ID --grep sock -n 1"), [4]);
    assert_eq!(basket.versions("log ID --grep sock --reverse"), [2, 4]);
}

fn a_correlation_is_followed_through_all_baskets(shell: &Shell) {
    let [one, other] = ["socks", "hats"].map(|product| shell.create(product));
    for (at, id) in [&one, &other, &one, &other].into_iter().enumerate() {
        shell.basket(&format!("add {id} p{at} --correlation order-7")).says("");
        shell.basket(&format!("add {id} q{at} --correlation order-77")).says("");
    }
    let products = |words: &str| -> Vec<_> {
        let events = records(shell, words);
        events.iter().map(|event| event["data"]["product"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(products("log --correlation order-7"), ["p3", "p2", "p1", "p0"]);
    assert_eq!(products("log --correlation order-7 --reverse"), ["p0", "p1", "p2", "p3"]);
    assert_eq!(products("log --correlation order-7 -2"), ["p3", "p2"]);
    assert_eq!(products("log --correlation order-7 -2 --reverse"), ["p2", "p3"]);
    assert_eq!(products("log --correlation order-7 --product p1"), ["p1"]);
    assert_eq!(products(&format!("log {one} --correlation order-7")), ["p2", "p0"]);
    let lines = shell.basket("log --correlation order-7 --oneline").out;
    let named: Vec<_> = lines.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(named, [&other, &one, &other, &one], "{lines}");
    let log = shell.basket("log --correlation order-7 --stat").out;
    assert!(
        log.contains(&format!("\n     p3  + 1\n     1 product changed\n\n    {other}     5  added 1 of 'p3'\n")),
        "{log}"
    );
    // What was done together stands together.
    assert_eq!(shell.basket(&format!("merge {one} {other} --correlation both")).code, 0);
    assert_eq!(shell.basket("log --correlation both").out.matches("commit ").count(), 1);
}

fn times_are_printed_as_they_are_asked_for(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    let iso = basket.records("log ID -1")[0]["recorded_at"].as_str().unwrap().to_owned();
    let is_relative = |text: &str| text.contains(" ago") || text.contains("just now");
    for words in ["log ID", "log ID --oneline", "list", "blame ID", "show ID@2", "watch ID --from 1 -n 1"] {
        assert!(basket.basket(&format!("{words} --date iso")).out.contains(&iso), "{words}");
        let relative = basket.basket(&format!("{words} --date relative"));
        assert!(is_relative(&relative.out) && !relative.out.contains(&iso[..10]), "{words}: {relative:?}");
        let local = basket.basket(&format!("{words} --date local"));
        assert!(local.out.contains(&iso[..10]) && !local.out.contains(&iso), "{words}: {local:?}");
        assert_eq!(basket.basket(words).out, local.out);
    }
    assert!(basket.basket("get ID --at now --date iso").err.contains(&format!("written at {iso}, ")));
    let json = |form: &str| basket.basket(&format!("log ID --format json --date {form}")).out;
    assert_eq!(json("relative"), json("local"), "for programs, it is always the same");
    assert_eq!(basket.basket("project --once").code, 0);
    assert!(basket.basket("feed --date iso").out.contains('Z'));
}

fn a_diff_without_a_range_is_the_last_commit(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.says("diff ID", "+ socks = 1\n");
    basket.does(["add ID rocks -q 2"]);
    basket.says("diff ID", "+ rocks = 2\n");
    assert_eq!(basket.basket("revert ID 2..3").code, 0);
    basket.says("diff ID", "- socks = 1\n- rocks = 2\n");
    let diff: Value = serde_json::from_str(&basket.basket("diff ID --format json").out).unwrap();
    assert_eq!((&diff["from"], &diff["to"]), (&3.into(), &5.into()));
    basket.fails("diff 5ab69073421aa917e62b4734", 3, "there is no basket");
}

fn a_version_alone_is_what_is_restored(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID rocks", "add ID clocks"]);
    basket.says("restore ID 3", "undid what followed version 3: removed 'clocks'\n");
    basket.says("restore @ 2 --dry-run", "to undo what followed version 2: removed 'rocks'; nothing was changed\n");
    basket.fails("restore ID 0", 2, "a version is a whole number from 1");
    for words in ["restore ID 2 --version 2", "restore ID 2 --at now", "restore ID"] {
        let refused = basket.basket(words);
        assert_eq!((refused.code, &*refused.out), (2, ""), "{words}: {refused:?}");
    }
    basket.says("get ID", "socks = 1\nrocks = 1\n");
}
