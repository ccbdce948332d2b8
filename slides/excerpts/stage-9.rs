fn apply(&mut self, event: &BasketEvent) {
    match event {
        …
        ItemAdded { basket_id, product, qty } => {
            …
            *held += u64::from(qty.get());
            turnover.added += u64::from(qty.get());
        }
        ItemRemoved { basket_id, product } => {
            if let Some(held) = self.held.by(*basket_id)… {
                self.products… .removed += std::mem::take(held);
            …
}
