pub fn create(&self, basket_id: BasketId)
    -> Result<Vec<BasketEvent>, Refusal> {
    if self.id.is_some() {
        return Err(Refusal::AlreadyCreated);
    }
    Ok(vec![BasketCreated { basket_id }])
}
