//! The keys of each screen, in one table: [`model`](super::model) acts by it and the help shows it, so the two can't differ.

use crossterm::event::KeyCode::{self, Char, Down, End, Enter, Esc, Home, Left, PageDown, PageUp, Right, Up};

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// One row back: an event earlier.
    Back,
    /// One row on: an event later.
    On,
    /// A page back.
    PageBack,
    /// A page on.
    PageOn,
    /// To the first row.
    First,
    /// To the last row: the head.
    Last,
    /// Open the basket under the cursor.
    Open,
    /// Find baskets by a part of their id.
    Find,
    /// Show only the baskets that hold a product.
    Product,
    /// Mark one end of a diff, or take the mark away.
    Mark,
    /// Show the event's document, or hide it.
    Document,
    /// Scroll the panes beside the timeline down.
    ScrollDown,
    /// Scroll them up.
    ScrollUp,
    /// Read everything again.
    Reload,
    /// Show the keys.
    Help,
    /// To the screen before, or out.
    Leave,
}

/// Some keys that do the same.
#[derive(Debug)]
pub struct Binding {
    /// The keys.
    pub keys: &'static [KeyCode],
    /// How the help writes them.
    pub shown: &'static str,
    /// What they ask for.
    pub action: Action,
    /// What the help says of it.
    pub what: &'static str,
}

const fn binding(keys: &'static [KeyCode], shown: &'static str, action: Action, what: &'static str) -> Binding {
    Binding { keys, shown, action, what }
}

/// The keys on the list of baskets.
pub const LIST: &[Binding] = &[
    binding(&[Up, Char('k')], "↑ k", Action::Back, "one basket up"),
    binding(&[Down, Char('j')], "↓ j", Action::On, "one basket down"),
    binding(&[PageUp], "PageUp", Action::PageBack, "a page up"),
    binding(&[PageDown], "PageDown", Action::PageOn, "a page down"),
    binding(&[Home, Char('g')], "Home g", Action::First, "to the first one, which changed last"),
    binding(&[End, Char('G')], "End G", Action::Last, "to the last one"),
    binding(&[Enter, Right], "Enter →", Action::Open, "open the basket"),
    binding(&[Char('/')], "/", Action::Find, "find by a part of the id (Enter keeps it, Esc does not)"),
    binding(&[Char('p')], "p", Action::Product, "only baskets that hold a product (Enter asks)"),
    binding(&[Char('r')], "r", Action::Reload, "read the list again"),
    binding(&[Char('?')], "?", Action::Help, "these keys"),
    binding(&[Char('q'), Esc], "q Esc", Action::Leave, "end the search, or leave"),
];

/// The keys on the timeline of a basket.
pub const BASKET: &[Binding] = &[
    binding(&[Left, Up, Char('h'), Char('k')], "← ↑ h k", Action::Back, "an event earlier"),
    binding(&[Right, Down, Char('l'), Char('j')], "→ ↓ l j", Action::On, "an event later"),
    binding(&[PageUp], "PageUp", Action::PageBack, "a page earlier"),
    binding(&[PageDown], "PageDown", Action::PageOn, "a page later"),
    binding(&[Home, Char('g')], "Home g", Action::First, "to the first event"),
    binding(&[End, Char('G')], "End G", Action::Last, "to the head, and stay there as events come in"),
    binding(&[Char('m')], "m", Action::Mark, "mark one end of a diff; the cursor is the other (again: unmark)"),
    binding(&[Char('d')], "d", Action::Document, "the event's document, as it is stored"),
    binding(&[Char('J')], "J", Action::ScrollDown, "scroll what is beside the timeline down"),
    binding(&[Char('K')], "K", Action::ScrollUp, "and up"),
    binding(&[Char('r')], "r", Action::Reload, "read the basket again"),
    binding(&[Char('?')], "?", Action::Help, "these keys"),
    binding(&[Char('q'), Esc], "q Esc", Action::Leave, "back to the list, or leave"),
];

/// What a key asks for on a screen with these bindings.
pub fn action(bindings: &[Binding], key: KeyCode) -> Option<Action> {
    bindings.iter().find(|binding| binding.keys.contains(&key)).map(|binding| binding.action)
}
