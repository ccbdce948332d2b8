//! Merging two baskets: one decision that changes both, or neither.

use std::num::NonZeroU32;

use crate::{Basket, BasketEvent, Refusal};

impl Basket {
    /// Moves all that is in `from` into this basket: what happens to this one, and to the other. It is for one commit; a shopper
    /// would otherwise have the products twice, or lose them.
    ///
    /// ```
    /// # use basket_domain::{Basket, BasketId, EventSourced, Product};
    /// # use std::num::NonZeroU32;
    /// # let basket = |byte| {
    /// #     let id = BasketId::from_bytes([byte; 12]);
    /// #     let mut basket = EventSourced::<Basket>::new(id);
    /// #     basket.decide(|basket| basket.create(id))?;
    /// #     Ok::<_, basket_domain::Refusal>(basket)
    /// # };
    /// # let (into, mut from) = (basket(1)?, basket(2)?);
    /// let socks = Product::new("socks")?;
    /// from.decide(|basket| basket.add_item(&socks, NonZeroU32::MIN))?;
    /// let [added, removed] = into.state().merge(from.state())?;
    /// assert_eq!((added.len(), removed.len()), (1, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Refusal::NeverCreated`] of either; [`Refusal::TooMany`] where a total would pass [`u32::MAX`].
    pub fn merge(&self, from: &Self) -> Result<[Vec<BasketEvent>; 2], Refusal> {
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        // An empty basket that never was is refused, too.
        self.id().and(from.id()).ok_or(Refusal::NeverCreated)?;
        for (product, quantity) in from.items() {
            let Some(quantity) = NonZeroU32::new(quantity) else { continue };
            added.extend(self.add_item(product, quantity)?);
            removed.extend(from.remove_item(product)?);
        }
        Ok([added, removed])
    }
}
