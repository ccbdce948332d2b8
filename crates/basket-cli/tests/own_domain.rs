//! The tools on a domain that is no basket: a silo, in a program of its own, on both stores.

use std::{env, path::Path, process::Command};

use basket_cli::{
    EmbeddedStore,
    explore::{
        Model,
        reader::{Answer, Update},
        view::{self, Palette},
    },
};
use basket_mongo::{EventLog, EventStore, Maintenance, MongoStore, Scope};
use futures_util::TryStreamExt;
use ratatui::{Terminal, backend::TestBackend};
use serde_json::Value;
use testkit::{
    mongo::with_database,
    shell::{Answer as Printed, answer},
    silo::{Officer, Silo, Silos, armed},
};

/// Runs the example `own_domain`, which cargo has built beside the tests.
fn silo(store: &str, words: &[&str]) -> Printed {
    let test = env::current_exe().unwrap();
    let program = test.ancestors().map(|folder| folder.join("examples/own_domain")).find(|program| program.is_file());
    let program = program.expect("the example is there: cargo test -p basket-cli builds it");
    let mut command = Command::new(program);
    // Nothing is kept in the folders of who runs the tests.
    command.args(words).args(["--store", store]).env("NO_COLOR", "1").env("XDG_STATE_HOME", "/dev/null/none");
    answer(command.output().unwrap())
}

/// Armed, with the deputy's key turned, in one commit; then launched, in another.
async fn launched(store: &impl EventStore<Silo>) {
    store.save(&mut armed("north")).await.unwrap();
    let id = "north".to_owned();
    store.command(&id).run(|silo| silo.turn_key(Officer::Commander)).await.unwrap();
    store.command(&id).run(Silo::launch).await.unwrap();
}

#[test]
fn the_program_has_its_own_name_and_words() {
    let help = silo("silos.db", &["--help"]);
    assert!(help.out.starts_with("Silos, and what has happened to them\n\nUsage: own_domain"), "{help:?}");
    assert!(help.out.contains("Show what happened to a silo") && !help.out.contains("basket"), "{help:?}");
    let missing = silo("silos.db", &["get", "north"]);
    assert!(missing.err.ends_with("check the id, and the store with `silo store`\n"), "{missing:?}");
}

fn every_tool_works(store: &str, folder: &Path) {
    let run = |words: &str| silo(store, &words.split(' ').collect::<Vec<_>>());
    let json = |words: &str| serde_json::from_str::<Value>(&run(words).out).unwrap();
    assert_eq!(run("init").code, 0);
    run("get north").says("silo = armed\ncommander's key = turned\ndeputy's key = turned\nmissile = launched\n");

    let log = json("log north --format json");
    assert_eq!((&log[0]["silo"], &log[0]["type"]), (&"north".into(), &"MissileLaunched".into()), "{log:?}");
    let keys = silo(store, &["log", "north", "--part", "commander's key", "--oneline"]);
    assert!(keys.out.lines().count() == 1 && keys.out.contains("turned the commander's key"), "{keys:?}");
    let armed = run("log north --type SiloArmed --oneline");
    assert!(armed.out.lines().count() == 1 && armed.out.contains("armed the silo"), "{armed:?}");
    assert_eq!(run("log north --type ItemAdded").code, 2, "a type that a silo has not");

    run("diff north 2..").says("+ commander's key = turned\n+ missile = launched\n");
    let diff = json("diff north 2..3 --format json");
    assert_eq!(diff["changes"][0], serde_json::json!({ "part": "commander's key", "before": "", "after": "turned" }));

    assert!(run("show north@4").out.ends_with("launched the missile\n+ missile = launched\n"));
    let blame = run("blame north");
    assert!(blame.out.lines().next().unwrap().ends_with("commander's key = turned"), "{blame:?}");
    let what_if = run("what-if north --without 3");
    assert!(
        what_if.out.ends_with("version 4 would have been refused: both keys must be turned first\n"),
        "{what_if:?}"
    );
    let refused = run("revert north 4");
    assert!(refused.code != 0 && refused.err.contains("stays so"), "{refused:?}");

    let verified = run("verify");
    assert_eq!((verified.code, verified.err.as_str()), (0, "4 events of 1 silo were read: all is well\n"));
    let bisect = |when| silo(store, &["bisect", "north", "--format", "json", "--when", when]);
    for (when, version) in [("missile == 'launched'", 4), ("rows['deputy\\'s key'] and not missile", 2)] {
        let found: Value = serde_json::from_str(&bisect(when).out).unwrap();
        assert_eq!((&found[0]["version"], &found[0]["became"]), (&version.into(), &true.into()), "{when}");
    }
    assert!(bisect("missile > 3").err.contains("a text and a number don't go together"));
    assert_eq!(run("rehearse").err, "4 events of 1 silo were read: nothing is otherwise\n");

    let list = json("list --format json");
    assert_eq!((&list[0]["id"], &list[0]["parts"], &list[0]["versions"]), (&"north".into(), &4.into(), &4.into()));

    assert!(run("project --once").err.contains("'list' has read all events; 4 of them were new"));
    run("feed wait list north 4").says("");
    let (kept, folded) = (run("list"), run("list --replay"));
    assert!(kept.err.contains("which has read all events") && kept.out == folded.out, "{kept:?} {folded:?}");
    assert_eq!(run("rebuild list").out, "1 row of the old one compared: 0 differ\n");

    let lines = folder.join("silos.ndjson");
    std::fs::write(&lines, run("export").out).unwrap();
    let copy = folder.join("copy.db");
    let imported = silo(copy.to_str().unwrap(), &["import", lines.to_str().unwrap()]);
    assert_eq!(imported.out, "4 events read: 4 new, 0 there already\n", "{imported:?}");
    assert_eq!(silo(copy.to_str().unwrap(), &["export"]).out, run("export").out, "byte for byte");
    let watched = run("watch north --from beginning -n 4 --format ndjson");
    assert_eq!((watched.code, watched.out.lines().count()), (0, 4), "{watched:?}");
}

#[tokio::test]
async fn embedded_every_tool_works_on_a_silo() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("silos.db");
    launched(&EmbeddedStore::<Silos>::at(&file)).await;
    every_tool_works(file.to_str().unwrap(), folder.path());
}

#[test]
fn mongo_every_tool_works_on_a_silo() {
    with_database(async |db| {
        launched(&MongoStore::<Silos>::at(&db.address).await.unwrap()).await;
        every_tool_works(&db.address, tempfile::tempdir().unwrap().path());
    });
}

/// Any text is an id of a silo: what is one is never taken for the beginning of another one.
async fn ids_of_any_text_may_be_shortened(store: &impl EventStore<Silo>, place: &str) {
    for id in ["north", "northern", "süd"] {
        store.save(&mut armed(id)).await.unwrap();
    }
    store.command(&"north".to_owned()).run(|silo| silo.turn_key(Officer::Commander)).await.unwrap();
    let all = "silo = armed\ncommander's key = turned\ndeputy's key = turned\n";
    for id in ["north", "northe", "sü"] {
        let short = silo(place, &["get", id]);
        assert_eq!((short.code, short.out == all), (0, id == "north"), "{short:?}");
    }
    let why = "error: 'nor' is the beginning of 2 ids: north, northern; type more of it\n";
    assert_eq!(silo(place, &["get", "nor"]).err, why);
    for id in ["north!", "", "NORTH"] {
        let none = silo(place, &["get", id]);
        assert!(none.err.contains(&format!("there is no silo '{id}' in ")), "{none:?}");
    }
}

#[tokio::test]
async fn embedded_ids_of_any_text_may_be_shortened() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("silos.db");
    ids_of_any_text_may_be_shortened(&EmbeddedStore::<Silos>::at(&file), file.to_str().unwrap()).await;
}

#[test]
fn mongo_ids_of_any_text_may_be_shortened() {
    with_database(async |db| {
        let store = MongoStore::<Silos>::at(&db.address).await.unwrap();
        ids_of_any_text_may_be_shortened(&store, &db.address).await;
    });
}

#[tokio::test]
async fn silos_and_baskets_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("both.db");
    let baskets = EmbeddedStore::<basket_mongo::Baskets>::at(&file);
    let mut basket = testkit::mongo::created_with_socks();
    baskets.save(&mut basket).await.unwrap();
    let silos = EmbeddedStore::<Silos>::at(&file);
    assert_eq!(silos.count().await.unwrap(), 0);
    launched(&silos).await;
    assert_eq!(silos.get(&"north".to_owned()).await.unwrap().version(), 4);
    assert_eq!(baskets.get(basket.id()).await.unwrap().version(), 2);
}

#[test]
fn the_help_speaks_of_silos() {
    let help = silo("none.db", &["log", "--help"]).out;
    for words in ["what happened to a silo", "silo log north", "--part <NAME>", "SiloArmed, KeyTurned"] {
        assert!(help.contains(words), "{words}\n{help}");
    }
    assert!(!help.contains("basket") && !help.contains('{'), "{help}");
}

#[tokio::test]
async fn a_silo_can_be_explored() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::<Silos>::at(folder.path().join("silos.db"));
    launched(&store).await;
    let entries = store.log(Scope::From("north".into(), 1)).try_collect().await.unwrap();
    let mut model = Model::<Silos>::new("here".into(), Some("north".into()));
    for answer in [Answer::Begins { head: 4 }, Answer::Events(entries), Answer::Complete] {
        model.update(Update { of: model.request(), answer }).unwrap();
    }
    let mut terminal = Terminal::new(TestBackend::new(100, 24)).unwrap();
    terminal.draw(|frame| view::draw(frame, &mut model, Palette::new(false))).unwrap();
    let screen = terminal.backend().to_string();
    for words in
        ["version 4, the newest: live", "launched the missile", "Silo now", "commander's key = turned", "4 parts"]
    {
        assert!(screen.contains(words), "{words}\n{screen}");
    }
}
