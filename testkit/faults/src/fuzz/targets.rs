//! What is tried: the decoder of event documents, the importer, and the parser of addresses. Each says of an input what the program
//! says of it; an error is a promise that was broken.

use std::{fmt::Display, path::Path};

use basket_cli::choice;
use basket_domain::EventSourced;
use basket_mongo::{
    Baskets, Codec, Subjects, Verifier,
    mongo::connection,
    store::{
        document::{RecordedEvent, read_entry, stream_of},
        exchange::{Export, Import, Line, event_document, portable, written},
        json,
    },
};
use bson::{RawDocument, RawDocumentBuf};
use fastrand::Rng;
use futures_util::FutureExt;
use mongodb::options::ConnectionString;
use testkit::{
    silo::Silos,
    years::{BySerde, by_hand::ByHand},
};

use super::{Said, corpus, mutations};
use crate::list::Lists;

/// A reader of inputs.
pub struct Target {
    /// What it is called.
    pub name: &'static str,
    /// Lets it read an input.
    pub try_it: fn(&[u8]) -> Said,
    corpus: fn() -> Vec<Vec<u8>>,
    /// The longest input that is made.
    pub(super) longest: usize,
    pub(super) words: &'static [&'static str],
    mend: fn(Vec<u8>, &mut Rng) -> Vec<u8>,
}

impl Target {
    /// The inputs that the repository has.
    pub fn corpus(&self) -> Vec<Vec<u8>> {
        (self.corpus)()
    }

    /// An input that is made of one that is there.
    pub fn change(&self, pool: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
        let mut one = || pool.get(random.usize(..pool.len())).cloned().unwrap_or_default();
        let (mut input, other) = (one(), one());
        mutations::of_bytes(&mut input, &other, self, random);
        (self.mend)(input, random)
    }
}

/// Bytes that are to be the document of an event, or its text: read by codecs by hand, by serde, and with upcasters.
pub const DECODER: Target = Target {
    name: "decoder",
    try_it: decode,
    corpus: documents,
    longest: 16 * 1024,
    words: &[
        "\0",
        "_id\0",
        "basket_id\0",
        "{\"$oid\":\"",
        "{\"$code\":\"\",\"$scope\":",
        "{\"a\":",
        "[",
        "]",
        "}",
        ",",
        "null",
    ],
    mend: |input, random| match RawDocument::from_bytes(&input) {
        // Half of them keep their lengths: others are most often refused by these.
        Ok(document) => mutations::of_document(document, random).into_bytes(),
        Err(_) => input,
    },
};

/// The events of every shape that was ever written, as bytes and as text.
fn documents() -> Vec<Vec<u8>> {
    const EVENTS: [&str; 2] = [
        include_str!("../../../../crates/basket-mongo/tests/corpus/baskets.ndjson"),
        include_str!("../../../../crates/basket-mongo/tests/corpus/silos.ndjson"),
    ];
    let mut all = corpus::read(include_str!("../../corpus/decoder.txt"));
    for line in EVENTS.iter().flat_map(|events| events.lines()).filter(|line| line.starts_with('{')) {
        all.extend(json::read(line).map(RawDocumentBuf::into_bytes));
        all.push(line.as_bytes().to_vec());
    }
    all
}

fn decode(input: &[u8]) -> Said {
    let mut said = String::new();
    if let Ok(document) = RawDocument::from_bytes(input) {
        read_by_all(document, &mut said)?;
    } else if let Ok(text) = std::str::from_utf8(input) {
        match json::read_as_it_is(text) {
            Ok(document) => read_by_all(&document, &mut said)?,
            Err(why) => said += &why,
        }
    }
    Ok(said)
}

fn read_by_all(document: &RawDocument, said: &mut String) -> Result<(), String> {
    read_by::<Baskets>(document, said)?;
    read_by::<ByHand>(document, said)?;
    read_by::<BySerde>(document, said)?;
    read_by::<Silos>(document, said)?;
    read_by::<Subjects>(document, said)?;
    read_by::<Lists>(document, said)
}

fn read_by<C: Codec>(document: &RawDocument, said: &mut String) -> Result<(), String> {
    let entry = read_entry::<C>(document);
    let verified = Verifier::<C>::default().check(document);
    let loaded = stream_of::<C>(document).map_err(|why| why.to_string()).and_then(|stream| {
        let event = RecordedEvent::from_document(document.into()).map_err(|error| error.to_string())?;
        event.replay_onto::<C>(EventSourced::new(stream)).map_err(|error| error.to_string())
    });
    let mut say = |what: &dyn Display| *said += &format!("{what}\n");
    let entry = match (&entry, &verified) {
        (Ok(entry), _) => entry,
        (Err(why), Ok(_)) => return Err(format!("verify passes what can't be read: {why}")),
        (Err(why), Err(_)) => {
            say(why);
            return Ok(());
        }
    };
    match (&verified, &loaded) {
        (Ok(_), Err(why)) => return Err(format!("verify passes what can't be loaded: {why}")),
        (Err(why), _) => say(why),
        (Ok(verified), Ok(_)) => say(&verified.warning.as_deref().unwrap_or("it can be read")),
    }
    let carried = portable::<C>(document).map_err(|why| format!("what can be read can't be carried: {why}"))?;
    match json::write(&carried) {
        Ok(text) if json::read(&text).as_ref() != Ok(&carried) => {
            return Err(format!("its text gives another document: {text}"));
        }
        Ok(_) => {}
        Err(why) => {
            say(&why);
            return Ok(());
        }
    }
    let written =
        written::<C>(document, &entry.event).map_err(|why| format!("what can be read can't be written: {why}"))?;
    match verified {
        Ok(_) => comes_back::<C>(&[written]),
        Err(_) => Ok(()),
    }
}

/// Whether documents that can be read are the same after they were exported and imported.
fn comes_back<C: Codec>(documents: &[RawDocumentBuf]) -> Result<(), String> {
    let mut export = Export::<C>::default();
    let mut lines = vec![export.header()];
    for document in documents {
        lines.push(export.line(document).map_err(|why| format!("what can be read can't be exported: {why}"))?);
    }
    lines.push(export.end());
    let (mut import, mut expected) = (Import::<C>::default(), documents.iter());
    for line in &lines {
        match import.line(line).map_err(|why| format!("an export can't be imported: {why}\n{line}"))? {
            Line::Event(_, document) if expected.next() != Some(&document) => {
                return Err(format!("what was exported comes back as another document: {line}"));
            }
            _ => {}
        }
    }
    import.end().map_err(|why| why.to_string())
}

/// Lines that are to be an export, as `basket import` takes them.
pub const IMPORTER: Target = Target {
    name: "importer",
    try_it: import,
    corpus: || corpus::read(include_str!("../../corpus/importer.txt")),
    longest: 16 * 1024,
    words: &[
        "\n",
        "\r\n",
        "\u{feff}",
        ",\"crc32\":\"",
        "{\"end\":true}",
        "\"meta\":{\"actor\":\"a\"}",
        "null",
        "{",
        "}",
        "[",
        "]",
    ],
    mend: |input, random| if random.u32(0..8) == 0 { input } else { sealed(&input) },
};

fn import(input: &[u8]) -> Said {
    let (mut lines, mut segment) = (Import::<Baskets>::default(), Vec::new());
    for line in input.split_inclusive(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end_matches(['\n', '\r']);
        // As a line of mongoexport, which has no checksum.
        let body = line.rsplit_once(",\"crc32\":").map_or(line.to_owned(), |(body, _)| format!("{body}}}"));
        let alone = event_document(&body).map(|document| read_entry::<Baskets>(&document).map(drop));
        match lines.line(line) {
            Ok(Line::Begin | Line::Blank) => {}
            Ok(Line::Event(_, document)) => {
                if !matches!(alone, Ok(Ok(()))) {
                    return Err(format!("{line} is imported, and can't be read by itself: {alone:?}"));
                }
                segment.push(document);
            }
            Ok(Line::End) => comes_back::<Baskets>(&std::mem::take(&mut segment))?,
            Err(bad) => return Ok(format!("{bad}\n{alone:?}")),
        }
    }
    Ok(match lines.end() {
        Ok(()) => format!("{:?}", lines.foreign()),
        Err(bad) => bad.to_string(),
    })
}

/// The same lines, with the checksums and the counts that they should have: without them, nothing would get past these.
fn sealed(input: &[u8]) -> Vec<u8> {
    const BEFORE: &[u8] = b",\"crc32\":\"";
    let (mut out, mut sum, mut events) = (Vec::new(), crc32fast::Hasher::new(), 0);
    for line in input.split_inclusive(|byte| *byte == b'\n') {
        let (line, end) = line.strip_suffix(b"\n").map_or((line, &b""[..]), |line| (line, b"\n"));
        let at = line.windows(BEFORE.len()).rposition(|window| window == BEFORE);
        match at {
            _ if line.starts_with(b"{\"basket-events\"") => {
                (sum, events) = (crc32fast::Hasher::new(), 0);
                out.extend(line);
            }
            _ if line.starts_with(b"{\"end\":true,") => {
                let text = String::from_utf8_lossy(line);
                let streams = text.split("\"streams\":").nth(1).and_then(|rest| rest.split(',').next()).unwrap_or("1");
                let crc32 = sum.clone().finalize();
                let end = format!(r#"{{"end":true,"events":{events},"streams":{streams},"crc32":"{crc32:08x}"}}"#);
                out.extend(end.bytes());
            }
            Some(at) => {
                // The checksum is of the text as it is read, where what is no UTF-8 was replaced.
                let body = format!("{}}}", String::from_utf8_lossy(&line[..at]));
                let crc32 = crc32fast::hash(body.as_bytes());
                sum.update(&crc32.to_be_bytes());
                events += 1;
                out.extend_from_slice(&line[..at]);
                out.extend(format!(",\"crc32\":\"{crc32:08x}\"}}").bytes());
            }
            None => out.extend(line),
        }
        out.extend(end);
    }
    out
}

/// Text that is to name a store: an option, the lines of a `.env`, and an address of MongoDB.
pub const ADDRESSES: Target = Target {
    name: "addresses",
    try_it: address,
    corpus: || corpus::read(include_str!("../../corpus/addresses.txt")),
    // The parser looks for the option that is wrong by parsing the rest without each.
    longest: 1024,
    words: &[
        "mongodb://",
        "mongodb+srv://",
        "://",
        "@",
        ":",
        "/",
        "?",
        "&",
        "=",
        ",",
        "%",
        "%40",
        "[::1]",
        ".sock",
        "\0",
        SECRET,
        "w=",
        "wTimeoutMS=",
        "replicaSet=",
        "readPreference=",
        "tls=true",
        "authMechanism=",
        "compressors=",
        "BASKET_STORE=",
        "authMechanismProperties=",
        "tlsCAFile=",
        "maxPoolSize=",
        "\n",
        "'",
        "\"",
        "$",
        "${HOME}",
        "export ",
        "\u{feff}",
    ],
    mend: |input, _| input,
};

/// The password in the addresses of the corpus: no message may have it.
pub const SECRET: &str = "hunter2hunter2";

/// Must be called where a runtime of Tokio is entered, which the driver's parser asks for.
fn address(input: &[u8]) -> Said {
    let (text, mut said) = (String::from_utf8_lossy(input), String::new());
    let mut say = |what: Option<String>| said += &format!("{}\n", what.as_deref().unwrap_or("well"));
    say(choice::choose(Some(&text), "baskets").err().map(|error| format!("{error:#}")));
    say(choice::in_lines(input, Path::new(".env")).err().map(|error| format!("{error:#}")));
    // A name server would be asked for the hosts of one that is well formed; and the driver, which is asked for that here, panics at
    // some that are none of ASCII.
    if text.starts_with("mongodb+srv") && !text.is_ascii() {
        return Ok(said);
    }
    if !text.starts_with("mongodb+srv") || ConnectionString::parse(&text).is_err() {
        let options = connection::options(&text).now_or_never().ok_or("the driver waits for something")?;
        say(options.err().map(|error| error.to_string()));
    }
    if said.to_lowercase().contains(SECRET) && !may_name(&text) {
        return Err(format!("the password is said: {said}"));
    }
    Ok(said)
}

/// Whether what is named may have the password in it: what looks like a scheme, such as `postgres://`, and the name of an option.
fn may_name(text: &str) -> bool {
    let text = text.to_lowercase();
    let is_scheme = |before: &str| before.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let scheme = text.split_once("://").map(|(before, _)| before).filter(|before| is_scheme(before));
    let options = text.split_once('?').map_or("", |(_, options)| options).split('&');
    let names = options.map(|option| option.split_once('=').map_or(option, |(name, _)| name));
    scheme.into_iter().chain(names).any(|name| name.contains(SECRET))
}
