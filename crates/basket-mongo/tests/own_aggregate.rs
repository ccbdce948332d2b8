//! An aggregate of your own in a collection of its own: the silo of `basket-domain`'s example, kept on MongoDB.

use basket_domain::{CantRevert, EventSourced};
use basket_mongo::{CommandError, EventLog, EventStore, Moment, MongoStore, News, Scope, Since, Tail, Undo, UndoError};
use futures_util::TryStreamExt;
use testkit::{
    mongo::{TestDatabase, with_database},
    silo::{
        Officer, Silo,
        SiloEvent::{KeyTurned, MissileLaunched},
        SiloRefusal, Silos, armed,
    },
};

/// A store with one silo, and the silo's id.
async fn with_silo(db: &TestDatabase, mut silo: EventSourced<Silo>) -> (MongoStore<Silos>, String) {
    let silos = MongoStore::<Silos>::at(&db.address).await.unwrap();
    silos.save(&mut silo).await.unwrap();
    (silos, silo.id().clone())
}

#[test]
fn a_silo_is_kept_beside_the_baskets_and_launches_once_however_many_try() {
    with_database(async |db| {
        let (silos, id) = with_silo(&db, armed("north")).await;
        silos.command(&id).run(|silo| silo.turn_key(Officer::Commander)).await.unwrap();

        let launches = futures_util::future::join_all((0..8).map(|_| silos.command(&id).run(Silo::launch))).await;
        let (launched, refused): (Vec<_>, Vec<_>) = launches.into_iter().partition(Result::is_ok);
        assert_eq!((launched.len(), refused.len()), (1, 7));
        for refusal in refused {
            assert!(matches!(refusal, Err(CommandError::Refused(SiloRefusal::AlreadyLaunched))), "{refusal:?}");
        }

        let silo = silos.get(&id).await.unwrap();
        assert_eq!((silo.version(), silo.state().launched()), (4, true));
        assert_eq!(db.database.list_collection_names().await.unwrap(), ["silos"]);
    });
}

#[test]
fn a_silo_has_a_log_and_a_past_and_what_was_launched_can_not_be_undone() {
    with_database(async |db| {
        let mut silo = armed("north");
        silo.decide(|silo| silo.turn_key(Officer::Commander)).unwrap();
        silo.decide(Silo::launch).unwrap();
        let (silos, id) = with_silo(&db, silo).await;

        let log: Vec<_> = silos.log(Scope::NewestFirst(id.clone())).try_collect().await.unwrap();
        assert_eq!((log.len(), &log[0].event, &log[0].stream), (4, &MissileLaunched, &id));
        assert!(!silos.past(&id, Moment::Version(3)).await.unwrap().root.state().launched());
        let what_if = silos.what_if(&id, &[2..=2]).await.unwrap();
        assert_eq!(what_if.refused(), [(4, SiloRefusal::KeysMissing)]);
        for (version, refusal) in [
            (4, CantRevert::Refused(SiloRefusal::NoWayBack)),
            (2, CantRevert::InTheWay { version: 4, refusal: SiloRefusal::KeysMissing }),
        ] {
            let refused = silos.command(&id).revert(version..=version).await.unwrap_err();
            let CommandError::Refused(UndoError::CantRevert(why)) = refused else { panic!("{refused:?}") };
            assert_eq!(why, refusal);
        }
        assert_eq!(silos.get(&id).await.unwrap().version(), 4);
    });
}

#[test]
fn a_silo_is_watched_from_its_second_event_on() {
    with_database(async |db| {
        let (silos, id) = with_silo(&db, armed("north")).await;
        let mut news = std::pin::pin!(silos.tail(Since::Version(id.clone(), 2)));
        let kept = news.try_next().await.unwrap();
        assert!(matches!(kept, Some(News::Event(event)) if event.version == 2 && event.stream == id));
        assert!(matches!(news.try_next().await.unwrap(), Some(News::Watching { .. })));
        silos.command(&id).run(|silo| silo.turn_key(Officer::Commander)).await.unwrap();
        let live = news.try_next().await.unwrap();
        assert!(matches!(live, Some(News::Event(event)) if event.event == KeyTurned { officer: Officer::Commander }));
    });
}
