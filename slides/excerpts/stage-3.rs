pub fn add_item(&self, product: &Product, qty: NonZeroU32)
    -> Result<Vec<BasketEvent>, Refusal> {
    …
    let held = self.quantity(product);
    if held.checked_add(qty.get()).is_none() {
        return Err(Refusal::TooMany { … });
    }
    Ok(vec![ItemAdded { basket_id, product: …, qty }])
}
