//! What the driver's events of one command mean as steps of the model.

use std::sync::{Arc, Mutex};

use basket_mongo::Baskets;
use basket_mongo::Codec;
use bson::{Document, oid::ObjectId};
use model::{
    append::writer::{Fate, Found, Step, Told},
    trace::Seen,
};
use mongodb::{
    error::{Error, ErrorKind, NO_WRITES_PERFORMED, RETRYABLE_WRITE_ERROR},
    event::command::CommandEvent,
};

/// What is recorded of a writer.
pub enum Record {
    Driver(Box<CommandEvent>),
    /// The caller saves again.
    Settles,
    Told(Told),
    Unknown,
}

/// All of a writer, in order: it does one thing after the other.
#[derive(Clone, Default)]
pub struct Records(Arc<Mutex<Vec<Record>>>);

impl Records {
    pub fn push(&self, record: Record) {
        self.0.lock().unwrap().push(record);
    }

    pub fn take(&self) -> Vec<Record> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// A command on the events, and what came of it.
struct Operation {
    command: Document,
    reply: Result<Document, Error>,
}

enum Part {
    Operation(Box<Operation>),
    Seen(Seen),
}

/// The trace of one command of a caller, and the commit that it has sent.
pub fn read(records: Vec<Record>) -> (Option<ObjectId>, Vec<Seen>) {
    let (mut parts, mut sent) = (Vec::<Part>::new(), None::<(i32, Document)>);
    for record in records {
        let (id, reply) = match record {
            Record::Driver(event) => match *event {
                CommandEvent::Started(started) => {
                    sent = is_of_events(&started.command).then_some((started.request_id, started.command));
                    continue;
                }
                CommandEvent::Succeeded(succeeded) => (succeeded.request_id, Ok(succeeded.reply)),
                CommandEvent::Failed(failed) => (failed.request_id, Err(failed.failure)),
                _ => continue,
            },
            Record::Settles => {
                parts.push(Part::Seen(Seen::Step(Step::Settle)));
                continue;
            }
            Record::Told(told) => {
                parts.push(Part::Seen(Seen::Ended(told)));
                continue;
            }
            Record::Unknown => {
                parts.push(Part::Seen(Seen::EndedUnknown));
                continue;
            }
        };
        let Some((_, command)) = sent.take_if(|(sent, _)| *sent == id) else { continue };
        // The driver repeats an operation by itself. The last answer counts; but if that only says that this repeat wrote
        // nothing, the one before it does, of which that is not known.
        if let Some(Part::Operation(before)) = parts.last_mut()
            && before.reply.is_err()
            && is_repeat(&before.command, &command)
        {
            if !matches!(&reply, Err(error) if error.contains_label(NO_WRITES_PERFORMED)) {
                before.reply = reply;
            }
            continue;
        }
        parts.push(Part::Operation(Box::new(Operation { command, reply })));
    }
    let (mut trace, mut commit) = (Vec::new(), None);
    for part in parts {
        match part {
            Part::Seen(seen) => trace.push(seen),
            Part::Operation(operation) => of_operation(&operation, &mut commit, &mut trace),
        }
    }
    (commit, trace)
}

fn is_of_events(command: &Document) -> bool {
    ["insert", "find"].iter().any(|name| command.get_str(name).is_ok_and(|of| of == Baskets::COLLECTION))
}

/// An insert has a number; a read is the same read.
fn is_repeat(before: &Document, after: &Document) -> bool {
    match (before.get("txnNumber"), after.get("txnNumber")) {
        (Some(one), Some(other)) => one == other && before.get("lsid") == after.get("lsid"),
        (None, None) => before.get("filter") == after.get("filter") && before.get("sort") == after.get("sort"),
        _ => false,
    }
}

fn version(event: &Document) -> u8 {
    u8::try_from(event.get_i64("version").unwrap()).unwrap()
}

fn of_operation(operation: &Operation, commit: &mut Option<ObjectId>, trace: &mut Vec<Seen>) {
    let Operation { command, reply } = operation;
    if let Ok(documents) = command.get_array("documents") {
        let event = documents[0].as_document().unwrap();
        assert_eq!(documents.len(), 1);
        let of = event.get_object_id("commit").unwrap();
        assert_eq!(*commit.get_or_insert(of), of, "one command has one commit");
        trace.extend([Seen::Sent { version: version(event) }, Seen::Step(Step::Answer(fate(reply)))]);
        return;
    }
    let found = reply.as_ref().map(|reply| {
        let batch = reply.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
        batch.iter().map(|event| event.as_document().unwrap().clone()).collect::<Vec<_>>()
    });
    let is_one_version = command.get_document("filter").unwrap().contains_key("version");
    let sorted = command.get_document("sort").ok().and_then(|sort| sort.get_i32("version").ok());
    let seen = match (found, is_one_version, sorted) {
        (Err(_), true, _) => Seen::Step(Step::FindOurs(Found::Failed)),
        (Ok(found), true, _) => Seen::Step(Step::FindOurs(match found.first() {
            None => Found::Nothing,
            Some(event) if event.get_object_id("commit").ok() == *commit => Found::Ours,
            Some(_) => Found::Anothers,
        })),
        (Err(_), ..) => Seen::Unread,
        (Ok(found), _, Some(1)) => Seen::Step(Step::Get { found: found.last().map_or(0, version) }),
        // The head is read for what is claimed, and to name a conflict.
        (Ok(found), _, Some(-1)) => match trace.last() {
            Some(Seen::Step(Step::FindOurs(Found::Anothers))) => Seen::Step(Step::Conflict),
            _ => Seen::Step(Step::Head { found: found.first().map_or(0, version) }),
        },
        _ => panic!("{command}"),
    };
    trace.push(seen);
}

/// What became of a write, by the words of the server and the driver.
fn fate(reply: &Result<Document, Error>) -> Fate {
    match reply {
        Ok(reply) if reply.contains_key("writeErrors") => {
            let error = reply.get_array("writeErrors").unwrap()[0].as_document().unwrap();
            assert_eq!(error.get_i32("code").ok(), Some(11000), "{reply}");
            Fate::Taken
        }
        Ok(reply) if reply.contains_key("writeConcernError") => Fate::Unknown,
        Ok(_) => Fate::Written,
        Err(error) if error.contains_label(NO_WRITES_PERFORMED) => Fate::NotWritten,
        Err(error) if matches!(*error.kind, ErrorKind::Io(_)) => Fate::Unknown,
        Err(error) if error.contains_label(RETRYABLE_WRITE_ERROR) => Fate::Unknown,
        Err(_) => Fate::Refused,
    }
}
