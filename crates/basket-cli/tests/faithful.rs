//! Documents that other programs have written: what can't be read one way only is named by every command, and what can be read
//! is carried from store to store byte for byte, or named.

use std::fs;

use basket_mongo::{Baskets, Codec};
use bson::{Bson, DateTime, Document, RawDocumentBuf, Regex, Timestamp, doc, oid::ObjectId, rawdoc};
use futures_util::TryStreamExt;
use testkit::{
    mongo::{TestDatabase, new_id, with_database},
    shell::Shell,
};

fn shell_on(db: &TestDatabase) -> Shell {
    Shell::new().with("BASKET_STORE", &db.address)
}

/// A basket of two events, of which the second is planted as `second` makes it; returns the id of the basket and of the event.
async fn plant(db: &TestDatabase, second: impl FnOnce(&mut Document)) -> (String, ObjectId) {
    let (id, planted) = (new_id(), ObjectId::new());
    let event = |version: i64, kind: &str, data: Document| {
        doc! { "_id": ObjectId::new(), "basket_id": Baskets::key(&id), "version": version, "type": kind, "data": data,
        "recorded_at": DateTime::from_millis(1_764_000_000_000), "commit": ObjectId::new(), "schema": 1 }
    };
    let mut added = event(2, "ItemAdded", doc! { "product": "socks", "qty": 1_i64 });
    added.insert("_id", planted);
    second(&mut added);
    db.events().insert_many([event(1, "BasketCreated", doc! {}), added]).await.unwrap();
    (id.to_string(), planted)
}

/// Every command that reads the events of a basket.
const READERS: [&str; 12] = [
    "get ID",
    "log ID",
    "blame ID",
    "diff ID 1..",
    "what-if ID --without 2",
    "revert ID 2 --dry-run",
    "restore ID --version 1 --dry-run",
    "add ID rocks",
    "verify ID",
    "verify",
    "export",
    "watch ID --from beginning -n 2",
];

#[test]
fn mongo_a_key_that_is_there_twice_makes_a_document_unreadable_for_every_command() {
    with_database(async |db| {
        let shell = shell_on(&db);
        let twice = rawdoc! { "product": "socks", "qty": 1_i64 };
        let mut in_data = twice.clone();
        in_data.append(bson::raw::cstr!("product"), "rocks");
        let in_a_list = rawdoc! { "product": "socks", "qty": 1_i64, "x": [{ "y": in_data.clone() }] };
        for (data, meta, key) in [
            (in_data.clone(), rawdoc! {}, "product"),
            (in_a_list, rawdoc! {}, "product"),
            (twice, rawdoc! { "actor": "ann", "more": in_data }, "product"),
        ] {
            let (id, planted) = plant(&db, |_| ()).await;
            let stored = db.events().find_one_and_delete(doc! { "_id": planted }).await.unwrap().unwrap();
            let mut raw = RawDocumentBuf::new();
            for (name, value) in RawDocumentBuf::try_from(&stored).unwrap().iter().flatten() {
                if name.as_str() != "data" {
                    raw.append(name, value);
                }
            }
            raw.append(bson::raw::cstr!("data"), data);
            raw.append(bson::raw::cstr!("meta"), meta);
            db.events().clone_with_type::<RawDocumentBuf>().insert_one(raw).await.unwrap();
            for words in READERS {
                let answer = shell.basket(&words.replace("ID", &id));
                let said = answer.out + &answer.err;
                assert!(answer.code == 7 && said.contains(&planted.to_hex()), "{words}: {said}");
                assert!(said.contains(&format!("the key \"{key}\" is there twice")), "{words}: {said}");
            }
            assert!(shell.basket("list").out.contains("unreadable: 1"));
            db.events().delete_many(doc! {}).await.unwrap();
        }
    });
}

#[test]
fn mongo_a_time_that_no_calendar_has_is_unreadable_for_every_command() {
    with_database(async |db| {
        let shell = shell_on(&db);
        for millis in
            [i64::MIN, -62_135_596_800_001, -62_135_596_800_000, 253_402_214_400_000, 253_402_300_800_000, i64::MAX]
        {
            let time = DateTime::from_millis(millis);
            let (id, planted) = plant(&db, |event| drop(event.insert("recorded_at", time))).await;
            for words in READERS {
                let answer = shell.basket(&words.replace("ID", &id));
                let said = answer.out + &answer.err;
                assert!(answer.code == 7 && said.contains(&planted.to_hex()), "{words} at {millis}: {said}");
            }
            assert!(shell.basket("list").out.contains("unreadable: 1"), "{millis}");
            db.events().delete_many(doc! {}).await.unwrap();
        }
        for millis in [-62_135_510_400_000, -1, 253_402_214_399_999] {
            let (id, _) = plant(&db, |event| drop(event.insert("recorded_at", DateTime::from_millis(millis)))).await;
            assert_eq!(shell.basket("export").code, 0, "{millis}");
            for zone in ["UTC", "Pacific/Kiritimati", "Etc/GMT+12"] {
                let local = shell_on(&db).with("TZ", zone);
                assert_eq!(
                    (local.basket(&format!("log {id}")).code, local.basket("list").code),
                    (0, 0),
                    "{millis} {zone}"
                );
            }
            db.events().delete_many(doc! {}).await.unwrap();
        }
    });
}

#[test]
fn mongo_what_other_programs_wrote_is_carried_to_both_stores_and_back_byte_for_byte() {
    with_database(async |db| {
        let shell = shell_on(&db);
        let odd: Vec<Bson> = vec![
            5_i32.into(),
            5_i64.into(),
            5.0.into(),
            f64::NAN.into(),
            (-0.0).into(),
            DateTime::from_millis(i64::MIN).into(),
            Timestamp { time: 7, increment: 8 }.into(),
            Bson::RegularExpression(Regex {
                pattern: bson::raw::cstr!("a").into(),
                options: bson::raw::cstr!("i").into(),
            }),
            doc! { "b": [1_i32, { "a": null }], "$cents": Bson::MinKey }.into(),
            "{\"$oid\":\"hello\"}".into(),
        ];
        let (_, planted) = plant(&db, |event| {
            event.insert("data", doc! { "product": "socks", "qty": 1_i32, "x": &odd });
            event.insert("meta", doc! { "actor": "ann", "x": &odd });
            event.insert("tenant", "acme");
        })
        .await;
        let exported = shell.basket("export");
        assert_eq!(exported.code, 0, "{exported:?}");
        assert!(
            exported.err.ends_with("left out, since no event has such a field: 'tenant' of 1 event\n"),
            "{exported:?}"
        );
        fs::write(shell.folder.path().join("all"), &exported.out).unwrap();
        shell.basket("import all --store own.db").says("2 events read: 2 new, 0 there already\n");
        let from_file = shell.basket("export --store own.db").out;
        assert_eq!(from_file, exported.out);

        let before: Document = db.events().find_one_and_delete(doc! { "_id": planted }).await.unwrap().unwrap();
        shell.basket("import all").says("2 events read: 1 new, 1 there already\n");
        let after: Vec<RawDocumentBuf> =
            db.events().clone_with_type().find(doc! { "_id": planted }).await.unwrap().try_collect().await.unwrap();
        let before = RawDocumentBuf::try_from(&before).unwrap();
        for field in ["data", "meta", "recorded_at", "commit", "schema", "version"] {
            assert_eq!(after[0].get(field).unwrap(), before.get(field).unwrap(), "{field}");
        }
        assert_eq!(shell.basket("export").out, exported.out);
    });
}

#[test]
fn mongo_an_import_leaves_out_the_fields_that_no_event_has_and_names_them() {
    with_database(async |db| {
        let shell = shell_on(&db);
        let id = shell.create("socks");
        let exported = shell.basket("export").out;
        let write = |file: &str, text: String| fs::write(shell.folder.path().join(file), text).unwrap();
        // As a program would that adds a field to each line, with the checksums that belong to it.
        let (mut sum, mut lines) = (crc32fast::Hasher::new(), Vec::new());
        for line in exported.lines() {
            let Some((body, _)) = line.split_once(",\"crc32\":").filter(|_| line.contains("_id")) else { continue };
            let body = format!("{body},\"tenant\":\"acme\"");
            let crc32 = crc32fast::hash(format!("{body}}}").as_bytes());
            sum.update(&crc32.to_be_bytes());
            lines.push(format!("{body},\"crc32\":\"{crc32:08x}\"}}"));
        }
        let [header, end] = [exported.lines().next(), exported.lines().last()].map(Option::unwrap);
        let end = format!("{},\"crc32\":\"{:08x}\"}}", end.split_once(",\"crc32\"").unwrap().0, sum.finalize());
        write("lines", [&[header.to_owned()], &lines[..], &[end]].concat().join("\n"));
        db.events().delete_many(doc! {}).await.unwrap();
        for store in ["", "--store own.db"] {
            let taken = shell.basket(&format!("import lines {store}"));
            assert_eq!((taken.code, taken.out.as_str()), (0, "2 events read: 2 new, 0 there already\n"), "{taken:?}");
            assert_eq!(taken.err, "left out, since no event has such a field: 'tenant' of 2 events\n");
            assert_eq!(shell.basket(&format!("export {store}")).out, exported);
        }
        let kept = db.stream(id.parse().unwrap()).await;
        assert!(kept.iter().all(|event| !event.contains_key("tenant") && event.get_i32("schema").is_ok()), "{kept:?}");
        // A backup, too, is kept in the types that a store writes.
        let dump = kept.iter().flat_map(|event| bson::serialize_to_vec(event).unwrap()).collect::<Vec<_>>();
        fs::write(shell.folder.path().join("dump.bson"), dump).unwrap();
        db.events().delete_many(doc! {}).await.unwrap();
        assert_eq!(shell.basket("import dump.bson").code, 0);
        assert_eq!(db.stream(id.parse().unwrap()).await, kept);
    });
}

#[test]
fn mongo_a_value_that_text_can_not_hold_is_refused_by_the_export_and_named() {
    with_database(async |db| {
        let shell = shell_on(&db);
        for held in [doc! { "$oid": "hello" }, doc! { "$numberInt": "5" }, doc! { "$date": "2026-11-26T00:00:00Z" }] {
            let x = doc! { "product": "socks", "qty": 1_i64, "x": held };
            let (id, planted) = plant(&db, |event| drop(event.insert("data", x))).await;
            shell.basket(&format!("get {id}")).says("socks = 1\n");
            let named = format!("_id ObjectId('{planted}') (version 2) can't be read: its data.x is ");
            shell.basket("export").fails_after_printing(7, &named);
            db.events().delete_many(doc! {}).await.unwrap();
        }
    });
}

#[test]
fn mongo_a_backup_of_the_tools_of_mongodb_is_taken_in_in_any_order() {
    with_database(async |db| {
        let shell = shell_on(&db);
        let ids = [shell.create("socks"), shell.create("hats")];
        // In the order in which they were written, the streams are mixed.
        ids.iter().for_each(|id| shell.basket(&format!("add {id} rocks -m why")).says(""));
        let exported = shell.basket("export").out;
        let kept: Vec<Document> = db
            .events()
            .find(doc! {})
            .sort(doc! { "recorded_at": 1, "_id": 1 })
            .await
            .unwrap()
            .try_collect()
            .await
            .unwrap();
        let write = |file: &str, bytes: Vec<u8>| fs::write(shell.folder.path().join(file), bytes).unwrap();
        let lines = |text: fn(Bson) -> serde_json::Value| {
            let lines = kept.iter().map(|event| text(event.clone().into()).to_string() + "\n");
            lines.collect::<String>().into_bytes()
        };
        write("relaxed.json", lines(Bson::into_relaxed_extjson));
        write("canonical.json", lines(Bson::into_canonical_extjson));
        write("dump.bson", kept.iter().flat_map(|event| bson::serialize_to_vec(event).unwrap()).collect());
        for file in ["relaxed.json", "canonical.json", "dump.bson"] {
            let taken = shell.basket(&format!("import {file} --store {file}.db"));
            assert_eq!((taken.code, taken.out.as_str()), (0, "6 events read: 6 new, 0 there already\n"), "{taken:?}");
            assert!(taken.err.contains("a backup without checksums"), "{taken:?}");
            assert_eq!(shell.basket(&format!("export --store {file}.db")).out, exported, "{file}");
            assert_eq!(
                shell.basket(&format!("import {file}")).out,
                "6 events read: 0 new, 6 there already\n",
                "{file}"
            );
        }
        let cut = fs::read(shell.folder.path().join("dump.bson")).unwrap();
        write("cut.bson", cut[..cut.len() - 3].to_vec());
        shell.basket("import cut.bson --store cut.db").fails(7, "document 6: it is no document, or it was cut short");
        let mut spoiled = String::from_utf8(lines(Bson::into_relaxed_extjson)).unwrap();
        spoiled = spoiled.replacen("\"qty\":1", "\"qty\":0", 1);
        write("spoiled.json", spoiled.into_bytes());
        shell.basket("import spoiled.json --store cut.db").fails(7, "data.qty is 0");
    });
}

#[test]
fn exports_may_stand_one_after_the_other_with_marks_and_blank_lines_and_other_files_are_named() {
    let shell = Shell::new().with("BASKET_STORE", "own.db");
    let write = |file: &str, bytes: &[u8]| fs::write(shell.folder.path().join(file), bytes).unwrap();
    let first = shell.create("socks");
    let one = shell.basket("export").out;
    shell.basket(&format!("add {first} rocks")).says("");
    shell.create("hats");
    let two = shell.basket("export").out;
    write("both", format!("\u{feff}{one}\n\u{feff}{}\r\n\n", two.replace('\n', "\r\n")).as_bytes());
    shell.basket("import both --store copy.db").says("7 events read: 5 new, 2 there already\n");
    assert_eq!(shell.basket("export --store copy.db").out, two);

    let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    write("utf16", &[&[0xff, 0xfe][..], &utf_16(&two)].concat());
    write("gzip", &[0x1f, 0x8b, 8, 0, 0]);
    write("archive", &[0x6d, 0xe2, 0x99, 0x81, 0, 0]);
    write("array", b"[{\"basket_id\":1}]");
    write("empty", b"");
    write("blank", "\u{feff}\n\r\n".as_bytes());
    write("utf32", &[0xff, 0xfe, 0, 0, b'{', 0, 0, 0]);
    write("cloud", shell.basket("export --format cloudevents").out.as_bytes());
    write("csv", b"_id,basket_id\n1,2\n");
    write("after", format!("{one}and more\n").as_bytes());
    for (file, why) in [
        ("utf16", "it is text in UTF-16"),
        ("gzip", "it is packed by gzip"),
        ("archive", "it is an archive of mongodump"),
        ("array", "it is an array in JSON"),
        ("own.db", "it is an embedded file"),
        ("empty", "it is empty"),
        ("blank", "it is empty"),
        ("utf32", "it is text in UTF-32"),
        ("cloud", "it is an export for other systems (CloudEvents)"),
        ("csv", "line 1: it is no export of events"),
        ("after", "line 5: it stands behind the end"),
    ] {
        let answer = shell.basket(&format!("import {file} --store new.db"));
        answer.fails(7, why);
    }
}
