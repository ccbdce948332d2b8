//! `--about`, `forget` and `rekey`, on both stores; and a search of every byte for what was erased.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
};

use basket_cli::{EmbeddedStore, store::Store};
use basket_domain::Basket;
use basket_mongo::{
    Baskets, EventStore, Keys, MongoStore, Vault,
    store::keys::Kept,
    vault::{MasterKey, forget},
};
use bson::{Document, doc};
use futures_util::{StreamExt, TryStreamExt, stream};
use testkit::{
    keys_contract::subject,
    mongo::{created, created_with_socks, product, qty},
    on_both_stores,
    own_server::{OwnServer, initiate},
    shell::{Answer, Shell, answer, split},
};

const KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const OTHER_KEY: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

mod keys {
    use super::*;

    fn with(test: impl AsyncFnOnce(EmbeddedStore<Baskets>)) {
        let folder = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::at(folder.path().join("baskets.db"));
        tokio::runtime::Runtime::new().unwrap().block_on(test(store));
    }

    testkit::keys_contract!(with);
}

on_both_stores! {
    what_is_about_a_person_is_sealed_and_erased_in_all_that_is_printed
    without_the_key_or_with_another_one_nothing_is_shown_and_nothing_is_sealed
}

/// What `basket` says with a key from outside.
fn with(shell: &Shell, variables: &[(&str, &str)], words: &str) -> Answer {
    answer(shell.command(&split(words)).envs(variables.iter().copied()).output().unwrap())
}

fn what_is_about_a_person_is_sealed_and_erased_in_all_that_is_printed(shell: &Shell) {
    let id = shell.create("socks");
    let basket = |words: &str| with(shell, &[("BASKET_KEY", KEY)], &words.replace("ID", &id));
    let shows = |word: &str, words: &str| {
        let answer = basket(words);
        assert_eq!((answer.code, answer.out.contains(word)), (0, true), "{words}: {answer:?}");
        assert!(word == "gift-of-ann" || !answer.out.contains("gift-of-ann"), "{words}: {answer:?}");
    };
    basket("add ID rocks -m gift-of-ann --about ann-1").says("");
    let opened = [
        "log ID",
        "log ID --oneline",
        "log ID --format json",
        "blame ID --format ndjson",
        "watch ID --from 3 -n 1",
        "watch ID --from 3 -n 1 --format ndjson",
    ];
    opened.iter().for_each(|words| shows("gift-of-ann", words));
    // What leaves the store carries the sealed text alone.
    let sealed = ["export ID", "export ID --format cloudevents"];
    sealed.iter().for_each(|words| shows("sealed", words));
    shell.basket("project --once");

    let forgotten = basket("forget ann-1 -m please --as bob");
    assert_eq!(forgotten.out, "forgot 'ann-1': all that was sealed for it is erased\n", "{forgotten:?}");
    assert!(forgotten.err.contains("`basket rekey` makes them worthless"), "{forgotten:?}");
    opened.iter().for_each(|words| shows("[erased]", words));
    sealed.iter().for_each(|words| shows("sealed", words));
    let again = basket("forget ann-1 --format json");
    assert!(again.code == 0 && again.out.contains(r#""outcome":"before""#), "{again:?}");
    basket("add ID rocks -m again --about ann-1").fails(4, "'ann-1' was forgotten at ");
    basket("forget nobody").fails(3, "nothing was ever sealed for 'nobody' in this store");
    basket("forget 'Ann Smith'").fails(2, "a subject is 1 to 128 letters");
    basket("forget ann-1 --again").fails_with_usage();
    basket("forget ann-1 -m why --about ann-1").fails(2, "leave out --about");
    basket("forget ann-9 -m why --about ann-9").fails(2, "leave out --about");
    basket("forget ann-9").fails(3, "nothing was ever sealed for 'ann-9'");
    basket("add ID rocks -m one --about ann-7").says("");
    let some = basket("forget ann-7 ann-9");
    some.fails_after(3, "nothing was ever sealed");
    basket("add ID rocks --about ann-2").fails_with_usage();
    basket("get ID").says("socks = 1\nrocks = 2\n");
    basket("forget --again").says("2 were forgotten; 0 of their keys had come back\n");
}

fn without_the_key_or_with_another_one_nothing_is_shown_and_nothing_is_sealed(shell: &Shell) {
    let id = shell.create("socks");
    let basket = |variables: &[(&str, &str)], words: &str| with(shell, variables, &words.replace("ID", &id));
    basket(&[("BASKET_KEY", KEY)], "add ID rocks -m gift-of-ann --about ann-1").says("");
    let (log, seal) = ("log ID --oneline -n 1", "add ID rocks -m x --about bob");
    assert!(basket(&[], log).out.ends_with("([sealed for ann-1; BASKET_KEY is not set])\n"));
    basket(&[], seal).fails(2, "set BASKET_KEY to a key");
    let answer = basket(&[("BASKET_KEY", OTHER_KEY)], log);
    assert!(answer.out.contains("([sealed; the key of 'ann-1' is wrapped by the key "), "{answer:?}");
    basket(&[("BASKET_KEY", OTHER_KEY)], "add ID rocks -m x --about ann-1").fails(2, "is wrapped by the key");
    let bad = basket(&[("BASKET_KEY", "secret-that-is-none")], log);
    assert!(bad.code == 2 && !bad.err.contains("secret-that-is-none"), "{bad:?}");
    basket(&[("BASKET_KEY_FILE", "none.key")], log).fails(2, "none.key (BASKET_KEY_FILE) can't be read");

    fs::write(shell.folder.path().join("old.key"), format!("{KEY}\n")).unwrap();
    let (new, old) = (("BASKET_KEY", OTHER_KEY), ("BASKET_OLD_KEY_FILE", "old.key"));
    basket(&[new], "rekey").fails(2, "set BASKET_OLD_KEY to the key of before");
    basket(&[old], "rekey").fails(2, "set BASKET_KEY to a key");
    let wrong =
        basket(&[("BASKET_KEY", OTHER_KEY), ("BASKET_OLD_KEY", OTHER_KEY.replace("AgI", "AwM").as_str())], "rekey");
    wrong.fails(2, "set BASKET_OLD_KEY to that one");
    let done = "1 keys were wrapped anew; give all programs the new key, and run this again until it finds none\n";
    basket(&[new, old], "rekey").says(done);
    assert!(basket(&[new], log).out.ends_with("(gift-of-ann)\n"));
    let none = "0 keys were wrapped anew; if no program has the old key any more, destroy it, and every copy of it\n";
    basket(&[new, old], "rekey").says(none);
}

/// A backup of the keys brings a deleted one back; the receipts say whom to forget again.
#[test]
fn a_key_that_a_backup_brings_back_is_deleted_again() {
    let shell = Shell::new().with("BASKET_STORE", "baskets.db").with("BASKET_KEY", KEY);
    let id = shell.create("socks");
    shell.basket(&format!("add {id} rocks -m gift-of-ann --about ann-1")).says("");
    let keys = || rusqlite::Connection::open(shell.folder.path().join("baskets.db")).unwrap();
    let backup: Vec<u8> = keys().query_row("SELECT key FROM subject_keys", (), |row| row.get(0)).unwrap();
    let by: String = keys().query_row(r#"SELECT "by" FROM subject_keys"#, (), |row| row.get(0)).unwrap();
    shell.basket("forget ann-1");
    keys().execute(r#"UPDATE subject_keys SET key = ?1, "by" = ?2, forgotten_at = NULL"#, (backup, by)).unwrap();
    let log = format!("log {id} --oneline -n 1");
    assert!(shell.basket(&log).out.contains("gift-of-ann"));
    let again = shell.basket("forget --again");
    assert_eq!(again.out, "forgot 'ann-1' again\n1 were forgotten; 1 of their keys had come back\n", "{again:?}");
    assert!(shell.basket(&log).out.ends_with("([erased])\n"));
}

/// How many secrets are planted.
const SECRETS: usize = 1_000;

/// Seals a secret for each subject, in the reason of an event, and returns the secrets and the wrapped keys.
async fn plant<S: EventStore<Basket> + Keys>(store: &S) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let vault = Vault::new(store, MasterKey::new([1; 32]));
    let secrets: Vec<_> = (0..SECRETS).map(|_| format!("{:016x}-is-planted", fastrand::u64(..))).collect();
    let by_basket = stream::iter(secrets.chunks(50).enumerate()).map(async |(part, secrets)| {
        let mut basket = created_with_socks();
        store.save(&mut basket).await.unwrap();
        for (number, secret) in secrets.iter().enumerate() {
            let reason = vault.seal(&subject(&format!("s-{part}-{number}")), secret).await.unwrap().to_string();
            let add = store.command(basket.id()).reason(reason);
            add.run(|basket| basket.add_item(&product("rocks"), qty(1))).await.unwrap();
        }
    });
    by_basket.buffer_unordered(8).collect::<Vec<_>>().await;
    let subjects: Vec<_> = store.subjects().try_collect().await.unwrap();
    let mut keys = Vec::new();
    for subject in subjects {
        let Kept::Key(wrapped) = store.key(&subject).await.unwrap() else { panic!("{subject} has no key") };
        keys.push(wrapped.bytes);
    }
    assert_eq!((keys.len(), secrets.len()), (SECRETS, SECRETS));
    (secrets.into_iter().map(String::into_bytes).collect(), keys)
}

async fn forget_all(store: &impl Keys) {
    let subjects: Vec<_> = store.subjects().try_collect().await.unwrap();
    for subject in subjects {
        forget(store, &subject).await.unwrap();
    }
}

/// The bytes that are looked at together, and those in which there is nothing to find.
const PAGE: usize = 4096;
const FILLED: [[u8; PAGE]; 2] = [[0; PAGE], [b'x'; PAGE]];

/// How many of these texts are somewhere in the files below a folder.
fn found(folder: &Path, texts: &[Vec<u8>]) -> usize {
    let mut starts = vec![false; 1 << 16];
    let mut by_start = HashMap::<[u8; 8], &[u8]>::new();
    for text in texts {
        starts[usize::from(u16::from_le_bytes([text[0], text[1]]))] = true;
        by_start.insert(*text.first_chunk().unwrap(), text);
    }
    let (mut found, mut paths) = (HashSet::<&[u8]>::new(), vec![folder.to_owned()]);
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            paths.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        for page in (0..bytes.len()).step_by(PAGE) {
            let end = bytes.len().min(page + PAGE);
            // Most pages are empty, or full of what has filled the oplog.
            if FILLED.iter().any(|filled| bytes[page..end] == filled[..end - page]) {
                continue;
            }
            for (place, pair) in (page..end).zip(bytes[page..].windows(2)) {
                if starts[usize::from(u16::from_le_bytes([pair[0], pair[1]]))] {
                    let text = bytes[place..].first_chunk().and_then(|start| by_start.get(start));
                    found.extend(text.filter(|text| bytes[place..].starts_with(text)));
                }
            }
        }
    }
    found.len()
}

/// A thousand secrets are planted and forgotten; then every byte is searched for them, and for their keys.
#[test]
fn no_byte_of_a_forgotten_secret_is_in_the_embedded_file_its_read_models_or_exports() {
    let shell = Shell::new().with("BASKET_STORE", "baskets.db");
    let folder = shell.folder.path();
    let store = EmbeddedStore::<Baskets>::at(folder.join("baskets.db"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (secrets, keys) = runtime.block_on(plant(&store));
    shell.basket("project --once");
    fs::write(folder.join("export.ndjson"), shell.basket("export").out).unwrap();
    let one = *created().id();
    let control = format!("{:016x}-is-not-sealed", fastrand::u64(..));
    runtime.block_on(store.command(&one).reason(&*control).run(|basket| basket.create(one))).unwrap();
    assert_eq!(found(folder, &keys), SECRETS, "the keys can be found while they are there");

    // Another program has the file open, so the log is not emptied by itself.
    let other = rusqlite::Connection::open(folder.join("baskets.db")).unwrap();
    other.query_row("SELECT count(*) FROM subject_keys", (), |row| row.get::<_, i64>(0)).unwrap();
    runtime.block_on(forget_all(&store));
    assert_eq!(runtime.block_on(store.wipe()).unwrap(), None);
    assert_eq!(found(folder, &[control.into_bytes()]), 1, "the search finds what is there");
    assert_eq!((found(folder, &secrets), found(folder, &keys)), (0, 0));
    drop(other);
}

/// The same on a server whose files hold texts as they are, after its oplog has forgotten the keys.
#[test]
fn mongo_keeps_no_byte_of_a_forgotten_secret_in_its_files() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let Some(mut server) = OwnServer::program() else { return };
        let plain = "--wiredTigerCollectionBlockCompressor none --wiredTigerJournalCompressor none \
                     --wiredTigerIndexPrefixCompression false --syncdelay 1";
        server.options.extend(plain.split_whitespace().map(str::to_owned));
        server.kill("TERM");
        server.run();
        initiate(&format!("127.0.0.1:{}", server.port())).await.unwrap();
        let store = MongoStore::<Baskets>::at(&server.address()).await.unwrap();
        let (secrets, keys) = plant(&store).await;
        let shell = Shell::new().with("BASKET_STORE", server.address());
        shell.basket("project --once");
        fs::write(shell.folder.path().join("export.ndjson"), shell.basket("export").out).unwrap();
        let one = *created().id();
        let control = format!("{:016x}-is-not-sealed", fastrand::u64(..));
        store.command(&one).reason(&*control).run(|basket| basket.create(one)).await.unwrap();
        forget_all(&store).await;

        let (local, junk) = (server.database("local", "").await, server.database("junk", "").await);
        let (oplog, junk) = (local.collection::<Document>("oplog.rs"), junk.collection::<Document>("junk"));
        let of_keys = doc! { "ns": "basket_db.subject_keys" };
        let (large, mut written) = ("x".repeat(8_000_000), 0);
        while oplog.find_one(of_keys.clone()).await.unwrap().is_some() {
            for _ in 0..25 {
                junk.insert_one(doc! { "text": &large }).await.unwrap();
            }
            junk.delete_many(doc! {}).await.unwrap();
            written += 200;
            assert!(written < 6_000, "the oplog keeps the keys, though {written} MB were written");
        }
        server.kill("TERM");
        assert!(found(server.folder(), &[control.into_bytes()]) == 1, "the search finds what is there");
        assert_eq!(found(server.folder(), &secrets), 0);
        assert_eq!(found(shell.folder.path(), &secrets), 0);
        // Freed blocks of the files are not overwritten at once: what `rekey` is for.
        println!("{} of {SECRETS} wrapped keys are left, after {written} MB more", found(server.folder(), &keys));
    });
}
