fn save_as(&self, commit: &Commit, root: &mut EventSourced<A>)
    -> impl Future<Output = Result<Outcome, StoreError>> … {
    …
    let expected = Expected::Claimed(root.saved_version());
    let outcome = self.append(root.id(), expected, commit,
        root.new_events()).await?;
    root.mark_saved();
    Ok(outcome)
    …
}
