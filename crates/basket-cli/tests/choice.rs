//! Which store is in force, and that it is never another one than was asked for.

mod support;

use std::fs;

use support::Shell;

fn told(shell: &Shell, words: &str) -> (String, String) {
    let answer = shell.basket(words);
    let line = |name: &str| {
        let line = answer.out.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{answer:?}"));
        line.trim().to_owned()
    };
    (line("store"), line("chosen by"))
}

#[test]
fn without_a_word_it_is_the_file_in_the_data_folder_and_asking_does_not_make_it() {
    let shell = Shell::new();
    let (store, why) = told(&shell, "store");
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
    let below = shell.folder.path().join("a/b");
    fs::create_dir_all(&below).unwrap();
    fs::write(shell.folder.path().join(".env"), "OTHER=`not for us\n# note\nexport BASKET_STORE = 'in env.db'\n")
        .unwrap();
    assert!(told(&shell, "store").0.ends_with("/in env.db"));
    assert!(told(&shell, "store").1.starts_with("the line BASKET_STORE in /"));

    // A folder below sees it, too; a relative path belongs to the folder of the .env.
    let from_below = shell.command(&["store"]).current_dir(&below).output().unwrap();
    let expected = format!("{}/in env.db\n", shell.folder.path().display());
    assert!(String::from_utf8(from_below.stdout).unwrap().contains(&expected));

    let shell = shell.with("BASKET_STORE", "variable.db");
    assert!(told(&shell, "store").0.ends_with("/variable.db"));
    assert_eq!(told(&shell, "store").1, "the environment variable BASKET_STORE");
    assert!(told(&shell, "store --store option.db").0.ends_with("/option.db"));
    assert_eq!(told(&shell, "--store option.db store").1, "the option --store");
}

#[test]
fn a_nearer_dot_env_without_our_line_does_not_hide_one_above() {
    let shell = Shell::new();
    let below = shell.folder.path().join("a");
    fs::create_dir_all(&below).unwrap();
    fs::write(shell.folder.path().join(".env"), "BASKET_STORE=above.db\n").unwrap();
    fs::write(below.join(".env"), "BASKET_STORES=no\n").unwrap();
    let from_below = shell.command(&["store"]).current_dir(&below).output().unwrap();
    assert!(String::from_utf8(from_below.stdout).unwrap().contains("/above.db\n"));
}

#[test]
fn a_server_that_does_not_answer_is_an_error_and_never_the_file() {
    let address = "mongodb://ann:s3cret@127.0.0.1:1/shop?serverSelectionTimeoutMS=100";
    let shell = Shell::new().with("BASKET_STORE", address);
    for words in ["create socks", "get 5ab69073421aa917e62b4734", "add 5ab69073421aa917e62b4734 socks"] {
        let answer = shell.basket(words);
        answer.fails(6, "mongodb://127.0.0.1:1/shop can't be reached (127.0.0.1:1: I/O error: Connection refused");
        assert!(!answer.err.contains("s3cret"));
    }
    let told = shell.basket("store");
    assert_eq!(told.code, 6);
    assert_eq!(
        told.out,
        "store      mongodb://127.0.0.1:1/shop\nchosen by  the environment variable BASKET_STORE\nanswers    no\n"
    );
    let json = shell.basket("store --format json");
    assert_eq!(
        json.out,
        "{\"store\":\"mongodb://127.0.0.1:1/shop\",\"chosen_by\":\"the environment variable BASKET_STORE\",\"answers\":false}\n"
    );
    assert!(!format!("{told:?}{json:?}").contains("s3cret"));
    assert_eq!(fs::read_dir(shell.folder.path()).unwrap().count(), 0, "no file was made");
}

#[test]
fn a_value_that_is_no_store_is_a_usage_error() {
    let shell = Shell::new();
    shell.basket("get 5ab69073421aa917e62b4734 --store postgres://127.0.0.1").fails(2, "'postgres://' is no store");
    shell
        .run(&["store", "--store", ""])
        .fails(2, "the option --store: the address of the store is not understood: it is empty");
    for server in ["localhost:27017", "127.0.0.1:27017/shop", "mongodb:/ann:s3cret@h/db", "ann:s3cret@h"] {
        let answer = shell.basket(&format!("store --store {server}"));
        answer.fails(2, "it looks like a server without mongodb://");
        assert!(!answer.err.contains("s3cret"));
    }
    assert_eq!(shell.basket("store --store ./a:b@c").code, 0);
    shell
        .basket("store --store mongodb://ann:s3cr%zzt@127.0.0.1")
        .fails(2, "the address of the store is not understood");
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
    assert!(told(&shell, "store").0.ends_with("/cash$.db"));
    fs::write(&file, "\u{feff}BASKET_STORE=bom.db\n").unwrap();
    assert!(told(&shell, "store").0.ends_with("/bom.db"));
}

mod mongo {
    use super::*;

    #[test]
    fn a_mongodb_that_answers_says_who_it_is() {
        support::mongo::with_database(async |db| {
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
    fn a_standalone_server_keeps_no_pieces_and_says_how_to_mend_it() {
        support::mongo::with_database_on(support::mongo::STANDALONE, async |db| {
            let shell = Shell::new().with("BASKET_STORE", db.address.clone());
            shell.basket("create socks").fails(6, "is not a replica set, so it can't keep 2 events together");
            assert!(shell.basket("store").out.contains("topology   standalone"));
            assert_eq!(db.events().count_documents(bson::doc! {}).await.unwrap(), 0);
        });
    }
}
