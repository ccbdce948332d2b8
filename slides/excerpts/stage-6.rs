fn save_as(&self, commit: CommitId, root: &mut EventSourced<A>)
    -> impl Future<Output = Result<(), StoreError>> … {
    …
    let expected = Expected::Claimed(root.saved_version());
    self.append(root.id(), expected, commit, root.new_events())
        .await?;
    root.mark_saved();
    Ok(())
    …
}
