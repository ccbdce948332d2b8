fn apply(&mut self, event: &BasketEvent) {
    match event {
        BasketCreated { basket_id } => self.id = Some(*basket_id),
        ItemAdded { product, qty, .. } => {
            let total = self.items.entry(product.clone())
                .or_insert(0);
            *total = total.saturating_add(qty.get());
        }
        ItemRemoved { product, .. } =>
            drop(self.items.shift_remove(product)),
        …
    }
}
