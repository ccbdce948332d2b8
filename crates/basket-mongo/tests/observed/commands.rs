//! What is heard of a command: a span around its calls, how often it was decided, and how it ended.

use basket_domain::{Basket, Refusal};
use basket_mongo::{EventStore, Require, Retries, Together, store::observed};
use futures_util::future::join_all;
use testkit::mongo::{created, created_with_socks, product, qty, saved, with_database};

use crate::{called, heard, on_both};

#[test]
fn a_command_is_a_span_around_its_calls_and_says_how_often_it_was_decided() {
    with_database(async |db| {
        heard("mongodb", async |heard| {
            let store = db.store().await.observed();
            let basket = saved(&store, created()).await;
            let (id, socks) = (basket.id(), product("socks"));
            heard.spans.take();
            // As of eight processes: those of one line up.
            let stores = join_all((0..8).map(async |_| db.store().await.observed())).await;
            let adds = (stores.iter())
                .map(|store| observed::command("add", store.command(id).run(|basket| basket.add_item(&socks, qty(1)))));
            let attempts: Vec<_> = join_all(adds).await.into_iter().map(|done| done.unwrap().attempts).collect();

            let all: u32 = attempts.iter().sum();
            assert!(all > 8, "they met: {attempts:?}");
            let spans = heard.spans.all();
            let commands: Vec<_> =
                spans.iter().enumerate().filter(|(_, span)| span.get("event_store.command") == Some("add")).collect();
            assert_eq!(commands.len(), 8);
            for (place, command) in &commands {
                let children = |call| called(&spans, call).iter().filter(|span| span.parent == Some(*place)).count();
                let attempts: usize = command.get("event_store.attempts").unwrap().parse().unwrap();
                assert_eq!([children("get"), children("append")], [attempts, attempts]);
                assert_eq!((command.get("otel.name"), command.get("event_store.outcome")), (Some("add"), Some("now")));
                let last = *called(&spans, "append").iter().rfind(|span| span.parent == Some(*place)).unwrap();
                assert_eq!(command.get("event_store.commit"), last.get("event_store.commit"));
            }
            let mut counted = heard.numbers.of("event_store.command.attempts command=add");
            let mut expected: Vec<_> = attempts.into_iter().map(f64::from).collect();
            counted.sort_by(f64::total_cmp);
            expected.sort_by(f64::total_cmp);
            assert_eq!(counted, expected);
            assert_eq!(heard.sum("event_store.appends", " outcome=conflict"), f64::from(all - 8));
        })
        .await;
    });
}

#[test]
fn the_end_of_a_command_is_counted_whatever_it_is() {
    on_both(async |heard| {
        let (one, two) = (saved(&heard.store, created()).await, saved(&heard.store, created_with_socks()).await);
        let (one, two) = (*one.id(), *two.id());
        let rocks = |basket: &Basket| basket.add_item(&product("rocks"), qty(1));
        let count = |outcome| heard.numbers.sum(&format!("event_store.commands command=it outcome={outcome}"));

        for outcome in ["now", "before"] {
            observed::command("it", heard.store.command(&one).once("req-1").run(rocks)).await.unwrap();
            assert_eq!(count(outcome), 1.0, "{outcome}");
        }
        observed::command("it", heard.store.command(&one).run(|_| Ok::<_, Refusal>(Vec::new()))).await.unwrap();
        assert_eq!(count("unchanged"), 1.0);
        observed::command("it", heard.store.command(&one).run(|basket| basket.create(one))).await.unwrap_err();
        assert_eq!(count("refused"), 1.0);
        let stale = heard.store.command(&one).require(Require::Version(1));
        observed::command("it", stale.run(rocks)).await.unwrap_err();
        assert_eq!(count("stale"), 1.0);
        let never = Retries { attempts: 0, ..Retries::COMMAND };
        observed::command("it", heard.store.command(&one).retries(never).run(rocks)).await.err().unwrap();
        assert_eq!(count("contended"), 1.0);
        assert_eq!(heard.numbers.of("event_store.command.attempts command=it"), [1.0, 1.0, 1.0, 0.0]);
        let merge = heard.store.across([&one, &two]).run(|[one, two]| one.merge(two));
        observed::command("merge", merge).await.unwrap();
        assert_eq!(heard.numbers.sum("event_store.commands command=merge outcome=now"), 1.0);
        assert_eq!(called(&heard.spans.all(), "append_together").len(), 1);
        assert_eq!(heard.numbers.of("event_store.command.attempts command=merge"), [1.0]);
    });
}
