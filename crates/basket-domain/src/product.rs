//! The name of a product, checked once, when it is made: a [`Product`] is always valid.

use std::{fmt, str::FromStr};

use smol_str::SmolStr;
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// A product's name: trimmed, not empty, something to see, free of control characters and of those that turn text round, at
/// most [`Product::MAX_CHARS`] characters.
///
/// Case counts ("Socks" is not "socks"). The name is kept in Unicode's normal form C, so that an accented letter is the
/// same letter, however a keyboard or a file system wrote it.
///
/// ```
/// use basket_domain::Product;
///
/// assert_eq!(Product::new("  clocks ")?, Product::new("clocks")?);
/// assert_eq!(Product::new("cafe\u{301}")?, Product::new("caf\u{e9}")?);
/// assert!(Product::new(" ").is_err());
/// assert!(Product::new("so\u{202e}cks").is_err());
/// # Ok::<(), basket_domain::ProductError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Product(SmolStr);

/// Why a text can't be the name of a product.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProductError {
    /// Nothing is left after trimming.
    #[error("a product's name can't be empty")]
    Empty,
    /// The name has characters, and none of them can be seen.
    #[error("a product's name needs a letter that can be seen")]
    Invisible,
    /// The name holds a character that changes the direction of the text around it: it could be read as another name.
    #[error("a product's name can't hold {found:?}, which changes the direction of text")]
    Direction {
        /// The first one found.
        found: char,
    },
    /// The name is longer than [`Product::MAX_CHARS`].
    #[error("a product's name has at most {max} characters, this one has {chars}", max = Product::MAX_CHARS)]
    TooLong {
        /// How many characters it has.
        chars: usize,
    },
    /// The name holds a control character, which would break a line or a terminal.
    #[error("a product's name can't hold the control character {found:?}")]
    ControlCharacter {
        /// The first one found.
        found: char,
    },
}

impl Product {
    /// The longest name, in characters (Unicode scalar values).
    pub const MAX_CHARS: usize = 128;

    /// Checks and trims a name.
    ///
    /// # Errors
    /// [`ProductError`] says which rule the name breaks.
    pub fn new(name: &str) -> Result<Self, ProductError> {
        let product = Self::stored(name)?;
        if product.0.chars().all(|letter| letter.is_whitespace() || is_invisible(letter)) {
            return Err(ProductError::Invisible);
        }
        match product.0.chars().find(|letter| is_direction(*letter)) {
            Some(found) => Err(ProductError::Direction { found }),
            None => Ok(product),
        }
    }

    /// Checks a name that was stored, by the first rules alone: those of [`new`](Self::new) grow, and what was stored before
    /// must stay readable.
    ///
    /// # Errors
    /// [`ProductError`] says why no product ever had this name.
    pub fn stored(name: &str) -> Result<Self, ProductError> {
        let name = name.trim();
        if name.is_empty() {
            return Err(ProductError::Empty);
        }
        if let Some(found) = name.chars().find(|c| c.is_control()) {
            return Err(ProductError::ControlCharacter { found });
        }
        let name: SmolStr = if is_nfc(name) { name.into() } else { name.nfc().collect() };
        match name.chars().count() {
            chars if chars > Self::MAX_CHARS => Err(ProductError::TooLong { chars }),
            _ => Ok(Self(name)),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a character changes the direction of text (Unicode's `Bidi_Control`).
pub fn is_direction(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character shows nothing by itself: Unicode's `Default_Ignorable_Code_Point`, and the empty pattern of Braille.
pub fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

impl FromStr for Product {
    type Err = ProductError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // pad, not write_str, so that a column width such as {:<12} works.
        f.pad(&self.0)
    }
}

impl fmt::Debug for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
