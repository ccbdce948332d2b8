//! `verify`: reads everything, and names each document that is wrong. It repairs nothing: it says what to do.

use std::pin::pin;

use anyhow::Result;
use basket_mongo::{
    Scope, Snapshots, Snapshotted, StoreError, Unreadable, Verifier,
    store::{maintenance::Fault, snapshotted::Compared, verify::Verified},
};
use bson::RawDocument;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use super::snapshot::state_of;
use crate::{
    domain::{Domain, Id, what},
    exit::{self, Failure},
    help::PROGRAM,
    last,
    named::{Named, find, stream},
    output::{Format, Output},
    plain::plain,
    progress,
    store::{Store, must_exist, snapshotted},
};

/// Read every event, and name each document that is wrong
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  {program} verify\n  {program} verify {id}\n  \
                        {program} verify --snapshots\n  {program} verify --format ndjson\n\n\
                        It ends with 0 if all can be read, and with 7 otherwise. Nothing is repaired: a document can be\n\
                        looked at by its _id (`make mongo-shell`), and the {stream}s without fault can be exported.")]
pub struct Verify<D: Domain> {
    /// The {stream}: its id, such as {id}, the beginning of it, or @ for the one used last; without it, all of them
    #[arg(value_parser = stream::<D>)]
    id: Option<Named<Id<D>>>,
    /// Fail for warnings, too: events that every command can read, but that no command would write today
    #[arg(long)]
    strict: bool,
    /// Compare each snapshot with the fold of the events that it stands for, which are read once more
    #[arg(long)]
    snapshots: bool,
    /// How to print what is found
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Something that is wrong.
#[derive(Debug, Serialize)]
struct FindingJson {
    /// `error`, or `warning` for what every command can read.
    severity: &'static str,
    /// The document's `_id`; none where it is about the store itself.
    document: Option<String>,
    version: Option<i64>,
    why: String,
}

impl<D: Domain> Verify<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        must_exist(store).await?;
        let id = match &self.id {
            Some(named) => Some(find(store, named).await?),
            None => None,
        };
        let snapshotted = self.snapshots.then(|| Ok::<_, anyhow::Error>(snapshotted(store, state_of::<D>()?))).transpose()?;
        let mut output = Output::live(self.format)?;
        let (mut errors, mut warnings): (u64, u64) = (0, 0);
        for Fault { is_warning, why } in store.faults().await? {
            let (severity, mark) = if is_warning { ("warning", "warning: ") } else { ("error", "") };
            *(if is_warning { &mut warnings } else { &mut errors }) += 1;
            let finding = FindingJson { severity, document: None, version: None, why };
            output.show(&finding, |out| writeln!(out, "{mark}{}", plain(&finding.why)))?;
        }
        let (scope, total) = match id.clone() {
            Some(id) => (Scope::From(id, 1), 0),
            None => (Scope::All, store.count().await?),
        };
        let bar = progress::bar(total, "events");
        let mut verifier = Verifier::<D>::default();
        let mut documents = pin!(store.documents(scope));
        while let Some(document) = documents.try_next().await? {
            let found = match verifier.check(&document) {
                Err(unreadable) => {
                    errors += 1;
                    let text = unreadable.to_string();
                    let Unreadable { document, version, why } = unreadable;
                    Some((text, FindingJson { severity: "error", document: Some(document), version, why }))
                }
                Ok(Verified { entry, warning: Some(why) }) => {
                    warnings += 1;
                    let (id, version) = (format!("ObjectId('{}')", entry.document), entry.version);
                    let text = format!("warning: the document with _id {id} (version {version}): {why}");
                    let version = i64::try_from(version).ok();
                    Some((text, FindingJson { severity: "warning", document: Some(id), version, why }))
                }
                Ok(_) => None,
            };
            if let Some((text, finding)) = found {
                bar.suspend(|| output.show(&finding, |out| writeln!(out, "{}", plain(&text))))?;
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        let mut snapshots = 0;
        if let Some(snapshotted) = &snapshotted {
            let mut kept = pin!(match &id {
                Some(id) => stream::iter(store.snapshot(id).await?.map(Ok)).left_stream(),
                None => store.snapshots().right_stream(),
            });
            while let Some(snapshot) = kept.try_next().await? {
                snapshots += 1;
                let Some(finding) = compare(snapshotted, &snapshot).await? else { continue };
                *(if finding.severity == "error" { &mut errors } else { &mut warnings }) += 1;
                let mark = if finding.severity == "error" { "" } else { "warning: " };
                output.show(&finding, |out| writeln!(out, "{mark}{}", plain(&finding.why)))?;
            }
        }
        output.finish()?;
        match &id {
            Some(id) if verifier.documents() == 0 => return Err(StoreError::not_found::<D>(store.name(), id).into()),
            Some(id) => last::note::<D>(store.name(), id),
            None => {}
        }
        let mut read = format!("{} of {}", count(verifier.documents(), "event"), count(verifier.streams(), what::<D>()));
        if self.snapshots {
            read += &format!(" and {}", count(snapshots, "snapshot"));
        }
        read += " were read";
        let are = format!("and {} {} off", count(errors, "thing"), if errors == 1 { "is" } else { "are" });
        let off = match (errors, warnings) {
            (0, 0) => "all is well".to_owned(),
            (0, warnings) => format!("all can be read, with {}", count(warnings, "warning")),
            (_, 0) => are,
            (_, warnings) => format!("{are}, with {}", count(warnings, "warning")),
        };
        if errors > 0 || (self.strict && warnings > 0) {
            return Err(Failure(exit::UNREADABLE, format!("{read}, {off}")).into());
        }
        exit::note(&format!("{read}: {off}"));
        Ok(())
    }
}

/// What is wrong with a snapshot: an error if a load begins at a state that is not the fold of the events.
async fn compare<D: Domain>(
    store: &Snapshotted<impl Snapshots<D>, D>,
    snapshot: &RawDocument,
) -> Result<Option<FindingJson>, StoreError> {
    let version = snapshot.get_i64("version").ok();
    let finding = |severity, why| Some(FindingJson { severity, document: None, version, why });
    let key = snapshot.get("_id").ok().flatten();
    let Some(id) = key.and_then(D::id) else {
        return Ok(finding("warning", format!("a snapshot is ignored: its _id is {key:?}, which is no id")));
    };
    let it = format!("the snapshot of {} '{id}'", what::<D>());
    Ok(match store.compare(&id, snapshot).await {
        Ok(Compared::Same) => None,
        Ok(Compared::Ignored(why)) => finding("warning", format!("{it} is ignored: {why}")),
        Ok(Compared::Differs(fields)) => {
            let fields = fields.join(", ");
            finding(
                "error",
                format!(
                    "{it} is not the fold of its events, by the program of today: {fields} differ; remove it with \
                     `{PROGRAM} snapshot {id} --drop`; if the program has changed, raise the schema of its state"
                ),
            )
        }
        Err(StoreError::Unreadable(why)) => finding("error", format!("{it} can't be compared: {why}")),
        Err(error) => return Err(error),
    })
}

fn count(number: u64, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}
