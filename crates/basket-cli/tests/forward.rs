//! `forward`: events reach another system over HTTP, each at least once and in the order of its stream, whatever happens to either
//! side.

use std::{
    collections::{BTreeMap, HashSet},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use testkit::{
    on_both_stores,
    planted::plant,
    receiver::{Post, Receiver, Reply},
    shell::{Answer, Shell},
    watcher::Watcher,
};

on_both_stores! {
    each_event_is_sent_once_and_then_what_is_new
    several_go_in_one_request
    a_receiver_that_fails_gets_them_again
    a_refused_event_stops_it_or_is_parked
    a_refused_event_is_found_in_a_batch
    a_receiver_that_takes_nothing_ends_it
    some_events_can_be_chosen
    a_document_that_cant_be_read_stops_it_or_is_parked
    a_killed_process_loses_nothing
    another_process_waits_for_its_turn
    a_slow_receiver_is_waited_for_and_the_lease_is_kept
    a_wrong_command_line_says_what_is_wrong
}

/// How an event is known: its source and its version.
fn place(event: &Value) -> (String, u64) {
    (event["source"].as_str().unwrap().to_owned(), event["sequence"].as_str().unwrap().parse().unwrap())
}

fn places(posts: &[Post]) -> Vec<(String, u64)> {
    posts.iter().flat_map(Post::events).map(|event| place(&event)).collect()
}

fn versions(posts: &[Post]) -> Vec<u64> {
    places(posts).into_iter().map(|(_, version)| version).collect()
}

/// Two baskets, with five events.
fn two_baskets(shell: &Shell) -> [String; 2] {
    let [one, other] = [shell.create("socks"), shell.create("rocks")];
    shell.basket(&format!("add {one} clocks")).says("");
    [one, other]
}

/// All events, as `export` prints them.
fn exported(shell: &Shell) -> Vec<Value> {
    let lines = shell.basket("export --format cloudevents").out;
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[track_caller]
fn forward(shell: &Shell, receiver: &Receiver, more: &str) -> Answer {
    shell.basket(&format!("forward {} {more}", receiver.url))
}

/// The feeds, as a program reads them.
fn feeds(shell: &Shell) -> Vec<Value> {
    serde_json::from_str(&shell.basket("feed --format json").out).unwrap()
}

fn each_event_is_sent_once_and_then_what_is_new(shell: &Shell) {
    let [one, _] = two_baskets(shell);
    let receiver = Receiver::start();
    let done = forward(shell, &receiver, "--once");
    assert_eq!((done.code, &*done.out), (0, ""), "{done:?}");
    assert!(done.err.ends_with("5 events were taken\n"), "{done:?}");
    let posts = receiver.all();
    for post in &posts {
        assert_eq!(post.header("content-type"), "application/cloudevents+json; charset=utf-8");
        assert_eq!(post.header("idempotency-key"), format!("{:?}", post.body["id"].as_str().unwrap()));
        assert!(post.header("user-agent").starts_with("basket/"), "{post:?}");
    }
    let mut sent: Vec<_> = posts.iter().flat_map(Post::events).collect();
    sent.sort_by_key(place);
    let mut all = exported(shell);
    all.sort_by_key(place);
    assert_eq!(sent, all);

    let done = forward(shell, &receiver, "--once");
    assert!(done.err.ends_with("0 events were taken\n"), "{done:?}");
    receiver.is_silent();
    let watcher = Watcher::spawn(shell, &format!("forward {}", receiver.url));
    let note = watcher.note();
    let name = note.strip_prefix('\'').and_then(|rest| rest.split_once('\'')).unwrap().0.to_owned();
    assert!(name.starts_with("to-127-0-0-1-"), "{note}");
    shell.basket(&format!("add {one} socks --correlation 'a b'")).says("");
    let post = receiver.next();
    assert_eq!((place(&post.body).1, &post.body["correlationid"]), (4, &json!("a b")));
    shell.basket(&format!("feed wait {name} {one} 4")).says("");
    let [feed] = &feeds(shell)[..] else { panic!() };
    assert_eq!((&feed["feed"], &feed["events"], &feed["behind"]), (&json!(name), &json!(6), &json!(0)));
    assert!(feed["holder"].as_str().unwrap().starts_with("process "), "{feed}");
    watcher.signal("INT");
    let ended = watcher.end();
    assert_eq!((ended.code, &*ended.err), (0, "1 event was taken\n"));
    assert_eq!(feeds(shell)[0]["holder"], json!(null));

    // It can be forgotten, and begins anew.
    shell.basket(&format!("feed forget {name}")).says("");
    assert!(feeds(shell).is_empty());
    assert!(forward(shell, &receiver, "--once").err.ends_with("6 events were taken\n"));
}

fn several_go_in_one_request(shell: &Shell) {
    for _ in 0..4 {
        two_baskets(shell);
    }
    // The first three get no good answer.
    let receiver = Receiver::answering(|number, _| Reply::of(if number < 3 { 500 } else { 200 }));
    let done = forward(shell, &receiver, "--once --batch 7");
    assert!(done.err.ends_with("20 events were taken\n"), "{done:?}");
    let posts = receiver.all();
    assert_eq!(posts.iter().map(|post| post.events().len()).collect::<Vec<_>>(), [7, 7, 7, 7, 7, 6]);
    let keys: Vec<_> = posts.iter().map(|post| post.header("idempotency-key")).collect();
    assert!(keys[..4].iter().all(|key| *key == keys[0] && key.len() == 34), "{keys:?}");
    assert_eq!(HashSet::<&str>::from_iter(keys).len(), 3);
    for post in &posts {
        assert_eq!(post.header("content-type"), "application/cloudevents-batch+json; charset=utf-8");
    }
    let mut sent = places(&posts[3..]);
    sent.sort();
    sent.dedup();
    assert_eq!(sent.len(), 20);

    // One event is a batch, too.
    shell.create("socks");
    forward(shell, &receiver, "--once --batch 1");
    assert!(receiver.all().iter().all(|post| post.body.as_array().is_some_and(|events| events.len() == 1)));
}

fn a_receiver_that_fails_gets_them_again(shell: &Shell) {
    two_baskets(shell);
    let receiver = Receiver::answering(|number, _| match number {
        1 => Reply { retry_after: Some(1), words: "come again", ..Reply::of(503) },
        3 => Reply::of(408),
        4 => Reply::of(429),
        _ => Reply::of(204),
    });
    let done = forward(shell, &receiver, "--once --as warehouse");
    assert_eq!(done.code, 0, "{done:?}");
    assert!(
        done.err.contains("does not take events now: 503 Service Unavailable: come again; trying again\n"),
        "{done:?}"
    );
    assert!(done.err.contains(" takes events again\n"), "{done:?}");
    let posts = receiver.all();
    assert_eq!(posts.iter().map(|post| post.status).collect::<Vec<_>>(), [204, 503, 204, 408, 429, 204, 204, 204]);
    assert!(posts[2].at - posts[1].at >= Duration::from_secs(1), "it came again too early");
    for (failed, again) in [(1, 2), (3, 4), (4, 5)] {
        assert_eq!(posts[failed].body, posts[again].body);
        assert_eq!(posts[failed].header("idempotency-key"), posts[again].header("idempotency-key"));
    }
    let [feed] = &feeds(shell)[..] else { panic!() };
    assert_eq!((&feed["feed"], &feed["retries"], &feed["behind"]), (&json!("warehouse"), &json!(3), &json!(0)));

    // Nothing listens there any more: --once gives up in the end, without it it goes on.
    let url = receiver.url.clone();
    drop(receiver);
    shell.create("socks");
    let gone = shell.basket(&format!("forward {url} --once --as warehouse"));
    gone.fails_after(6, "does not take events now");
    let watcher = Watcher::spawn(shell, &format!("forward {url} --as warehouse"));
    assert!(watcher.note().contains("'warehouse' forwards events"));
    assert!(watcher.note().ends_with("; trying again"));
    watcher.signal("INT");
    assert_eq!(watcher.end().code, 0, "also while it waits");
}

/// A receiver that refuses this version of a basket, if clocks were added with it, as long as the flag is set.
fn picky(version: u64) -> (Receiver, Arc<AtomicBool>) {
    let strict = Arc::new(AtomicBool::new(true));
    let is_strict = strict.clone();
    let receiver = Receiver::answering(move |_, body| {
        let events = body.as_array().cloned().unwrap_or_else(|| vec![body.clone()]);
        let refused = events.iter().any(|event| place(event).1 == version && event["data"]["product"] == "clocks");
        match refused && is_strict.load(SeqCst) {
            true => Reply { words: "no\u{1b}clocks", ..Reply::of(422) },
            false => Reply::of(200),
        }
    });
    (receiver, strict)
}

fn a_refused_event_stops_it_or_is_parked(shell: &Shell) {
    let [one, other] = two_baskets(shell);
    shell.basket(&format!("add {one} socks")).says("");
    shell.basket(&format!("add {other} socks")).says("");
    let (receiver, strict) = picky(3);
    for round in 0..2 {
        let stopped = forward(shell, &receiver, "--once --as warehouse");
        let words = format!(" refuses version 3 of basket '{one}', document ");
        stopped.fails_after(4, &words);
        assert!(
            stopped.err.contains("422 Unprocessable Entity: no\\u{1b}clocks; 'warehouse' stands before it"),
            "{stopped:?}"
        );
        let sent = versions(&receiver.all());
        assert!(round == 0 || sent == [3], "what was taken is not sent again: {sent:?}");
    }
    let on = forward(shell, &receiver, "--once --as warehouse --park");
    assert_eq!(on.code, 0, "{on:?}");
    assert!(on.err.contains("; its basket is parked\n"), "{on:?}");
    let source = |id: &str| format!("/baskets/{id}");
    let sent = places(&receiver.all());
    assert!(!sent.contains(&(source(&one), 4)), "nothing of that basket");
    assert!(sent.contains(&(source(&one), 3)));
    let parked: Vec<Value> = serde_json::from_str(&shell.basket("feed parked warehouse --format json").out).unwrap();
    assert_eq!(parked[0]["basket"], json!(one));
    assert_eq!((&parked[0]["version"], &parked[0]["read_to"]), (&json!(3), &json!(2)));
    assert!(parked[0]["why"].as_str().unwrap().starts_with("422 Unprocessable"));

    shell.basket("feed retry warehouse").fails(2, "`basket forward --retry`");
    let again = forward(shell, &receiver, "--once --as warehouse --park --retry");
    assert!(again.err.contains("is parked") && again.err.ends_with("0 events were taken\n"), "{again:?}");
    assert_eq!(versions(&receiver.all()), [3]);
    strict.store(false, SeqCst);
    let again = forward(shell, &receiver, "--once --as warehouse --retry");
    assert!(again.err.ends_with("2 events were taken\n"), "{again:?}");
    assert_eq!(versions(&receiver.all()), [3, 4]);
    assert_eq!(feeds(shell)[0]["parked"], json!(0));
}

fn a_refused_event_is_found_in_a_batch(shell: &Shell) {
    let [one, other] = two_baskets(shell);
    shell.basket(&format!("add {one} socks")).says("");
    shell.basket(&format!("add {other} socks")).says("");
    let (receiver, _) = picky(3);
    let on = forward(shell, &receiver, "--once --as warehouse --park --batch 100");
    assert_eq!(on.code, 0, "{on:?}");
    assert!(on.err.contains(&format!("refuses version 3 of basket '{one}'")), "{on:?}");
    assert!(on.err.ends_with("5 events were taken\n"), "{on:?}");
    let taken: Vec<_> = receiver.all().into_iter().filter(|post| post.status == 200).collect();
    let mut taken = places(&taken);
    taken.sort();
    let mut expected: Vec<_> = [(1, &one), (2, &one), (1, &other), (2, &other), (3, &other)]
        .map(|(version, id)| (format!("/baskets/{id}"), version))
        .into();
    expected.sort();
    assert_eq!(taken, expected);
}

fn a_receiver_that_takes_nothing_ends_it(shell: &Shell) {
    two_baskets(shell);
    for (status, words) in [
        (301, "301 Moved Permanently; a redirection is not followed"),
        (401, "401 Unauthorized"),
        (404, "404 Not Found"),
        (410, "410 Gone"),
    ] {
        let receiver = Receiver::answering(move |_, _| Reply::of(status));
        let ended = forward(shell, &receiver, "--once --park --as warehouse");
        ended.fails_after(6, &format!("takes no events: {words}"));
        assert_eq!(receiver.all().len(), 1);
    }
    assert_eq!((&feeds(shell)[0]["parked"], &feeds(shell)[0]["events"]), (&json!(0), &json!(0)));
}

fn some_events_can_be_chosen(shell: &Shell) {
    let [one, other] = two_baskets(shell);
    shell.basket(&format!("remove {one} socks")).says("");
    let receiver = Receiver::start();
    forward(shell, &receiver, "--once --type ItemAdded");
    let posts = receiver.all();
    assert_eq!(posts.len(), 3);
    assert!(posts.iter().all(|post| post.body["type"] == "basket.ItemAdded"), "{posts:?}");
    forward(shell, &receiver, &format!("{one} --once"));
    let posts = receiver.all();
    assert_eq!(versions(&posts), [1, 2, 3, 4]);
    forward(shell, &receiver, &format!("{one} {other} --once --type ItemRemoved --type BasketCreated"));
    assert_eq!(receiver.all().len(), 3);
    let feeds = feeds(shell);
    assert_eq!(feeds.len(), 3, "each choice has a feed of its own");
    assert!(feeds.iter().all(|feed| feed["behind"] == 0), "what was left out counts as read: {feeds:?}");
}

fn a_document_that_cant_be_read_stops_it_or_is_parked(shell: &Shell) {
    let id = shell.create("socks");
    let planted = plant(shell, "BasketPainted").to_hex();
    let receiver = Receiver::start();
    let stopped = forward(shell, &receiver, "--once --as warehouse");
    stopped.fails_after(7, &planted);
    assert_eq!(versions(&receiver.all()), [1, 2], "what came before it");
    let other = shell.create("rocks");
    let on = forward(shell, &receiver, "--once --as warehouse --park");
    assert_eq!(on.code, 0, "{on:?}");
    assert_eq!(places(&receiver.all()), [1, 2].map(|version| (format!("/baskets/{other}"), version)));
    let parked = shell.basket("feed parked warehouse");
    assert!(parked.out.contains(&planted) && parked.out.contains(&id), "{parked:?}");
}

fn a_killed_process_loses_nothing(shell: &Shell) {
    let ids = [(); 6].map(|()| shell.create("socks"));
    let receiver = Receiver::answering(|_, _| Reply { after: Duration::from_millis(3), ..Reply::of(200) });
    for round in 0..6 {
        let words = ["forward", &receiver.url, "--as", "warehouse", "--lease", "200ms", "--batch", "2"];
        let words = if round % 2 == 0 { &words[..6] } else { &words[..] };
        let mut process = shell.command(words).stderr(Stdio::null()).spawn().unwrap();
        for id in &ids {
            shell.basket(&format!("add {id} rocks")).says("");
        }
        thread::sleep(Duration::from_millis(fastrand::u64(0..40)));
        process.kill().unwrap();
        process.wait().unwrap();
    }
    let done = forward(shell, &receiver, "--once --as warehouse");
    assert_eq!(done.code, 0, "{done:?}");
    let mut seen = BTreeMap::<String, u64>::new();
    let sent = places(&receiver.all());
    for (source, version) in &sent {
        let newest = seen.entry(source.clone()).or_default();
        assert!(*version <= *newest + 1, "version {version} of {source} came after {newest}");
        *newest = (*newest).max(*version);
    }
    assert_eq!(seen.values().copied().collect::<Vec<_>>(), [8; 6]);
    println!("{} events were sent for {}", sent.len(), 6 * 8);
}

fn another_process_waits_for_its_turn(shell: &Shell) {
    let id = shell.create("socks");
    let receiver = Receiver::start();
    let words = format!("forward {} --as warehouse --lease 1", receiver.url);
    let first = Watcher::spawn(shell, &words);
    assert!(first.note().contains("forwards events"));
    assert_eq!(versions(&[receiver.next(), receiver.next()]), [1, 2]);
    let second = Watcher::spawn(shell, &words);
    assert!(second.note().starts_with("'warehouse' is kept by process"), "it waits");
    first.freeze(shell, &format!("add {id} rocks"));
    assert!(second.note().contains("forwards events"));
    assert_eq!(versions(&[receiver.next()]), [3]);
    first.signal("CONT");
    assert!(first.note().starts_with("another process has taken over"));
    assert!(first.note().starts_with("'warehouse' is kept by process"));
    second.signal("TERM");
    assert_eq!(second.end().code, 0);
    shell.basket(&format!("add {id} rocks")).says("");
    assert_eq!(versions(&[receiver.next()]), [4], "each once");
}

fn a_slow_receiver_is_waited_for_and_the_lease_is_kept(shell: &Shell) {
    shell.create("socks");
    let receiver = Receiver::answering(|_, _| Reply { after: Duration::from_millis(900), ..Reply::of(200) });
    let words = format!("forward {} --as warehouse --lease 300ms", receiver.url);
    let first = Watcher::spawn(shell, &words);
    assert!(first.note().contains("forwards events"));
    receiver.next();
    let (holder, second) = (feeds(shell)[0]["holder"].clone(), Watcher::spawn(shell, &words));
    assert!(second.note().starts_with("'warehouse' is kept by process"), "it waits");
    thread::sleep(Duration::from_millis(600));
    assert_eq!(feeds(shell)[0]["holder"], holder, "it is alive, though it waits for an answer");
    // Ctrl-C while an answer is waited for: what has none comes again.
    first.signal("INT");
    let ended = first.end();
    assert_eq!((ended.code, &*ended.err), (0, "0 events were taken\n"));
    assert!(second.note().contains("forwards events"));
    assert_eq!(versions(&[receiver.next(), receiver.next()]), [1, 2]);
}

fn a_wrong_command_line_says_what_is_wrong(shell: &Shell) {
    shell.create("socks");
    for (words, why) in [
        ("forward ftp://user:secret@example.org/", "events can't be forwarded to ftp://"),
        ("forward example.org/events", "an address begins with http://"),
        ("forward http://", "the address"),
        ("forward http://user:secret@127.0.0.1:1/", "'Authorization: Basic ...'"),
        ("forward http://user:se/cret@127.0.0.1:1/", "'Authorization: Basic ...'"),
        ("forward http://127.0.0.1:1/ --header secret", "a --header is NAME: VALUE"),
        ("forward http://127.0.0.1:1/ --header content-type:secret", "a --header can't be content-type"),
        ("forward http://127.0.0.1:1/ --as list-next", "the name of a read model"),
        ("forward kurrentdb://user:secret@127.0.0.1:1 --header a:b", "a --header is for http://"),
        ("forward kurrentdb://user:secret@127.0.0.1:1 --type ItemAdded", "--type is for http://"),
    ] {
        let answer = shell.basket(words);
        answer.fails(2, why);
        assert!(!answer.err.contains("secret"), "{answer:?}");
    }
    shell.run(&["forward", "http://127.0.0.1:1/", "--header", "a b: c"]).fails(2, "a --header can't be sent");
    shell.basket("forward http://127.0.0.1:1/ --as list").fails(2, "the name of a read model");
    shell.basket("forward http://127.0.0.1:1/ --as A").fails(2, "is no name of a feed");
    shell.basket("forward http://127.0.0.1:1/ --timeout 3").fails(2, "it takes no --timeout");
    assert!(feeds(shell).is_empty());

    // A header goes with each request, and a user's own.
    let receiver = Receiver::start();
    shell.run(&["forward", &receiver.url, "--once", "--header", "Authorization: Bearer a:b", "--header", "x-shop:7"]);
    assert_eq!([receiver.next().header("authorization"), receiver.next().header("x-shop")], ["Bearer a:b", "7"]);
}

/// The answer comes while the store does not answer; Ctrl-C ends it all the same.
#[test]
fn embedded_a_file_that_is_locked_does_not_keep_it_from_ending() {
    let file = tempfile::tempdir().unwrap();
    let file = file.path().join("baskets.db");
    let shell = &Shell::new().with("BASKET_STORE", file.to_str().unwrap());
    shell.create("socks");
    let receiver = Receiver::answering(|_, _| Reply { after: Duration::from_millis(300), ..Reply::of(200) });
    let watcher = Watcher::spawn(shell, &format!("forward {} --as warehouse", receiver.url));
    assert!(watcher.note().contains("forwards events"));
    receiver.next();
    let other = rusqlite::Connection::open(&file).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    receiver.next();
    thread::sleep(Duration::from_millis(700));
    watcher.signal("INT");
    assert_eq!(watcher.end().code, 0);
    // What was taken and could not be kept comes again.
    other.execute_batch("ROLLBACK").unwrap();
    thread::sleep(Duration::from_secs(3));
    forward(shell, &receiver, "--once --as warehouse");
    assert_eq!(versions(&receiver.all()), [1, 2]);
}

/// Two processes that look the same in their containers do not take each other for themselves.
#[test]
fn embedded_a_holder_has_a_name_of_its_own_each_time() {
    let shell = &Shell::new();
    shell.create("socks");
    let receiver = Receiver::start();
    let holder = || {
        let watcher = Watcher::spawn(shell, &format!("forward {} --as warehouse", receiver.url));
        assert!(watcher.note().contains("forwards events"));
        let holder = feeds(shell)[0]["holder"].as_str().unwrap().to_owned();
        shell.basket("feed forget warehouse").fails(5, "; end it first");
        watcher.signal("INT");
        assert_eq!(watcher.end().code, 0);
        holder.rsplit_once(", ").unwrap().1.to_owned()
    };
    assert_ne!(holder(), holder());
}

#[test]
fn embedded_a_query_is_part_of_the_address() {
    let shell = &Shell::new();
    shell.create("socks");
    let receiver = Receiver::start();
    for queue in ["?queue=a", "?queue=b", "?queue=a"] {
        shell.basket(&format!("forward {}{queue} --once", receiver.url));
    }
    assert_eq!(versions(&receiver.all()), [1, 2, 1, 2]);
    let conflict = Receiver::answering(|number, _| Reply::of(if number == 0 { 409 } else { 200 }));
    let done = forward(shell, &conflict, "--once --park");
    assert!(done.err.ends_with("2 events were taken\n"), "409 means that it is at work on it: {done:?}");
}
