//! `verify`: reads everything, and names each document that is wrong. It repairs nothing: it says what to do.

use std::{io, pin::pin};

use anyhow::Result;
use basket_mongo::{
    Scope, Snapshots, Snapshotted, StoreError, Unreadable, Verifier,
    store::{maintenance::Fault, snapshotted::Compared, verify::Verified},
};
use bson::RawDocument;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use super::{each::each, snapshot::state_of};
use crate::{
    domain::{Domain, Id, what},
    exit::{self, Failure},
    help::PROGRAM,
    last,
    named::{Asked, are_several, read, streams},
    output::{Form, Output},
    plain::{count, plain},
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
    /// The {streams}: each its id, such as {id}, the beginning of it, or @ for the one used last; - reads them from standard input;
    /// without any, all of them
    #[arg(value_name = "ID", value_parser = streams::<D>)]
    ids: Vec<Asked<Id<D>>>,
    /// Fail for warnings, too: events that every command can read, but that no command would write today
    #[arg(long)]
    strict: bool,
    /// Compare each snapshot with the fold of the events that it stands for, which are read once more
    #[arg(long)]
    snapshots: bool,
    #[command(flatten)]
    form: Form,
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
        self.form.has(&["severity", "document", "version", "why"])?;
        must_exist(store).await?;
        let asked = read::<D>(&self.ids)?;
        let state = self.snapshots.then(state_of::<D>).transpose()?;
        let snapshotted = state.map(|state| snapshotted(store, state));
        let output = Output::live(&self.form)?;
        let mut check = Check {
            store,
            snapshotted,
            output,
            heading: None,
            errors: 0,
            warnings: 0,
            events: 0,
            streams: 0,
            snapshots: 0,
        };
        check.store_itself().await?;
        let done = match self.ids.is_empty() {
            true => check.streams(None).await,
            false => {
                each(store, &asked, async |id| {
                    check.heading = are_several(&self.ids).then(|| format!("{} {id}", what::<D>()));
                    check.streams(Some(&id)).await
                })
                .await
            }
        };
        // Of what was read before a stream was not found, the verdict is due.
        if let Err(error) = &done
            && (check.events == 0 || !exit::is_not_found(error))
        {
            return done;
        }
        check.end(self.snapshots, self.strict)?;
        done
    }
}

/// What was found so far.
struct Check<'a, S, D: Domain> {
    store: &'a S,
    snapshotted: Option<Snapshotted<&'a S, D>>,
    output: Output,
    /// That of the stream that comes now, until something is wrong with it.
    heading: Option<String>,
    errors: u64,
    warnings: u64,
    events: u64,
    streams: u64,
    snapshots: u64,
}

impl<D: Domain, S: Store<D>> Check<'_, S, D> {
    fn show(&mut self, finding: &FindingJson, text: &str) -> io::Result<()> {
        *(if finding.severity == "error" { &mut self.errors } else { &mut self.warnings }) += 1;
        if let Some(heading) = self.heading.take() {
            self.output.heading(&heading)?;
        }
        self.output.show(finding, |out| writeln!(out, "{}", plain(text)))
    }

    /// As for an event that is named by itself, with its severity before it.
    fn show_marked(&mut self, finding: &FindingJson) -> io::Result<()> {
        let mark = if finding.severity == "error" { "" } else { "warning: " };
        self.show(finding, &format!("{mark}{}", finding.why))
    }

    async fn store_itself(&mut self) -> Result<()> {
        for Fault { is_warning, why } in self.store.faults().await? {
            let severity = if is_warning { "warning" } else { "error" };
            self.show_marked(&FindingJson { severity, document: None, version: None, why })?;
        }
        Ok(())
    }

    /// The events and snapshots of one stream, or of all.
    async fn streams(&mut self, id: Option<&Id<D>>) -> Result<()> {
        let (scope, total) = match id {
            Some(id) => (Scope::From(id.clone(), 1), 0),
            None => (Scope::All, self.store.count().await?),
        };
        let bar = progress::bar(total, "events");
        let mut verifier = Verifier::<D>::default();
        let store = self.store;
        let mut documents = pin!(store.documents(scope));
        while let Some(document) = documents.try_next().await? {
            let found = match verifier.check(&document) {
                Err(unreadable) => {
                    let text = unreadable.to_string();
                    let Unreadable { document, version, why } = unreadable;
                    Some((text, FindingJson { severity: "error", document: Some(document), version, why }))
                }
                Ok(Verified { entry, warning: Some(why) }) => {
                    let (id, version) = (format!("ObjectId('{}')", entry.document), entry.version);
                    let text = format!("warning: the document with _id {id} (version {version}): {why}");
                    let version = i64::try_from(version).ok();
                    Some((text, FindingJson { severity: "warning", document: Some(id), version, why }))
                }
                Ok(_) => None,
            };
            if let Some((text, finding)) = found {
                bar.suspend(|| self.show(&finding, &text))?;
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        if let Some(id) = id {
            if verifier.documents() == 0 {
                return Err(StoreError::not_found::<D>(store.name(), id).into());
            }
            last::note::<D>(store.name(), id);
        }
        self.events += verifier.documents();
        self.streams += verifier.streams();
        self.snapshots(id).await
    }

    async fn snapshots(&mut self, id: Option<&Id<D>>) -> Result<()> {
        let Some(snapshotted) = self.snapshotted.take() else { return Ok(()) };
        let store = self.store;
        let mut kept = pin!(match id {
            Some(id) => stream::iter(store.snapshot(id).await?.map(Ok)).left_stream(),
            None => store.snapshots().right_stream(),
        });
        while let Some(snapshot) = kept.try_next().await? {
            self.snapshots += 1;
            if let Some(finding) = compare(&snapshotted, &snapshot).await? {
                self.show_marked(&finding)?;
            }
        }
        self.snapshotted = Some(snapshotted);
        Ok(())
    }

    /// Says what all of it comes to.
    fn end(self, with_snapshots: bool, strict: bool) -> Result<()> {
        let Self { output, errors, warnings, events, streams, snapshots, .. } = self;
        output.finish()?;
        let mut read = format!("{} of {}", count(events, "event"), count(streams, what::<D>()));
        if with_snapshots {
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
        if errors > 0 || (strict && warnings > 0) {
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
