//! What is known of the server and the collection of a store, for the spans and metrics of an [`Observed`] one.

use mongodb::options::ServerAddress;

use super::store::MongoStore;
use crate::store::{
    codec::Codec,
    observed::{Observed, Target},
};

impl<C: Codec> MongoStore<C> {
    /// This store with spans and metrics for its calls; [`store::observed`](crate::store::observed) lists them.
    pub fn observed(self) -> Observed<Self> {
        let target = self.target();
        Observed::new(self, target)
    }

    /// What is known of the server and the collection, to observe a store that is around this one.
    pub fn target(&self) -> Target {
        let namespace = self.events.namespace();
        let hosts = self.name.trim_start_matches("mongodb://").rsplit_once('/').map_or("", |(hosts, _)| hosts);
        let (address, port) = match ServerAddress::parse(hosts) {
            Ok(ServerAddress::Tcp { host, port }) => (Some(host), port),
            // Several of them, or a socket.
            _ => (None, None),
        };
        Target { system: "mongodb", namespace: Some(namespace.db), collection: namespace.coll, address, port }
    }
}
