//! `rehearse`: before a deploy, the whole history is put to the program of today. [`rehearsal`](crate::rehearsal) asks; it is
//! printed here what would be decided or computed otherwise.

use std::{
    any::type_name,
    fs::{self, File},
    io::{self, BufRead, BufReader, BufWriter, ErrorKind, Write},
    marker::PhantomData,
    path::{Path, PathBuf},
    pin::pin,
};

use anyhow::{Context, Result};
use basket_mongo::Scope;
use futures_util::TryStreamExt;
use serde_json::Value;

use crate::{
    domain::{Domain, Id, what},
    exit::{self, Failure, REFUSED, UNREADABLE, USAGE},
    help::PROGRAM,
    output::{Fields, Form, Output, Text, json},
    plain::{count, plain},
    progress,
    rehearsal::{Against, Found, Kind, Recorded, Rehearsal, hex},
    store::{Store, must_exist},
    time,
};

/// Put every event to the rules of today, and show what would be otherwise
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  {program} rehearse\n  {program} rehearse --test\n  \
                        {program} rehearse --record before.ndjson\n\n\
                        For each event, the command that it came from is decided again, on the state before it. What is\n\
                        refused now, and what would be other events, is shown in groups, each with an example. It ends\n\
                        with 0 if there is nothing, and with 4 otherwise. Nothing is written to the store.\n\n\
                        --record keeps a digest of all the states of each {stream}, by the program that runs now.\n\
                        --against compares those of a later program with it, up to the recorded versions; where they\n\
                        differ, ask both programs with `{program} get --version`.")]
pub struct Rehearse<D: Domain> {
    /// Print a test for each example, in given / when / then
    #[arg(long)]
    test: bool,
    /// A new file for a digest of the states of each {stream}
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Compare the states with such a file
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    #[command(flatten)]
    form: Form,
    #[arg(skip)]
    domain: PhantomData<D>,
}

impl<D: Domain> Rehearse<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        let of_example = [what::<D>(), "version", "recorded_at", "test"];
        self.form.has(&[&["kind", "number", "type", "why", "in_full"][..], &of_example].concat())?;
        must_exist(store).await?;
        let against = self.against.as_deref().map(read::<D>).transpose()?;
        let recorded = against.as_ref().map(|against| against.len() as u64);
        let mut rehearsal = Rehearsal::<D>::new(self.test, self.record.is_some(), against.unwrap_or_default());
        let unreadable = match &self.record {
            None => pass(store, &mut rehearsal, &mut io::sink()).await?,
            Some(path) => {
                let mut out = BufWriter::new(create(path)?);
                let done = pass(store, &mut rehearsal, &mut out).await;
                let done = done.and_then(|unreadable| {
                    out.flush().and_then(|()| out.get_ref().sync_all())?;
                    Ok(unreadable)
                });
                // Part of a record would look like all of it.
                if !matches!(done, Ok(0)) {
                    fs::remove_file(path).ok();
                }
                done.with_context(|| format!("nothing was recorded in '{}'", path.display()))?
            }
        };
        let mut output = Output::list(&self.form)?;
        let mut found: Vec<_> = rehearsal.found.iter().collect();
        found.sort_by_key(|((kind, ..), found)| (*kind, u64::MAX - found.number));
        for (at, ((kind, r#type, why), found)) in found.iter().enumerate() {
            let test = self.test.then(|| test(at + 1, found)).filter(|_| *kind != Kind::State);
            let record = record(*kind, r#type, why, found, test.as_deref());
            output.show(&record, |out| {
                line(out, *kind, r#type, why, found)?;
                test.iter().flat_map(|test| test.lines()).try_for_each(|line| writeln!(out, "{}", plain(line)))
            })?;
        }
        output.finish()?;
        let (events, stream) = (count(rehearsal.documents(), "event"), what::<D>());
        let mut read = format!("{events} of {} were read", count(rehearsal.streams(), stream));
        if rehearsal.undecided > 0 {
            read += &format!(", {} of them can't be decided again", rehearsal.undecided);
        }
        if let Some(recorded) = recorded {
            read +=
                &format!(", {} of {} that were recorded were compared", rehearsal.compared, count(recorded, stream));
        }
        let number = |of: fn(&Kind) -> bool| {
            found.iter().filter(|((kind, ..), _)| of(kind)).map(|(_, found)| found.number).sum()
        };
        let (otherwise, states, mut off) =
            (number(|of| *of != Kind::State), number(|of| *of == Kind::State), Vec::new());
        if otherwise > 0 {
            off.push(format!("{} would be decided otherwise", count(otherwise, "event")));
        }
        if states > 0 {
            off.push(format!("the states of {} are others", count(states, stream)));
        }
        if unreadable > 0 {
            off.push(format!("{} can't be read (`{PROGRAM} verify` says more)", count(unreadable, "document")));
        }
        match (off.is_empty(), unreadable) {
            (true, _) => exit::note(&format!("{read}: nothing is otherwise")),
            (false, 0) => return Err(Failure(REFUSED, format!("{read}: {}", off.join(", "))).into()),
            (false, _) => return Err(Failure(UNREADABLE, format!("{read}: {}", off.join(", "))).into()),
        }
        Ok(())
    }
}

/// Reads all events, and writes down each stream. Returns how many documents can't be read.
async fn pass<D: Domain>(store: &impl Store<D>, rehearsal: &mut Rehearsal<D>, out: &mut impl Write) -> Result<u64> {
    let bar = progress::bar(store.count().await?, "events");
    let (mut documents, mut unreadable) = (pin!(store.documents(Scope::All)), 0);
    while let Some(document) = documents.try_next().await? {
        bar.inc(1);
        match rehearsal.take(&document) {
            Ok(ended) => ended.iter().try_for_each(|ended| write::<D>(out, ended))?,
            Err(why) => {
                unreadable += 1;
                bar.suspend(|| exit::note(&why.to_string()));
            }
        }
    }
    rehearsal.end().iter().try_for_each(|ended| write::<D>(out, ended))?;
    bar.finish_and_clear();
    Ok(unreadable)
}

fn write<D: Domain>(out: &mut impl Write, Recorded { id, version, digest }: &Recorded<Id<D>>) -> io::Result<()> {
    let fields = vec![(what::<D>(), json(&id.to_string())), ("version", json(version)), ("digest", json(&hex(digest)))];
    serde_json::to_writer(&mut *out, &Fields(fields))?;
    writeln!(out)
}

fn create(path: &Path) -> Result<File, Failure> {
    let name = path.display();
    File::create_new(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure(USAGE, format!("'{name}' is there already, and is not overwritten; name a new file"))
        }
        _ => Failure(USAGE, format!("'{name}' can't be made: {error}")),
    })
}

/// What another program has recorded.
fn read<D: Domain>(path: &Path) -> Result<Against> {
    let name = path.display();
    let cant = |error: io::Error| Failure(USAGE, format!("'{name}' can't be read: {error}"));
    let mut against = Against::new();
    for (number, line) in (1..).zip(BufReader::new(File::open(path).map_err(cant)?).lines()) {
        let line: Value = serde_json::from_str(&line.map_err(cant)?).unwrap_or_default();
        let text = |field: &str| line.get(field).and_then(Value::as_str).map(str::to_owned);
        let version = line.get("version").and_then(Value::as_u64);
        let (Some(id), Some(version), Some(digest)) = (text(what::<D>()), version, text("digest")) else {
            let why = format!("line {number} of '{name}' is none that `{PROGRAM} rehearse --record` has written");
            return Err(Failure(UNREADABLE, why).into());
        };
        against.insert(id, (version, digest));
    }
    Ok(against)
}

fn record<D: Domain>(kind: Kind, r#type: &str, why: &str, found: &Found<D>, test: Option<&str>) -> Fields<'static> {
    let Found { number, example, why: in_full, .. } = found;
    let (id, at) = (json(&example.stream.to_string()), json(&time::utc(example.recorded_at)));
    let mut fields = vec![("kind", json(&kind)), ("number", json(number))];
    if kind != Kind::State {
        fields.extend([("type", json(r#type)), ("why", json(why)), ("in_full", json(in_full))]);
    }
    fields.extend([(what::<D>(), id), ("version", json(&example.version)), ("recorded_at", at)]);
    fields.extend(test.map(|test| ("test", json(test))));
    Fields(fields)
}

fn line<D: Domain>(out: &mut Text<'_>, kind: Kind, r#type: &str, why: &str, found: &Found<D>) -> io::Result<()> {
    let Found { number, example, why: in_full, .. } = found;
    match kind {
        Kind::Refused => writeln!(out, "{number:>8}  {} would be refused now: {}", r#type, plain(why))?,
        Kind::Other => writeln!(out, "{number:>8}  {} would be decided otherwise now: {}", r#type, plain(why))?,
        Kind::State => writeln!(out, "{number:>8}  {}s have other states now", what::<D>())?,
    }
    let (id, version, at) = (example.stream.to_string(), example.version, time::local(example.recorded_at));
    let up_to = if kind == Kind::State { "up to version" } else { "version" };
    let blank = "";
    write!(out, "{blank:8}  such as {up_to} {version} of {} '{}', {at}", what::<D>(), plain(&id))?;
    if in_full.is_empty() { writeln!(out) } else { writeln!(out, ": {}", plain(in_full)) }
}

/// The example as a test that passes once what was decided is decided again.
fn test<D: Domain>(number: usize, Found { example, history, .. }: &Found<D>) -> String {
    let aggregate = type_name::<D::Aggregate>();
    let aggregate = aggregate.rsplit("::").next().unwrap_or(aggregate);
    let given: String = history.iter().map(|event| format!("        {event:?},\n")).collect();
    let given = if given.is_empty() { "[]".to_owned() } else { format!("[\n{given}    ]") };
    let event = &example.event;
    format!(
        "#[test]\nfn rehearsal_{number}() {{\n    given::<{aggregate}>({given})\n    \
         .when(|state| state.decide_again(&{event:?}))\n    .then([{event:?}]);\n}}\n"
    )
}
