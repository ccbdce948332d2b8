//! The rights that a program needs on one store, as a role of its database: to read, and to append. No program needs the right to
//! change an event, to make an index on the events, or to drop them.

use std::collections::{BTreeMap, BTreeSet};

use bson::{Document, doc};
use futures_util::TryStreamExt;

use super::{failure::code, store::MongoStore};
use crate::{
    store::{
        codec::{Codec, stored_number},
        error::StoreError,
        feed::Rows,
        keys::SUBJECT_KEYS,
        projection::next_name,
        setup::{Role, State, Step},
    },
    subjects::Subjects,
};

/// How many rebuilds of a read model the rights on its rows are enough for, since each makes a collection with a name of its own.
const REBUILDS: i64 = 4;

/// Actions by collection; the empty name is the database.
type Rights = BTreeMap<String, BTreeSet<String>>;

impl<C: Codec> MongoStore<C> {
    /// What is to be done for a role.
    pub(super) async fn step_of_role(&self, role: &Role, force: bool) -> Result<Step, StoreError> {
        let may = if role.is_read_only { "read" } else { "read and append" };
        let what = format!("the role '{}', which may {may}", role.name);
        let rights = self.rights(role).await?;
        let ask = doc! { "role": &role.name, "db": self.database().name() };
        let asked = self.database().run_command(doc! { "rolesInfo": ask, "showPrivileges": true }).await;
        let found = match asked {
            // Who may not look may not make it either; the commands are for one who may.
            Err(error) if code(&error) == Some(13) => None,
            asked => first(&asked.map_err(|error| self.failed(error))?, "roles").cloned(),
        };
        let whole = |verb: &str| vec![doc! { verb: &role.name, "privileges": self.privileges(&rights), "roles": [] }];
        let (state, commands) = match found.map(|found| self.known_rights(&found)) {
            None => (State::Made, whole("createRole")),
            Some(Some(found)) if found == rights => (State::There, vec![]),
            Some(Some(found)) => {
                let some =
                    |verb: &str, rights: Rights| doc! { verb: &role.name, "privileges": self.privileges(&rights) };
                let (more, less) = (without(&rights, &found), without(&found, &rights));
                let changes = [("grantPrivilegesToRole", more), ("revokePrivilegesFromRole", less)];
                let changes = changes.into_iter().filter(|(_, rights)| !rights.is_empty());
                (State::Changed, changes.map(|(verb, rights)| some(verb, rights)).collect())
            }
            Some(None) if force => (State::Changed, whole("updateRole")),
            Some(None) => {
                let why = "there is one of this name that is about something else; take another name, or force";
                (State::Left(why.into()), vec![])
            }
        };
        Ok(Step { what, state, commands })
    }

    async fn rights(&self, role: &Role) -> Result<Rights, StoreError> {
        let writes = |read: &[&str], write: &[&str]| {
            let all = read.iter().chain(write.iter().filter(|_| !role.is_read_only));
            all.map(|action| (*action).to_owned()).collect::<BTreeSet<_>>()
        };
        let mut rights = Rights::new();
        // What the look at the collection before the first append needs.
        rights.insert(String::new(), writes(&["listCollections"], &[]));
        let mut of_events = writes(&["changeStream", "find", "listIndexes"], &["insert"]);
        of_events.extend((role.may_remove && !role.is_read_only).then(|| "remove".to_owned()));
        rights.insert(self.events.name().into(), of_events);
        if !role.is_read_only {
            rights.insert(self.guards().name().into(), writes(&[], &["find", "insert", "update"]));
        }
        rights.insert(self.feeds_collection().name().into(), writes(&["find"], &["insert", "remove", "update"]));
        // An import removes the note of a stream that is back.
        let mut archived = writes(&["find"], &["remove"]);
        if role.may_remove {
            archived.extend(["createCollection", "insert", "update"].map(str::to_owned));
        }
        rights.insert(self.archive_collection().name().into(), archived);
        let kept = writes(&["find"], &["insert", "remove", "update"]);
        rights.insert(self.snapshots_collection().name().into(), kept);
        rights.insert(SUBJECT_KEYS.into(), writes(&["find"], &["insert", "update"]));
        rights.insert(Subjects::COLLECTION.into(), writes(&["find", "listIndexes"], &["insert"]));
        // To make them, and to let those of a rebuild take the place of the old ones.
        let of_rows = writes(&["find"], &["createIndex", "dropCollection", "insert", "update"]);
        for (feed, generation) in self.known_feeds(role).await? {
            let next = Rows { feed: next_name(&feed), generation: 1 };
            let all = (generation..=generation + REBUILDS).map(|generation| Rows { feed: feed.clone(), generation });
            for rows in all.chain([next]) {
                rights.insert(self.rows_name(&rows), of_rows.clone());
                rights.insert(self.totals_name(&rows), of_rows.clone());
            }
        }
        Ok(rights)
    }

    /// The feeds that there are, and those that are asked for, each with its generation.
    async fn known_feeds(&self, role: &Role) -> Result<BTreeMap<String, i64>, StoreError> {
        let found = async { self.feeds_collection().find(doc! {}).await?.try_collect::<Vec<_>>().await };
        let found = match found.await {
            Err(error) if code(&error) == Some(13) => Vec::new(),
            found => found.map_err(|error| self.failed(error))?,
        };
        let mut feeds: BTreeMap<_, _> = role.feeds.iter().map(|feed| (feed.clone(), 1)).collect();
        for feed in found {
            let generation = feed.get("generation").and_then(stored_number).unwrap_or(1);
            feeds.extend(feed.get_str("_id").map(|name| (name.to_owned(), generation)));
        }
        // What a rebuild is making.
        let next: BTreeSet<_> = feeds.keys().map(|feed| next_name(feed)).collect();
        feeds.retain(|feed, _| !next.contains(feed));
        Ok(feeds)
    }

    fn privileges(&self, rights: &Rights) -> Vec<Document> {
        let database = self.database().name().to_owned();
        let privilege = |(collection, actions): (&String, &BTreeSet<String>)| {
            let actions: Vec<_> = actions.iter().collect();
            doc! { "resource": { "db": &database, "collection": collection }, "actions": actions }
        };
        rights.iter().map(privilege).collect()
    }

    /// The rights of a role as the server has it; none if it is not one that this store could have made.
    fn known_rights(&self, role: &Document) -> Option<Rights> {
        let is_own = !role.get_bool("isBuiltin").unwrap_or(true) && role.get_array("roles").ok()?.is_empty();
        let mut rights = Rights::new();
        for privilege in role.get_array("privileges").ok()? {
            let (privilege, name) = (privilege.as_document()?, self.events.name());
            let resource = privilege.get_document("resource").ok()?;
            let collection = resource.get_str("collection").ok()?;
            let is_ours =
                collection.starts_with(name) || ["", SUBJECT_KEYS, Subjects::COLLECTION].contains(&collection);
            if resource.get_str("db").ok()? != self.database().name() || !is_ours {
                return None;
            }
            let actions =
                privilege.get_array("actions").ok()?.iter().filter_map(|action| Some(action.as_str()?.to_owned()));
            rights.entry(collection.to_owned()).or_default().extend(actions);
        }
        is_own.then_some(rights)
    }
}

/// The rights of one that the other has not.
fn without(one: &Rights, other: &Rights) -> Rights {
    let rest = one.iter().map(|(collection, actions)| {
        let others = other.get(collection).cloned().unwrap_or_default();
        (collection.clone(), actions.difference(&others).cloned().collect::<BTreeSet<_>>())
    });
    rest.filter(|(_, actions)| !actions.is_empty()).collect()
}

fn first<'a>(document: &'a Document, name: &str) -> Option<&'a Document> {
    document.get_array(name).ok()?.first()?.as_document()
}
