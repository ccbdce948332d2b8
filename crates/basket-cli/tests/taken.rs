//! What `import` takes in besides a plain export: several of them, lines with more fields, backups of MongoDB's own tools. Any
//! other file is named for what it is.

use std::fs;

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use testkit::{mongo::with_database, shell::Shell};

#[test]
fn mongo_an_import_leaves_out_the_fields_that_no_event_has_and_names_them() {
    with_database(async |db| {
        let shell = Shell::new().with("BASKET_STORE", &db.address);
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
fn mongo_a_backup_of_the_tools_of_mongodb_is_taken_in_in_any_order() {
    with_database(async |db| {
        let shell = Shell::new().with("BASKET_STORE", &db.address);
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
        let twice = fs::read(shell.folder.path().join("dump.bson")).unwrap().repeat(2);
        write("twice.bson", twice);
        let taken = shell.basket("import twice.bson --store twice.db");
        assert_eq!((taken.code, taken.out.as_str()), (0, "12 events read: 6 new, 6 there already\n"), "{taken:?}");
        let mut other = kept.clone();
        other[5].insert("commit", bson::oid::ObjectId::new());
        let other = kept.iter().chain(&other[5..]).flat_map(|event| bson::serialize_to_vec(event).unwrap());
        write("other.bson", other.collect());
        shell.basket("import other.bson --store other.db").fails(4, "has another event at version 3 in the backup");
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
    write("utf16le", &utf_16(&two));
    write("utf16be", &two.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>());
    write("pretty", b"{\n  \"_id\": 1,\n  \"basket_id\": 2\n}\n");
    write("metadata", b"{\"indexes\":[{\"key\":{\"basket_id\":1}}],\"collectionName\":\"baskets\"}");
    write("tsv", b"_id\tbasket_id\n1\t2\n");
    write("other", b"{\"name\":\"x\"}\n");
    write("marked", "\u{feff}[{\"basket_id\":1}]".as_bytes());
    write("clouds", shell.basket("export --format cloudevents").out.as_bytes());
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
        ("marked", "it is an array in JSON; write a document a line"),
        ("utf16le", "it is text in UTF-16; save it as UTF-8"),
        ("utf16be", "it is text in UTF-16; save it as UTF-8"),
        ("csv", "it is CSV; write JSON: mongoexport without --type"),
        ("tsv", "it is CSV; write JSON: mongoexport without --type"),
        ("pretty", "it is JSON with a document on several lines; write one a line: mongoexport without --pretty"),
        ("metadata", "it describes a collection of mongodump; import the .bson file beside it"),
        ("clouds", "it holds CloudEvents, which are for other systems; export without --format"),
        ("other", "line 1: it is no export of events; `export` makes one"),
        ("after", "line 5: it stands behind the end"),
    ] {
        let answer = shell.basket(&format!("import {file} --store new.db"));
        answer.fails(7, why);
    }
}
