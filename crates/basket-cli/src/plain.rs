//! Texts from outside as a terminal may show them, and how many columns they take. All that is printed for people goes
//! through it; JSON holds texts as they are.

use std::borrow::Cow;

use basket_domain::product::{is_direction, is_invisible};
use ratatui::{style::Style, text::Span};
use unicode_width::UnicodeWidthStr;

/// A text in one line, with a blank for a tab. Escaped is what could move the cursor, begin a line, turn the text around it
/// round, or make one name look like another one: `\u{202e}`.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let is_special = |letter: char| letter.is_control() || is_invisible(letter) || ends_a_line(letter);
    if !text.contains(is_special) {
        return text.into();
    }
    let mut shown = String::new();
    for letter in text.chars() {
        match letter {
            '\t' => shown.push(' '),
            _ if !is_special(letter) || joins(letter) && shown.chars().last().is_some_and(is_joined) => {
                shown.push(letter)
            }
            _ => shown.extend(letter.escape_default()),
        }
    }
    shown.into()
}

/// U+2028 and U+2029, which are no control characters.
fn ends_a_line(letter: char) -> bool {
    matches!(letter, '\u{2028}' | '\u{2029}')
}

/// Whether a character is a part of the letter before it in many a script, and in emoji.
fn joins(letter: char) -> bool {
    !is_direction(letter)
        && matches!(letter, '\u{180b}'..='\u{180f}' | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0020}'..='\u{e01ef}')
}

/// Whether a letter may have such a part.
fn is_joined(letter: char) -> bool {
    letter.is_alphanumeric() || !letter.is_ascii()
}

/// How many columns a text takes on a terminal: two for a letter of Chinese, none for an accent.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text with blanks after it, in at least so many columns.
pub(crate) fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// `1 event`, `2 events`.
pub(crate) fn count(number: u64, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}

/// Bytes as digits.
pub fn hex<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> String {
    bytes.into_iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The letters of a text as people see them: one with an accent, or an emoji of several characters, is one letter.
pub(crate) fn letters(text: &str) -> Vec<String> {
    Span::raw(text).styled_graphemes(Style::new()).map(|letter| letter.symbol.to_owned()).collect()
}

/// The text in at most so many columns: its beginning and `…`, where it is longer.
pub(crate) fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return text.into();
    }
    let mut kept = String::new();
    for letter in letters(text) {
        if width(&kept) + width(&letter) >= columns {
            break;
        }
        kept.push_str(&letter);
    }
    kept.push_str(if columns > 0 { "…" } else { "" });
    kept.into()
}
