//! Which store is used, and that it is never another one than the user chose.

use std::fs;

use testkit::{
    mongo::{STANDALONE, with_database, with_database_on},
    shell::Shell,
};

fn choice(shell: &Shell, words: &str) -> (String, String) {
    let answer = shell.basket(words);
    let line = |name: &str| {
        let line = answer.out.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{answer:?}")).trim().to_owned()
    };
    (line("store"), line("chosen by"))
}

/// The store's name ends with this, and this is what named it.
#[track_caller]
fn chooses(shell: &Shell, words: &str, name: &str, why: &str) {
    let chosen = choice(shell, words);
    assert!(chosen.0.ends_with(name) && chosen.1 == why, "{chosen:?}");
}

#[test]
fn the_default_is_the_file_in_the_data_folder_and_only_a_command_that_writes_makes_it() {
    let shell = Shell::new();
    let (store, why) = choice(&shell, "store");
    assert!(store.ends_with("/baskets.db") && store.starts_with(shell.folder.path().to_str().unwrap()), "{store}");
    assert!(why.starts_with("default"), "{why}");
    assert_eq!(shell.basket("get 5ab69073421aa917e62b4734").code, 3);
    assert!(!fs::exists(&store).unwrap());
    shell.create("socks");
    assert!(fs::exists(&store).unwrap());
}

#[test]
fn option_before_variable_before_dot_env_before_default() {
    let shell = Shell::new();
    let [below, env] = ["a/b", ".env"].map(|name| shell.folder.path().join(name));
    fs::create_dir_all(&below).unwrap();
    fs::write(env, "OTHER=`not for us\n# note\nexport BASKET_STORE = 'in env.db'\n").unwrap();
    let (store, why) = choice(&shell, "store");
    assert!(store.ends_with("/in env.db") && why.starts_with("the line BASKET_STORE in /"), "{store} {why}");

    // It holds in a folder below, too, even with a nearer .env that lacks the line; a relative path belongs to the folder
    // of the .env.
    fs::write(below.join(".env"), "BASKET_STORES=no\n").unwrap();
    let from_below = shell.command(&["store"]).current_dir(&below).output().unwrap();
    let expected = format!("{}/in env.db\n", shell.folder.path().display());
    assert!(String::from_utf8(from_below.stdout).unwrap().contains(&expected));

    let shell = shell.with("BASKET_STORE", "variable.db");
    chooses(&shell, "store", "/variable.db", "the environment variable BASKET_STORE");
    for words in ["store --store option.db", "--store option.db store"] {
        chooses(&shell, words, "/option.db", "the option --store");
    }
}

#[test]
fn a_server_that_does_not_answer_is_an_error_and_never_the_file() {
    let address = "mongodb://ann:s3cret@127.0.0.1:1/shop?serverSelectionTimeoutMS=100";
    let shell = Shell::new().with("BASKET_STORE", address);
    let id = "5ab69073421aa917e62b4734";
    for words in ["create socks", &format!("get {id}"), &format!("add {id} socks"), "export", "list", "watch"] {
        let answer = shell.basket(words);
        answer.fails(6, "mongodb://127.0.0.1:1/shop can't be reached (127.0.0.1:1: I/O error: Connection refused");
        assert!(!answer.err.contains("s3cret"));
        assert_eq!(answer.err.matches("Connection refused").count(), 1, "once, not with the driver's own words again");
    }
    let (store, why) = ("mongodb://127.0.0.1:1/shop", "the environment variable BASKET_STORE");
    for (words, expected) in [
        ("store", format!("store      {store}\nchosen by  {why}\nanswers    no\n")),
        ("store --format json", format!("{{\"store\":\"{store}\",\"chosen_by\":\"{why}\",\"answers\":false}}\n")),
    ] {
        let answer = shell.basket(words);
        assert_eq!((answer.code, answer.out.as_str()), (6, expected.as_str()));
        assert!(!answer.err.contains("s3cret"), "{answer:?}");
    }
    assert_eq!(fs::read_dir(shell.folder.path()).unwrap().count(), 0, "no file was made");
}

#[test]
fn a_value_that_is_no_store_is_a_usage_error() {
    let shell = Shell::new();
    for (store, why) in [
        ("postgres://127.0.0.1", "'postgres://' is no store"),
        ("''", "the option --store: the address of the store is not understood: it is empty"),
        ("mongodb://ann:s3cr%zzt@127.0.0.1", "the address of the store is not understood"),
        ("localhost:27017", "it looks like a server without mongodb://"),
        ("127.0.0.1:27017/shop", "it looks like a server without mongodb://"),
        ("mongodb:/ann:s3cret@h/db", "it looks like a server without mongodb://"),
        ("ann:s3cret@h", "it looks like a server without mongodb://"),
        ("ann:s3cret@h/shop?next=http://x", "what stands before :// in it is no store"),
    ] {
        for command in ["store", "get 5ab69073421aa917e62b4734"] {
            let answer = shell.basket(&format!("{command} --store {store}"));
            answer.fails(2, why);
            assert!(!answer.err.contains("s3cr"), "{answer:?}");
        }
    }
    assert_eq!(shell.basket("store --store ./a:b@c").code, 0);
    fs::write(shell.folder.path().join(".env"), "BASKET_STORE='mongodb://ann:s3cret@127.0.0.1\n").unwrap();
    let answer = shell.basket("store");
    answer.fails(1, "the line BASKET_STORE in ");
    assert!(!answer.err.contains("s3cret"));
}

#[test]
fn a_dot_env_is_read_as_it_stands_or_not_at_all() {
    let shell = Shell::new();
    let file = shell.folder.path().join(".env");
    fs::write(&file, "BASKET_STORE=mongodb://127.0.0.1:1/?authSource=$external\n").unwrap();
    shell.basket("store").fails(1, "can't be parsed; put its value in single quotes");
    fs::write(&file, "BASKET_STORE='cash$.db'\n").unwrap();
    assert!(choice(&shell, "store").0.ends_with("/cash$.db"));
    fs::write(&file, "\u{feff}BASKET_STORE=bom.db\n").unwrap();
    assert!(choice(&shell, "store").0.ends_with("/bom.db"));
    // Other lines may be in any encoding, with any ends.
    fs::write(&file, b"NAME=J\xfcrgen\r\nBASKET_STORE='s\xc3\xb6ckchen.db'\r\n# \xff\xfe\n").unwrap();
    assert!(choice(&shell, "store").0.ends_with("/söckchen.db"));
    fs::write(&file, b"NAME=J\xfcrgen\n").unwrap();
    assert!(choice(&shell, "store").1.starts_with("default"));
    fs::write(&file, b"BASKET_STORE=s\xf6ckchen.db\n").unwrap();
    shell.basket("store").fails(1, "can't be parsed; put its value in single quotes, as UTF-8");
}

#[test]
fn mongo_a_mongodb_that_answers_says_who_it_is() {
    with_database(async |db| {
        let shell = Shell::new();
        fs::write(shell.folder.path().join(".env"), format!("BASKET_STORE={}\n", db.address)).unwrap();
        let answer = shell.basket("store");
        assert_eq!((answer.code, answer.err.as_str()), (0, ""));
        assert!(answer.out.contains(&format!("store      {}\n", db.address)), "{answer:?}");
        assert!(answer.out.contains("answers    yes\nserver     MongoDB "), "{answer:?}");
        assert!(answer.out.ends_with("topology   replica set 'rs0'\n"), "{answer:?}");
    });
}

#[test]
fn mongo_a_standalone_server_keeps_no_pieces_and_says_how_to_mend_it() {
    with_database_on(STANDALONE, async |db| {
        let shell = Shell::new().with("BASKET_STORE", db.address.clone());
        shell.basket("create socks").fails(6, "is not a replica set, so it can't keep 2 events together or not at all; start a replica set of one with `make mongo`");
        assert!(shell.basket("store").out.contains("topology   standalone"));
        assert_eq!(db.events().count_documents(bson::doc! {}).await.unwrap(), 0);
    });
}
