//! A way through a model as a story: a numbered line for each step, with the name of the function that takes it, and in the end
//! what is there now, and the law that it breaks.

use std::hash::Hash;

use stateright::{Checker, Model, Path};

mod of_appends;
mod of_feeds;

/// A way through a model: its states, and what happens in each of them.
pub type Way<M> = Vec<(<M as Model>::State, Option<<M as Model>::Action>)>;

/// A model whose ways can be written down.
pub trait Narrated: Model {
    /// A step in words.
    fn sentence(&self, before: &Self::State, action: &Self::Action, after: &Self::State) -> String;

    /// What is there in the end.
    fn ending(&self, state: &Self::State) -> String;

    /// The law that it is asked about.
    fn law(&self) -> Option<&'static str>;
}

/// The shortest way to a state in which the one law of a model is broken; none if it holds.
pub fn counter_example<M>(model: &M) -> Option<Way<M>>
where
    M: Model<State: Clone + PartialEq + Hash + Send + Sync, Action: Clone + PartialEq> + Clone + Send + Sync + 'static,
{
    let found = model.clone().checker().spawn_bfs().join().discoveries();
    found.into_values().next().map(Path::into_vec)
}

/// The story of a way through a model.
pub fn story<M: Narrated>(model: &M, way: &Way<M>) -> String {
    let mut story = String::new();
    let steps = way.iter().zip(way.iter().skip(1));
    for (number, ((before, action), (after, _))) in (1..).zip(steps) {
        if let Some(action) = action {
            story.push_str(&format!("{number:>2}. {}\n", model.sentence(before, action, after)));
        }
    }
    if let (Some((last, _)), Some(law)) = (way.last(), model.law()) {
        story.push_str(&format!("{}\nBroken: {law}.\n", model.ending(last)));
    }
    story
}
