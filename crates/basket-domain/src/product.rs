//! The name of a product, checked once, when it is made: a [`Product`] is always valid.

use std::{fmt, str::FromStr};

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// A product's name: trimmed, not empty, free of control characters, at most [`Product::MAX_CHARS`] characters.
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
/// # Ok::<(), basket_domain::ProductError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Product(String);

/// Why a text can't be the name of a product.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProductError {
    /// Nothing is left after trimming.
    #[error("a product's name can't be empty")]
    Empty,
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
        let name = name.trim();
        if name.is_empty() {
            return Err(ProductError::Empty);
        }
        if let Some(found) = name.chars().find(|c| c.is_control()) {
            return Err(ProductError::ControlCharacter { found });
        }
        let name = if is_nfc(name) { name.to_owned() } else { name.nfc().collect() };
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
