//! The history put to the rules of today, on both stores. Thirty changes of rules are planted in a domain whose rules can be switched:
//! each is found, in as many events or streams as were touched, and nothing is found where nothing was changed.

mod till;

use std::fs;

use basket_cli::{
    EmbeddedStore,
    rehearsal::{Against, Kind, Recorded, Rehearsal, hex},
};
use basket_domain::{
    Aggregate,
    BasketEvent::{BasketCreated, ItemAdded, ItemRemoved},
    BasketId, EventSourced, Reversible,
};
use basket_mongo::{EventLog, MongoStore, Scope};
use fastrand::Rng;
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use testkit::{
    histories,
    mongo::{product, qty, with_database},
    on_both_stores,
    one_basket::OneBasket,
    planted::plant,
    shell::Shell,
};
use till::{CHANGE, Till, TillEvent, Tills};

on_both_stores! {
    where_no_rule_has_changed_nothing_is_otherwise
    what_would_be_refused_is_shown_in_groups_with_a_test
    states_are_recorded_and_compared
    an_unreadable_document_is_named_and_nothing_is_recorded
}

/// Of the rows [], [["socks",1]] and [["socks",1],["rocks",2]], as any program can compute it.
const DIGEST: &str = "805ff5297c6bdc8befbdb728c33aa6973ccd12818cbc35e6b237f9924c434d7e";

type Histories = Vec<(String, Vec<TillEvent>)>;

/// Random commands, as the rules were.
fn random(random: &mut Rng, streams: usize) -> Histories {
    let mut histories = Histories::new();
    for stream in 0..streams {
        let mut till = EventSourced::<Till>::new(format!("till {stream:03}"));
        for _ in 0..random.usize(1..60) {
            let (item, many) = (["a", "b", "c", "d"][random.usize(..4)], random.u32(1..=9));
            // Refused or not: what is refused is no event.
            let _ = till.decide(|till| match random.u8(..100) {
                _ if !till.is_open() => till.open(),
                0..55 => till.put(item, many),
                55..92 => till.take(item, many.min(till.held(item)).max(1)),
                92..98 => till.empty(),
                _ => till.close(),
            });
        }
        histories.push((till.id().clone(), till.take_new_events()));
    }
    histories
}

async fn save(store: &impl EventLog<Tills>, histories: &Histories) {
    for (id, events) in histories {
        let mut till = match store.get(id).await {
            Ok(till) => till,
            Err(_) => EventSourced::new(id.clone()),
        };
        till.decide(|_| Ok::<_, ()>(events.clone())).unwrap();
        store.save(&mut till).await.unwrap();
    }
}

/// What a rehearsal finds: the events of each kind, the streams with other states, and what it records.
struct Answer {
    otherwise: u64,
    states: u64,
    recorded: Vec<Recorded<String>>,
    rehearsal: Rehearsal<Tills>,
}

async fn rehearse(store: &impl EventLog<Tills>, against: Against) -> Answer {
    let mut rehearsal = Rehearsal::<Tills>::new(true, true, against);
    let mut documents = std::pin::pin!(store.documents(Scope::All));
    let mut recorded = Vec::new();
    while let Some(document) = documents.try_next().await.unwrap() {
        recorded.extend(rehearsal.take(&document).unwrap());
    }
    recorded.extend(rehearsal.end());
    let number = |states: bool| {
        let found = rehearsal.found.iter().filter(|((kind, ..), _)| (*kind == Kind::State) == states);
        found.map(|(_, found)| found.number).sum()
    };
    Answer { otherwise: number(false), states: number(true), recorded, rehearsal }
}

fn against(recorded: &[Recorded<String>]) -> Against {
    recorded.iter().map(|Recorded { id, version, digest }| (id.clone(), (*version, hex(digest)))).collect()
}

/// The events that are decided otherwise, counted one by one.
fn counted(histories: &Histories) -> u64 {
    let mut otherwise = 0;
    for (_, events) in histories {
        let mut till = Till::default();
        for event in events {
            otherwise += u64::from(till.decide_again(event) != Ok(vec![event.clone()]));
            till.apply(event);
        }
    }
    otherwise
}

/// The rows of every state on the way.
fn states(histories: &Histories) -> Vec<Vec<String>> {
    let of = |events: &Vec<TillEvent>| {
        let mut till = Till::default();
        events
            .iter()
            .map(|event| {
                till.apply(event);
                format!("{:?}", till.rows())
            })
            .collect()
    };
    histories.iter().map(|(_, events)| of(events)).collect()
}

async fn every_change_is_found(store: &impl EventLog<Tills>) {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    let all = random(&mut rng, 40);
    // What comes after the record is asked again, too, but its states can't be compared.
    let (mut before, mut after) = (Histories::new(), Histories::new());
    for (at, (id, events)) in all.iter().enumerate() {
        let (first, rest) = events.split_at(if at % 3 == 0 { events.len().div_ceil(2) } else { events.len() });
        before.push((id.clone(), first.to_vec()));
        after.extend((!rest.is_empty()).then(|| (id.clone(), rest.to_vec())));
    }
    save(store, &before).await;
    let unchanged = rehearse(store, Against::new()).await;
    assert_eq!((unchanged.otherwise, unchanged.states, unchanged.recorded.len()), (0, 0, 40));
    let recorded = against(&unchanged.recorded);
    save(store, &after).await;
    let states_before = states(&before);
    for change in 0..=30 {
        CHANGE.set(change);
        let expected = counted(&all);
        let others = states(&before).iter().zip(&states_before).filter(|(now, before)| now != before).count() as u64;
        let answer = rehearse(store, recorded.clone()).await;
        assert_eq!((answer.otherwise, answer.states), (expected, others), "change {change}");
        assert_eq!(answer.rehearsal.compared, 40, "change {change}");
        match change {
            0 => assert_eq!(expected + others, 0),
            3 => {
                let groups: Vec<_> = answer.rehearsal.found.keys().cloned().collect();
                assert_eq!(groups, [(Kind::Refused, "Put", "it can't hold N of '…' at once".to_owned())]);
            }
            1..=15 => assert!(expected > 0 && others == 0, "change {change} is not in this history"),
            _ => assert!(others > 0, "change {change} is not in this history"),
        }
        for ((kind, ..), found) in answer.rehearsal.found.iter().filter(|((kind, ..), _)| *kind != Kind::State) {
            // The example is one: the events before it, and then it is not decided again.
            let mut till = Till::default();
            found.history.iter().for_each(|event| till.apply(event));
            assert_eq!(found.history.len() as u64 + 1, found.example.version);
            let again = till.decide_again(&found.example.event);
            assert_eq!(again.is_err(), *kind == Kind::Refused, "change {change}: {again:?}");
            assert_ne!(again, Ok(vec![found.example.event.clone()]));
        }
    }
    // The domain says that an event can't be decided again.
    CHANGE.set(31);
    let answer = rehearse(store, recorded).await;
    assert_eq!((answer.otherwise, answer.states, answer.rehearsal.undecided), (0, 0, 40));
    CHANGE.set(0);
}

#[tokio::test]
async fn embedded_every_change_of_rules_is_found_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    every_change_is_found(&EmbeddedStore::<Tills>::at(folder.path().join("tills.db"))).await;
}

#[test]
fn mongo_every_change_of_rules_is_found_and_nothing_else() {
    with_database(async |db| every_change_is_found(&MongoStore::<Tills>::at(&db.address).await.unwrap()).await);
}

fn where_no_rule_has_changed_nothing_is_otherwise(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID rocks -q 2", "add ID clocks --voucher V", "remove ID socks"]);
    basket.basket("revert ID 3");
    let answer = shell.basket("rehearse");
    assert_eq!((answer.code, answer.out.as_str()), (0, ""));
    assert_eq!(answer.err, "7 events of 1 basket were read: nothing is otherwise\n");
    assert_eq!(shell.basket("rehearse --format json").out, "[]\n");
    shell.basket("rehearse --store none.db").fails(6, "there is no such file, or it is empty");
}

fn basket_id(byte: u8) -> BasketId {
    BasketId::from_bytes([byte; 12])
}

fn what_would_be_refused_is_shown_in_groups_with_a_test(shell: &Shell) {
    // As if one could remove what is not there when this was written.
    let history = |byte: u8, gone: &str| {
        let basket_id = basket_id(byte);
        let removed = |name| ItemRemoved { basket_id, product: product(name) };
        let added = ItemAdded { basket_id, product: product("socks"), qty: qty(1) };
        vec![BasketCreated { basket_id }, added, removed(gone), removed("socks")]
    };
    let dated = |events: Vec<_>| events.into_iter().map(|event| (event, 1_780_000_000_000)).collect::<Vec<_>>();
    let gone = ["socks", "red 7 socks", "it's"].into_iter().zip(1..);
    let histories = gone.map(|(gone, byte)| dated(history(byte, gone))).collect();
    histories::into_shell(shell, &histories);
    let answer = shell.basket("rehearse --format ndjson --test");
    answer.fails_after_printing(4, "12 events of 3 baskets were read: 3 events would be decided otherwise\n");
    let found: Vec<Value> = answer.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let fields = ["kind", "type", "why", "number", "basket", "version", "in_full"];
    assert_eq!(
        json!(found.iter().map(|group| fields.map(|name| &group[name])).collect::<Vec<_>>()),
        json!([[
            "refused",
            "ItemRemoved",
            "'…' is not in the basket, so it can't be removed",
            3,
            "02".repeat(12),
            3,
            "'red 7 socks' is not in the basket, so it can't be removed"
        ],])
    );
    let event = format!("{:?}", ItemRemoved { basket_id: basket_id(2), product: product("red 7 socks") });
    let given: String = history(2, "hats")[..2].iter().map(|event| format!("        {event:?},\n")).collect();
    let test = format!(
        "#[test]\nfn rehearsal_1() {{\n    given::<Basket>([\n{given}    ])\n    .when(|state| state.decide_again(&{event}))\n    .then([{event}]);\n}}\n"
    );
    assert_eq!(found[0]["test"], test);
    let text = shell.basket("rehearse --test").out;
    assert!(text.contains(&test), "{text}");
    let text = shell.basket("rehearse").out;
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!(
        lines[0],
        "       3  ItemRemoved would be refused now: '…' is not in the basket, so it can't be removed"
    );
    assert!(lines[1].starts_with("          such as version 3 of basket '020202020202020202020202', "), "{text}");
}

fn states_are_recorded_and_compared(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID rocks -q 2"]);
    let others = ["hats", "pins"].map(|product| shell.create(product));
    let run = |words: &str| shell.basket(&format!("rehearse {words}"));
    assert_eq!(run("--record states").code, 0);
    let file = shell.folder.path().join("states");
    let kept = fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = kept.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    // The digest of these states: on any machine, by any build.
    let line = lines.iter().find(|line| line["basket"] == basket.id.as_str()).unwrap();
    assert_eq!((&line["version"], &line["digest"]), (&json!(3), &json!(DIGEST)));

    run("--record states").fails(2, "'states' is there already, and is not overwritten; name a new file");
    assert_eq!(fs::read_to_string(&file).unwrap(), kept);
    run("--record nowhere/states").fails(2, "'nowhere/states' can't be made: No such file");
    run("--against nowhere").fails(2, "'nowhere' can't be read: No such file");
    let same = "were read, 3 of 3 baskets that were recorded were compared: nothing is otherwise\n";
    assert!(run("--against states").err.ends_with(same));
    // What has grown is compared up to where it was; what is new is not compared.
    basket.does(["remove ID socks", "add ID clocks"]);
    shell.create("new");
    assert!(run("--against states").err.ends_with(same));

    fs::write(&file, kept.replace(DIGEST, &"0".repeat(64))).unwrap();
    let answer = run("--against states --record again --format json");
    answer.fails_after_printing(4, "that were recorded were compared: the states of 1 basket are others\n");
    let found = serde_json::from_str::<Value>(&answer.out).unwrap();
    let fields = ["kind", "number", "basket", "version"].map(|name| &found[0][name]);
    assert_eq!(json!(fields), json!(["state", 1, basket.id, 3]));
    assert_eq!(
        fs::read_to_string(shell.folder.path().join("again")).unwrap().lines().count(),
        4,
        "it is recorded still"
    );
    let text = run("--against states").out;
    assert!(
        text.starts_with("       1  baskets have other states now\n          such as up to version 3 of basket '"),
        "{text}"
    );
    // A stream that is not here is counted as not compared.
    fs::write(&file, kept.replace(&others[0], "5ab69073421aa917e62b4734")).unwrap();
    assert!(run("--against states").err.contains("2 of 3 baskets that were recorded were compared"));
    for (wrong, why) in
        [("", "line 2 of 'states' is none that"), ("{\"silo\":\"a\",\"version\":1,\"digest\":\"\"}", "line 2 of ")]
    {
        fs::write(&file, kept.replacen('\n', &format!("\n{wrong}\n"), 1)).unwrap();
        run("--against states").fails(7, why);
    }
}

fn an_unreadable_document_is_named_and_nothing_is_recorded(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    let planted = plant(shell, "ItemBlessed");
    shell.create("hats");
    let answer = shell.basket("rehearse --record states");
    answer.fails_after(7, "5 events of 2 baskets were read: 1 document can't be read");
    assert!(answer.err.contains(&format!("the document with _id ObjectId('{planted}')")), "{answer:?}");
    assert!(!shell.folder.path().join("states").exists());
    basket.fails("get ID", 7, "ItemBlessed");
}
