//! What is heard of a feed: how far it is behind, and what it has parked.

use basket_mongo::{
    Baskets, Codec, Entry, Feeds, Poison, Projection, Subscription,
    store::{feed::Shape, projection::project, subscription::Options},
};
use bson::{Document, doc};
use testkit::mongo::{created, created_with_socks, new_id, saved, with_database};

use crate::{Heard, alone, called, heard, memory};

/// How much has happened to each basket.
struct Busy;

impl Projection<Baskets> for Busy {
    fn name(&self) -> &'static str {
        "busy"
    }

    fn shape(&self) -> Shape {
        Shape { number: 1, indexes: &[] }
    }

    fn fold(&self, stream: &[Entry<Baskets>]) -> Document {
        doc! { "events": stream.len() as i64 }
    }
}

fn gauge<S>(heard: &Heard<S>, name: &str) -> Vec<f64> {
    heard.numbers.of(&format!("event_store.feed.{name} db.collection.name=baskets feed=busy"))
}

async fn follow<S: Feeds<Baskets> + Sync>(heard: &Heard<S>) -> Subscription<'_, Baskets, S> {
    let store = &heard.store;
    saved(store, created_with_socks()).await;
    let options = Options { poison: Poison::Park, ..Options::default() };
    let mut reader = Subscription::open(store, "busy", Busy.shape(), options).await.unwrap();
    store.feeds().await.unwrap();
    let [events, seconds] = ["lag.events", "lag.seconds"].map(|name| gauge(heard, name));
    assert_eq!((events, seconds), (vec![2.0], vec![]), "it has never read all");

    while !project(&mut reader, &Busy).await.unwrap().1 {}
    store.feeds().await.unwrap();
    let [events, seconds] = ["lag.events", "lag.seconds"].map(|name| gauge(heard, name));
    assert_eq!((events, seconds), (vec![2.0, 0.0], vec![0.0]));
    assert_eq!(heard.sum("event_store.feed.events", " feed=busy"), 2.0);

    let spans = heard.spans.all();
    let keep = *called(&spans, "keep").iter().find(|span| span.get("event_store.events") == Some("2")).unwrap();
    assert_eq!((keep.get("otel.name"), keep.get("event_store.feed")), (Some("update baskets_feeds"), Some("busy")));
    assert_eq!(called(&spans, "claim")[0].get("otel.name"), Some("findAndModify baskets_feeds"));
    reader
}

#[test]
fn a_feed_says_how_far_it_is_behind() {
    alone(heard("memory", async |Heard { system, spans, numbers, .. }| {
        let heard = Heard { store: memory(), system, spans, numbers };
        drop(follow(&heard).await);
        saved(&heard.store, created()).await;
        heard.store.feeds().await.unwrap();
        assert_eq!(gauge(&heard, "lag.events").last(), Some(&1.0));
        // Its clock stands still in the year 2000.
        assert!(gauge(&heard, "lag.seconds").last().is_some_and(|lag| *lag > 8e8));
    }));
}

#[test]
fn a_feed_says_what_it_has_parked() {
    with_database(async |db| {
        heard("mongodb", async |Heard { system, spans, numbers, .. }| {
            let heard = Heard { store: db.store().await.observed(), system, spans, numbers };
            let mut reader = follow(&heard).await;
            let odd = doc! { "basket_id": Baskets::key(&new_id()), "version": 1_i64, "type": "ItemBlessed" };
            db.events().insert_one(odd).await.unwrap();
            while heard.store.feeds().await.unwrap()[0].parked == 0 {
                project(&mut reader, &Busy).await.unwrap();
            }
            assert_eq!(gauge(&heard, "parked").last(), Some(&1.0));
            assert_eq!(gauge(&heard, "lag.events").last(), Some(&1.0));
            assert!(gauge(&heard, "lag.seconds").last().is_some_and(|lag| *lag < 60.0));
        })
        .await;
    });
}
