//! Files and collections that older programs have written, read by the one of today: what it prints of them is what they have
//! printed, it can go on writing, and whatever command comes first renews what has to be renewed.
//!
//! The fixtures are in `testkit/faults/fixtures/`, a folder for each form that was ever stored; its README says how they were made.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use basket_mongo::store::json;
use bson::RawDocumentBuf;
use mongodb::{Client, options::ClientOptions};
use serde::{Deserialize, Serialize};
use testkit::shell::{Answer, Shell};

use crate::laws::{Broken, Law};

/// The key under which the fixtures' texts about people are sealed.
pub const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Commands that read, whose answers are kept with a fixture; `A` and `B` are its two baskets.
pub const READS: &[&str] = &[
    "get A",
    "get B",
    "get A --version 2",
    "log A",
    "log B",
    "log B --format ndjson",
    "blame A",
    "diff A 1..3",
    "list",
    "export",
];

/// Commands that must work as the first one on what an older program has left.
const FIRST: &[&str] = &[
    "get A",
    "log A",
    "list",
    "verify",
    "export",
    "add A shoes",
    "create shoes",
    "feed",
    "project --once",
    "rebuild list",
    "forget --again",
    "snapshot A",
    "archive --list",
    "report removed",
    "add B shoes --voucher SUMMER",
    "merge A B",
];

/// What an older program has answered.
#[derive(Debug, Serialize, Deserialize)]
pub struct Said {
    /// On which store: `file` or `mongo`.
    pub store: String,
    /// What was asked.
    pub words: String,
    /// With the ids of the baskets in their places.
    pub out: String,
}

/// A fixture: what one older program has left.
pub struct Fixture {
    /// The commit of the program.
    pub commit: String,
    folder: PathBuf,
    said: Vec<Said>,
}

/// All fixtures, by commit.
pub fn fixtures() -> anyhow::Result<Vec<Fixture>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let folder = entry?.path();
        if folder.is_dir() {
            let said = fs::read_to_string(folder.join("said.ndjson"))?;
            let said = said.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
            let commit = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.push(Fixture { commit, folder, said });
        }
    }
    found.sort_by(|one, other| one.commit.cmp(&other.commit));
    Ok(found)
}

/// Reads a fixture from both stores, with the server at an address that names no database.
pub async fn read(fixture: &Fixture, server: &str) -> anyhow::Result<Vec<Broken>> {
    let mut broken = Vec::new();
    for store in ["file", "mongo"] {
        let mut wrong = goes_on(fixture, store, server).await?;
        // What a file has to be renewed for, whichever table it is opened for.
        for words in FIRST.iter().filter(|_| store == "file") {
            let left = Left::of(fixture, store, server).await?;
            let answer = left.basket(words);
            if answer.code != 0 {
                wrong.push(format!("`{words}` does not work as the first command: {}", answer.err));
            }
            left.drop().await?;
        }
        let how = |why| format!("{} on the {store}: {why}", fixture.commit);
        broken.extend(wrong.into_iter().map(|why| Broken { law: Law::OldIsRead, how: how(why) }));
    }
    Ok(broken)
}

/// What is read is what was written, also after more was written; returns what is wrong.
async fn goes_on(fixture: &Fixture, store: &str, server: &str) -> anyhow::Result<Vec<String>> {
    let left = Left::of(fixture, store, server).await?;
    let mut wrong = Vec::new();
    for said in fixture.said.iter().filter(|said| said.store == store) {
        let answer = left.basket(&said.words);
        if answer.code != 0 || same(&answer.out) != same(&said.out) {
            wrong.push(format!("`{}` has said\n{}\nand says now {answer:?}", said.words, said.out));
        }
    }
    let mut does = |words: &str| {
        let answer = left.basket(words);
        if answer.code != 0 {
            wrong.push(format!("`{words}`: {answer:?}"));
        }
        answer.out
    };
    does("add A shoes -q 7");
    let has = does("get A").contains("shoes = 7\n");
    for words in ["verify", "project --once", "feed", "snapshot A", "list", "forget --again"] {
        does(words);
    }
    let export = does("export");
    fs::write(left.shell.folder.path().join("copy.ndjson"), left.shell.basket("export").out)?;
    does("import copy.ndjson --store copy.db");
    let again = does("export --store copy.db");
    if !has || again != export {
        wrong.push("what was added is not there, or the export of a copy is another one".into());
    }
    left.drop().await?;
    Ok(wrong)
}

/// A fresh copy of what a program has left.
struct Left {
    shell: Shell,
    /// The ids of the baskets `A` and `B`.
    ids: [String; 2],
    database: Option<mongodb::Database>,
}

impl Left {
    async fn of(fixture: &Fixture, store: &str, server: &str) -> anyhow::Result<Self> {
        let shell = Shell::new().with("BASKET_KEY", KEY).with("USER", "ann");
        let (shell, database) = if store == "file" {
            let sql = fs::read_to_string(fixture.folder.join("file.sql"))?;
            rusqlite::Connection::open(shell.folder.path().join("old.db"))?.execute_batch(&sql)?;
            (shell.with("BASKET_STORE", "old.db"), None)
        } else {
            let address = format!("{server}upgrade_{}_{}", fixture.commit, bson::oid::ObjectId::new());
            let client = Client::with_options(ClientOptions::parse(&address).await?)?;
            let database = client.default_database().context("the address names a database")?;
            for entry in fs::read_dir(fixture.folder.join("mongo"))? {
                let file = entry?.path();
                let lines = fs::read_to_string(&file)?;
                let documents: Vec<_> =
                    lines.lines().map(json::read).collect::<Result<_, _>>().map_err(anyhow::Error::msg)?;
                let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                database.collection::<RawDocumentBuf>(&name).insert_many(documents).await?;
            }
            for line in fs::read_to_string(fixture.folder.join("indexes.ndjson"))?.lines() {
                let command = json::read(line).map_err(anyhow::Error::msg)?;
                database.run_raw_command(command).await?;
            }
            (shell.with("BASKET_STORE", address), Some(database))
        };
        let ids = fs::read_to_string(fixture.folder.join(format!("{store}.ids")))?;
        let mut ids = ids.lines().map(str::to_owned);
        let ids = [ids.next(), ids.next()].map(Option::unwrap_or_default);
        ensure!(!ids[1].is_empty(), "{} has no ids", fixture.commit);
        Ok(Self { shell, ids, database })
    }

    /// Runs a command on it, with names in place of the ids.
    fn basket(&self, words: &str) -> Answer {
        let mut answer = self.shell.basket(&with_ids(words, &self.ids));
        answer.out = without_ids(&answer.out, &self.ids);
        answer
    }

    async fn drop(self) -> anyhow::Result<()> {
        match self.database {
            Some(database) => Ok(database.drop().await?),
            None => Ok(()),
        }
    }
}

/// A text without what newer programs print in another form: times have milliseconds since, tables other widths, and records more
/// fields, which are null of an older event.
fn same(text: &str) -> Vec<String> {
    let record = |line: &str| match serde_json::from_str(line) {
        Ok(serde_json::Value::Object(fields)) if !fields.contains_key("crc32") => {
            Some(fields.into_iter().filter(|(_, value)| !value.is_null()).map(|field| format!("{field:?}")).collect())
        }
        _ => None,
    };
    let is_time = |word: &str| word.len() == 12 && word.matches(':').count() == 2;
    let word =
        |word: &str| word.split_once('.').filter(|_| is_time(word)).map_or(word, |(seconds, _)| seconds).to_owned();
    let line = |line: &str| line.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
    text.lines().map(|text| record(text).unwrap_or_else(|| line(text))).collect()
}

/// The words of a command with the ids of the baskets `A` and `B`.
pub fn with_ids(words: &str, ids: &[String; 2]) -> String {
    let id = |word: &str| match word {
        "A" => ids[0].clone(),
        "B" => ids[1].clone(),
        other => other.to_owned(),
    };
    words.split(' ').map(id).collect::<Vec<_>>().join(" ")
}

/// A text with names in place of the ids.
pub fn without_ids(text: &str, ids: &[String; 2]) -> String {
    text.replace(&ids[0], "A").replace(&ids[1], "B")
}
