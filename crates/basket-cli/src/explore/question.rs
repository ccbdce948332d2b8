//! A question on the screen: an undo is planned, the user says yes or no, and hears what became of it.
//! [`model`](super::model) asks it, [`undo`](super::undo) carries it out. Pure, as the model is.

use crossterm::event::KeyCode;

use super::{
    model::{Command, Model},
    undo::{self, Back, Undo, Undone},
};
use crate::domain::{Domain, Id};

/// An undo that waits: for its plan, for the user's yes, or until it is done.
#[derive(Debug)]
pub struct Question<I> {
    pub(super) undo: Undo<I>,
    pub(super) plan: Option<Undone>,
}

impl<D: Domain> Model<D> {
    /// Asks what an undo at the cursor would append.
    pub(super) fn ask(&mut self, back: fn(u64) -> Back) -> Option<Command<Id<D>>> {
        let timeline = self.timeline.as_ref().filter(|timeline| timeline.cursor() > 0)?;
        let undo = Undo { id: timeline.id.clone(), back: back(timeline.cursor() as u64), sure: None };
        self.question = Some(Question { undo: undo.clone(), plan: None });
        Some(Command::Undo(undo))
    }

    /// A yes does it; before it is done, no key changes anything, and any other key says no.
    pub(super) fn answer(&mut self, question: Question<Id<D>>, key: KeyCode) -> Option<Command<Id<D>>> {
        let Question { mut undo, plan } = question;
        match plan {
            Some(plan) if key == KeyCode::Char('y') => {
                undo.sure = Some(plan.head);
                self.question = Some(Question { undo: undo.clone(), plan: None });
                return Some(Command::Undo(undo));
            }
            None if undo.sure.is_some() => self.question = Some(Question { undo, plan }),
            _ => self.said = Some("nothing was changed".into()),
        }
        None
    }

    /// Takes the plan of an undo, or what it has done. One that is not waited for any more says nothing.
    pub fn undone(&mut self, (undo, outcome): undo::Answer<Id<D>>) {
        let Some(question) = self.question.take_if(|question| question.undo == undo) else { return };
        match outcome {
            Err(why) => self.said = Some(why),
            Ok(Undone { events, .. }) if events.is_empty() => {
                self.said = Some("nothing to do: all would be as it is".into())
            }
            Ok(done) if undo.sure.is_some() => self.said = Some(format!("done: {}", done.events.join(", "))),
            Ok(plan) => self.question = Some(Question { plan: Some(plan), ..question }),
        }
    }
}
