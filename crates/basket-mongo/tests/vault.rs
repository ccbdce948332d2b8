//! Texts about people: sealed and opened, and erased wherever a copy of them is.

use std::sync::atomic::{AtomicBool, Ordering};

use basket_domain::{Aggregate, Sealed, Subject};
use basket_mongo::{
    Baskets, Codec, Entry, EventLog, EventStore, Feeds, Keys, MemoryStore, MongoStore, Outcome, Projection, Scope,
    Subjects, Subscription, Vault,
    store::{
        codec::text,
        error::Cause,
        exchange::Export,
        feed::{RowQuery, Shape},
        keys::Kept,
        projection::project,
    },
    vault::{MasterKey, Opened, VaultError, Wrap},
};
use bson::{Bson, Document, RawBsonRef, RawDocument, doc};
use futures_util::{TryStreamExt, future::join_all};
use testkit::{keys_contract::subject, mongo::with_database};

mod memory {
    use super::*;

    fn with(test: impl AsyncFnOnce(MemoryStore<Baskets>)) {
        tokio::runtime::Runtime::new().unwrap().block_on(test(MemoryStore::default()));
    }

    testkit::keys_contract!(with);
}

mod mongo {
    use super::*;

    fn with(test: impl AsyncFnOnce(MongoStore<Baskets>)) {
        with_database(async |db| test(db.store().await).await);
    }

    testkit::keys_contract!(with);
}

/// A member of a library: an aggregate of someone else, whose name is sealed.
#[derive(Debug, Clone, Default, PartialEq)]
struct Member {
    name: Option<Sealed>,
}

#[derive(Debug, Clone, PartialEq)]
enum MemberEvent {
    Joined { name: Sealed },
}

impl Aggregate for Member {
    type Id = String;
    type Event = MemberEvent;

    fn apply(&mut self, MemberEvent::Joined { name }: &MemberEvent) {
        self.name = Some(name.clone());
    }
}

#[derive(Debug)]
struct Members;

impl Codec for Members {
    type Aggregate = Member;

    const COLLECTION: &'static str = "members";
    const KEY: &'static str = "member_id";

    fn key(id: &String) -> Bson {
        id.into()
    }

    fn id(key: RawBsonRef<'_>) -> Option<String> {
        key.as_str().map(str::to_owned)
    }

    fn encode(MemberEvent::Joined { name }: &MemberEvent) -> (&'static str, Document) {
        ("Joined", doc! { "name": name.to_string() })
    }

    fn decode(_: &String, _: &str, data: &RawDocument) -> Result<MemberEvent, String> {
        let name = text(data, "name")?.parse().map_err(|why| format!("data.name: {why}"))?;
        Ok(MemberEvent::Joined { name })
    }
}

/// The names of all members, as a read model.
struct Names;

impl Projection<Members> for Names {
    fn name(&self) -> &'static str {
        "names"
    }

    fn shape(&self) -> Shape {
        Shape { number: 1, indexes: &[] }
    }

    fn fold(&self, stream: &[Entry<Members>]) -> Document {
        let names = stream.iter().map(|Entry::<Members> { event: MemberEvent::Joined { name }, .. }| name.to_string());
        doc! { "names": names.collect::<Vec<_>>() }
    }
}

fn sealed(text: &str) -> Sealed {
    Sealed::find(text).unwrap_or_else(|| panic!("nothing is sealed in {text}")).1
}

#[test]
fn what_was_erased_reads_as_erased_in_events_states_read_models_and_exports() {
    with_database(async |db| {
        let members = db.store().await.streams_of::<Members>().unwrap();
        let vault = Vault::new(&members, MasterKey::generate().unwrap());
        let id = "member-1".to_owned();
        let name = vault.seal(&subject("ann"), "Ann Smith").await.unwrap();
        members.command(&id).run(|_| Ok::<_, String>(vec![MemberEvent::Joined { name: name.clone() }])).await.unwrap();

        let mut reader = Subscription::open(&members, "names", Names.shape(), Default::default()).await.unwrap();
        while !project(&mut reader, &Names).await.unwrap().1 {}
        let row: Vec<_> = members.rows(reader.claim().rows.clone(), RowQuery::default()).try_collect().await.unwrap();
        let document = members.documents(Scope::All).try_collect::<Vec<_>>().await.unwrap().remove(0);
        let copies = [
            members.get(&id).await.unwrap().state().name.clone().unwrap(),
            sealed(&row[0].1.row.as_ref().unwrap().to_string()),
            sealed(&Export::<Members>::default().line(&document).unwrap()),
        ];
        let all_are = async |expected: Opened| {
            for copy in &copies {
                assert_eq!(vault.open(copy).await.unwrap(), expected);
            }
        };
        all_are(Opened::Text("Ann Smith".into())).await;
        assert_eq!(vault.forget(&subject("ann")).await.unwrap(), None);
        all_are(Opened::Erased).await;
        assert!(vault.forget(&subject("ann")).await.unwrap().is_some(), "it says when it was");
    });
}

#[tokio::test]
async fn a_text_fits_its_subject_and_its_store_alone_and_a_changed_one_is_refused() {
    let store = MemoryStore::<Baskets>::default();
    let vault = Vault::new(&store, MasterKey::generate().unwrap());
    let (ann, bob) = (subject("ann"), subject("bob"));
    let [one, two] = [vault.seal(&ann, "one").await.unwrap(), vault.seal(&ann, "one").await.unwrap()];
    assert_ne!(one, two, "no one sees that two texts are alike");
    vault.seal(&bob, "").await.unwrap();

    let content = one.content().to_owned();
    let broken = |subject: &Subject, content: String| Sealed::new(subject.clone(), content).unwrap();
    let is_broken = async |sealed| matches!(vault.open(&sealed).await, Err(VaultError::Broken { .. }));
    assert!(is_broken(broken(&bob, content.clone())).await, "of another subject");
    for place in 0..content.len() {
        let mut changed = content.clone();
        let other = if &content[place..=place] == "A" { "B" } else { "A" };
        changed.replace_range(place..=place, other);
        assert!(is_broken(broken(&ann, changed)).await, "changed at {place}");
        assert!(place == 0 || is_broken(broken(&ann, content[..place].to_owned())).await, "cut at {place}");
    }
    let elsewhere = MemoryStore::<Baskets>::default();
    assert_eq!(Vault::new(&elsewhere, MasterKey::generate().unwrap()).open(&one).await.unwrap(), Opened::Missing);
    assert!(matches!(vault.forget(&subject("cid")).await, Err(VaultError::Unknown { .. })));
}

/// A service that wraps keys, which fails when it is told to.
struct Service(MasterKey, AtomicBool);

impl Wrap for Service {
    fn name(&self) -> &str {
        "projects/shop/keys/1"
    }

    async fn wrap(&self, subject: &Subject, key: &[u8]) -> Result<Vec<u8>, Cause> {
        self.0.wrap(subject, key).await
    }

    async fn unwrap(&self, subject: &Subject, wrapped: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>, Cause> {
        match self.1.load(Ordering::Relaxed) {
            true => Err("it does not answer".into()),
            false => self.0.unwrap(subject, wrapped).await,
        }
    }
}

#[tokio::test]
async fn all_keys_are_wrapped_anew_and_then_only_the_new_key_opens() {
    let store = MemoryStore::<Baskets>::default();
    let (old, new) = (MasterKey::new([1; 32]), Service(MasterKey::generate().unwrap(), false.into()));
    let (before, after) = (Vault::new(&store, MasterKey::new([1; 32])), Vault::new(&store, &new));
    let mut texts = Vec::new();
    for number in 0..20 {
        texts.push(before.seal(&subject(&format!("s-{number}")), "a text").await.unwrap());
    }
    before.forget(&subject("s-7")).await.unwrap();

    assert_eq!(after.rewrap(&old).await.unwrap(), 19);
    assert_eq!(after.rewrap(&old).await.unwrap(), 0, "it can be repeated");
    for (number, text) in texts.iter().enumerate() {
        let expected = if number == 7 { Opened::Erased } else { Opened::Text("a text".into()) };
        assert_eq!(after.open(text).await.unwrap(), expected);
        let is_other = matches!(before.open(text).await, Err(VaultError::OtherKey { .. }));
        assert!(is_other || number == 7, "the old key opens nothing any more");
    }

    new.1.store(true, Ordering::Relaxed);
    let error = after.open(&texts[0]).await.unwrap_err();
    assert_eq!(error.to_string(), "the key of 's-0' can't be wrapped or unwrapped by projects/shop/keys/1");
    assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "it does not answer");
}

/// Sixteen writers seal while their subject is forgotten: whatever was sealed is erased, and no key comes after.
#[test]
fn a_text_that_is_sealed_while_its_subject_is_forgotten_is_erased_or_refused() {
    with_database(async |db| {
        let store = db.store().await;
        let vault = Vault::new(&store, MasterKey::generate().unwrap());
        for round in 0..20 {
            let ann = subject(&format!("ann-{round}"));
            vault.seal(&ann, "first").await.unwrap();
            let seal = join_all((0..16).map(|_| vault.seal(&ann, "a text")));
            let (sealed, forgotten) = futures_util::join!(seal, vault.forget(&ann));
            assert_eq!(forgotten.unwrap(), None);
            for sealed in sealed {
                match sealed {
                    Ok(sealed) => assert_eq!(vault.open(&sealed).await.unwrap(), Opened::Erased),
                    Err(error) => assert!(matches!(error, VaultError::Forgotten { .. }), "{error}"),
                }
            }
            assert!(matches!(store.key(&ann).await.unwrap(), Kept::Forgotten(_)));
        }
    });
}

#[test]
fn a_receipt_is_kept_once() {
    with_database(async |db| {
        let receipts = db.store().await.streams_of::<Subjects>().unwrap();
        for outcome in [Outcome::Now, Outcome::Unchanged] {
            let done = receipts.command(&subject("ann")).actor("bob").run(|known| known.forget()).await.unwrap();
            assert_eq!(done.outcome, outcome);
        }
        let log: Vec<_> = receipts.log(Scope::All).try_collect().await.unwrap();
        assert_eq!((log.len(), log[0].stream.as_str(), log[0].meta.actor.as_deref()), (1, "ann", Some("bob")));
    });
}
