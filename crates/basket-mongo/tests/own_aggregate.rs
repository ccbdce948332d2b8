//! An engineer's own aggregate in a collection of its own: the silo of `basket-domain`'s example, kept on MongoDB.

mod support;

#[path = "../../basket-domain/examples/silo.rs"]
#[allow(dead_code, reason = "an example has a main of its own")]
mod silo;

use basket_domain::{CantRevert, EventSourced};
use basket_mongo::{
    Codec, EventLog, EventStore, HandleError, Moment, MongoStore, News, Revert, RevertError, Scope, Since, Tail,
    codec::text,
};
use bson::{Bson, Document, RawBsonRef, RawDocument, doc};
use futures_util::TryStreamExt;
use silo::{
    Officer, Silo,
    SiloEvent::{self, KeyTurned, MissileLaunched, SiloArmed},
    SiloRefusal,
};
use support::with_database;

/// The codec is a type of its own: the aggregate may live in a crate that knows of no store.
struct Silos;

impl Codec for Silos {
    type Aggregate = Silo;

    const COLLECTION: &'static str = "silos";
    const KEY: &'static str = "silo";

    fn key(id: &String) -> Bson {
        id.into()
    }

    fn id(key: RawBsonRef<'_>) -> Option<String> {
        key.as_str().map(str::to_owned)
    }

    fn encode(event: &SiloEvent) -> (&'static str, Document) {
        match event {
            SiloArmed => ("SiloArmed", doc! {}),
            KeyTurned { officer } => ("KeyTurned", doc! { "officer": format!("{officer:?}") }),
            MissileLaunched => ("MissileLaunched", doc! {}),
        }
    }

    fn decode(_: &String, _schema: i32, kind: &str, data: &RawDocument) -> Result<SiloEvent, String> {
        match kind {
            "SiloArmed" => Ok(SiloArmed),
            "KeyTurned" => match text(data, "officer")? {
                "Commander" => Ok(KeyTurned { officer: Officer::Commander }),
                "Deputy" => Ok(KeyTurned { officer: Officer::Deputy }),
                other => Err(format!("data.officer is '{other}', expected Commander or Deputy")),
            },
            "MissileLaunched" => Ok(MissileLaunched),
            unknown => Err(format!("its type '{unknown}' is none that a silo knows")),
        }
    }
}

/// A silo that is armed, with the deputy's key turned, and not saved yet.
fn armed(id: &str) -> EventSourced<Silo> {
    let mut silo = EventSourced::<Silo>::new(id.to_owned());
    silo.decide(Silo::arm).unwrap();
    silo.decide(|silo| silo.turn_key(Officer::Deputy)).unwrap();
    silo
}

#[test]
fn a_silo_is_kept_beside_the_baskets_and_launches_once_however_many_try() {
    with_database(async |db| {
        let silos = MongoStore::<Silos>::connect(&db.address).await.unwrap();
        let mut silo = armed("north");
        let id = silo.id().clone();
        silos.save(&mut silo).await.unwrap();
        silos.handle(&id, |silo| silo.turn_key(Officer::Commander)).await.unwrap();

        let launches = futures_util::future::join_all((0..8).map(|_| silos.handle(&id, Silo::launch))).await;
        let (launched, refused): (Vec<_>, Vec<_>) = launches.into_iter().partition(Result::is_ok);
        assert_eq!((launched.len(), refused.len()), (1, 7));
        for refusal in refused {
            assert!(matches!(refusal, Err(HandleError::Refused(SiloRefusal::AlreadyLaunched))), "{refusal:?}");
        }

        let there = silos.get(&id).await.unwrap();
        assert_eq!(there.version(), 4);
        assert!(there.state().launched());
        assert_eq!(db.database.list_collection_names().await.unwrap(), ["silos"]);
    });
}

#[test]
fn a_silo_has_a_log_and_a_past_and_what_was_launched_can_not_be_undone() {
    with_database(async |db| {
        let silos = MongoStore::<Silos>::connect(&db.address).await.unwrap();
        let mut silo = armed("north");
        let id = silo.id().clone();
        silo.decide(|silo| silo.turn_key(Officer::Commander)).unwrap();
        silo.decide(Silo::launch).unwrap();
        silos.save(&mut silo).await.unwrap();

        let log: Vec<_> = silos.log(Scope::NewestFirst(id.clone())).try_collect().await.unwrap();
        assert_eq!((log.len(), &log[0].event, &log[0].stream), (4, &MissileLaunched, &id));
        assert!(!silos.past(&id, Moment::Version(3)).await.unwrap().root.state().launched());
        let what_if = silos.what_if(&id, &[2..=2]).await.unwrap();
        assert_eq!(what_if.refused(), [(4, SiloRefusal::KeysMissing)]);
        for (version, refusal) in [
            (4, CantRevert::Refused(SiloRefusal::NoWayBack)),
            (2, CantRevert::InTheWay { version: 4, refusal: SiloRefusal::KeysMissing }),
        ] {
            let refused = silos.revert(&id, version..=version).await.unwrap_err();
            assert!(matches!(&refused, RevertError::CantRevert(why) if *why == refusal), "{refused:?}");
        }
        assert_eq!(silos.get(&id).await.unwrap().version(), 4);
    });
}

#[test]
fn a_silo_is_watched_from_its_second_event_on() {
    with_database(async |db| {
        let silos = MongoStore::<Silos>::connect(&db.address).await.unwrap();
        let mut silo = armed("north");
        let id = silo.id().clone();
        silos.save(&mut silo).await.unwrap();

        let mut news = std::pin::pin!(silos.tail(Since::Version(id.clone(), 2)));
        let kept = news.try_next().await.unwrap();
        assert!(matches!(kept, Some(News::Event(event)) if event.version == 2 && event.stream == id));
        assert!(matches!(news.try_next().await.unwrap(), Some(News::Watching)));
        silos.handle(&id, |silo| silo.turn_key(Officer::Commander)).await.unwrap();
        let live = news.try_next().await.unwrap();
        assert!(matches!(live, Some(News::Event(event)) if event.event == KeyTurned { officer: Officer::Commander }));
    });
}
