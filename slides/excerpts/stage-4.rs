pub fn remove_item(&self, product: &Product)
    -> Result<Vec<BasketEvent>, Refusal> {
    …
    if !self.contains(product) {
        return Err(Refusal::NotInBasket { … });
    }
    Ok(vec![ItemRemoved { basket_id, product: … }])
}
