//! `init`: what it prints; and that a user with the role that it makes can run every command, and has no right too many.

use std::{collections::BTreeSet, fs};

use basket_mongo::{Baskets, EventStore, MongoStore};
use bson::{Bson, Document, doc};
use mongodb::{Client, Database};
use testkit::{
    mongo::{product, qty, with_database},
    own_server::OwnServer,
    receiver::Receiver,
    shell::{Answer, Shell},
};

#[test]
fn mongo_init_says_what_it_has_made_and_the_second_time_that_it_was_there() {
    with_database(async |db| {
        let shell = Shell::new().with("BASKET_STORE", db.address.as_str());
        let [first, second, dry] = ["init", "init", "init --dry-run"].map(|words| shell.basket(words));
        let lines = [
            "the collection 'baskets'",
            "its validator, which refuses documents that can't be read",
            "its unique index on basket_id and version",
            "its index on tags, for queries",
            "the collection 'subjects'",
            "its validator, which refuses documents that can't be read",
            "its unique index on subject_id and version",
            "its index on tags, for queries",
        ];
        let all = |state: &str| lines.map(|line| format!("{state}{line}\n")).concat();
        first.says(&all("made     "));
        second.says(&all("there    "));
        dry.says(&all("// there: "));
        let json = shell.basket("init --format json").out;
        assert!(
            json.contains(r#"{"what":"the collection 'baskets'","state":"there","why":null,"commands":[]}"#),
            "{json}"
        );
        assert_eq!(shell.basket("verify").err, "0 events of 0 baskets were read: all is well\n");

        db.database
            .run_command(doc! { "collMod": "baskets", "validator": { "data": { "$exists": true } } })
            .await
            .unwrap();
        assert!(shell.basket("init").out.contains("left     its validator, which refuses"), "it is somebody else's");
        assert!(shell.basket("verify").out.starts_with("warning: 'baskets' has a validator of somebody else"));
        db.database.run_command(doc! { "collMod": "baskets", "validator": {} }).await.unwrap();
        db.events().insert_many([doc! { "version": 1 }, doc! { "version": 2 }]).await.unwrap();
        let late = shell.basket("init");
        assert!(
            late.out.contains("made     its validator") && late.err.starts_with("2 documents have another shape"),
            "{late:?}"
        );
    });
}

#[test]
fn embedded_init_makes_the_file() {
    let shell = Shell::new().with("BASKET_STORE", "new/baskets.db");
    assert!(shell.basket("init --dry-run").out.starts_with("// made: the file "));
    shell.basket("verify").fails(6, "there is no such file");
    assert!(shell.basket("init").out.starts_with("made     the file "));
    assert_eq!(shell.basket("verify").code, 0);
    let again = shell.basket("init --role shop");
    assert!(
        again.out.starts_with("there    the file ")
            && again.out.contains("left     the role 'shop': a file has no users")
    );
    shell.basket("init --read-only").fails_with_usage();
}

/// A session with each command of `basket`; the first that does not work.
fn session(shell: &Shell, receiver: &Receiver) -> Result<(), (String, Answer)> {
    let (a, b) = (shell.basket("create socks"), shell.basket("create hats"));
    let id = |created: Answer| created.out.split('\'').nth(1).map(str::to_owned).ok_or(("create".to_owned(), created));
    let (a, b) = (id(a)?, id(b)?);
    let version = fastrand::u32(..);
    for words in [
        "add A rocks -q 3 --as ann -m why --header a=b",
        &format!("add A clocks --voucher SPRING{version}"),
        "remove A socks",
        "merge A B",
        "get A --version 2",
        "list",
        "log A",
        "diff A 1..3",
        "blame A",
        "what-if A --without 4",
        "revert A 4",
        "restore A --version 2",
        "report removed",
        "watch A --from beginning -n 3",
        "project --once",
        "list -n 1",
        "report removed --product socks",
        "rebuild list",
        "project --once",
        "feed",
        "feed parked list",
        "feed retry removed",
        "feed wait list A 3",
        &format!("forward {} --once --as warehouse", receiver.url),
        "feed forget warehouse",
        "verify",
        "export",
        "import all",
        "store",
        "snapshot A",
        "verify --snapshots",
        "snapshot --drop",
        &format!("add A socks -m why --about s{version}"),
        "log A",
        &format!("forget s{version}"),
        "forget --again",
    ] {
        let answer = shell.basket(&words.replace('A', &a).replace(" B", &format!(" {b}")));
        if answer.code != 0 {
            return Err((words.to_owned(), answer));
        }
        if words == "export" {
            fs::write(shell.folder.path().join("all"), answer.out).unwrap();
        }
    }
    Ok(())
}

/// The privileges of a role.
async fn privileges(database: &Database, role: &str) -> Vec<Document> {
    let ask = doc! { "rolesInfo": { "role": role, "db": database.name() }, "showPrivileges": true };
    let answer = database.run_command(ask).await.unwrap();
    let role = answer.get_array("roles").unwrap()[0].as_document().unwrap().clone();
    role.get_array("privileges").unwrap().iter().map(|it| it.as_document().unwrap().clone()).collect()
}

fn collection(privilege: &Document) -> &str {
    privilege.get_document("resource").unwrap().get_str("collection").unwrap()
}

fn actions(privilege: &Document) -> impl Iterator<Item = &str> {
    privilege.get_array("actions").unwrap().iter().map(|action| action.as_str().unwrap())
}

/// Wraps the keys of those whom a text is about.
const KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

/// The rights of the role, each with a command that can't do without it.
const NEEDED: &[(&str, &str, &str)] = &[
    // Without these two, less is seen in the look at the collection before the first append.
    ("", "listCollections", ""),
    ("baskets", "listIndexes", ""),
    ("baskets", "changeStream", "project --once"),
    ("baskets", "find", "get ID"),
    ("baskets", "insert", "create socks"),
    // Without it, no one is told where a stream was moved to.
    ("baskets_archive", "find", "archive --list"),
    ("baskets_archive", "remove", ""),
    ("baskets_feeds", "find", "feed"),
    ("baskets_feeds", "insert", "project --once"),
    ("baskets_feeds", "remove", "rebuild list"),
    ("baskets_feeds", "update", "project --once"),
    ("baskets_guards", "find", "add ID hats --voucher A"),
    ("baskets_guards", "insert", "add ID hats --voucher B"),
    ("baskets_guards", "update", "add ID hats --voucher C"),
    ("baskets_snapshots", "find", "verify --snapshots"),
    ("baskets_snapshots", "insert", "snapshot ID"),
    ("baskets_snapshots", "remove", "snapshot --drop"),
    ("baskets_snapshots", "update", "snapshot ID"),
    ("rows", "createIndex", "project --once"),
    ("rows", "dropCollection", "rebuild list"),
    ("rows", "find", "list"),
    ("rows", "insert", "project --once"),
    ("rows", "update", "project --once"),
    ("subject_keys", "find", "log ID"),
    ("subject_keys", "insert", "add ID socks -m why --about new"),
    ("subject_keys", "update", "forget customer-1"),
    ("subjects", "find", "forget customer-1"),
    ("subjects", "insert", "forget customer-1"),
    ("subjects", "listIndexes", ""),
    ("totals", "createIndex", "rebuild removed"),
    ("totals", "dropCollection", "rebuild removed"),
    ("totals", "find", "report removed"),
    ("totals", "insert", "project --once"),
    ("totals", "update", "project --once"),
];

/// What a collection is for; the collections of feeds are all alike.
fn kind(collection: &str) -> &str {
    match collection {
        "" | "baskets" | "baskets_feeds" | "baskets_guards" | "baskets_archive" | "baskets_snapshots"
        | "subject_keys" | "subjects" => collection,
        totals if totals.ends_with("_totals") => "totals",
        _ => "rows",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mongo_a_user_with_the_role_runs_every_command_and_each_right_of_it_is_needed() {
    let Some(mut server) = OwnServer::start_program().await else { return };
    let root = Shell::new().with("BASKET_STORE", server.address());
    let made = root.basket("init --role shop --feed warehouse");
    assert!(made.code == 0 && made.out.contains("made     the role 'shop', which may read and append"), "{made:?}");
    assert!(root.basket("init --role auditor --read-only").out.contains("made     the role 'auditor', which may read"));
    let user = |name: &str, role: &str| doc! { "createUser": name, "pwd": "s3cret", "roles": [role] };
    let admin = doc! { "role": "userAdminAnyDatabase", "db": "admin" };
    let admin = doc! { "createUser": "admin", "pwd": "s3cret", "roles": [admin] };
    server.lock([user("ann", "shop"), user("eve", "auditor"), user("root", "dbOwner"), admin]).await;
    let [root, ann, eve] = ["root", "ann", "eve"]
        .map(|user| Shell::new().with("BASKET_STORE", server.address_of(user)).with("BASKET_KEY", KEY));
    let receiver = Receiver::start();
    if let Err((words, answer)) = session(&ann, &receiver) {
        panic!("{words}: {answer:?}");
    }

    for words in ["list", "feed", "report removed", "verify", "export", "store", "watch --from beginning -n 1"] {
        assert_eq!(eve.basket(words).code, 0, "{words}");
    }
    for (shell, words) in [(&eve, "create socks"), (&eve, "project --once"), (&ann, "init --role other")] {
        let denied = shell.basket(words);
        denied.fails_after_printing(6, "refuses access");
        assert!(
            words != "init --role other" || denied.out.contains("runCommand({ \"createRole\": \"other\""),
            "{denied:?}"
        );
    }

    // Each right, taken away.
    let words = "init --role shop --feed warehouse";
    let changed = root.basket(words);
    assert!(changed.out.contains("changed  the role 'shop'"), "after a rebuild: {changed:?}");
    let database = Client::with_uri_str(server.address_of("admin")).await.unwrap().database("basket_db");
    let all = privileges(&database, "shop").await;
    let rights: BTreeSet<_> =
        all.iter().flat_map(|it| actions(it).map(|action| (kind(collection(it)), action))).collect();
    assert_eq!(rights, NEEDED.iter().map(|(of, action, _)| (*of, *action)).collect());
    let (store, id) = (MongoStore::<Baskets>::at(&server.address_of("root")).await.unwrap(), root.create("socks"));
    root.basket(&format!("add {id} hats -m why --about customer-1")).says("");
    for (of, action, words) in NEEDED.iter().filter(|(.., words)| !words.is_empty()) {
        let mut less = all.clone();
        for privilege in less.iter_mut().filter(|it| kind(collection(it)) == *of) {
            privilege.get_array_mut("actions").unwrap().retain(|it| *it != Bson::from(*action));
        }
        less.retain(|it| actions(it).count() > 0);
        database.run_command(doc! { "updateRole": "shop", "privileges": less }).await.unwrap();
        // A read model has something to read.
        store.command(&id.parse().unwrap()).run(|basket| basket.add_item(&product("rocks"), qty(1))).await.unwrap();
        let denied = ann.basket(&words.replace("ID", &id));
        assert!(denied.code == 6 && denied.err.contains("refuses access"), "without {action} of {of:?}: {denied:?}");
    }
    assert!(root.basket(words).out.contains("changed  the role 'shop'"));
    ann.run(&["add", &id, "rocks"]).says("");
}
