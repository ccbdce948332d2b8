//! Lets an older `basket` write a fixture for `upgrades`: its embedded file as SQL, its collections as lines of
//! extended JSON, and
//! what it says of them. `testkit/faults/fixtures/README.md` has the commands.

use std::{env, fs, path::Path, process::Command};

use anyhow::{Context, ensure};
use basket_mongo::store::json;
use bson::{Document, RawDocumentBuf, doc};
use faults::upgrades::{KEY, READS, Said, with_ids, without_ids};
use futures_util::TryStreamExt;
use mongodb::{Client, options::ClientOptions};
use testkit::shell::split;

/// What is written, as far as the program has it: an older one ends with a usage error, and goes on with the next.
const WRITES: &[&str] = &[
    "add A rocks -q 2",
    "remove A socks",
    "add A 'größe 42' -q 3",
    "add A belts -m 'for a friend' --as ann",
    "revert A 4",
    "restore A --version 2",
    "add B hats --voucher SPRING",
    "add B ties --about customer-4711 -m 'a private note' --request-id r-1",
    "add B caps --about customer-0815 -m 'another note'",
    "forget customer-0815 -m 'they asked for it'",
    "snapshot A",
    "project --once",
    "add A gloves",
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = env::args().collect();
    let [_, program, commit] = arguments.as_slice() else { anyhow::bail!("usage: fixture PROGRAM COMMIT") };
    let server = env::var("BASKET_TEST_MONGO").context("BASKET_TEST_MONGO names no server; run scripts/with-mongo")?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(commit);
    fs::create_dir_all(folder.join("mongo"))?;
    let home = tempfile::tempdir()?;
    let (file, address) = (home.path().join("old.db"), format!("{server}fixture_{commit}"));
    let database = Client::with_options(ClientOptions::parse(&address).await?)?.database(&format!("fixture_{commit}"));
    database.drop().await?;

    let mut said = Vec::new();
    for (store, named) in [("file", &*file.display().to_string()), ("mongo", &*address)] {
        let basket = |words: &str| {
            let mut command = Command::new(program);
            command.args(split(words)).current_dir(&home).env_clear();
            command.env("HOME", home.path()).env("USER", "ann").env("BASKET_STORE", named).env("BASKET_KEY", KEY);
            command.output().map(testkit::shell::answer)
        };
        let created = |product: &str| {
            let created = basket(&format!("create {product}"))?;
            created.out.split('\'').nth(1).map(str::to_owned).with_context(|| format!("{created:?}"))
        };
        let ids = [created("socks")?, created("clocks")?];
        for words in WRITES {
            let answer = basket(&with_ids(words, &ids))?;
            println!("{store}: {words}: {}", answer.code);
            ensure!(matches!(answer.code, 0 | 2), "{words}: {answer:?}");
        }
        for words in READS {
            let answer = basket(&with_ids(words, &ids))?;
            if answer.code == 0 {
                said.push(Said { store: store.into(), words: (*words).into(), out: without_ids(&answer.out, &ids) });
            }
        }
        fs::write(folder.join(format!("{store}.ids")), format!("{}\n{}\n", ids[0], ids[1]))?;
    }
    let lines = said.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
    fs::write(folder.join("said.ndjson"), lines.join("\n") + "\n")?;

    let pragma = |name| Command::new("sqlite3").arg(&file).arg(format!("PRAGMA {name}")).output();
    let mut sql = String::from("PRAGMA journal_mode = WAL;\n");
    for name in ["application_id", "user_version"] {
        sql += &format!("PRAGMA {name} = {};\n", String::from_utf8(pragma(name)?.stdout)?.trim());
    }
    sql += &String::from_utf8(Command::new("sqlite3").arg(&file).arg(".dump").output()?.stdout)?;
    fs::write(folder.join("file.sql"), sql)?;

    let mut indexes = Vec::new();
    for name in database.list_collection_names().await? {
        let listed = database.run_command(doc! { "listIndexes": &name }).await?;
        for index in listed.get_document("cursor")?.get_array("firstBatch")? {
            let index = index.as_document().context("an index is a document")?;
            if index.get_str("name")? != "_id_" {
                let made = doc! { "key": index.get_document("key")?, "name": index.get_str("name")? };
                let rest = index.iter().filter(|(name, _)| !["key", "name", "v"].contains(&name.as_str()));
                let made: Document =
                    made.into_iter().chain(rest.map(|(name, value)| (name.clone(), value.clone()))).collect();
                indexes.push(doc! { "createIndexes": &name, "indexes": [made] });
            }
        }
        let collection = database.collection::<RawDocumentBuf>(&name);
        let documents: Vec<_> = collection.find(doc! {}).sort(doc! { "_id": 1 }).await?.try_collect().await?;
        let lines = documents.iter().map(|document| json::write(document)).collect::<Result<Vec<_>, _>>();
        let lines = lines.map_err(anyhow::Error::msg)?;
        if !lines.is_empty() {
            fs::write(folder.join("mongo").join(format!("{name}.ndjson")), lines.join("\n") + "\n")?;
        }
    }
    let indexes =
        indexes.iter().map(|index| json::write(&RawDocumentBuf::try_from(index)?).map_err(anyhow::Error::msg));
    fs::write(folder.join("indexes.ndjson"), indexes.collect::<Result<Vec<_>, _>>()?.join("\n") + "\n")?;
    database.drop().await?;
    Ok(())
}
