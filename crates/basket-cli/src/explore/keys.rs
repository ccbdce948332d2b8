//! The keys of each screen, in one table: [`model`](super::model) handles keys by it and the help shows it, so the two can't
//! differ. `{stream}` and `{row}` stand for what a domain calls these.

use crossterm::event::KeyCode::{self, Char, Down, End, Enter, Esc, Home, Left, PageDown, PageUp, Right, Up};

/// What a key does, as [`LIST`] and [`TIMELINE`] describe it.
#[allow(missing_docs, reason = "the tables describe each")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Back,
    On,
    PageBack,
    PageOn,
    First,
    Last,
    Open,
    Find,
    Row,
    Mark,
    Document,
    ScrollDown,
    ScrollUp,
    Copy,
    Revert,
    Restore,
    Reload,
    Help,
    Leave,
}

#[derive(Debug)]
pub struct Binding {
    pub keys: &'static [KeyCode],
    /// How the help writes them.
    pub shown: &'static str,
    /// What they do.
    pub action: Action,
    /// How the help describes it.
    pub what: &'static str,
}

const fn binding(keys: &'static [KeyCode], shown: &'static str, action: Action, what: &'static str) -> Binding {
    Binding { keys, shown, action, what }
}

pub const LIST: &[Binding] = &[
    binding(&[Up, Char('k')], "↑ k", Action::Back, "one {stream} up"),
    binding(&[Down, Char('j')], "↓ j", Action::On, "one {stream} down"),
    binding(&[PageUp], "PageUp", Action::PageBack, "a page up"),
    binding(&[PageDown], "PageDown", Action::PageOn, "a page down"),
    binding(&[Home, Char('g')], "Home g", Action::First, "to the first one, which changed last"),
    binding(&[End, Char('G')], "End G", Action::Last, "to the last one"),
    binding(&[Enter, Right], "Enter →", Action::Open, "open the {stream}"),
    binding(&[Char('/')], "/", Action::Find, "find by a part of the id (Enter keeps it, Esc does not)"),
    binding(&[Char('p')], "p", Action::Row, "only {stream}s that hold a {row} (Enter asks)"),
    binding(&[Char('y')], "y", Action::Copy, "copy the id to the clipboard"),
    binding(&[Char('r')], "r", Action::Reload, "read the list again"),
    binding(&[Char('?')], "?", Action::Help, "these keys"),
    binding(&[Char('q'), Esc], "q Esc", Action::Leave, "end the search, or leave"),
];

pub const TIMELINE: &[Binding] = &[
    binding(&[Left, Up, Char('h'), Char('k')], "← ↑ h k", Action::Back, "an event earlier"),
    binding(&[Right, Down, Char('l'), Char('j')], "→ ↓ l j", Action::On, "an event later"),
    binding(&[PageUp], "PageUp", Action::PageBack, "a page earlier"),
    binding(&[PageDown], "PageDown", Action::PageOn, "a page later"),
    binding(&[Home, Char('g')], "Home g", Action::First, "to the first event"),
    binding(&[End, Char('G')], "End G", Action::Last, "to the head, and stay there as events come in"),
    binding(&[Char('m')], "m", Action::Mark, "mark one end of a diff; the cursor is the other (again: unmark)"),
    binding(&[Char('d')], "d", Action::Document, "the event's document, as it is stored"),
    binding(&[Char('/')], "/", Action::Find, "only events that have these words (Enter keeps it, Esc does not)"),
    binding(&[Char('y')], "y", Action::Copy, "copy the id of the {stream} to the clipboard"),
    binding(&[Char('u')], "u", Action::Revert, "undo this event by new ones, which are shown before you say yes"),
    binding(&[Char('U')], "U", Action::Restore, "undo all that followed this version, in the same way"),
    binding(&[Char('J')], "J", Action::ScrollDown, "scroll what is beside the timeline down"),
    binding(&[Char('K')], "K", Action::ScrollUp, "and up"),
    binding(&[Char('r')], "r", Action::Reload, "read the {stream} again"),
    binding(&[Char('?')], "?", Action::Help, "these keys"),
    binding(&[Char('q'), Esc], "q Esc", Action::Leave, "back to the list, or leave"),
];

/// What a key does on a screen with these bindings.
pub fn action(bindings: &[Binding], key: KeyCode) -> Option<Action> {
    bindings.iter().find(|binding| binding.keys.contains(&key)).map(|binding| binding.action)
}
