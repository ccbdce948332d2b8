//! What is on standard output when a command does not come to its end.

use serde_json::Value;
use testkit::{on_both_stores, one_basket::OneBasket, planted::plant, shell::Shell};

on_both_stores! {
    an_array_is_whole_though_an_error_ends_it
}

fn an_array_is_whole_though_an_error_ends_it(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    let kept = basket.records("log ID --reverse");
    let planted = plant(shell, "ItemBlessed");
    for words in ["log ID --reverse", "watch --from beginning -n 9", "watch ID --from 1 -n 9"] {
        let answer = basket.basket(&format!("{words} --format json"));
        answer.fails_after_printing(7, &planted.to_hex());
        assert_eq!(serde_json::from_str::<Vec<Value>>(&answer.out).unwrap(), kept, "{words}");
    }
    let none = basket.basket("watch ID --from 3 -n 9 --format json");
    none.fails_after_printing(7, &planted.to_hex());
    assert_eq!(none.out, "[]\n");
}
