//! What a store needs before its first event, and what a user needs who only reads or appends: the words for it. A server of
//! its own has such needs; a store that makes them, or says what is missing, answers with a [`Setup`].

use bson::{Bson, Document};

/// What is asked for, besides what a store needs in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Init {
    /// Says what there is and what would be made, and changes nothing.
    pub dry_run: bool,
    /// Replaces what somebody else has put in a place of ours.
    pub force: bool,
    /// A role for users of this store.
    pub role: Option<Role>,
}

/// The rights that a program needs on one store, and no others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Whether it may read, and not append.
    pub is_read_only: bool,
    /// Whether it may delete events, too. Two things need that: an [archive](crate::Archive::archive), and a decision
    /// [across](crate::Together::across) streams that appends nothing to one of them, since it takes the next place of that stream
    /// for a moment.
    pub may_remove: bool,
    /// Feeds that it may keep, besides those that there are.
    pub feeds: Vec<String>,
}

/// One of the things that were asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// What it is: `the collection 'baskets'`.
    pub what: String,
    /// What became of it; in a dry run, what would.
    pub state: State,
    /// The commands that make it so, in the store's database; none if nothing is to be done.
    pub commands: Vec<Document>,
}

/// What became of a [`Step`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It was there.
    There,
    /// It was missing.
    Made,
    /// It was there in another form of ours.
    Changed,
    /// It is of somebody else, or can't be had: why nothing was done.
    Left(String),
}

/// What a store has, after its start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Setup {
    /// The database of the commands; empty where there are none.
    pub database: String,
    /// One after the other.
    pub steps: Vec<Step>,
    /// How many stored documents do not have the shape that new ones must have from now on; they stay. None if that was not
    /// looked for, because nothing changed about it, or the user may not read them.
    pub misfits: Option<u64>,
}

impl Setup {
    /// Whether all was there already, so that nothing was changed.
    pub fn is_unchanged(&self) -> bool {
        self.commands().next().is_none()
    }

    /// All the commands, in their order.
    pub fn commands(&self) -> impl Iterator<Item = &Document> {
        self.steps.iter().flat_map(|step| &step.commands)
    }

    /// The commands of one of the steps, as an administrator can type them in mongosh.
    pub fn in_mongosh(&self, step: &Step) -> Vec<String> {
        let database = in_mongosh(&self.database.as_str().into());
        let command = |it: &Document| format!("db.getSiblingDB({database}).runCommand({})", in_mongosh(&it.into()));
        step.commands.iter().map(command).collect()
    }
}

/// A value as mongosh reads it, of the types that commands have.
fn in_mongosh(value: &Bson) -> String {
    let text = |text: &String| serde_json::to_string(text).unwrap_or_default();
    match value {
        Bson::String(it) => text(it),
        Bson::Document(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|(name, it)| format!("{}: {}", text(name), in_mongosh(it))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Bson::Array(items) => format!("[{}]", items.iter().map(in_mongosh).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}
