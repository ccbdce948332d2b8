//! The event with which something became true: asked of an expression, and of a program, on both stores. What is found is
//! compared with what was planted.

use std::fs;

use basket_domain::{
    BasketEvent::{self, BasketCreated, ItemAdded, ItemRemoved},
    BasketId,
};
use fastrand::Rng;
use serde_json::{Value, json};
use testkit::{
    histories::{self, Dated},
    mongo::{product, qty},
    on_both_stores,
    one_basket::{OneBasket, records},
    planted::plant,
    shell::Shell,
};

on_both_stores! {
    every_planted_flip_is_found_and_no_other
    of_all_baskets_the_first_event_comes_first
    names_are_rows_or_what_a_state_has
    a_wrong_expression_is_refused_with_its_place
    a_program_is_run_as_few_times_as_halving_needs
    versions_that_cant_be_tested_make_the_answer_a_range
    a_program_gets_the_state_and_where_it_is
    a_program_that_says_nothing_ends_the_search
    an_unreadable_document_is_named_and_nothing_after_it_is_answered
    what_is_not_there_is_an_error
}

fn seed() -> Rng {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    Rng::with_seed(seed)
}

/// A basket of many events whose clocks come and go; and at which versions `clocks > 10` becomes true or false.
struct Planted {
    history: Vec<Dated>,
    flips: Vec<(u64, bool)>,
}

fn planted(random: &mut Rng, flips: usize, events: usize) -> Planted {
    let basket_id = BasketId::from_bytes(std::array::from_fn(|_| random.u8(..)));
    let mut places: Vec<usize> = (1..events).collect();
    random.shuffle(&mut places);
    places.truncate(flips);
    let (mut history, mut found, mut clocks) = (Vec::new(), Vec::new(), 0);
    for place in 0..events {
        let add = |name: &str, many| ItemAdded { basket_id, product: product(name), qty: qty(many) };
        let event: BasketEvent = match (place, places.contains(&place)) {
            (0, _) => BasketCreated { basket_id },
            (_, true) if clocks > 10 => ItemRemoved { basket_id, product: product("clocks") },
            (_, true) => add("clocks", 11 + random.u32(0..5)),
            (_, false) if clocks > 10 && random.bool() => add("clocks", 1),
            _ => add("red socks", 1 + random.u32(0..20)),
        };
        clocks = match &event {
            ItemRemoved { .. } => 0,
            ItemAdded { product, qty, .. } if product.as_str() == "clocks" => clocks + qty.get(),
            _ => clocks,
        };
        if places.contains(&place) {
            found.push((place as u64 + 1, clocks > 10));
        }
        // Few times, so that several events of several baskets share one; in order within a basket.
        history.push((event, 1_780_000_000_000 + (place / 4) as i64));
    }
    Planted { history, flips: found }
}

fn every_planted_flip_is_found_and_no_other(shell: &Shell) {
    let mut random = seed();
    let Planted { history, flips } = planted(&mut random, 30, 300);
    let id = histories::basket_of(&history);
    histories::into_shell(shell, &vec![history]);
    let found = |when: &str| -> Vec<_> {
        let flips = records(shell, &format!("bisect {id} --when '{when}'"));
        flips.iter().map(|flip| (flip["version"].as_u64().unwrap(), flip["became"].as_bool().unwrap())).collect()
    };
    assert_eq!(found("clocks > 10"), flips);
    // The opposite is true of the first event, and false where the other is true.
    let opposite: Vec<_> = [(1, true)].into_iter().chain(flips.iter().map(|(at, became)| (*at, !became))).collect();
    assert_eq!(found("not clocks > 10"), opposite);
    let text = shell.basket(&format!("bisect {id} --when 'clocks > 10'")).out;
    let (heading, lines) = text.split_once('\n').unwrap();
    assert_eq!(heading, format!("it first became true with version {} of basket '{id}':", flips[0].0));
    let lines: Vec<_> = lines.lines().collect();
    assert_eq!(lines.len(), flips.len(), "{text}");
    for (line, (version, became)) in lines.iter().zip(&flips) {
        let is_it =
            line.trim_start().starts_with(&format!("{version} ")) && line.ends_with(&format!(": became {became}"));
        assert!(is_it && line.contains("clocks"), "{line}");
    }
}

fn of_all_baskets_the_first_event_comes_first(shell: &Shell) {
    let mut random = seed();
    let planted: Vec<_> = (0..8).map(|flips| planted(&mut random, flips, 40)).collect();
    let mut expected: Vec<_> = planted
        .iter()
        .filter_map(|Planted { history, flips }| {
            let (version, _) = flips.first()?;
            let (id, now) = (histories::basket_of(history).to_string(), flips.len() % 2 == 1);
            Some((history[*version as usize - 1].1, json!([id, version, true, flips.len(), now])))
        })
        .collect();
    expected.sort_by_key(|(at, record)| (*at, record[0].to_string()));
    histories::into_shell(shell, &planted.into_iter().map(|planted| planted.history).collect());
    let found = records(shell, "bisect --when 'clocks > 10'");
    let found: Vec<_> = found
        .iter()
        .map(|flip| json!(["basket", "version", "became", "flips", "now"].map(|name| &flip[name])))
        .collect();
    assert_eq!(found, expected.into_iter().map(|(_, record)| record).collect::<Vec<_>>());
    let text = shell.basket("bisect --when 'clocks > 10'").out;
    let answer =
        format!("it first became true with version {} of basket '{}':\n", found[0][1], found[0][0].as_str().unwrap());
    assert!(text.starts_with(&answer) && text.lines().count() == 8, "{text}");
}

fn names_are_rows_or_what_a_state_has(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.does([
        "add ID 'red socks' -q 3",
        "add ID version -q 7",
        "add ID it\"s -q 2",
        "remove ID socks",
        "add ID rows",
    ]);
    for (when, versions) in [
        ("socks == 1", json!([2, 6])),
        ("rows['red socks'] == 3", json!([3])),
        // A name that has a meaning of its own is one of the rows, too.
        ("rows.version == 7", json!([4])),
        ("version == 7", json!([7])),
        ("rows['rows']", json!([7])),
        ("rows['it\"s'] == 2", json!([5])),
        ("'red socks' in rows and 'socks' not in rows", json!([6])),
        ("count == 3", json!([4, 5, 6, 7])),
        ("rows|length == 3", json!([4, 5, 6, 7])),
        ("units > 10", json!([4])),
        ("rows|largest >= 7", json!([4])),
        ("type == 'ItemRemoved'", json!([6, 7])),
        ("type in ['BasketCreated', 'ItemRemoved']", json!([1, 2, 6, 7])),
        ("2 * rows['red socks'] - 1 < rows.version", json!([1, 3, 4])),
        ("1 <= socks < 2", json!([2, 6])),
    ] {
        let when = ["bisect", &basket.id, "--format", "ndjson", "--when", when];
        let found = shell.run(&when);
        assert_eq!((found.code, found.err.as_str()), (0, ""), "{when:?} {found:?}");
        let found: Vec<Value> = found.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(json!(found.iter().map(|flip| &flip["version"]).collect::<Vec<_>>()), versions, "{when:?}");
    }
    let never = basket.basket("bisect ID --when 'cloks > 1'");
    assert_eq!((never.code, never.out.as_str()), (0, ""));
    assert_eq!(never.err, "it was never true, in 7 events\nno product was ever called 'cloks'\n");
}

fn a_wrong_expression_is_refused_with_its_place(shell: &Shell) {
    // There is no store yet, and none is looked for.
    for (when, why) in [
        ("clocks >", "expected expression, at character 8 (`>`)"),
        ("clocks = 3", "unexpected input after expression, at character 8 (`=`)"),
        ("(clocks", "expected `)`"),
        ("", "unexpected end of input"),
        ("clocks > 'ten'", "a number and a text don't go together, at character 1 (`clocks > 'ten'`)"),
        ("rows['ü'] > 1 or a == 'b'", "a number and a text don't go together, at character 18 (`a == 'b'`)"),
        ("ü > 1", "unexpected character, at character 1"),
        ("clocks > none", "a number and nothing don't go together"),
        ("1 < clocks < type", "a number and a text don't go together"),
        ("clocks + type", "a text and a number don't go together"),
        ("-type == 3", "a text and a number don't go together"),
        ("rows['a'] == 'b'", "a number and a text don't go together"),
        ("rows > 3", "rows and a number don't go together"),
        ("rows|largest > 'a'", "a number and a text don't go together"),
        (
            "true and (foo(3) or true)",
            "there is no such function; `rows|length` asks a filter, at character 11 (`foo(3)`)",
        ),
        ("rows.keys()", "there is no such function"),
        ("clocks|foo", "there is no such filter, at character 8 (`foo`)"),
        ("clocks is foo", "there is no such test, at character 11 (`foo`)"),
        ("3 in count", "nothing is in a number"),
        ("rows[3]", "a row is asked for by its name in quotes, at character 6 (`3`)"),
    ] {
        shell.run(&["bisect", "--when", when]).fails(2, why);
        shell.run(&["bisect", "5ab69073421aa917e62b4734", "--when", when]).fails(2, why);
    }
    // What only an event shows names the event.
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID clocks -q 3"]);
    let why = format!(
        "after version 3 of basket '{}' (ItemAdded): unable to calculate 1 / 0, at character 1 (`socks / (clocks - 3)`)",
        basket.id
    );
    basket.fails("bisect ID --when 'socks / (clocks - 3) > 1'", 2, &why);
    basket.fails("bisect --when 'socks / (clocks - 3) > 1'", 2, &why);
}

/// A basket of so many events.
fn of_length(random: &mut Rng, shell: &Shell, events: usize) -> String {
    let Planted { history, .. } = planted(random, 0, events);
    let id = histories::basket_of(&history).to_string();
    histories::into_shell(shell, &vec![history]);
    id
}

/// What `bisect run` answers where the program says so, and the versions that it was run at.
fn run(shell: &Shell, id: &str, program: &str) -> (Value, Vec<u64>) {
    let runs = shell.folder.path().join("runs");
    fs::write(&runs, "").unwrap();
    let program = format!("echo $BASKET_VERSION >> runs; {program}");
    let answer = shell.run(&["bisect", "run", "--format", "json", id, "sh", "-c", &program]);
    assert_eq!(answer.code, 0, "{answer:?}");
    let runs = fs::read_to_string(runs).unwrap().lines().map(|version| version.parse().unwrap()).collect();
    (serde_json::from_str(&answer.out).unwrap(), runs)
}

fn a_program_is_run_as_few_times_as_halving_needs(shell: &Shell) {
    let mut random = seed();
    for events in [1, 2, 3, 64, 65, 200] {
        let id = of_length(&mut random, shell, events);
        let events = events as u64;
        let most = events.next_power_of_two().ilog2() as usize + 1;
        for first_bad in [1, events].into_iter().chain((0..5).map(|_| random.u64(1..=events))) {
            let (answer, runs) = run(shell, &id, &format!("test $BASKET_VERSION -lt {first_bad}"));
            let expected = json!([first_bad, first_bad, [], runs.len()]);
            assert_eq!(json!(["first", "last", "skipped", "runs"].map(|name| &answer[name])), expected);
            assert_eq!(answer["events"][0]["version"], first_bad);
            assert!(runs.len() <= most && runs[0] == events, "{events} events: {runs:?}");
            let distinct: std::collections::BTreeSet<_> = runs.iter().collect();
            assert_eq!(distinct.len(), runs.len(), "no version twice: {runs:?}");
        }
    }
}

fn versions_that_cant_be_tested_make_the_answer_a_range(shell: &Shell) {
    let mut random = seed();
    let id = of_length(&mut random, shell, 40);
    for _ in 0..15 {
        let (first_bad, share) = (random.u64(1..=40), random.u8(1..=3));
        let skipped: Vec<u64> = (1..40).filter(|_| random.u8(0..4) < share).collect();
        let words = skipped.iter().map(|version| format!("{version}) exit 125;; ")).collect::<String>();
        let program = format!("case $BASKET_VERSION in {words} esac; test $BASKET_VERSION -lt {first_bad}");
        let (answer, _) = run(shell, &id, &program);
        let tested = |version: &u64| !skipped.contains(version);
        let first = (1..first_bad).rev().find(tested).unwrap_or(0) + 1;
        let last = (first_bad..=40).find(tested).unwrap();
        let between: Vec<u64> = (first..last).collect();
        assert_eq!(
            json!(["first", "last", "skipped"].map(|name| &answer[name])),
            json!([first, last, between]),
            "{skipped:?}"
        );
        assert_eq!(answer["events"].as_array().unwrap().len() as u64, last - first + 1);
    }
    let text = shell.run(&["bisect", "run", &id, "sh", "-c", "test $BASKET_VERSION -gt 38 || exit 125; false"]);
    let heading = format!(
        "the first bad one of basket '{id}' is one of versions 1 to 39, since those before 39 can't be tested, after 40 runs:\n"
    );
    assert!(text.code == 0 && text.out.starts_with(&heading) && text.out.lines().count() == 40, "{text:?}");
}

fn a_program_gets_the_state_and_where_it_is(shell: &Shell) {
    let path =
        format!("{}:{}", testkit::shell::binary("basket").parent().unwrap().display(), std::env::var("PATH").unwrap());
    let basket = OneBasket::with(shell, "red socks");
    basket.does(["add ID rocks -q 2", "add ID clocks", "remove ID 'red socks'"]);
    let store = shell.basket("store --format json").out;
    let store = serde_json::from_str::<Value>(&store).unwrap()["store"].as_str().unwrap().to_owned();
    // The program gets the address of the store in use, though the environment names another one; and what it reads there is the
    // state that it gets.
    let program = "cat > given; basket get $BASKET_ID --version $BASKET_VERSION --format json > got; cmp given got || kill $$; \
                   echo said; ! grep -q clocks given";
    let words = ["--store", &store, "bisect", "run", &basket.id, "sh", "-c", program];
    let other = shell.command(&words).env("BASKET_STORE", "other.db").env("PATH", path).output().unwrap();
    let answer = testkit::shell::answer(other);
    let heading = format!("version 4 of basket '{}' is the first bad one, after 4 runs:\n", basket.id);
    assert!(
        answer.code == 0 && answer.out.starts_with(&heading) && answer.out.ends_with("added 1 of 'clocks'\n"),
        "{answer:?}"
    );
    assert_eq!(answer.err.matches("said\n").count(), 4, "what it prints is not in the answer: {answer:?}");
    assert_eq!(
        fs::read_dir(shell.folder.path())
            .unwrap()
            .filter(|file| file.as_ref().unwrap().file_name() == "other.db")
            .count(),
        0
    );
}

fn a_program_that_says_nothing_ends_the_search(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    let run = |program: &str| shell.run(&["bisect", "run", &basket.id, "sh", "-c", program]);
    for (program, code, why) in [
        ("exit 128", 1, "'sh' at version 2: exit status: 128 says nothing; 0 is good, 125 can't be tested"),
        ("exit 255", 1, "exit status: 255 says nothing"),
        ("kill -9 $$", 1, "'sh' at version 2: signal: 9 (SIGKILL) says nothing"),
    ] {
        run(program).fails(code, why);
    }
    run("exit 0").fails_after(4, "version 2, the newest of basket");
    run("exit 125").fails_after(4, "can't be tested, so nothing is known to be bad");
    for bad in [1, 124, 126, 127] {
        assert_eq!(run(&format!("exit {bad}")).code, 0, "{bad}");
    }
    basket.fails("bisect run ID no-such-program", 2, "'no-such-program' at version 2: it can't be run: No such file");
    basket.basket("bisect run ID").fails_with_usage();
    basket.basket("bisect ID").fails_with_usage();
    // One that reads nothing of a state that is larger than a pipe.
    let Planted { mut history, .. } = planted(&mut seed(), 0, 1);
    let basket_id = histories::basket_of(&history);
    let many =
        (0..3000).map(|name| (ItemAdded { basket_id, product: product(&format!("{name:0>60}")), qty: qty(1) }, 0));
    history.extend(many);
    histories::into_shell(shell, &vec![history]);
    let answer = shell.run(&["bisect", "run", &basket_id.to_string(), "false"]);
    assert!(answer.code == 0 && answer.out.starts_with("version 1 of "), "{answer:?}");
}

fn an_unreadable_document_is_named_and_nothing_after_it_is_answered(shell: &Shell) {
    let Planted { mut history, flips } = planted(&mut seed(), 4, 50);
    let basket_id = histories::basket_of(&history);
    history.push((ItemAdded { basket_id, product: product("clocks"), qty: qty(11) }, 1_790_000_000_000));
    let (id, later) = (histories::basket_of(&history), history[..20].to_vec());
    histories::into_shell(shell, &vec![history]);
    let planted = plant(shell, "ItemBlessed");
    // Without the one before it, this would make it false.
    plant(shell, "ItemRemoved");
    let basket_id = BasketId::from_bytes([0xff; 12]);
    let mut later: Vec<Dated> = later
        .into_iter()
        .skip(1)
        .map(|(_, at)| (ItemAdded { basket_id, product: product("clocks"), qty: qty(1) }, at))
        .collect();
    later.insert(0, (BasketCreated { basket_id }, 0));
    histories::into_shell(shell, &vec![later]);
    let named = format!("the document with _id ObjectId('{planted}')");
    let of_one = shell.basket(&format!("bisect {id} --when 'clocks > 10' --format ndjson"));
    of_one.fails_after(7, "1 document can't be read, and what came after in the same basket was left out");
    assert!(of_one.err.contains(&named), "{of_one:?}");
    assert_eq!(of_one.out.lines().count(), flips.len() + 1, "what came before it is answered, and no more");
    let of_all = shell.basket("bisect --when 'clocks > 10'");
    of_all.fails_after(7, "1 document can't be read");
    assert!(of_all.err.contains(&named) && of_all.out.contains(&basket_id.to_string()), "{of_all:?}");
    let run = shell.run(&["bisect", "run", &id.to_string(), "false"]);
    run.fails(7, &named);
}

fn what_is_not_there_is_an_error(shell: &Shell) {
    shell.create("socks");
    let nowhere = "5ab69073421aa917e62b4734";
    shell.basket(&format!("bisect {nowhere} --when true")).fails(3, "there is no basket");
    shell.basket(&format!("bisect run {nowhere} true")).fails(3, "there is no basket");
    shell.basket("bisect five --when true").fails(2, "a basket id is 24 hex digits");
    shell.basket("bisect --when true --store none.db").fails(6, "there is no such file, or it is empty");
}
