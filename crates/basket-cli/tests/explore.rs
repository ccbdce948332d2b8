//! `basket explore` as a person meets it: the binary in a terminal, keys that go in, and the screen that is seen.

use std::fs;

use basket_cli::EmbeddedStore;
use basket_mongo::Baskets;
use testkit::{
    mongo::{STANDALONE, add, created, saved, with_database_on},
    on_both_stores,
    planted::plant,
    shell::Shell,
    terminal::Terminal,
};

const LEFT: &str = "\x1b[D";
const RIGHT: &str = "\x1b[C";
const DOWN: &str = "\x1b[B";
const HOME: &str = "\x1b[H";
const END: &str = "\x1b[F";
const ESC: &str = "\x1b";

on_both_stores! {
    a_basket_is_found_and_its_past_is_a_slider_away
    a_search_finds_by_product
    what_others_write_appears_while_it_is_open
    an_undo_is_shown_and_done_after_a_yes_and_signed
    a_document_that_cant_be_read_is_named_and_what_was_before_it_is_shown
    every_way_out_leaves_the_terminal_as_it_was
    a_basket_that_is_not_there_is_an_error_like_any_other
}

/// socks, 3 rocks, no more socks, clocks: five versions.
fn lived(shell: &Shell) -> String {
    let id = shell.create("socks");
    shell.basket(&format!("add {id} rocks -q 3 --as ann -m 'for the garden'")).says("");
    shell.basket(&format!("remove {id} socks --as ben")).says("");
    shell.basket(&format!("add {id} clocks")).says("");
    id
}

/// Opens a basket, and waits until all of its versions are read.
#[track_caller]
fn open(shell: &Shell, id: &str, versions: u64) -> Terminal {
    let terminal = Terminal::run(shell, &["explore", id]);
    terminal.shows(&format!("version {versions}, the newest: live"));
    terminal
}

/// Waits until all of these words are there.
#[track_caller]
fn shows<const N: usize>(terminal: &Terminal, words: [&str; N]) -> String {
    terminal.until(&words.join(", "), |screen| words.iter().all(|words| screen.contains(words)))
}

/// Presses keys, and waits until all of these words are there.
#[track_caller]
fn leads_to<const N: usize>(terminal: &mut Terminal, keys: &str, words: [&str; N]) {
    terminal.press(keys);
    shows(terminal, words);
}

/// Presses `q`, and the program ends well.
#[track_caller]
fn leave(mut terminal: Terminal) {
    terminal.press("q");
    assert_eq!(terminal.ends().0, 0);
}

fn a_basket_is_found_and_its_past_is_a_slider_away(shell: &Shell) {
    let id = lived(shell);
    let other = shell.create("hats");
    let mut terminal = Terminal::run(shell, &["explore"]);
    // The newest change is on top.
    shows(&terminal, ["2 baskets", &format!("> {other}")]);
    leads_to(&mut terminal, DOWN, [&format!("> {id}")]);
    let now = ["rocks = 3", "clocks = 1", "2 products, 4 units", "ann", "(for the garden)", "removed 'socks'", "live"];
    leads_to(&mut terminal, "\r", now);
    let past = ["version 3 of 5, 2 behind", "socks = 1", "because for the garden"];
    leads_to(&mut terminal, &[LEFT, LEFT].concat(), past);
    leads_to(&mut terminal, &["m", END].concat(), ["Changes from version 3 to 5", "- socks = 1", "+ clocks = 1"]);
    leads_to(&mut terminal, HOME, ["it is empty"]);
    let basket_id = format!("\"basket_id\": {{\"$oid\":\"{id}\"}}");
    leads_to(&mut terminal, "d", ["\"type\": \"BasketCreated\",", &basket_id]);
    leads_to(&mut terminal, RIGHT, ["\"data\": {\"product\":\"socks\",\"qty\":1},"]);
    leads_to(&mut terminal, "?", ["mark one end of a diff"]);
    terminal.press("q");
    terminal.until("no help", |screen| screen.contains("Events") && !screen.contains("mark one end"));
    leads_to(&mut terminal, "q", ["2 baskets"]);
    leave(terminal);
}

fn a_search_finds_by_product(shell: &Shell) {
    let [_, rocks, _] = ["socks", "rocks", "clocks"].map(|product| shell.create(product));
    let mut terminal = Terminal::run(shell, &["explore"]);
    terminal.shows("3 baskets");
    leads_to(&mut terminal, "procks\r", ["1 basket with 'rocks'", &format!("> {rocks}")]);
    leads_to(&mut terminal, "\r", ["added 1 of 'rocks'"]);
    leads_to(&mut terminal, "q", ["1 basket with 'rocks'"]);
    shell.basket(&format!("remove {rocks} rocks")).says("");
    terminal.shows("No basket holds 'rocks'");
    terminal.press("\x03");
    assert_eq!(terminal.ends().0, 0);
}

fn what_others_write_appears_while_it_is_open(shell: &Shell) {
    let id = lived(shell);
    let list = Terminal::run(shell, &["explore"]);
    let mut basket = open(shell, &id, 5);
    list.shows("1 basket");
    shell.basket(&format!("add {id} bread")).says("");
    shows(&basket, ["version 6, the newest: live", "bread = 1", "> 6"]);
    list.until("six versions", |screen| {
        screen.lines().any(|line| line.contains(&id) && line.split_whitespace().nth(2) == Some("6"))
    });
    leads_to(&mut basket, LEFT, ["version 5 of 6, 1 behind"]);
    list.shows(&shell.create("hats"));
    shell.basket(&format!("add {id} milk")).says("");
    let shown = shows(&basket, ["version 5 of 7, 2 behind", "added 1 of 'milk'"]);
    assert!(!shown.contains("milk = 1"), "{shown}");
    leads_to(&mut basket, END, ["milk = 1"]);
    leave(basket);
}

fn an_undo_is_shown_and_done_after_a_yes_and_signed(shell: &Shell) {
    let id = lived(shell);
    let mut terminal = Terminal::run(shell, &["explore", &id, "--as", "carol"]);
    terminal.shows("version 5, the newest: live");
    leads_to(&mut terminal, "ku", ["Revert version 4: added 1 of 'socks'? y does it"]);
    leads_to(&mut terminal, "n", ["nothing was changed"]);
    leads_to(&mut terminal, "u", ["y does it"]);
    leads_to(&mut terminal, "y", ["done: added 1 of 'socks'", "of 6, 2 behind"]);
    let log = shell.basket(&format!("log {id} -1")).out;
    assert!(log.contains("carol") && log.contains("Revert version 4") && log.contains("added 1 of 'socks'"), "{log}");
    // Another writer was quicker: what was shown is not what it would do now.
    leads_to(&mut terminal, "kU", ["Restore version 3: removed 'clocks'", "y does it"]);
    shell.basket(&format!("add {id} hats")).says("");
    leads_to(&mut terminal, "y", ["is at version 7"]);
    leads_to(&mut terminal, "U", ["removed 'hats'", "y does it"]);
    leads_to(&mut terminal, "y", ["done: ", "of 9, 6 behind"]);
    shell.basket(&format!("get {id}")).says("rocks = 3\nsocks = 1\n");
    leads_to(&mut terminal, "gu", ["version 2 stands in the way"]);
    leads_to(&mut terminal, "y", [&format!("copied {id}")]);
    leave(terminal);
}

fn a_document_that_cant_be_read_is_named_and_what_was_before_it_is_shown(shell: &Shell) {
    let id = lived(shell);
    // As the newest event, and with a good one after it.
    for (kind, head) in [("ItemBroken", 6), ("ItemAdded", 7)] {
        plant(shell, kind);
        let terminal = Terminal::run(shell, &["explore", &id]);
        shows(&terminal, ["(version 6) can't be", "its type 'ItemBroken' is none that a basket knows"]);
        let read = format!("only 5 of {head} could be read");
        shows(&terminal, ["added 3 of 'rocks'", &read, "Basket at version 5"]);
        leave(terminal);
    }
}

fn every_way_out_leaves_the_terminal_as_it_was(shell: &Shell) {
    let id = lived(shell);
    type Leave = fn(&mut Terminal);
    let ways: [(&str, Leave); 6] = [
        ("q", |terminal| terminal.press("q")),
        ("Esc", |terminal| terminal.press(ESC)),
        ("Ctrl-C", |terminal| terminal.press("\x03")),
        ("TERM", |terminal| terminal.signal("TERM")),
        ("INT", |terminal| terminal.signal("INT")),
        ("HUP", |terminal| terminal.signal("HUP")),
    ];
    for (name, leave) in ways {
        let mut terminal = open(shell, &id, 5);
        terminal.is_taken();
        leave(&mut terminal);
        assert_eq!(terminal.ends(), (0, String::new()), "{name}");
    }
}

fn a_basket_that_is_not_there_is_an_error_like_any_other(shell: &Shell) {
    shell.create("socks");
    let mut terminal = Terminal::run(shell, &["explore", "5ab69073421aa917e62b4734"]);
    let (code, screen) = terminal.ends();
    let screen = screen.replace('\n', "");
    assert!(screen.starts_with("error: there is no basket '5ab69073421aa917e62b4734' in "), "{screen}");
    assert_eq!(code, 3);
}

#[test]
fn a_panic_gives_the_terminal_back_and_can_be_read() {
    // A release build ends without dropping anything, and so does a build for tests with this variable.
    let shell = Shell::new().with("BASKET_EXPLORE_PANIC", "1");
    let mut terminal = open(&shell, &shell.create("socks"), 2);
    terminal.is_taken();
    terminal.press("!");
    let (code, screen) = terminal.ends();
    assert!(code != 0 && screen.contains("panicked at") && screen.contains("as wished"), "{code}\n{screen}");
    assert!(!screen.contains("Events"), "{screen}");
}

#[test]
fn without_a_terminal_it_says_what_to_use() {
    let shell = Shell::new();
    shell.basket("explore").fails(2, "`basket log` prints what happened to a basket");
    let id = shell.create("socks");
    shell.basket(&format!("explore {id}")).fails(2, "needs a terminal");
    let shell = shell.with("TERM", "dumb");
    assert_eq!(Terminal::run(&shell, &["explore"]).ends().0, 2);
}

#[test]
fn it_follows_the_size_of_its_window() {
    let shell = Shell::new();
    let terminal = open(&shell, &lived(&shell), 5);
    terminal.resize(30, 8);
    terminal.shows("Make it larger, or");
    terminal.resize(130, 40);
    let wide = terminal.until("both panes beside the events", |screen| {
        screen.lines().any(|line| line.contains(" Events ") && line.contains(" Basket now "))
    });
    assert!(wide.contains("added 3 of 'rocks'"), "{wide}");
    terminal.resize(80, 24);
    terminal.until("one below the other", |screen| {
        screen.lines().any(|line| line.contains(" Basket now ") && line.contains(" Event 5 "))
    });
    leave(terminal);
}

#[test]
fn a_store_that_goes_away_is_named_and_what_was_read_stays() {
    let shell = Shell::new().with("BASKET_STORE", "b.db");
    let terminal = open(&shell, &lived(&shell), 5);
    let [file, kept] = ["b.db", "kept.db"].map(|name| shell.folder.path().join(name));
    // The file is whole without its log once no program has it open.
    fs::rename(&file, &kept).unwrap();
    fs::write(&file, "this is no database").unwrap();
    shows(&terminal, ["the file is no database of ours", "added 3 of 'rocks'"]);
    fs::rename(&kept, &file).unwrap();
    terminal.until("all is well", |screen| !screen.contains("no database") && screen.contains("rocks"));
    leave(terminal);
}

#[test]
fn a_gap_is_named_and_what_was_before_it_is_shown() {
    let shell = Shell::new().with("BASKET_STORE", "b.db");
    let id = lived(&shell);
    let database = rusqlite::Connection::open(shell.folder.path().join("b.db")).unwrap();
    database.execute("DELETE FROM baskets WHERE version = 3", []).unwrap();
    let terminal = Terminal::run(&shell, &["explore", &id]);
    shows(&terminal, ["only 2 of 5 could be read", "added 1 of 'socks'", "Basket at version 2"]);
    leave(terminal);
}

#[test]
fn mongo_works_on_a_server_that_is_no_replica_set() {
    with_database_on(STANDALONE, async |db| {
        // Such a server takes one event at a time.
        let id = *saved(&db.store().await, created()).await.id();
        let shell = Shell::new().with("BASKET_STORE", db.address.clone());
        let mut terminal = Terminal::run(&shell, &["explore"]);
        terminal.shows("1 basket");
        leads_to(&mut terminal, "\r", ["version 1, the newest: live"]);
        shell.basket(&format!("add {id} rocks")).says("");
        terminal.shows("version 2, the newest: live");
        terminal.press("q");
        leave(terminal);
    });
}

#[tokio::test]
async fn keys_work_while_a_long_history_is_read() {
    let shell = Shell::new().with("BASKET_STORE", "b.db");
    let mut basket = created();
    (1..50_000).for_each(|_| add(&mut basket, "socks", 1));
    let store = EmbeddedStore::<Baskets>::at(shell.folder.path().join("b.db"));
    let id = saved(&store, basket).await.id().to_string();
    let mut terminal = Terminal::run(&shell, &["explore", &id]);
    terminal.shows("of 50,000");
    leads_to(&mut terminal, HOME, ["> ", "created the basket", "reading:", "it is empty"]);
    terminal.shows("version 1 of 50,000, 49,999 behind");
    leads_to(&mut terminal, END, ["socks = 49999"]);
    leads_to(&mut terminal, LEFT, ["socks = 49998"]);
    leave(terminal);
    let terminal = Terminal::run(&shell, &["explore", &id]);
    terminal.shows("of 50,000");
    leave(terminal);
}
