//! What is on standard output when a command does not come to its end.

use serde_json::Value;
use testkit::{
    on_both_stores,
    one_basket::OneBasket,
    planted::plant,
    shell::{Answer, Shell, answer},
};

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

#[cfg(target_os = "linux")]
#[test]
fn what_could_not_be_printed_is_an_error_of_every_command() {
    let shell = Shell::new();
    let basket = OneBasket::with(&shell, "socks");
    basket.does(["add ID rocks"]);
    std::fs::write(shell.folder.path().join("baskets.ndjson"), shell.basket("export").out).unwrap();
    let formats = ["text", "json", "ndjson"].map(|format| format!(" --format {format}"));
    let as_data = [
        "create hats",
        "get ID",
        "log ID",
        "diff ID 1..",
        "blame ID",
        "what-if ID --without 3",
        "revert ID 3 --dry-run",
        "restore ID --version 2 --dry-run",
        "list",
        "report removed",
        "store",
        "import baskets.ndjson",
        "watch ID --from 1 -n 2",
    ];
    let as_data = as_data.iter().flat_map(|words| formats.iter().map(move |format| format!("{words}{format}")));
    let others = ["verify --format json", "export", "--help", "get --help", "help", "--version", "completions bash"];
    for words in as_data.chain(others.map(str::to_owned)) {
        let answer = on_a_full_device(&shell, &words.replace("ID", &basket.id));
        let says = answer.err.contains("standard output can't be written: No space left on device");
        assert!(answer.code == 1 && says, "{words}: {answer:?}");
    }
    // What was changed all the same is said.
    for (words, done) in [
        ("import baskets.ndjson --store copy.db", "of which 3 new events were imported"),
        ("revert ID 3", "it is done, but could not be printed"),
        ("create hats", "is created, but its id could not be printed"),
    ] {
        let answer = on_a_full_device(&shell, &words.replace("ID", &basket.id));
        assert!(answer.code == 1 && answer.err.contains(done), "{words}: {answer:?}");
    }
}

#[cfg(target_os = "linux")]
fn on_a_full_device(shell: &Shell, words: &str) -> Answer {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = shell.command(&words.split(' ').collect::<Vec<_>>());
    answer(command.stdout(full).output().unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn only_what_needs_the_working_directory_fails_where_it_is_gone() {
    let (shell, home) = (Shell::new(), Shell::new());
    let store = home.folder.path().join("baskets.db").display().to_string();
    let id = home.create("socks");
    home.basket("export");
    std::fs::rename(home.folder.path().join(".local/share/basket/baskets.db"), &store).unwrap();
    let gone = |words: &str, store: Option<&str>| {
        let script = format!("mkdir gone && cd gone && rmdir ../gone && exec \"$0\" {words}");
        let basket = shell.command(&[]);
        let mut sh = std::process::Command::new("sh");
        sh.args(["-c", &script]).arg(basket.get_program()).current_dir(shell.folder.path()).env_clear();
        sh.env("PATH", std::env::var("PATH").unwrap()).env("HOME", shell.folder.path());
        answer(sh.envs(store.map(|store| ("BASKET_STORE", store))).output().unwrap())
    };
    std::fs::write(shell.folder.path().join(".gitconfig"), "[user]\n\tname = Ann of Git\n").unwrap();
    gone(&format!("get {id} --store {store}"), None).says("socks = 1\n");
    gone(&format!("get {id}"), Some(&store)).says("socks = 1\n");
    gone(&format!("add {id} rocks"), Some(&store)).says("");
    assert!(gone(&format!("log {id} -n 1"), Some(&store)).out.contains("by     Ann of Git"));
    gone("store --store mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100", None)
        .fails_after_printing(6, "can't be reached");
    assert_eq!(gone("--help", None).code, 0);
    assert_eq!(gone("completions bash", None).code, 0);
    for (words, store) in [("list --store baskets.db", None), ("list", Some("baskets.db")), ("list", None)] {
        gone(words, store).fails(1, "the working directory can't be read; go to another one, or name the store with its whole path: No such file");
    }
}
