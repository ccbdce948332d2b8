//! Both stores pass the contract.

mod embedded {
    use basket_cli::EmbeddedStore;
    use basket_mongo::Baskets;

    fn with(test: impl AsyncFnOnce(EmbeddedStore<Baskets>)) {
        let folder = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::at(folder.path().join("new/baskets.db"));
        tokio::runtime::Runtime::new().unwrap().block_on(test(store));
    }

    testkit::contract!(with);
    testkit::feed_contract!(with);
    testkit::snapshot_contract!(with);
}

mod mongo {
    use basket_mongo::{Baskets, MongoStore, store::setup::Init};

    fn with(test: impl AsyncFnOnce(MongoStore<Baskets>)) {
        testkit::mongo::with_database(async |db| {
            let store = db.store().await;
            store.init(&Init::default()).await.unwrap();
            test(store).await;
        });
    }

    testkit::contract!(with);
    testkit::feed_contract!(with);
    testkit::snapshot_contract!(with);
}
