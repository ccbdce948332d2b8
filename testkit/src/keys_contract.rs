//! What every store does with the keys of subjects. `$with` runs a test with an empty store.

use basket_domain::Subject;
use basket_mongo::store::keys::WrappedKey;

#[macro_export]
macro_rules! keys_contract {
    ($with:ident) => {
        mod keys_contract {
            use super::*;
            use basket_mongo::{Keys, store::keys::Kept};
            use futures_util::{TryStreamExt, future::join_all};
            use testkit::keys_contract::{subject, wrapped};

            #[test]
            fn of_many_that_keep_a_key_at_once_all_get_the_same() {
                $with(async |store| {
                    assert_eq!(store.key(&subject("ann")).await.unwrap(), Kept::Unknown);
                    let ann = subject("ann");
                    let keep = |byte| store.keep_key(&ann, wrapped(byte));
                    let kept = join_all((1..=16).map(keep)).await;
                    let first = kept[0].as_ref().unwrap();
                    assert!(matches!(first, Kept::Key(_)));
                    kept.iter().for_each(|kept| assert_eq!(kept.as_ref().unwrap(), first));
                    assert_eq!(store.key(&ann).await.unwrap(), *first);
                    assert_eq!(store.key(&subject("Ann")).await.unwrap(), Kept::Unknown, "case counts");
                });
            }

            #[test]
            fn a_deleted_key_stays_deleted_and_its_time_stays() {
                $with(async |store| {
                    for name in ["ann", "never-seen"] {
                        let name = subject(name);
                        if name.as_str() == "ann" {
                            store.keep_key(&name, wrapped(1)).await.unwrap();
                        }
                        let before = store.key(&name).await.unwrap();
                        assert_eq!(store.delete_key(&name).await.unwrap(), before);
                        let Kept::Forgotten(at) = store.key(&name).await.unwrap() else { panic!("it is there") };
                        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                        assert_eq!(store.delete_key(&name).await.unwrap(), Kept::Forgotten(at));
                        assert_eq!(store.keep_key(&name, wrapped(2)).await.unwrap(), Kept::Forgotten(at));
                        assert!(!store.replace_key(&name, &wrapped(1), wrapped(3)).await.unwrap());
                        assert_eq!(store.key(&name).await.unwrap(), Kept::Forgotten(at));
                    }
                });
            }

            #[test]
            fn a_key_is_replaced_if_it_is_still_the_one_that_was_read() {
                $with(async |store| {
                    let ann = subject("ann");
                    assert!(!store.replace_key(&ann, &wrapped(1), wrapped(2)).await.unwrap());
                    assert_eq!(store.key(&ann).await.unwrap(), Kept::Unknown);
                    store.keep_key(&ann, wrapped(1)).await.unwrap();
                    assert!(!store.replace_key(&ann, &wrapped(9), wrapped(2)).await.unwrap());
                    assert!(store.replace_key(&ann, &wrapped(1), wrapped(2)).await.unwrap());
                    assert_eq!(store.key(&ann).await.unwrap(), Kept::Key(wrapped(2)));
                });
            }

            #[test]
            fn the_subjects_with_a_key_come_by_name() {
                $with(async |store| {
                    assert_eq!(store.subjects().try_collect::<Vec<_>>().await.unwrap(), []);
                    for name in ["cid", "ann", "bob"] {
                        store.keep_key(&subject(name), wrapped(1)).await.unwrap();
                    }
                    store.delete_key(&subject("bob")).await.unwrap();
                    let subjects: Vec<_> = store.subjects().try_collect().await.unwrap();
                    assert_eq!(subjects, [subject("ann"), subject("cid")]);
                });
            }
        }
    };
}

pub fn subject(name: &str) -> Subject {
    name.parse().unwrap()
}

/// A key of such bytes, wrapped by the key of this number.
pub fn wrapped(byte: u8) -> WrappedKey {
    WrappedKey { bytes: vec![byte; 8], by: format!("{byte}") }
}
