//! What a command needs of a store, whichever was chosen: [`Store`], and what a store says about itself.

use basket_mongo::{
    Archive, Codec, EventLog, EventStore, Feeds, Keys, Maintenance, Snapshots, Snapshotted, StateCodec, StoreError,
    Subjects, Tail, Together, Until,
    store::setup::{Init, Setup},
};

use crate::{embedded::EmbeddedStore, exit};

/// A store that the tools can work on.
pub trait Store<C: Codec + 'static>:
    Tail<C> + Maintenance<C> + Archive<C> + Together<C::Aggregate> + Feeds<C> + Keys + Snapshots<C>
{
    /// Asks the store what it is; an error where it does not answer.
    fn describe(&self) -> impl Future<Output = Result<Description, StoreError>>;

    /// Whether it is there: a file name that nothing was written to yet is a store, too.
    fn exists(&self) -> impl Future<Output = Result<bool, StoreError>>;

    /// The receipts of what was erased.
    fn receipts(&self) -> Result<impl EventLog<Subjects>, StoreError>;

    /// Overwrites what can be overwritten of deleted keys; where that can't be done now, it says why.
    fn wipe(&self) -> impl Future<Output = Result<Option<String>, StoreError>>;

    /// Makes what it needs before its first event, and a role for its users.
    fn init(&self, init: &Init) -> impl Future<Output = Result<Setup, StoreError>>;
}

/// What a store says about itself.
#[derive(Debug, serde::Serialize)]
pub struct Description {
    /// Software and version: `MongoDB 8.0.4`.
    pub server: String,
    /// How it runs: `replica set 'rs0'`.
    pub topology: String,
}

#[cfg(feature = "mongodb")]
impl<C: Codec + 'static> Store<C> for basket_mongo::MongoStore<C> {
    async fn describe(&self) -> Result<Description, StoreError> {
        let info = self.server_info().await?;
        let hint = match info.topology.as_str() {
            "standalone" => {
                " (it can't keep the two events of a new basket together; `make mongo` starts a replica set)"
            }
            _ => "",
        };
        let (server, topology) = (format!("MongoDB {}", info.version), info.topology + hint);
        Ok(Description { server, topology })
    }

    async fn exists(&self) -> Result<bool, StoreError> {
        Ok(true)
    }

    fn receipts(&self) -> Result<impl EventLog<Subjects>, StoreError> {
        self.streams_of::<Subjects>()
    }

    async fn wipe(&self) -> Result<Option<String>, StoreError> {
        Ok(None)
    }

    async fn init(&self, init: &Init) -> Result<Setup, StoreError> {
        Self::init(self, init).await
    }
}

impl<C: Codec + 'static> Store<C> for EmbeddedStore<C> {
    async fn describe(&self) -> Result<Description, StoreError> {
        let topology = match self.is_there().await? {
            true => "one file, embedded",
            false => "one file, embedded; not there yet, the first event makes it",
        };
        let server = format!("SQLite {}", rusqlite::version());
        Ok(Description { server, topology: topology.into() })
    }

    async fn exists(&self) -> Result<bool, StoreError> {
        self.is_there().await
    }

    fn receipts(&self) -> Result<impl EventLog<Subjects>, StoreError> {
        Ok(self.streams_of::<Subjects>())
    }

    async fn wipe(&self) -> Result<Option<String>, StoreError> {
        let is_read = |name| format!("the key is in {name}-wal until those who read the file have ended");
        Ok((!self.wipe_keys().await?).then(|| is_read(self.name())))
    }

    async fn init(&self, init: &Init) -> Result<Setup, StoreError> {
        Self::init(self, init).await
    }
}

impl<C: Codec + 'static, S: Store<C>> Store<C> for Until<S> {
    async fn describe(&self) -> Result<Description, StoreError> {
        self.in_time(self.store().describe()).await
    }

    async fn exists(&self) -> Result<bool, StoreError> {
        self.in_time(self.store().exists()).await
    }

    fn receipts(&self) -> Result<impl EventLog<Subjects>, StoreError> {
        Ok(self.over(self.store().receipts()?))
    }

    async fn wipe(&self) -> Result<Option<String>, StoreError> {
        self.in_time(self.store().wipe()).await
    }

    async fn init(&self, init: &Init) -> Result<Setup, StoreError> {
        self.in_time(self.store().init(init)).await
    }
}

/// So many events of a stream are read before its snapshot is looked for: a stream that has no more pays nothing for it.
const FIRST: u64 = 500;

/// The store, with loads of long streams that begin at a snapshot. A command takes none by itself: it may have no right to write.
pub(crate) fn snapshotted<C: Codec, S: Snapshots<C>>(store: &S, state: StateCodec<C>) -> Snapshotted<&S, C> {
    Snapshotted::new(store, state, |warning| exit::note(&format!("warning: {warning}"))).after(FIRST)
}

/// Fails where there is nothing to read: otherwise a mistyped file name would be an empty store without a fault.
pub(crate) async fn must_exist<C: Codec + 'static>(store: &impl Store<C>) -> Result<(), StoreError> {
    match store.exists().await? {
        true => Ok(()),
        false => {
            Err(StoreError::other(store.name(), "there is no such file, or it is empty; the first event makes it"))
        }
    }
}
