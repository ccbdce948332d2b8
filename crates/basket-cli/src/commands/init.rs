//! `init`: makes what the store needs before its first event, and a role for the programs that use it; or prints the commands for
//! an administrator who may.

use std::{io, marker::PhantomData};

use anyhow::Result;
use basket_mongo::{
    StoreError,
    store::{
        feed::check_name,
        setup::{self, Role, Setup, State, Step},
    },
};
use serde::Serialize;

use crate::{
    args::no_hyphen,
    domain::Domain,
    exit::{Failure, STORE, note},
    output::{Form, Text, print},
    plain::plain,
    store::Store,
};

/// Prepare the store: its collection, validator and indexes, and a role for its users
#[derive(Debug, clap::Args)]
#[command(after_help = "\
On MongoDB, the validator makes the server refuse every document that no command could read, whoever
writes it. Stored documents stay as they are. A second run changes nothing; a newer {program} brings
up what an older one has made. For a tenant, name its database in --store.

A user with the role of --role can do all that the commands do, but `init` and `archive`, and can
neither change nor delete an event. It has no right on other collections. A read model may be
rebuilt four times before the role must be brought up.

Who may not do it gets the commands for an administrator, as with --dry-run. A file needs none of it.

Examples:
  {program} init
  {program} init --dry-run                    prints the commands for mongosh
  {program} init --role shop                  and how to make a user with it
  {program} init --role shop --feed warehouse
  {program} init --role auditor --read-only")]
pub struct Init<D: Domain> {
    /// Make a role of this name, with the rights that the commands need; or bring it up
    #[arg(long, value_name = "NAME", value_parser = name)]
    role: Option<String>,
    /// It may only read
    #[arg(long, requires = "role")]
    read_only: bool,
    /// It may keep this feed, too, as `forward --as NAME` does; it may keep the read models and the feeds that there are
    #[arg(long = "feed", value_name = "NAME", requires = "role", value_parser = feed)]
    feeds: Vec<String>,
    /// It may delete events, too: only `archive` needs that, and programs whose decisions read a stream and append nothing to it
    #[arg(long, requires = "role", conflicts_with = "read_only")]
    may_remove: bool,
    /// Replace a validator or a role that somebody else has made
    #[arg(long)]
    force: bool,
    /// Print the commands for mongosh, and run none of them
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    form: Form,
    #[arg(skip)]
    domain: PhantomData<D>,
}

fn name(text: &str) -> Result<String, String> {
    match no_hyphen(text)? {
        "" => Err("a role has a name".into()),
        name => Ok(name.into()),
    }
}

fn feed(text: &str) -> Result<String, String> {
    check_name(no_hyphen(text)?).map(|()| text.into())
}

impl<D: Domain> Init<D> {
    pub(super) async fn run(self, store: &impl Store<D>) -> Result<()> {
        self.form.has(&["store", "dry_run", "steps", "misfits"])?;
        let models = D::projections().iter().map(|projection| projection.name().to_owned()).collect::<Vec<_>>();
        let role = self.role.map(|name| Role {
            name,
            is_read_only: self.read_only,
            may_remove: self.may_remove,
            feeds: [models, self.feeds].concat(),
        });
        let mut init = setup::Init { dry_run: self.dry_run, force: self.force, role };
        let (setup, denied) = match store.init(&init).await {
            Err(error @ StoreError::Denied { .. }) => {
                init.dry_run = true;
                (store.init(&init).await?, Some(error))
            }
            done => (done?, None),
        };
        print(&self.form, &record(store.name(), &setup, init.dry_run), |out| match init.dry_run {
            true => commands(&setup, out),
            false => outcomes(&setup, out),
        })?;
        if let Some(error) = denied {
            let why = format!("{error}; the commands above are for a user who may, in mongosh");
            return Err(Failure(STORE, why).into());
        }
        notes(&setup, &init);
        Ok(())
    }
}

fn outcomes(setup: &Setup, out: &mut Text<'_>) -> io::Result<()> {
    for step in &setup.steps {
        match &step.state {
            State::Left(why) => writeln!(out, "left     {}: {}", plain(&step.what), plain(why))?,
            state => writeln!(out, "{:8} {}", word(state), plain(&step.what))?,
        }
    }
    Ok(())
}

/// Lines that can all be given to mongosh.
fn commands(setup: &Setup, out: &mut Text<'_>) -> io::Result<()> {
    for step in &setup.steps {
        let why = if let State::Left(why) = &step.state { format!(": {why}") } else { String::new() };
        let done = if step.commands.is_empty() { format!("{}: ", word(&step.state)) } else { String::new() };
        writeln!(out, "// {done}{}{}", plain(&step.what), plain(&why))?;
        for command in setup.in_mongosh(step) {
            writeln!(out, "{}", plain(&command))?;
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct SetupJson {
    store: String,
    dry_run: bool,
    steps: Vec<StepJson>,
    /// Stored documents of another shape.
    misfits: Option<u64>,
}

#[derive(Serialize)]
struct StepJson {
    what: String,
    /// `there`, `made`, `changed` or `left`.
    state: &'static str,
    /// Why it was left.
    why: Option<String>,
    /// In mongosh.
    commands: Vec<String>,
}

fn record(store: &str, setup: &Setup, dry_run: bool) -> SetupJson {
    let steps = setup.steps.iter().map(|step| StepJson {
        what: step.what.clone(),
        state: word(&step.state),
        why: if let State::Left(why) = &step.state { Some(why.clone()) } else { None },
        commands: setup.in_mongosh(step),
    });
    SetupJson { store: store.to_owned(), dry_run, steps: steps.collect(), misfits: setup.misfits }
}

fn word(state: &State) -> &'static str {
    match state {
        State::There => "there",
        State::Made => "made",
        State::Changed => "changed",
        State::Left(_) => "left",
    }
}

fn notes(setup: &Setup, init: &setup::Init) {
    if let Some(misfits @ 1..) = setup.misfits {
        let are = if misfits == 1 { "document has" } else { "documents have" };
        note(&format!("{misfits} {are} another shape, and stay as they are; `verify` names what can't be read"));
    }
    let is_left = matches!(setup.steps.last(), Some(Step { state: State::Left(_), .. }));
    if let (Some(role), false) = (&init.role, is_left) {
        note(&format!(
            "a user with the role, in mongosh: db.getSiblingDB('{}').createUser({{ user: 'NAME', pwd: passwordPrompt(), \
             roles: ['{}'] }})",
            setup.database, role.name
        ));
    }
}
