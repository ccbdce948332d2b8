//! The name of a basket: twelve bytes, written as 24 hex digits, the shape of a MongoDB ObjectId.
//! The domain never generates one (it has no clock and no random numbers): the caller brings the id of a new basket.

use std::{fmt, str::FromStr};

/// Names one basket.
///
/// ```
/// use basket_domain::BasketId;
///
/// let id: BasketId = "5ab69073421aa917e62b4734".parse()?;
/// assert_eq!(id.to_string(), "5ab69073421aa917e62b4734");
/// assert!("five".parse::<BasketId>().is_err());
/// # Ok::<(), basket_domain::ParseBasketIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BasketId([u8; 12]);

/// A text that is not 24 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a basket id is 24 hex digits (0-9, a-f)")]
pub struct ParseBasketIdError;

impl BasketId {
    /// The id made of these bytes.
    pub const fn from_bytes(bytes: [u8; 12]) -> Self {
        Self(bytes)
    }

    /// The bytes of the id.
    pub const fn to_bytes(self) -> [u8; 12] {
        self.0
    }
}

impl FromStr for BasketId {
    type Err = ParseBasketIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.as_bytes();
        // from_str_radix alone would accept a sign, too.
        if digits.len() != 24 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(ParseBasketIdError);
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| ParseBasketIdError)?;
        let [_, _, _, _, bytes @ ..] = number.to_be_bytes();
        Ok(Self(bytes))
    }
}

impl fmt::Display for BasketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BasketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
