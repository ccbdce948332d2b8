//! The base under every event-sourced aggregate: a state that only events can change.
//! The cycle is Jérémie Chassaing's decider: *decide* (command, state → events or a refusal), then *apply* (state, event → state).
//! Stores load with [`EventSourced::replay`] and save what [`EventSourced::new_events`] holds.

use std::{fmt::Debug, mem};

/// A state that is the fold of its events. The default value is the state before anything happened.
///
/// Deciders are not part of the trait: they are plain methods of the aggregate, `&self` and arguments in,
/// `Result<Vec<Event>, Refusal>` out. See [`Basket`](crate::Basket), and the `silo` example for one of your own.
pub trait Aggregate: Default {
    /// Names one stream of events.
    type Id;
    /// What can have happened.
    type Event;

    /// Folds one event into the state. It has happened: there is nothing to refuse and nothing that may fail.
    fn apply(&mut self, event: &Self::Event);
}

/// An aggregate with its history's length and the events that no store has seen yet.
///
/// Nothing but an event changes the state: [`decide`](Self::decide) raises new ones, [`replay`](Self::replay) applies old ones.
#[derive(Debug, Clone)]
pub struct EventSourced<A: Aggregate> {
    id: A::Id,
    state: A,
    version: u64,
    new_events: Vec<A::Event>,
}

impl<A: Aggregate> EventSourced<A> {
    /// An aggregate to which nothing has happened: version 0.
    pub fn new(id: A::Id) -> Self {
        Self { id, state: A::default(), version: 0, new_events: Vec::new() }
    }

    /// An aggregate whose state is known without its events, as from a snapshot; `version` is how many events led to the state.
    ///
    /// It is also how several commands are decided one after the other, on a state that a store has loaded:
    ///
    /// ```
    /// # use basket_domain::{Basket, BasketId, EventSourced, Product};
    /// # use std::num::NonZeroU32;
    /// # let (id, socks) = ("5ab69073421aa917e62b4734".parse::<BasketId>()?, Product::new("socks")?);
    /// # let loaded = Basket::default();
    /// let mut basket = EventSourced::from_parts(id, loaded, 0);
    /// basket.decide(|basket| basket.create(id))?;
    /// basket.decide(|basket| basket.add_item(&socks, NonZeroU32::MIN))?;
    /// assert_eq!(basket.take_new_events().len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_parts(id: A::Id, state: A, version: u64) -> Self {
        Self { id, state, version, new_events: Vec::new() }
    }

    /// Applies events that have happened already, oldest first. They are history, so none of them becomes a new event.
    ///
    /// Replay comes before deciding: a store counts on [`new_events`](Self::new_events) being the newest.
    ///
    /// ```
    /// # use basket_domain::{Basket, BasketEvent, BasketId, EventSourced};
    /// # let basket_id: BasketId = "5ab69073421aa917e62b4734".parse().unwrap();
    /// let history = [BasketEvent::BasketCreated { basket_id }];
    /// let basket = EventSourced::<Basket>::new(basket_id).replay(history);
    /// assert_eq!(basket.version(), 1);
    /// assert!(basket.new_events().is_empty());
    /// ```
    #[must_use]
    pub fn replay(self, events: impl IntoIterator<Item = A::Event>) -> Self {
        events.into_iter().fold(self, |mut root, event| {
            root.apply(&event);
            root
        })
    }

    /// Puts a command to the state and raises the events that it decides on. A decider may decide that there is nothing to do.
    ///
    /// Returns the events raised.
    ///
    /// # Errors
    /// The decider's refusal, as it is; then nothing has changed.
    pub fn decide<R>(&mut self, command: impl FnOnce(&A) -> Result<Vec<A::Event>, R>) -> Result<&[A::Event], R> {
        let before = self.new_events.len();
        for event in command(&self.state)? {
            self.raise(event);
        }
        Ok(self.new_events.get(before..).unwrap_or_default())
    }

    fn raise(&mut self, event: A::Event) {
        self.apply(&event);
        self.new_events.push(event);
    }

    fn apply(&mut self, event: &A::Event) {
        self.state.apply(event);
        self.version += 1;
    }

    /// The stream's id.
    pub fn id(&self) -> &A::Id {
        &self.id
    }

    /// The state: the fold of every event so far, new ones included.
    pub fn state(&self) -> &A {
        &self.state
    }

    /// How many events were applied, new ones included; 0 means that nothing has happened yet.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The version a store has seen: [`version`](Self::version) without the new events. An append expects to find it there.
    pub fn saved_version(&self) -> u64 {
        self.version - self.new_events.len() as u64
    }

    /// Events raised since the last save, oldest first.
    pub fn new_events(&self) -> &[A::Event] {
        &self.new_events
    }

    /// Takes the events raised since the last save, oldest first: they are new no more.
    pub fn take_new_events(&mut self) -> Vec<A::Event> {
        mem::take(&mut self.new_events)
    }

    /// For stores: the new events are kept now, and new no more.
    pub fn mark_saved(&mut self) {
        self.new_events.clear();
    }
}
