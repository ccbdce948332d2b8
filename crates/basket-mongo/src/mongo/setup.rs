//! The start of a store: its collection, validator and indexes, so that a user who may only find and insert can use it; and, in
//! `rights`, that user's role. Whatever is there already is left, so that it may be run at every deployment.

use bson::{Document, doc};
use mongodb::error::Error;

use super::{
    failure::{code, words},
    shape::{Validator, validator_of},
    store::MongoStore,
};
use crate::{
    store::{
        codec::Codec,
        error::StoreError,
        setup::{Init, Setup, State, Step},
    },
    subjects::Subjects,
};

/// NamespaceExists: another program has made it at the same time.
pub(super) const EXISTS: i32 = 48;

impl<C: Codec> MongoStore<C> {
    /// Makes what the store needs in its database, and the role that is asked for. A second time, it changes nothing. It takes
    /// the rights of a `dbOwner`; what it makes, a user with the role can use without them.
    ///
    /// Stored documents that the validator would refuse stay as they are, and are counted.
    ///
    /// # Errors
    /// [`StoreError::Denied`] if the user may not do it, after as many steps as were allowed: the same with
    /// [`dry_run`](Init::dry_run) has the commands for one who may. [`StoreError::Unsuitable`] if the collection would lose
    /// events, or has two at one version.
    pub async fn init(&self, init: &Init) -> Result<Setup, StoreError> {
        let mut setup = Setup { database: self.database().name().into(), ..Setup::default() };
        setup.steps = self.steps_of_collection(init.force).await?;
        if self.events.name() != Subjects::COLLECTION {
            setup.steps.extend(self.streams_of::<Subjects>()?.steps_of_collection(init.force).await?);
        }
        if let Some(role) = &init.role {
            setup.steps.push(self.step_of_role(role, init.force).await?);
        }
        if setup.commands().any(|command| command.contains_key("collMod")) {
            setup.misfits = self.misfits().await?;
        }
        if !init.dry_run {
            for command in setup.commands() {
                self.run(command.clone()).await?;
            }
        }
        Ok(setup)
    }

    /// Runs a command that makes something, until the majority has it.
    pub(super) async fn run(&self, mut command: Document) -> Result<(), StoreError> {
        let majority = self.events.write_concern().and_then(|writes| bson::serialize_to_bson(writes).ok());
        command.extend(majority.map(|majority| ("writeConcern".to_owned(), majority)));
        match self.database().run_command(command).await {
            Err(error) if code(&error) == Some(EXISTS) => Ok(()),
            // Duplicates, or another index in its place.
            Err(error) if matches!(code(&error), Some(11000 | 85 | 86)) => {
                Err(self.unsuitable(format!("its index can't be made: {}", words(&error)), Some(error)))
            }
            made => match made.map_err(|error| self.failed(error))?.get_document("writeConcernError") {
                Ok(error) => {
                    let why =
                        format!("the majority has not confirmed it: {}", error.get_str("errmsg").unwrap_or_default());
                    Err(StoreError::Unreachable { store: self.name.clone(), why, source: None })
                }
                Err(_) => Ok(()),
            },
        }
    }

    pub(super) fn unsuitable(&self, why: String, source: Option<Error>) -> StoreError {
        let (store, collection) = (self.name.clone(), self.events.name().to_owned());
        StoreError::Unsuitable { store, collection, why, source: source.map(Into::into) }
    }

    async fn steps_of_collection(&self, force: bool) -> Result<Vec<Step>, StoreError> {
        let name = self.events.name();
        let found = self.suitability().await?;
        let create = found.is_none().then(|| doc! { "create": name });
        let found = found.unwrap_or_default();
        if let Some(why) = found.losses.first() {
            return Err(self.unsuitable(why.clone(), None));
        }
        let validator = doc! {
            "collMod": name, "validator": validator_of::<C>(), "validationLevel": "strict", "validationAction": "error",
        };
        let (state, commands) = match found.validator {
            Some(Validator::There) => (State::There, vec![]),
            None | Some(Validator::Missing) => (State::Made, vec![validator]),
            Some(Validator::Weaker) => (State::Changed, vec![validator]),
            Some(Validator::Foreign) if force => (State::Changed, vec![validator]),
            Some(Validator::Foreign) => {
                let why = "it has one of somebody else, and it takes force to replace it";
                (State::Left(why.into()), vec![])
            }
        };
        let indexes = |indexes: Document| doc! { "createIndexes": name, "indexes": [indexes] };
        let mut steps = vec![
            missing(format!("the collection '{name}'"), create),
            Step { what: "its validator, which refuses documents that can't be read".into(), state, commands },
            missing(
                format!("its unique index on {} and version", C::key_field()),
                found.unique_index::<C>().map(indexes),
            ),
        ];
        for (field, index) in searches::<C>() {
            let index = (!found.is_indexed(field)).then(|| indexes(index));
            steps.push(missing(format!("its index on {field}, for queries"), index));
        }
        Ok(steps)
    }

    /// How many stored documents the validator would refuse; none if the user may not read them.
    async fn misfits(&self) -> Result<Option<u64>, StoreError> {
        match self.events.count_documents(doc! { "$nor": [validator_of::<C>()] }).await {
            Err(error) if code(&error) == Some(13) => Ok(None),
            counted => counted.map(Some).map_err(|error| self.failed(error)),
        }
    }
}

/// Something that is there, unless a command must make it.
fn missing(what: String, command: Option<Document>) -> Step {
    let state = if command.is_some() { State::Made } else { State::There };
    Step { what, state, commands: command.into_iter().collect() }
}

/// The fields that a query searches, each with its index.
pub(super) fn searches<C: Codec>() -> Vec<(&'static str, Document)> {
    let mut indexes = vec![("tags", doc! { "key": { "tags": 1 }, "name": "tags_1", "sparse": true })];
    if !C::GUARDED.is_empty() {
        indexes.push(("type", doc! { "key": { "type": 1 }, "name": "type_1" }));
    }
    indexes
}
