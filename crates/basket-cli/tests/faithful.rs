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
