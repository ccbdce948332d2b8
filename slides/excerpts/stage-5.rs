pub fn replay(
    self, events: impl IntoIterator<Item = A::Event>,
) -> Self {
    events.into_iter().fold(self, |mut root, event| {
        root.apply(&event);
        root
    })
}
