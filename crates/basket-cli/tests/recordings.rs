//! The slides can't drift: what they show of a terminal (`slides/recordings`) is what `basket` prints now.
//! `make slides-record` writes down what it prints (it sets RECORD).

use std::{env, fs, path::Path};

use basket_domain::{
    BasketEvent::{BasketCreated, ItemAdded, ItemRemoved},
    BasketId,
};
use bson::{Bson, DateTime, Document, doc};
use testkit::{
    console::{Names, retype, retype_with},
    histories::{self, Histories},
    mongo::{TestDatabase, product, qty, with_database},
    shell::Shell,
};

const SLIDES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../slides/");

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The name and the text of each file in a folder of the slides, in the order of the names.
fn files(folder: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(format!("{SLIDES}{folder}")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| path.is_file())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), read(&path)))
        .collect();
    files.sort();
    files
}

/// The slides that show a recording, by title and file.
fn slides_with(recording: &str) -> Vec<String> {
    let mut shown = Vec::new();
    for (file, text) in files("chapters") {
        let mut title = "";
        for line in text.lines() {
            title = line.strip_prefix("# ").unwrap_or(title);
            if line.trim() == format!("<<< @/recordings/{recording}") {
                shown.push(format!("slide \"{title}\" (slides/chapters/{file})"));
            }
        }
    }
    shown
}

/// What is shown of a terminal or a shell, and what is printed now, compared or (with RECORD) written down.
fn compare(recordings: impl IntoIterator<Item = (String, Vec<String>, Vec<String>)>) {
    let record = env::var_os("RECORD").is_some();
    let mut drifted = String::new();
    for (name, shown, now) in recordings {
        assert!(!shown.is_empty(), "slides/recordings/{name} is empty; write its commands, then: make slides-record");
        if now == shown {
            continue;
        }
        if record {
            fs::write(format!("{SLIDES}recordings/{name}"), now.join("\n") + "\n").unwrap();
            continue;
        }
        let at = now.iter().zip(&shown).take_while(|(now, shown)| now == shown).count();
        let line = |lines: &[String]| lines.get(at).cloned().unwrap_or_default();
        drifted += &format!(
            "\n{} shows slides/recordings/{name}, line {}:\n  shown:  {}\n  printed: {}\n",
            slides_with(&name).join(" and "),
            at + 1,
            line(&shown),
            line(&now)
        );
    }
    assert!(drifted.is_empty(), "{drifted}If the new words are right: make slides-record, and look at the slide.");
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(ToOwned::to_owned).collect()
}

fn recording(name: &str) -> Vec<String> {
    lines(&read(Path::new(&format!("{SLIDES}recordings/{name}"))))
}

#[test]
fn every_recording_on_a_slide_is_what_basket_prints() {
    let recordings = files("recordings");
    assert!(!recordings.is_empty());
    compare(recordings.into_iter().map(|(name, text)| {
        let shown = lines(&text);
        let now = retype(&Shell::new(), &shown);
        (name, shown, now)
    }));
}

/// The address that the slides show, and the one that a test has.
fn shell_on(db: &TestDatabase) -> (Shell, Names) {
    let shell = Shell::new().with("BASKET_STORE", &db.address);
    let mut names = Names::of(&shell);
    names.call(&db.address, "mongodb://localhost:27017/basket");
    (shell, names)
}

#[test]
fn mongo_has_the_events_of_the_session() {
    with_database(async |db| {
        let (shell, mut names) = shell_on(&db);
        let session = recording("session.console");
        assert_eq!(retype_with(&shell, &mut names, &session), session);

        let shown = recording("mongo/store.console");
        // Which release of the server the tests have is not what the slide is about.
        let info = db.database.run_command(doc! { "buildInfo": 1 }).await.unwrap();
        let written = shown.iter().find_map(|line| line.strip_prefix("server     MongoDB "));
        names.call(info.get_str("version").unwrap(), written.unwrap_or("8.0"));
        let now = retype_with(&shell, &mut names, &shown);
        compare([("mongo/store.console".to_owned(), shown, now)]);
    });
}

#[test]
fn mongo_answers_the_boss_from_a_month_of_baskets() {
    with_database(async |db| {
        histories::into_mongo(&db, &month()).await;
        let (shell, mut names) = shell_on(&db);
        let shown = recording("mongo/report.console");
        let now = retype_with(&shell, &mut names, &shown);
        compare([("mongo/report.console".to_owned(), shown, now)]);
    });
}

/// The month of `slides/rules/month.js`: the same events, by the same numbers.
fn month() -> Histories {
    const MINUTE: i64 = 60_000;
    const OCTOBER: i64 = 1_790_812_800_000;
    let mut state = 20_260_101_u64;
    let mut random = || {
        state = state * 48_271 % 2_147_483_647;
        state as f64 / 2_147_483_647.0
    };
    let basket = |number: i64| {
        let mut id = [0; 12];
        id[4..].copy_from_slice(&number.to_be_bytes());
        let (basket_id, begin) = (BasketId::from_bytes(id), OCTOBER + number * 72 * MINUTE);
        let mut history = vec![(BasketCreated { basket_id }, begin)];
        for (name, added, removed) in [("socks", 0.7, 0.05), ("rocks", 0.4, 0.2), ("clocks", 0.5, 0.9)] {
            if random() < added {
                let qty = qty(1 + (random() * 3.0) as u32);
                history.push((ItemAdded { basket_id, product: product(name), qty }, begin + MINUTE));
                if random() < removed {
                    let end = begin + (5 + number % 13) * MINUTE;
                    history.push((ItemRemoved { basket_id, product: product(name) }, end));
                }
            }
        }
        history
    };
    (1..=600).map(basket).collect()
}

#[test]
fn mongo_has_the_document_of_the_slide_as_basket_stored_it() {
    with_database(async |db| {
        let (shell, _) = shell_on(&db);
        let created = shell.basket("create socks --as ann -m 'for the hike'");
        assert_eq!(created.code, 0, "{created:?}");
        let document = db.events().find_one(doc! { "version": 2 }).await.unwrap().unwrap();

        let shown = recording("mongo/document.js");
        let now = shown[0].clone() + "\n" + &as_mongosh(&document);
        let now = lines(&with_values_of(&shown, &now)).into_iter().map(|line| with_comment_of(&shown, line)).collect();
        compare([("mongo/document.js".to_owned(), shown, now)]);
    });
}

/// A document as mongosh prints it: its fields on lines of their own, what they hold on one.
fn as_mongosh(document: &Document) -> String {
    let fields: Vec<_> =
        document.iter().map(|(name, value)| format!("  {name}: {}", value_in_mongosh(value))).collect();
    format!("{{\n{}\n}}", fields.join(",\n"))
}

fn value_in_mongosh(value: &Bson) -> String {
    match value {
        Bson::ObjectId(id) => format!("ObjectId('{id}')"),
        Bson::Int64(number) => format!("Long('{number}')"),
        Bson::Int32(number) => number.to_string(),
        Bson::String(text) => format!("'{text}'"),
        Bson::DateTime(time) => {
            // It always has three digits after the second.
            let millis = time.timestamp_millis().rem_euclid(1_000);
            let second = DateTime::from_millis(time.timestamp_millis() - millis).try_to_rfc3339_string().unwrap();
            format!("ISODate('{}.{millis:03}Z')", second.trim_end_matches('Z'))
        }
        Bson::Document(inner) => {
            let fields: Vec<_> =
                inner.iter().map(|(name, value)| format!("{name}: {}", value_in_mongosh(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        other => panic!("no event has {other:?}"),
    }
}

/// Ids and times differ in each run; those that the slide shows stay, if they look the same.
fn with_values_of(shown: &[String], now: &str) -> String {
    let quoted = |line: &str| -> Option<(usize, usize)> {
        let start = line.find("ObjectId('").or_else(|| line.find("ISODate('"))?;
        Some((line[start..].find('\'')? + start + 1, line.rfind("')")?))
    };
    let value = |line: &str| {
        let (name, _) = line.split_once(": ")?;
        let shown = shown.iter().find(|shown| shown.starts_with(&format!("{name}: ")))?;
        let ((from, to), (start, end)) = (quoted(line)?, quoted(shown)?);
        (to - from == end - start).then(|| format!("{}{}{}", &line[..from], &shown[start..end], &line[to..]))
    };
    now.lines().map(|line| value(line).unwrap_or_else(|| line.to_owned()) + "\n").collect()
}

/// What the slide says beside a field stays beside it.
fn with_comment_of(shown: &[String], line: String) -> String {
    let Some((name, _)) = line.split_once(": ") else { return line };
    let beside =
        shown.iter().find(|shown| shown.starts_with(&format!("{name}: "))).and_then(|shown| shown.split_once("  // "));
    match beside {
        Some((_, comment)) => format!("{line}  // {comment}"),
        None => line,
    }
}

#[test]
fn every_recording_is_on_a_slide() {
    let all = files("recordings").into_iter().map(|(name, _)| name);
    for name in all.chain(files("recordings/mongo").into_iter().map(|(name, _)| format!("mongo/{name}"))) {
        assert!(!slides_with(&name).is_empty(), "no slide shows slides/recordings/{name}");
    }
}
