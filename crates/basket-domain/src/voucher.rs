//! Vouchers: a code that is good for one basket, of all that there are. A basket can't know of the others, so the caller brings
//! what has happened to the voucher: [`Basket::redeem`] decides on it.

use std::{fmt, str::FromStr};

use crate::{Basket, BasketEvent, Refusal};

/// The code on a voucher: 1 to [`Voucher::MAX_CHARS`] letters and digits of ASCII, and `-`. Case counts.
///
/// ```
/// use basket_domain::Voucher;
///
/// assert_eq!("SPRING-26".parse::<Voucher>()?.as_str(), "SPRING-26");
/// assert!("50 %".parse::<Voucher>().is_err());
/// # Ok::<(), basket_domain::ParseVoucherError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Voucher(String);

/// A text that is no code of a voucher.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a voucher is 1 to {} letters (a-z, A-Z), digits and '-'", Voucher::MAX_CHARS)]
pub struct ParseVoucherError;

impl Voucher {
    /// The longest code, in characters.
    pub const MAX_CHARS: usize = 64;

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Voucher {
    type Err = ParseVoucherError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_code = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        match text.len() {
            1..=Self::MAX_CHARS if text.chars().all(is_code) => Ok(Self(text.to_owned())),
            _ => Err(ParseVoucherError),
        }
    }
}

impl fmt::Display for Voucher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Basket {
    /// Redeems a voucher, of which `redeemed` is all that has happened to it, in any basket.
    ///
    /// # Errors
    /// [`Refusal::NeverCreated`]; [`Refusal::VoucherRedeemed`] the second time, in whichever basket.
    pub fn redeem<'a>(
        &self,
        voucher: &Voucher,
        redeemed: impl IntoIterator<Item = &'a BasketEvent>,
    ) -> Result<Vec<BasketEvent>, Refusal> {
        let basket_id = self.id().ok_or(Refusal::NeverCreated)?;
        let by = |event: &BasketEvent| match event {
            BasketEvent::VoucherRedeemed { basket_id, voucher: redeemed } if redeemed == voucher => Some(*basket_id),
            _ => None,
        };
        match redeemed.into_iter().find_map(by) {
            Some(by) => Err(Refusal::VoucherRedeemed { voucher: voucher.clone(), by }),
            None => Ok(vec![BasketEvent::VoucherRedeemed { basket_id, voucher: voucher.clone() }]),
        }
    }
}
