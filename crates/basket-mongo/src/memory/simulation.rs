//! Several writers at one stream, in an order that a seed decides: what nobody thinks of when they write a decider. They load, decide,
//! come too late and decide again, lose the answer, begin anew after a crash, and send a request once more. All of it is in memory,
//! so a thousand seeds take a second.
//!
//! The idea is that of deterministic simulation (FoundationDB, 2013), made as small as one stream.

use std::{
    fmt::{self, Debug, Display},
    ops::Range,
};

use basket_domain::{Aggregate, EventSourced};
use futures_util::FutureExt;

use super::MemoryStore;
use crate::store::{
    codec::{Codec, Event, Id},
    entry::{Commit, Meta},
    error::StoreError,
    event_store::{EventStore, Expected},
    log::Scope,
};

/// What must always hold of a state, with a name.
type Law<A> = (&'static str, Box<dyn Fn(&A) -> bool>);

/// Writers of one stream, and the laws that its state must keep.
///
/// ```
/// use basket_domain::{Basket, BasketId, Product};
/// use basket_mongo::{Baskets, memory::simulation::Simulation};
///
/// let id: BasketId = "5ab69073421aa917e62b4734".parse()?;
/// let socks = Product::new("socks")?;
/// Simulation::<Baskets>::of(id).law("there are twelve socks at most", |basket| basket.items().all(|(_, many)| many <= 12)).check(
///     0..100,
///     // A command: how many socks come in. None: the basket is created.
///     |chance| chance.one_of(&[None, Some(1), Some(3)]),
///     |basket: &Basket, command| match command {
///         None => basket.create(id).map_err(|refusal| refusal.to_string()),
///         // Twelve at most: it is the decider that keeps the law, on the state that it is given.
///         Some(many) if basket.items().any(|(_, held)| held + many > 12) => Err("that is too many".into()),
///         Some(many) => basket.add_item(&socks, (*many).try_into().unwrap()).map_err(|refusal| refusal.to_string()),
///     },
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Simulation<C: Codec> {
    id: Id<C>,
    writers: usize,
    commands: usize,
    laws: Vec<Law<C::Aggregate>>,
}

/// What a command is chosen by; the seed decides.
#[derive(Debug)]
pub struct Chance(fastrand::Rng);

impl Chance {
    /// A number below this one; 0 where there is none.
    pub fn below(&mut self, number: u64) -> u64 {
        self.0.u64(..number.max(1))
    }

    /// One of several.
    ///
    /// # Panics
    /// Where there are none.
    #[allow(clippy::indexing_slicing, reason = "it is a mistake of the test")]
    pub fn one_of<T: Clone>(&mut self, several: &[T]) -> T {
        several[self.0.usize(..several.len())].clone()
    }

    fn is_one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }
}

/// A law that was broken, and how to get there: it prints itself as a test.
pub struct Broken<E, K> {
    /// The seed that leads there again.
    pub seed: u64,
    /// What does not hold.
    pub law: String,
    /// What had happened before, oldest first.
    pub given: Vec<E>,
    /// The command that broke it.
    pub when: K,
    /// The events that were decided on, where it came so far.
    pub then: Vec<E>,
    /// What the writers did, line by line.
    pub steps: Vec<String>,
}

/// A writer, between two of its steps.
enum Writer<C: Codec, K> {
    Idle,
    /// It has a command, and will load; after a crash, it knows no more than the command and its request.
    Asked {
        command: K,
        commit: Commit,
    },
    /// It has decided, on this state.
    Decided {
        command: K,
        commit: Commit,
        loaded: EventSourced<C::Aggregate>,
        events: Vec<Event<C>>,
    },
}

impl<C> Simulation<C>
where
    C: Codec<Aggregate: Aggregate<Event: Clone + Debug + PartialEq>>,
{
    /// Four writers at a stream of this id, with sixteen commands.
    pub fn of(id: Id<C>) -> Self {
        Self { id, writers: 4, commands: 16, laws: Vec::new() }
    }

    /// So many writers, and commands of all of them.
    pub fn with(self, writers: usize, commands: usize) -> Self {
        Self { writers: writers.max(1), commands, ..self }
    }

    /// What must always hold of the state.
    pub fn law(mut self, name: &'static str, holds: impl Fn(&C::Aggregate) -> bool + 'static) -> Self {
        self.laws.push((name, Box::new(holds)));
        self
    }

    /// Runs all these seeds. `choose` makes up a command, and `decide` decides it on a state, or refuses it.
    ///
    /// # Panics
    /// With the first seed that breaks a law: the panic says how, as a test to copy.
    #[allow(clippy::panic, reason = "it is how a test fails")]
    pub fn check<K: Clone + Debug, R>(
        &self,
        seeds: Range<u64>,
        choose: impl Fn(&mut Chance) -> K,
        decide: impl Fn(&C::Aggregate, &K) -> Result<Vec<Event<C>>, R>,
    ) {
        for seed in seeds {
            match self.run(seed, &choose, &decide).now_or_never() {
                Some(Ok(())) => {}
                Some(Err(broken)) => panic!("{broken}"),
                None => panic!("seed {seed}: the store in memory lets nobody wait, but it did"),
            }
        }
    }

    /// Runs one seed.
    ///
    /// # Errors
    /// The first law that does not hold: one of yours, or one of these: a decider says the same twice on the same state; events come
    /// back out of the store as they went in; and a request is carried out once, however often it is sent.
    pub async fn run<K: Clone + Debug, R>(
        &self,
        seed: u64,
        choose: impl Fn(&mut Chance) -> K,
        decide: impl Fn(&C::Aggregate, &K) -> Result<Vec<Event<C>>, R>,
    ) -> Result<(), Box<Broken<Event<C>, K>>> {
        let (store, mut chance) = (MemoryStore::<C>::default(), Chance(fastrand::Rng::with_seed(seed)));
        let mut writers: Vec<_> = (0..self.writers).map(|_| Writer::<C, K>::Idle).collect();
        let (mut left, mut steps, mut history) = (self.commands, Vec::<String>::new(), Vec::new());
        while left > 0 || writers.iter().any(|writer| !matches!(writer, Writer::Idle)) {
            let number = chance.0.usize(..writers.len());
            let Some(writer) = writers.get_mut(number) else { return Ok(()) };
            let mut does = |what: String| steps.push(format!("writer {number} {what}"));
            let broken = |law: &str, when: &K, then: &[Event<C>], given: &[Event<C>], steps: &[String]| {
                let (law, given, then, steps) = (law.to_owned(), given.to_vec(), then.to_vec(), steps.to_vec());
                Err(Box::new(Broken { seed, law, given, when: when.clone(), then, steps }))
            };
            *writer = match std::mem::replace(writer, Writer::Idle) {
                Writer::Idle if left == 0 => Writer::Idle,
                Writer::Idle => {
                    left -= 1;
                    let (command, request) = (choose(&mut chance), Some(format!("request {left}")));
                    does(format!("is asked for {command:?}"));
                    Writer::Asked { command, commit: Commit::new(Meta { request, ..Meta::default() }) }
                }
                Writer::Asked { command, commit } => match store.seek(&self.id, &commit).await {
                    Ok((_, found)) if !found.is_empty() => {
                        does(format!("finds that {command:?} was carried out"));
                        Writer::Idle
                    }
                    sought => {
                        let loaded = sought.map_or_else(|_| EventSourced::new(self.id.clone()), |(root, _)| root);
                        match (decide(loaded.state(), &command).ok(), decide(loaded.state(), &command).ok()) {
                            (first, second) if first != second => {
                                let then = first.unwrap_or_default();
                                return broken("a decider says the same twice", &command, &then, &history, &steps);
                            }
                            (Some(events), _) if !events.is_empty() => {
                                does(format!("decides {command:?} at version {}", loaded.version()));
                                Writer::Decided { command, commit, loaded, events }
                            }
                            _ => {
                                does(format!("refuses {command:?} at version {}", loaded.version()));
                                Writer::Idle
                            }
                        }
                    }
                },
                Writer::Decided { command, commit, .. } if chance.is_one_in(16) => {
                    does("crashes before it appends, and begins anew".into());
                    Writer::Asked { command, commit: Commit::new(commit.meta) }
                }
                Writer::Decided { command, commit, mut loaded, events } => {
                    let expected = Expected::Loaded(loaded.version());
                    match store.append(&self.id, expected, &commit, &events).await {
                        Ok(_) => {
                            does(format!("appends after version {}", loaded.version()));
                            let new = Scope::From(self.id.clone(), loaded.version() + 1);
                            let stored = EventStore::entries(&store, new, events.len()).await;
                            loaded = loaded.replay(events.clone());
                            let stored = stored.unwrap_or_default().into_iter().map(|entry| entry.event);
                            if stored.collect::<Vec<_>>() != events {
                                let law = "events come back out of the store as they went in";
                                return broken(law, &command, &events, &history, &steps);
                            }
                            if let Some((law, _)) = self.laws.iter().find(|(_, holds)| !holds(loaded.state())) {
                                return broken(law, &command, &events, &history, &steps);
                            }
                            history.extend(events);
                            match chance.is_one_in(4) {
                                false => Writer::Idle,
                                true => {
                                    does("does not hear so, and sends the request again".into());
                                    Writer::Asked { command, commit: Commit::new(commit.meta) }
                                }
                            }
                        }
                        Err(StoreError::Conflict { .. }) => {
                            does(format!("comes too late after version {}, and decides again", loaded.version()));
                            Writer::Asked { command, commit }
                        }
                        Err(error) => return broken(&error.to_string(), &command, &events, &history, &steps),
                    }
                }
            };
        }
        Ok(())
    }
}

impl<E: Debug, K: Debug> Display for Broken<E, K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "seed {}: '{}' does not hold.\n\ngiven([", self.seed, self.law)?;
        self.given.iter().try_for_each(|event| writeln!(formatter, "    {event:?},"))?;
        writeln!(formatter, "])\n.when(|state| /* {:?} */)\n.then([", self.when)?;
        self.then.iter().try_for_each(|event| writeln!(formatter, "    {event:?},"))?;
        writeln!(formatter, "]);\n\nWhat the writers did:")?;
        self.steps.iter().try_for_each(|step| writeln!(formatter, "  {step}"))
    }
}

impl<E: Debug, K: Debug> Debug for Broken<E, K> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, formatter)
    }
}
