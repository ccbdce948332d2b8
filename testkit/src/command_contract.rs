//! The contract of commands, on each store: one stream, several streams, and what rests on the answer to a query.

use std::sync::Arc;

use basket_domain::{Basket, BasketId, EventSourced, Refusal, Voucher};
use basket_mongo::{
    Baskets, CommandError, Commit, CommitId, Done, DynEventStore, Entry, EventLog, EventStore, Maintenance, Meta,
    Moment, Outcome, Query, Require, Scope, StoreError, Together, Undo, UndoError, baskets::voucher_tag,
    store::together::Part,
};
use futures_util::{TryStreamExt, future::join_all};

use crate::mongo::{add, created, created_with_socks, new_id, product, qty, saved};

/// The cases as tests, as [`contract!`](crate::contract!) has them.
#[macro_export]
macro_rules! command_contract {
    ($with:path) => {
        $crate::command_contract! { $with;
            one_call_creates_or_changes_and_says_which
            what_decides_nothing_says_so
            a_request_is_carried_out_once
            a_request_that_many_send_at_once_is_carried_out_once
            a_request_is_answered_though_the_stream_has_moved_on
            a_request_says_what_was_said_the_first_time
            a_commit_that_failed_is_settled
            what_the_caller_requires_is_checked
            who_is_stale_gets_the_events_in_between
            what_is_said_of_a_command_is_kept
            an_undo_is_a_command
            several_streams_change_together_or_not_at_all
            a_stream_that_is_only_read_must_stay_as_it_was
            several_streams_are_named_once
            who_reads_a_query_meets_what_was_appended_since
            a_query_without_a_tag_is_refused
            a_voucher_is_redeemed_once_however_many_race
            commands_that_meet_only_at_a_tag_are_all_carried_out
            a_request_across_streams_is_carried_out_once
            whatever_holds_a_store_is_one
        }
    };
    ($with:path; $($case:ident)*) => {
        $(#[test] fn $case() { $with(async |store| $crate::command_contract::$case(store).await); })*
    };
}

type Outcomes<R> = Vec<Result<Done<Basket>, R>>;

fn add_rocks(basket: &Basket) -> Result<Vec<basket_domain::BasketEvent>, Refusal> {
    basket.add_item(&product("rocks"), qty(1))
}

async fn version(store: &impl EventStore<Basket>, id: &BasketId) -> u64 {
    store.get(id).await.map_or(0, |basket| basket.version())
}

pub async fn one_call_creates_or_changes_and_says_which(store: impl EventStore<Basket>) {
    let id = new_id();
    let create = |basket: &Basket| match basket.id() {
        None => basket.create(id),
        Some(_) => add_rocks(basket),
    };
    let created = store.command(&id).run(create).await.unwrap();
    assert_eq!((created.outcome, created.versions, created.attempts), (Outcome::Now, 1..2, 1));
    let changed = store.command(&id).run(create).await.unwrap();
    assert_eq!((changed.outcome, changed.versions, changed.events.len()), (Outcome::Now, 2..3, 1));
    assert_eq!(changed.root.state().quantity(&product("rocks")), 1);
    let (_, kept) = store.seek(&id, &changed.commit.unwrap().into()).await.unwrap();
    assert_eq!(kept.into_iter().map(|entry| entry.event).collect::<Vec<_>>(), changed.events);
}

pub async fn what_decides_nothing_says_so(store: impl EventStore<Basket>) {
    let (id, basket) = (new_id(), saved(&store, created()).await);
    for id in [&id, basket.id()] {
        let done = store.command(id).run(|_| Ok::<_, Refusal>(Vec::new())).await.unwrap();
        assert_eq!(
            (done.outcome, done.commit, done.events.len(), done.versions.count()),
            (Outcome::Unchanged, None, 0, 0)
        );
    }
    assert_eq!(version(&store, &id).await, 0);
}

pub async fn a_request_is_carried_out_once(store: impl EventStore<Basket>) {
    let basket = saved(&store, created()).await;
    let many = |basket: &Basket| Ok::<_, Refusal>([add_rocks(basket)?, add_rocks(basket)?].concat());
    for request in ["req-7", "6f1ed002-ab5d-4ce1-a2f7-3e3c1a5bd18e", "$where", "a.b", "靴 \"'", &"x".repeat(1_000)] {
        let before = version(&store, basket.id()).await;
        let first = store.command(basket.id()).once(request).run(many).await.unwrap();
        assert_eq!((first.outcome, &first.versions), (Outcome::Now, &(before + 1..before + 3)));
        let again = store.command(basket.id()).once(request).run(many).await.unwrap();
        assert_eq!((again.outcome, again.versions, again.commit), (Outcome::Before, first.versions, first.commit));
        assert_eq!(again.events, first.events);
        assert_eq!(again.root.version(), before + 2);
    }
}

pub async fn a_request_that_many_send_at_once_is_carried_out_once(store: impl EventStore<Basket> + Send + 'static) {
    let (store, id) = (Arc::new(store), new_id());
    for (decided, require) in [(0, Some(Require::New)), (1, None), (2, Some(Require::Existing))] {
        let requests = (0..6).map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let command = store.command(&id).once(format!("request {decided}"));
                let command = if let Some(require) = require { command.require(require) } else { command };
                let decide = |basket: &Basket| if decided == 0 { basket.create(id) } else { add_rocks(basket) };
                command.run(decide).await
            })
        });
        let done: Outcomes<_> = join_all(requests).await.into_iter().map(Result::unwrap).collect();
        let done: Vec<_> = done.into_iter().map(Result::unwrap).collect();
        let now = done.iter().filter(|done| done.outcome == Outcome::Now).count();
        let before = done.iter().filter(|done| done.outcome == Outcome::Before).count();
        assert_eq!((now, before), (1, 5));
        assert!(done.iter().all(|each| each.commit == done[0].commit && each.versions == (decided + 1..decided + 2)));
        assert_eq!(version(&store, &id).await, decided + 1);
    }
}

pub async fn a_request_is_answered_though_the_stream_has_moved_on(store: impl EventStore<Basket>) {
    let basket = saved(&store, created()).await;
    let require = Require::Version(1);
    let once = async || store.command(basket.id()).once("r").require(require).run(add_rocks).await.unwrap();
    let first = once().await;
    store.command(basket.id()).run(add_rocks).await.unwrap();
    let again = once().await;
    assert_eq!((again.outcome, again.versions, again.root.version()), (Outcome::Before, first.versions, 3));
}

pub async fn a_request_says_what_was_said_the_first_time(store: impl EventStore<Basket>) {
    let basket = saved(&store, created()).await;
    for actor in ["ann", "bob"] {
        let done = store.command(basket.id()).once("r").actor(actor).run(add_rocks).await.unwrap();
        assert_eq!(done.meta.actor.as_deref(), Some("ann"), "{actor} asks");
    }
    let unchanged = store.command(basket.id()).actor("bob").run(|_| Ok::<_, Refusal>(vec![])).await.unwrap();
    assert_eq!(unchanged.meta, Meta::default(), "nothing was appended");
}

pub async fn a_commit_that_failed_is_settled(store: impl EventStore<Basket>) {
    let basket = saved(&store, created()).await;
    let settle = async |commit| store.command(basket.id()).settle(commit).run(add_rocks).await.unwrap();
    // One that was kept, and one that never came.
    let kept = store.command(basket.id()).run(add_rocks).await.unwrap();
    store.command(basket.id()).run(add_rocks).await.unwrap();
    let settled = settle(kept.commit.unwrap()).await;
    assert_eq!((settled.outcome, settled.versions), (Outcome::Before, 2..3));
    let commit = CommitId::new();
    for outcome in [Outcome::Now, Outcome::Before] {
        let settled = settle(commit).await;
        assert_eq!((settled.outcome, settled.versions, settled.commit), (outcome, 4..5, Some(commit)));
    }
}

pub async fn what_the_caller_requires_is_checked(store: impl EventStore<Basket>) {
    let (new, basket) = (new_id(), saved(&store, created_with_socks()).await);
    let put = async |id, require| store.command(id).require(require).run(|_| Ok::<_, Refusal>(Vec::new())).await;
    for require in [Require::Version(2), Require::Existing] {
        put(basket.id(), require).await.unwrap();
    }
    put(&new, Require::Version(0)).await.unwrap();
    put(&new, Require::New).await.unwrap();
    for require in [Require::Version(1), Require::Version(3), Require::Version(0)] {
        let outcome = put(basket.id(), require).await;
        let Err(CommandError::Stale { required, found: 2, .. }) = outcome else { panic!("{require:?}: {outcome:?}") };
        assert_eq!(required, require);
    }
    let create = store.command(basket.id()).require(Require::New).run(|basket| basket.create(new)).await;
    let Err(CommandError::Stale { found: 2, since, .. }) = &create else { panic!("{create:?}") };
    assert_eq!(since.len(), 2);
    for require in [Require::Version(1), Require::Existing] {
        let outcome = put(&new, require).await;
        assert!(matches!(&outcome, Err(CommandError::Store { error: StoreError::NotFound { .. }, .. })), "{outcome:?}");
    }
    assert_eq!((version(&store, &new).await, version(&store, basket.id()).await), (0, 2));
}

pub async fn who_is_stale_gets_the_events_in_between(store: impl EventStore<Basket>) {
    let mut basket = saved(&store, created()).await;
    (1..=120).for_each(|many| add(&mut basket, "rocks", many));
    let events = basket.new_events().to_vec();
    store.save(&mut basket).await.unwrap();
    for (known, number) in [(1, 100), (21, 100), (22, 99), (120, 1), (121, 0)] {
        let outcome = store.command(basket.id()).require(Require::Version(known)).run(add_rocks).await;
        match outcome {
            Err(CommandError::Stale { found: 121, since, .. }) => {
                let from = known as usize - 1;
                assert_eq!(since, events[from..from + number]);
            }
            outcome => assert!(known == 121 && outcome.is_ok()),
        }
    }
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Headers {
    tenant: String,
    trace: Vec<i64>,
}

pub async fn what_is_said_of_a_command_is_kept(store: impl EventStore<Basket>) {
    let id = new_id();
    let headers = Headers { tenant: "acme".into(), trace: vec![1, i64::MAX] };
    let mut meta = Meta { reason: Some("why".into()), ..Meta::default() };
    meta.set_headers(&headers).unwrap();
    let command = store.command(&id).meta(meta.clone()).actor("ann").correlation("c").causation("d").once("e");
    command.run(|basket| basket.create(id)).await.unwrap();
    let [entry] = &store.entries(Scope::From(id, 1), 9).await.unwrap()[..] else { panic!("one event") };
    let text = |text: &str| Some(text.to_owned());
    let (actor, correlation, causation, request) = (text("ann"), text("c"), text("d"), text("e"));
    assert_eq!(entry.meta, Meta { actor, correlation, causation, request, ..meta });
    assert_eq!(entry.meta.headers::<Headers>().unwrap(), headers);
    // The next command says nothing of all this.
    store.command(&id).run(add_rocks).await.unwrap();
    assert_eq!(store.entries(Scope::From(id, 2), 9).await.unwrap()[0].meta, Meta::default());
}

pub async fn an_undo_is_a_command(store: impl EventLog<Baskets>) {
    let basket = saved(&store, created_with_socks()).await;
    for outcome in [Outcome::Now, Outcome::Before] {
        let done = store.command(basket.id()).once("undo").actor("ann").revert(2..=2).await.unwrap();
        assert_eq!((done.outcome, done.versions, done.root.state().items().len()), (outcome, 3..4, 0));
    }
    let kept = &store.entries(Scope::From(*basket.id(), 3), 9).await.unwrap()[0];
    assert_eq!((kept.meta.undoes.clone(), kept.meta.actor.as_deref()), (Some(2..=2), Some("ann")));
    let restore =
        async |require| store.command(basket.id()).require(require).once("back").restore(Moment::Version(2)).await;
    let stale = restore(Require::Version(2)).await;
    assert!(matches!(stale, Err(CommandError::Stale { found: 3, .. })), "{stale:?}");
    assert_eq!(restore(Require::Version(3)).await.unwrap().root.state().items().len(), 1);
    let planned = store.plan_revert(basket.id(), 3..=3).await;
    assert!(matches!(planned, Err(UndoError::NotInEffect { .. })), "{planned:?}");
}

async fn merge(store: &impl Together<Basket>, into: &BasketId, from: &BasketId) -> [Done<Basket>; 2] {
    store.across([into, from]).run(|[into, from]| into.merge(from)).await.unwrap()
}

pub async fn several_streams_change_together_or_not_at_all(store: impl Together<Basket> + Send + 'static) {
    let mut one = created_with_socks();
    add(&mut one, "rocks", 3);
    let (one, two) = (saved(&store, one).await, saved(&store, created_with_socks()).await);
    let [into, from] = merge(&store, two.id(), one.id()).await;
    assert_eq!((into.outcome, into.versions, from.versions), (Outcome::Now, 3..5, 4..6));
    assert_eq!((into.commit, from.root.state().items().len()), (from.commit, 0));
    assert_eq!(into.root.state().quantity(&product("socks")), 2);
    let again = merge(&store, two.id(), one.id()).await;
    assert!(again.iter().all(|done| done.outcome == Outcome::Unchanged));

    // Many move all there is to and fro, while others add to it: nothing is lost, and nothing doubled.
    let (store, ids) = (Arc::new(store), [*one.id(), *two.id()]);
    let movers = (0..12).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            match n % 3 {
                0 => drop(store.command(&ids[n % 2]).run(add_rocks).await.unwrap()),
                _ => drop(merge(&*store, &ids[n % 2], &ids[(n + 1) % 2]).await),
            }
        })
    });
    join_all(movers).await.into_iter().for_each(Result::unwrap);
    let (one, two) = (store.get(&ids[0]).await.unwrap(), store.get(&ids[1]).await.unwrap());
    let both = |name| one.state().quantity(&product(name)) + two.state().quantity(&product(name));
    assert_eq!((both("socks"), both("rocks")), (2, 3 + 4));
}

pub async fn a_stream_that_is_only_read_must_stay_as_it_was(store: impl Together<Basket> + Send + 'static) {
    // It has grown since it was read, on the road of one stream, which knows of no other.
    let (own, mut other) = (saved(&store, created()).await, saved(&store, created()).await);
    let events = add_rocks(own.state()).unwrap();
    let (own, read) = ((own.id(), 1, &events[..]), (*other.id(), 1, &[][..]));
    let append = async |version| {
        let parts = [(own.0, own.1, own.2), (&read.0, version, read.2)];
        let parts = parts.map(|(id, version, events)| Part { id, version, events });
        store.append_together(&Commit::default(), &parts, &[]).await
    };
    add(&mut other, "socks", 1);
    store.save(&mut other).await.unwrap();
    let late = append(1).await;
    assert!(matches!(late, Err(StoreError::Conflict { expected: 1, found: 2 })), "{late:?}");
    assert_eq!(append(2).await.unwrap(), Outcome::Now);
    assert_eq!((version(&store, own.0).await, version(&store, other.id()).await), (2, 2));
    let nothing = Part { id: own.0, version: 2, events: &[] };
    let appended = store.append_together(&Commit::default(), &[nothing], &[]).await;
    assert_eq!(appended.unwrap(), Outcome::Unchanged, "there is nothing to append");

    // Each may take the socks as long as the other has not: both look, and one may pass. It is the skew that a snapshot alone
    // does not stop.
    let store = Arc::new(store);
    for _ in 0..6 {
        let ids = [*saved(&*store, created()).await.id(), *saved(&*store, created()).await.id()];
        let takers = [0, 1].map(|n| {
            let (store, own, other) = (Arc::clone(&store), ids[n], ids[1 - n]);
            tokio::spawn(async move {
                let decide = |[own, other]: [&Basket; 2]| match other.contains(&product("socks")) {
                    true => Ok([vec![], vec![]]),
                    false => own.add_item(&product("socks"), qty(1)).map(|events| [events, vec![]]),
                };
                let [_, other] = store.across([&own, &other]).run(decide).await.unwrap();
                assert_eq!((other.outcome, other.commit), (Outcome::Unchanged, None));
            })
        });
        join_all(takers).await.into_iter().for_each(Result::unwrap);
        let (mut took, mut kept) = (0, 0);
        for id in ids {
            took += version(&*store, &id).await - 1;
            kept += store.entries(Scope::From(id, 1), 9).await.unwrap().len();
        }
        assert_eq!((took, kept), (1, 3), "one has taken them, and nothing stays of what was only read");
    }
}

pub async fn several_streams_are_named_once(store: impl Together<Basket>) {
    let basket = saved(&store, created()).await;
    let twice = store.across([basket.id(), basket.id()]).run(|_| Ok::<_, Refusal>([vec![], vec![]])).await;
    assert!(twice.unwrap_err().to_string().contains("twice"));
}

fn voucher(code: &str) -> Voucher {
    code.parse().unwrap()
}

async fn redeem(
    store: &impl Together<Basket>,
    id: &BasketId,
    code: &Voucher,
) -> Result<[Done<Basket>; 1], CommandError<basket_domain::BasketEvent, Refusal>> {
    let query = Query::tagged([voucher_tag(code)]);
    let decide = |[basket]: [&Basket; 1], redeemed: &[Entry<Baskets>]| {
        basket.redeem(code, redeemed.iter().map(|entry| &entry.event)).map(|events| [events])
    };
    store.across([id]).given(query).run(decide).await
}

pub async fn who_reads_a_query_meets_what_was_appended_since(store: impl Together<Basket>) {
    let (one, two) = (saved(&store, created()).await, saved(&store, created()).await);
    let query = |code| Query::tagged([voucher_tag(&voucher(code))]);
    let found = async |query| store.entries(Scope::Matching(query), 9).await.unwrap().len();
    let (mine, other) = (query("A"), query("B"));
    let token = store.ask(&mine).await.unwrap().token;
    redeem(&store, one.id(), &voucher("B")).await.unwrap();
    assert_eq!((found(mine.clone()).await, found(other.clone()).await), (0, 1));
    let append = async |commit: &Commit, version, token| {
        let events = two.state().redeem(&voucher("A"), []).unwrap();
        let part = Part { id: two.id(), version, events: &events };
        store.append_together(commit, &[part], &[(&mine, token)]).await
    };
    // What happens to another voucher is none of its business; a commit that is sent again meets itself.
    let commit = Commit::default();
    for outcome in [Outcome::Now, Outcome::Before] {
        assert_eq!(append(&commit, 1, &token).await.unwrap(), outcome);
    }
    let late = append(&Commit::default(), 2, &token).await;
    assert!(matches!(late, Err(StoreError::Outdated { .. })), "{late:?}");
    assert_eq!(version(&store, two.id()).await, 2);
    // An event may be one of several that are asked for; and it has all the tags of an item, or is not.
    assert_eq!(found(mine.clone().or(other)).await, 2);
    assert_eq!(found(Query::tagged(["voucher:A", "voucher:B"])).await, 0);
    assert_eq!(found(Query::of_types(["ItemAdded"], ["voucher:A"])).await, 0);
    assert_eq!(found(Query::of_types(["ItemAdded", "VoucherRedeemed"], ["voucher:A"])).await, 1);
    assert_eq!(found(Query::default()).await, 0);
}

pub async fn a_query_without_a_tag_is_refused(store: impl Together<Basket>) {
    for query in [Query::of_types(["ItemAdded"], [""; 0]), Query::tagged([""; 0])] {
        let refused = store.ask(&query).await;
        assert!(matches!(refused, Err(StoreError::NotGuarded { .. })), "{refused:?}");
    }
}

pub async fn a_voucher_is_redeemed_once_however_many_race(store: impl Together<Basket> + Send + 'static) {
    let (store, mut baskets) = (Arc::new(store), Vec::new());
    for _ in 0..16 {
        baskets.push(*saved(&*store, created()).await.id());
    }
    for round in 0..3 {
        let racers = baskets.iter().map(|id| {
            let (store, id) = (Arc::clone(&store), *id);
            tokio::spawn(async move { redeem(&*store, &id, &voucher(&format!("V{round}"))).await })
        });
        let (mut redeemed, mut refused) = (0, 0);
        for racer in join_all(racers).await {
            match racer.unwrap() {
                Ok(_) => redeemed += 1,
                Err(CommandError::Refused(Refusal::VoucherRedeemed { .. })) => refused += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!((redeemed, refused), (1, 15));
    }
}

pub async fn commands_that_meet_only_at_a_tag_are_all_carried_out(store: impl Together<Basket> + Send + 'static) {
    // Each changes a stream of its own and has asked for nothing, so none of them has a reason to fail.
    let (store, mut baskets) = (Arc::new(store), Vec::new());
    for _ in 0..16 {
        baskets.push(*saved(&*store, created()).await.id());
    }
    let commands = baskets.iter().map(|id| {
        let (store, id) = (Arc::clone(&store), *id);
        tokio::spawn(async move { store.command(&id).run(|basket| basket.redeem(&voucher("TAG"), [])).await })
    });
    for done in join_all(commands).await {
        assert_eq!(done.unwrap().unwrap().versions, 2..3);
    }
}

pub async fn a_request_across_streams_is_carried_out_once(store: impl Together<Basket> + EventLog<Baskets>) {
    let (one, two) = (saved(&store, created_with_socks()).await, saved(&store, created_with_socks()).await);
    let mut commits = Vec::new();
    for outcome in [Outcome::Now, Outcome::Before] {
        let merge = store.across([one.id(), two.id()]).once("merge");
        let [into, from] = merge.run(|[into, from]| into.merge(from)).await.unwrap();
        assert_eq!((into.outcome, into.versions, from.outcome, from.versions), (outcome, 3..4, outcome, 3..4));
        commits.extend([into.commit, from.commit]);
    }
    commits.dedup();
    assert_eq!(commits.len(), 1);
    let all: Vec<_> = store.log(Scope::All).try_collect().await.unwrap();
    assert_eq!(all.len(), 6);
}

pub async fn whatever_holds_a_store_is_one(store: impl Together<Basket> + Maintenance<Baskets> + Send + 'static) {
    async fn through(store: impl Together<Basket>) -> BasketId {
        let id = new_id();
        store.command(&id).run(|basket| basket.create(id)).await.unwrap();
        assert!(redeem(&store, &id, &voucher("ONE")).await.is_ok() || version(&store, &id).await == 1);
        let mut root: EventSourced<Basket> = store.get(&id).await.unwrap();
        add(&mut root, "rocks", 1);
        store.save(&mut root).await.unwrap();
        id
    }
    let store = Arc::new(store);
    let boxed: Box<dyn DynEventStore<Basket>> = Box::new(Arc::clone(&store));
    let shared: Arc<dyn DynEventStore<Basket>> = Arc::new(Arc::clone(&store));
    let mut ids = vec![
        through(&*store).await,
        through(Arc::clone(&store)).await,
        through(&boxed).await,
        through(boxed).await,
        through(shared).await,
    ];
    ids.sort();
    assert_eq!(store.ids().try_collect::<Vec<_>>().await.unwrap(), ids);
    assert!(store.name() == (&&store).name());
}
