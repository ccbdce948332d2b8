//! `log`: what happened to a stream, by whom and why. Newest first, as in `git log`.

mod filter;
mod lines;

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    pin::pin,
};

use anyhow::Result;
use basket_domain::Aggregate;
use basket_mongo::{CommitId, Scope, StoreError, store::document::read_entry};
use futures_util::TryStreamExt;

pub(super) use self::lines::{EventJson, actor_in, event_fields, event_json, one_line};
use self::{filter::Filter, lines::Page};
use super::each::each;
use crate::{
    args::Dates,
    domain::{Change, Domain, Id, changes, what},
    exit::{self, Failure, USAGE},
    help::PROGRAM,
    last,
    named::{Asked, are_several, read, streams},
    near::did_you_mean,
    output::{Form, Output},
    progress,
    secrets::{Secrets, Shown},
    store::Store,
};

/// Show what happened to a {stream}, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  {program} log {id}\n  \
                        {program} log {id} --oneline -3\n  \
                        {program} log {id} --stat --date relative\n  \
                        {program} log {id} --{row} socks --since '2 hours ago'\n  \
                        {program} log {id} --grep sock\n  \
                        {program} log --correlation order-7 --oneline\n  \
                        {program} log {id} --reverse --format ndjson")]
pub struct Log<D: Domain> {
    /// The {streams}: each its id, such as {id}, the beginning of it, or @ for the one used last; - reads them from standard input.
    /// And -3 is -n 3
    #[arg(
        value_name = "ID",
        value_parser = word::<D>,
        allow_negative_numbers = true,
        required_unless_present = "correlation"
    )]
    words: Vec<Word<Id<D>>>,
    /// Oldest first
    #[arg(long)]
    reverse: bool,
    /// At most so many events of each, the newest of them
    #[arg(short = 'n', long, visible_alias = "limit", value_name = "N")]
    number: Option<usize>,
    /// A line for each event
    #[arg(long)]
    oneline: bool,
    /// The rows that each commit has changed, and how much; it reads the {stream} once more
    #[arg(long, conflicts_with = "oneline")]
    stat: bool,
    #[command(flatten)]
    filter: Filter<D>,
    #[command(flatten)]
    dates: Dates,
    #[command(flatten)]
    form: Form,
}

/// A stream, or how many events.
#[derive(Debug, Clone)]
enum Word<I> {
    Asked(Asked<I>),
    Number(usize),
}

fn word<D: Domain>(text: &str) -> Result<Word<Id<D>>, String> {
    match text.strip_prefix('-').filter(|digits| !digits.is_empty()) {
        Some(digits) => digits.parse().map(Word::Number).map_err(|_| format!("{digits:?} is no number of events")),
        None => streams::<D>(text).map(Word::Asked),
    }
}

/// What each commit of a stream has changed.
type Stat<D> = HashMap<CommitId, Vec<Change<<D as Domain>::Value>>>;

impl<D: Domain> Log<D> {
    pub(super) async fn run(mut self, store: &impl Store<D>) -> Result<()> {
        self.form.has(&event_fields::<D>(if self.stat { &["commit_changes"] } else { &[] }))?;
        let mut asked = Vec::new();
        for word in std::mem::take(&mut self.words) {
            match word {
                Word::Asked(stream) => asked.push(stream),
                Word::Number(number) if self.number.is_none() => self.number = Some(number),
                Word::Number(number) => {
                    let why = format!("how many events are asked for twice, by -{number} and before");
                    return Err(Failure(USAGE, why).into());
                }
            }
        }
        let (output, across) = (Output::list(&self.form)?, asked.is_empty());
        let mut page = Page { output, oneline: self.oneline, date: self.dates.date, across, commit: None };
        let (named, several) = (read::<D>(&asked)?, are_several(&asked));
        let mut secrets = Secrets::of(store)?;
        let done = match across {
            true if self.filter.correlation.is_none() => {
                let why = format!("name a {}, or a --correlation to look for in all of them", what::<D>());
                Err(Failure(USAGE, why).into())
            }
            true => self.of_all(store, &mut page, &mut secrets).await,
            false => {
                each(store, &named, async |id| self.of_one(store, &mut page, &mut secrets, id, several).await).await
            }
        };
        page.output.finish()?;
        done
    }

    async fn of_one<S: Store<D>>(
        &self,
        store: &S,
        page: &mut Page,
        secrets: &mut Secrets<'_, S>,
        id: Id<D>,
        several: bool,
    ) -> Result<()> {
        let oldest_first = self.reverse && self.number.is_none();
        let scope = if oldest_first { Scope::From(id.clone(), 1) } else { Scope::NewestFirst(id.clone()) };
        let mut entries = pin!(store.log(scope));
        let mut next = entries.try_next().await?;
        if next.is_none() {
            return Err(StoreError::not_found::<D>(store.name(), &id).into());
        }
        last::note::<D>(store.name(), &id);
        if several {
            page.output.heading(&format!("{} {id}", what::<D>()))?;
            page.commit = None;
        }
        let stat = if self.stat { stat(store, &id).await? } else { Stat::<D>::new() };
        let show = |page: &mut Page, shown: &Shown<D>| page.show(shown, self.of_commit(&stat, shown));
        let (mut count, mut newest, mut before, mut gap) = (0, VecDeque::new(), None::<u64>, false);
        let mut rows = BTreeSet::new();
        while self.number.is_none_or(|number| count < number) {
            let Some(entry) = next else { break };
            gap |= before.is_some_and(|before| before.abs_diff(entry.version) != 1);
            before = Some(entry.version);
            if self.filter.row.is_some() {
                rows.extend(D::about(&entry.event).into_iter().map(str::to_owned));
            }
            if self.filter.wants(&entry) {
                let shown = secrets.shown::<D>(entry).await?;
                if self.filter.finds(&shown) {
                    count += 1;
                    if self.reverse && self.number.is_some() {
                        newest.push_front(shown);
                    } else {
                        show(page, &shown)?;
                    }
                }
            }
            next = entries.try_next().await?;
        }
        newest.iter().try_for_each(|shown| show(page, shown))?;
        if count == 0 && page.output.is_text() {
            let asked = self.filter.row.as_ref().and_then(|row| did_you_mean(row, rows));
            let question = asked.map(|question| format!("; {question}")).unwrap_or_default();
            exit::note(&format!("{} '{id}' has no such event{question}", what::<D>()));
        }
        if gap {
            exit::note(&format!(
                "versions are missing between these, or are there twice; `{PROGRAM} verify` names what is off"
            ));
        }
        Ok(())
    }

    /// The events of one correlation in all streams.
    async fn of_all<S: Store<D>>(&self, store: &S, page: &mut Page, secrets: &mut Secrets<'_, S>) -> Result<()> {
        let bar = progress::bar(store.count().await?, "events");
        let (mut found, mut documents) = (Vec::new(), pin!(store.documents(Scope::All)));
        while let Some(document) = documents.try_next().await? {
            bar.inc(1);
            if !self.filter.is_of_correlation(&document) {
                continue;
            }
            let entry = read_entry::<D>(&document).map_err(StoreError::from)?;
            if self.filter.wants(&entry) {
                let shown = secrets.shown::<D>(entry).await?;
                found.extend(self.filter.finds(&shown).then_some(shown));
            }
        }
        bar.finish_and_clear();
        // Those of one commit stay together.
        found.sort_by(|one, other| {
            let key =
                |Shown { entry, .. }: &Shown<D>| (entry.recorded_at, entry.commit, entry.stream.clone(), entry.version);
            key(one).cmp(&key(other))
        });
        let mut found = found.split_off(found.len() - self.number.unwrap_or(usize::MAX).min(found.len()));
        if !self.reverse {
            found.reverse();
        }
        if found.is_empty() && page.output.is_text() {
            exit::note(&format!("no {} has such an event", what::<D>()));
        }
        let mut stats: Vec<(Id<D>, Stat<D>)> = Vec::new();
        for shown in &found {
            let id = &shown.entry.stream;
            if self.stat && !stats.iter().any(|(stream, _)| stream == id) {
                stats.push((id.clone(), stat(store, id).await?));
            }
            let stat = stats.iter().find(|(stream, _)| stream == id);
            page.show(shown, stat.and_then(|(_, stat)| self.of_commit(stat, shown)))?;
        }
        Ok(())
    }

    fn of_commit<'a>(&self, stat: &'a Stat<D>, shown: &Shown<D>) -> Option<&'a [Change<D::Value>]> {
        self.stat.then(|| stat.get(&shown.entry.commit).map(Vec::as_slice)).flatten()
    }
}

/// What each commit of a stream has changed; as in the log, an event need not follow on the one before it.
async fn stat<D: Domain>(store: &impl Store<D>, id: &Id<D>) -> Result<Stat<D>> {
    let (mut stat, mut state, mut open) = (Stat::<D>::new(), D::Aggregate::default(), None);
    let mut entries = pin!(store.log(Scope::From(id.clone(), 1)));
    while let Some(entry) = entries.try_next().await? {
        if open.as_ref().is_none_or(|(commit, _)| *commit != entry.commit)
            && let Some((commit, before)) = open.replace((entry.commit, state.clone()))
        {
            stat.insert(commit, changes::<D>(&before, &state));
        }
        state.apply(&entry.event);
    }
    if let Some((commit, before)) = open {
        stat.insert(commit, changes::<D>(&before, &state));
    }
    Ok(stat)
}
