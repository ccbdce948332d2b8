//! `basket explore` as a person meets it: the binary in a terminal, keys that go in, and the screen that is seen.

mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::{fs, thread};

use support::{Shell, mongo as servers};
use terminal::Terminal;

const LEFT: &str = "\x1b[D";
const RIGHT: &str = "\x1b[C";
const DOWN: &str = "\x1b[B";
const HOME: &str = "\x1b[H";
const END: &str = "\x1b[F";
const ESC: &str = "\x1b";

on_both_stores! {
    a_basket_is_found_and_its_past_is_a_slider_away
    a_search_finds_by_id_and_by_product
    what_others_write_appears_while_one_looks
    a_document_that_cant_be_read_is_named_and_what_was_before_it_is_shown
    whoever_leaves_finds_the_terminal_as_it_was
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

fn a_basket_is_found_and_its_past_is_a_slider_away(shell: &Shell) {
    let id = lived(shell);
    let other = shell.create("hats");
    let mut terminal = Terminal::run(shell, &["explore"]);
    let list = terminal.shows("2 baskets");
    assert!(list.contains(&format!("> {other}")), "the newest change is on top:\n{list}");
    terminal.press(DOWN);
    terminal.shows(&format!("> {id}"));
    terminal.press("\r");
    let now = terminal.shows("version 5, the newest: live");
    for words in ["rocks = 3", "clocks = 1", "2 products, 4 units", "ann", "(for the garden)", "removed 'socks'"] {
        assert!(now.contains(words), "{words}\n{now}");
    }
    terminal.press(LEFT);
    terminal.press(LEFT);
    let past = terminal.shows("version 3 of 5, 2 behind");
    assert!(past.contains("socks = 1") && past.contains("because for the garden"), "{past}");
    terminal.press("m");
    terminal.press(END);
    let diff = terminal.shows("Changes from version 3 to 5");
    assert!(diff.contains("- socks = 1") && diff.contains("+ clocks = 1"), "{diff}");
    terminal.press(HOME);
    terminal.shows("it is empty");
    terminal.press("d");
    let document = terminal.shows("\"type\": \"BasketCreated\",");
    assert!(document.contains(&format!("\"basket_id\": {{\"$oid\":\"{id}\"}}")), "{document}");
    terminal.press(RIGHT);
    terminal.shows("\"data\": {\"product\":\"socks\",\"qty\":1},");
    terminal.press("?");
    terminal.shows("mark one end of a diff");
    terminal.press("q");
    terminal.until("no help", |screen| screen.contains("Events") && !screen.contains("mark one end"));
    terminal.press("q");
    terminal.shows("2 baskets");
    terminal.press("q");
    assert_eq!(terminal.ends().0, 0);
}

fn a_search_finds_by_id_and_by_product(shell: &Shell) {
    let ids: Vec<_> = ["socks", "rocks", "clocks"].map(|product| shell.create(product)).into();
    let mut terminal = Terminal::run(shell, &["explore"]);
    terminal.shows("3 baskets");
    terminal.press(&format!("/{}", ids[0]));
    let found = terminal.shows("1 of 3 baskets");
    assert!(found.contains(&format!("> {}", ids[0])) && !found.contains(&ids[1]), "{found}");
    terminal.press(ESC);
    terminal.until("all of them", |screen| screen.contains("3 baskets") && !screen.contains("of 3"));
    terminal.press("procks\r");
    let found = terminal.shows("1 basket with 'rocks'");
    assert!(found.contains(&format!("> {}", ids[1])), "{found}");
    terminal.press("\r");
    terminal.shows("added 1 of 'rocks'");
    terminal.press("\x03");
    assert_eq!(terminal.ends().0, 0);
}

fn what_others_write_appears_while_one_looks(shell: &Shell) {
    let id = lived(shell);
    let list = Terminal::run(shell, &["explore"]);
    let mut basket = Terminal::run(shell, &["explore", &id]);
    basket.shows("version 5, the newest: live");
    list.shows("1 basket");
    shell.basket(&format!("add {id} bread")).says("");
    let shown = basket.shows("version 6, the newest: live");
    assert!(shown.contains("bread = 1") && shown.contains("> 6"), "{shown}");
    list.until("six versions", |screen| {
        screen.lines().any(|line| line.contains(&id) && line.split_whitespace().nth(2) == Some("6"))
    });
    basket.press(LEFT);
    basket.shows("version 5 of 6, 1 behind");
    let new = shell.create("hats");
    list.shows(&new);
    shell.basket(&format!("add {id} milk")).says("");
    let shown = basket.shows("version 5 of 7, 2 behind");
    assert!(shown.contains("added 1 of 'milk'") && !shown.contains("milk = 1"), "{shown}");
    basket.press("q");
    assert_eq!(basket.ends().0, 0);
}

/// Gives the event at a version a type that no event has.
fn spoil(shell: &Shell, version: i64) {
    let told = shell.basket("store --format json").out;
    let store = told.split('"').nth(3).unwrap().to_owned();
    if !store.starts_with("mongodb://") {
        let database = rusqlite::Connection::open(store).unwrap();
        database.execute("UPDATE baskets SET type = 'ItemBroken' WHERE version = ?1", [version]).unwrap();
        return;
    }
    let spoil = async move {
        let client = mongodb::Client::with_uri_str(store).await.unwrap();
        let events = client.default_database().unwrap().collection::<bson::Document>("baskets");
        let broken = bson::doc! { "$set": { "type": "ItemBroken" } };
        events.update_many(bson::doc! { "version": version }, broken).await.unwrap();
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // The test stands in a runtime already.
    thread::spawn(move || runtime.block_on(spoil)).join().unwrap();
}

fn a_document_that_cant_be_read_is_named_and_what_was_before_it_is_shown(shell: &Shell) {
    let id = lived(shell);
    for spoilt in [4, 5] {
        spoil(shell, spoilt);
        shows_what_can_be_read(shell, &id);
    }
}

fn shows_what_can_be_read(shell: &Shell, id: &str) {
    let mut terminal = Terminal::run(shell, &["explore", id]);
    let shown = terminal.shows("its type 'ItemBroken' is none that a basket knows");
    assert!(shown.contains("(version 4) can't be") && shown.contains("added 3 of 'rocks'"), "{shown}");
    assert!(shown.contains("only 3 of 5 could be read") && shown.contains("Basket at version 3"), "{shown}");
    terminal.press("q");
    assert_eq!(terminal.ends().0, 0);
}

fn whoever_leaves_finds_the_terminal_as_it_was(shell: &Shell) {
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
        let mut terminal = Terminal::run(shell, &["explore", &id]);
        terminal.shows("version 5, the newest");
        terminal.is_taken();
        leave(&mut terminal);
        let (code, screen) = terminal.ends();
        assert_eq!((code, screen.as_str()), (0, ""), "{name}");
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
    let id = shell.create("socks");
    let mut terminal = Terminal::run(&shell, &["explore", &id]);
    terminal.shows("version 2, the newest");
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
    let mut dumb = Terminal::run(&shell, &["explore"]);
    let (code, screen) = dumb.ends();
    assert_eq!(code, 2, "{screen}");
}

#[test]
fn it_follows_the_size_of_its_window() {
    let shell = Shell::new();
    let id = lived(&shell);
    let mut terminal = Terminal::run(&shell, &["explore", &id]);
    terminal.shows("version 5, the newest");
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
    terminal.press("q");
    assert_eq!(terminal.ends().0, 0);
}

#[test]
fn colours_are_few_and_none_with_no_color() {
    for (no_color, coloured) in [("", true), ("1", false)] {
        let shell = Shell::new().with("NO_COLOR", no_color);
        let id = lived(&shell);
        let mut terminal = Terminal::run(&shell, &["explore", &id]);
        terminal.shows("version 5, the newest");
        terminal.press("m");
        terminal.press(HOME);
        terminal.shows("Changes from");
        assert_eq!(terminal.is_coloured(), coloured, "NO_COLOR={no_color}");
        terminal.press("q");
        terminal.ends();
    }
}

#[test]
fn a_store_that_goes_away_is_told_and_what_was_read_stays() {
    let shell = Shell::new().with("BASKET_STORE", "b.db");
    let id = lived(&shell);
    let mut terminal = Terminal::run(&shell, &["explore", &id]);
    terminal.shows("version 5, the newest");
    let file = shell.folder.path().join("b.db");
    let kept = shell.folder.path().join("kept.db");
    // The file is whole without its log once nobody has it open.
    fs::rename(&file, &kept).unwrap();
    fs::write(&file, "this is no database").unwrap();
    let shown = terminal.shows("the file is no database of ours");
    assert!(shown.contains("added 3 of 'rocks'"), "{shown}");
    fs::rename(&kept, &file).unwrap();
    terminal.until("all is well", |screen| !screen.contains("no database") && screen.contains("rocks"));
    terminal.press("q");
    assert_eq!(terminal.ends().0, 0);
}

#[test]
fn mongo_works_on_a_server_by_itself_too() {
    servers::with_database_on(servers::STANDALONE, async |db| {
        let store = db.store().await;
        let id = servers::new_id();
        let events = [
            basket_domain::BasketEvent::BasketCreated { basket_id: id },
            basket_domain::BasketEvent::ItemAdded {
                basket_id: id,
                product: servers::product("socks"),
                qty: std::num::NonZeroU32::MIN,
            },
        ];
        // A standalone server takes one event at a time.
        for (event, version) in events.iter().zip(0..) {
            use basket_mongo::{CommitId, EventStore, Expected};
            let event = std::slice::from_ref(event);
            store.append(&id, Expected::Loaded(version), CommitId::new(), event).await.unwrap();
        }
        let shell = Shell::new().with("BASKET_STORE", db.address.clone());
        let looked = tokio::task::spawn_blocking(move || {
            let mut terminal = Terminal::run(&shell, &["explore"]);
            terminal.shows("1 basket");
            terminal.press("\r");
            terminal.shows("version 2, the newest: live");
            shell.basket(&format!("add {id} rocks")).says("");
            terminal.shows("version 3, the newest: live");
            terminal.press("qq");
            assert_eq!(terminal.ends().0, 0);
        });
        looked.await.unwrap();
    });
}

#[test]
fn keys_are_heard_while_a_long_life_is_read() {
    let shell = Shell::new().with("BASKET_STORE", "b.db");
    let id = shell.create("socks");
    // As `basket add` would have left it, and faster.
    let database = rusqlite::Connection::open(shell.folder.path().join("b.db")).unwrap();
    database
        .execute(
            r#"WITH RECURSIVE later(version) AS (SELECT 3 UNION ALL SELECT version + 1 FROM later WHERE version < 50000)
               INSERT INTO baskets (_id, basket_id, version, type, data, recorded_at, "commit", schema, meta)
               SELECT printf('%024x', later.version), basket_id, later.version, type, data, recorded_at, "commit", schema, meta
               FROM later, baskets WHERE baskets.version = 2"#,
            [],
        )
        .unwrap();
    drop(database);
    let mut terminal = Terminal::run(&shell, &["explore", &id]);
    terminal.shows("of 50,000");
    terminal.press(HOME);
    let early = terminal.until("the first event while it is read", |screen| {
        screen.contains("> ") && screen.contains("created the basket") && screen.contains("reading:")
    });
    assert!(early.contains("it is empty"), "{early}");
    terminal.shows("version 1 of 50,000, 49,999 behind");
    terminal.press(END);
    terminal.shows("socks = 49999");
    terminal.press(LEFT);
    terminal.shows("socks = 49998");
    terminal.press("q");
    assert_eq!(terminal.ends().0, 0);
    let mut terminal = Terminal::run(&shell, &["explore", &id]);
    terminal.shows("of 50,000");
    terminal.press("q");
    let (code, _) = terminal.ends();
    assert_eq!(code, 0);
}
