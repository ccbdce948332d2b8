//! What peers do, each work beside ours in the same rounds. Ours is the floor here: a ratio says how many times our time a peer
//! takes.

use std::{cell::RefCell, rc::Rc};

use anyhow::Result;
use basket_mongo::{Commit, EventStore, Expected};

use super::Peer;
use crate::{
    bout::{Measured, Side, timed},
    place::{Place, document, events},
    works::{Ready, Setting, append, command, load},
};

/// A work of the peers.
pub struct PeerWork {
    /// What it is called in the protocol.
    pub name: &'static str,
    /// What is done, for the table.
    pub what: &'static str,
}

/// All of them, in the order of the table.
pub const PEER_WORKS: &[PeerWork] = &[
    PeerWork { name: "append", what: "an event to a new stream" },
    PeerWork { name: "append-10000", what: "an event to a stream of 10,000 events, whose version is known" },
    PeerWork { name: "handle-100", what: "a command to a stream of 100 events: loaded, decided, appended" },
    PeerWork { name: "load-100", what: "a stream of 100 events as a state" },
    PeerWork { name: "load-10000", what: "the same of 10,000 events" },
];

impl PeerWork {
    /// Measures it, with all peers that know it.
    pub async fn run(&self, setting: &Setting, peers: &[Rc<RefCell<Peer>>]) -> Result<Measured> {
        let setting = setting.clone();
        let (rounds, least) = (setting.rounds.unwrap_or(30), setting.least);
        let mut ready = match self.name {
            "append" => append::one(setting, 1).await?,
            "append-10000" => to_a_long_stream(setting).await?,
            "handle-100" => command::handle(setting, 100).await?,
            "load-100" => load::stream(setting, 100).await?,
            _ => load::stream(setting, 10_000).await?,
        };
        // Ours first, then the driver; what understands nothing is no peer.
        ready.sides.truncate(2);
        ready.sides.reverse();
        for peer in peers.iter().filter(|peer| peer.borrow().hello.works.iter().any(|work| work == self.name)) {
            ready.sides.push(self.side(peer)?);
        }
        ready.measured(rounds, least).await
    }

    fn side(&self, peer: &Rc<RefCell<Peer>>) -> Result<Side> {
        let (name, less) = (peer.borrow().hello.name.clone(), peer.borrow().hello.less.clone());
        peer.borrow_mut().prepare(self.name)?;
        let (peer, work) = (Rc::clone(peer), self.name);
        let side = Side::new(name, move |times| {
            let run = |peer: &mut Peer| {
                if work.starts_with("handle") {
                    peer.prepare(work)?;
                }
                peer.run(work, times)
            };
            std::future::ready(run(&mut peer.borrow_mut()))
        });
        Ok(side.giving_less(less))
    }
}

/// One event after the other to the same long stream.
async fn to_a_long_stream(setting: Setting) -> Result<Ready> {
    let place = Place::new(&setting.server).await?;
    let length = setting.longest.min(10_000);
    let streams = (place.stream(length).await?, place.stream(length).await?);
    let next = Rc::new(RefCell::new(length as i64));
    let by_hand = place.events.clone();
    let floor = Side::new("driver", move |times| {
        let (by_hand, next) = (by_hand.clone(), Rc::clone(&next));
        async move {
            timed(times, async || {
                *next.borrow_mut() += 1;
                let document = document(&streams.0, *next.borrow());
                Ok(by_hand.insert_one(document).await?)
            })
            .await
        }
    });
    let (store, next, event) = (place.store.clone(), Rc::new(RefCell::new(length)), events(streams.1, 2)?.split_off(1));
    let ours = Side::new("basket", move |times| {
        let (store, next, event) = (store.clone(), Rc::clone(&next), event.clone());
        async move {
            timed(times, async || {
                let version = next.replace_with(|next| *next + 1);
                Ok(store.append(&streams.1, Expected::Loaded(version), &Commit::default(), &event).await?)
            })
            .await
        }
    });
    Ok(Ready::new(vec![floor, ours]).on(place))
}
