//! Without any of the safeguards a law is broken, and this is the shortest way to it. `REWRITE=1 cargo test -p model` writes the
//! stories anew; read them before they are committed.

use model::{
    append::Append,
    feed::Feed,
    safeguards::Safeguard,
    story::{counter_example, story},
};

/// The stories of all counter-examples.
fn stories() -> String {
    let mut stories = String::new();
    let mut add = |what: String, story: Option<String>| {
        stories.push_str(&format!("{what}:\n{}\n", story.unwrap_or_else(|| "no law is broken\n".into())));
    };
    for safeguard in Safeguard::OF_APPENDS {
        let model = Append::without(safeguard);
        let way = counter_example(&model);
        add(format!("Appends without {}", safeguard.name()), way.map(|way| story(&model, &way)));
    }
    for safeguard in Safeguard::OF_FEEDS {
        let model = Feed::without(safeguard);
        let way = counter_example(&model);
        add(format!("Feeds without {}", safeguard.name()), way.map(|way| story(&model, &way)));
    }
    let model = Append::of_a_stale_primary();
    let way = counter_example(&model);
    let what = "Appends that read from a primary which has not heard of its successor";
    add(what.into(), way.map(|way| story(&model, &way)));
    stories
}

#[test]
fn without_a_safeguard_a_law_is_broken_in_the_way_that_is_written_down() {
    let (found, file) = (stories(), concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stories.txt"));
    if std::env::var_os("REWRITE").is_some() {
        std::fs::write(file, &found).unwrap();
    }
    let known = std::fs::read_to_string(file).unwrap();
    assert_eq!(found, known, "\nfound:\n{found}");
}

#[test]
fn with_all_safeguards_the_same_models_keep_the_same_laws() {
    for safeguard in Safeguard::OF_APPENDS {
        let model = Append { without: None, ..Append::without(safeguard) };
        assert!(counter_example(&model).is_none(), "{safeguard:?}");
    }
    for safeguard in Safeguard::OF_FEEDS {
        let model = Feed { without: None, ..Feed::without(safeguard) };
        assert!(counter_example(&model).is_none(), "{safeguard:?}");
    }
    let model = Append { stale_reads: false, ..Append::of_a_stale_primary() };
    assert!(counter_example(&model).is_none());
}
