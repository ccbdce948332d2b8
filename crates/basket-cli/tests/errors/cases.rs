//! The errors of `docs/errors.md`: what is done before, the command that fails, and what mends it. In the scripts, `$ID` is a basket
//! with socks in it (versions 1 and 2). `main.rs` runs them; nothing here says what is printed.

pub struct Case {
    pub fails: &'static str,
    pub mends: &'static str,
    /// A script that is run before.
    pub before: &'static str,
    /// Statements for the store's file, after the script. A transaction that they begin holds the file.
    pub sql: &'static str,
}

const fn case(fails: &'static str, mends: &'static str) -> Case {
    Case { fails, mends, before: "", sql: "" }
}

impl Case {
    const fn after(self, before: &'static str) -> Self {
        Self { before, ..self }
    }

    const fn with(self, sql: &'static str) -> Self {
        Self { sql, ..self }
    }
}

const CHECK_ID: &str = "`basket list` shows which there are; `basket store` says where it looks";
const READ_AGAIN: &str = "read what has happened, and repeat it with the version of now";
const OTHER_FILE: &str = "name another file, or remove that one";
const EXPORT_AGAIN: &str = "make the export again, or copy it again";
const BACKUP: &str = "`basket verify` names all such events; bring back those of a backup";
const NEWER: &str = "use the newer program";
const ONE_DAY: &str = "wait until nothing happens to it any more, or `--idle 0`";

/// All of them: the order within an exit code is that of the table.
pub fn all() -> Vec<Case> {
    [words_of_the_call(), stores_and_keys(), states(), events()].into_iter().flatten().collect()
}

/// What is typed.
fn words_of_the_call() -> Vec<Case> {
    vec![
        case("basket gte $ID", "`basket --help` lists the commands"),
        case("basket get", "name a basket"),
        case("basket get $ID --format xml", "one of the values"),
        case("basket restore $ID 1 --at now", "one of the two"),
        case("basket get five", "type an id as `basket list` prints it, or its beginning"),
        case("echo five | basket get -", "the same, for each line"),
        // After a second, so that its id is the later one.
        case("basket get 6", "type more of it").after("sleep 1; basket create hats"),
        case("basket get @ --store other.db", "name a basket"),
        case("basket add $ID rocks -q 0", "a number from 1 on"),
        case("basket add $ID ' '", "a name with a letter"),
        case("basket add $ID \"$(printf 'so\\acks')\"", "leave the character out"),
        case("basket add $ID -", "name the product; a product can't be called `-`"),
        case("basket add $ID rocks --voucher 'no good'", "a code of letters, digits and `-`"),
        case("basket add $ID rocks --timeout never", "such as `--timeout 2m`"),
        case("basket add $ID rocks --request-id ''", "give it a text, or leave it out"),
        case("basket add $ID rocks --header nonsense", "such as `--header tenant=acme`"),
        case("basket merge $ID $ID", "name two baskets"),
        case("basket get $ID --version 0", "the first version is 1"),
        case("basket revert $ID 5..3", "`3..5`"),
        case("basket diff $ID ..3", "`1..3`"),
        case("basket log $ID --since someday", "one of the forms that it names"),
        case("basket log $ID -3 -n 3", "one of the two"),
        case("basket log -3", "name a basket"),
        case("basket get $ID --json nonsense", "one of the fields"),
        case("basket bisect $ID --when 'socks >'", "end the expression, such as `socks > 1`"),
        case("basket bisect run $ID no-such-program", "install it, or give its path"),
        case("basket man nonsense", "`basket man` without a command"),
        case("basket explore", "run it in a terminal, not in a pipe"),
        case("basket browse --host 192.0.2.1", "an address of this machine, or none"),
        case("basket watch --timeout 3", "`timeout 3 basket watch`"),
        case("basket watch --from 2", "name a basket, or `--from beginning`"),
        case("basket project nonsense", "one of the names"),
        case("basket archive $ID --to old --idle soon", "such as `--idle 7d`"),
        case("basket archive $ID --to there", OTHER_FILE).after("touch there"),
        case("basket archive $ID --to no/old", "make the folder first"),
        case("basket rehearse --record there", OTHER_FILE).after("touch there"),
        case("basket rehearse --against nowhere", "`basket rehearse --record nowhere`, with the older program"),
        case("basket forward ftp://h", "one of these kinds of addresses"),
        case("basket forward http://127.0.0.1:1/ --as list", "another name"),
        case("basket forward http://127.0.0.1:1/ --as A", "such as `--as warehouse`"),
        case("basket forward http://127.0.0.1:1/ --header nonsense", "such as it says"),
        case("basket --collection baskets revert $ID 2", "leave out `--collection` for baskets"),
    ]
}

/// Where events are kept, and the keys of what is sealed.
fn stores_and_keys() -> Vec<Case> {
    vec![
        case("basket store --store ''", "name a store, or leave it out"),
        case("basket store --store postgres://h", "an address of MongoDB, or a file"),
        case("basket store --store localhost:27017", "`mongodb://localhost:27017`"),
        case("basket store --store 'mongodb://h/?w=1'", "leave the option out"),
        case("basket store", "`BASKET_STORE='...'`").after("printf \"BASKET_STORE='cut\\n\" > .env"),
        case("cd gone && rmdir ../gone && basket store --store a.db", "go to a folder that is there")
            .after("mkdir gone"),
        case("basket verify --store none.db", "name the file that has the events"),
        case("basket create socks --store /proc/none/x.db", "a folder that you may write to"),
        case("basket get $ID --store .", "name a file in it"),
        case("basket get $ID --store letter.db", "name another file").after("echo a letter, long enough > letter.db"),
        case("basket get $ID", NEWER).with("PRAGMA user_version = 9"),
        case("basket add $ID rocks", "end the other program, or wait").with("BEGIN EXCLUSIVE"),
        case("basket add $ID rocks --timeout 3", "`basket log`, once the file is free; then repeat it, or not")
            .with("BEGIN EXCLUSIVE"),
        case("basket get $ID --store 'mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=2000'", "start it: `make mongo`"),
        case("basket get $ID --store cut.db", "bring back a backup")
            .after("head -c 1000 .local/share/basket/baskets.db > cut.db"),
        case("basket add $ID rocks -m why --about ann", "make a key, and keep it"),
        case("BASKET_KEY=short basket add $ID rocks -m why --about ann", "a key as it says"),
        case("BASKET_KEY_FILE=none.key basket add $ID rocks -m why --about ann", "name the file with the key"),
        case("BASKET_KEY=$OTHER_KEY basket add $ID hats -m why --about ann", "the key that was given before")
            .after("BASKET_KEY=$KEY basket add $ID rocks -m why --about ann"),
        case(
            "BASKET_KEY=$KEY basket add $ID hats -m why --about ann",
            "nothing: it was erased on purpose; take another subject",
        )
        .after("export BASKET_KEY=$KEY; basket add $ID rocks -m why --about ann; basket forget ann"),
        case("basket forget ann", "the subject as `--about` had it"),
        case("basket forget 'Ann Smith'", "an id of yours, not a name"),
    ]
}

/// What is there, and what the rules say to it.
fn states() -> Vec<Case> {
    vec![
        case("basket get 5ab69073421aa917e62b4799", CHECK_ID),
        case("basket get $ID ffff", "the others were printed; name those that are there"),
        case("basket get $ID --version 9", "a version of `basket log`"),
        case("basket get $ID --at 2000-01-01", "a later time"),
        case("basket show 5ab69073421aa917e62b4799", "a commit or an event of `basket log`"),
        case("basket get $ID", "`basket import old`").after("basket archive $ID --to old --idle 0"),
        case("basket --collection loans list", "one of those that are there"),
        case("basket feed parked nonsense", "one of `basket feed`"),
        case("basket remove $ID rocks", "`basket get` shows what is in it"),
        case("basket add $ID socks -q 4294967295", "add fewer"),
        case("basket add $ID rocks --voucher SPRING", "another voucher").after("basket add $ID rocks --voucher SPRING"),
        case("basket add $ID rocks --if-version 1", READ_AGAIN),
        case("basket restore $ID 1 --if-version 1", READ_AGAIN),
        case("basket revert $ID 2", "undo version 3, too: `basket revert ID 2..3`").after("basket remove $ID socks"),
        case("basket revert $ID 3", "`basket revert ID 4` goes back on that")
            .after("basket add $ID rocks; basket revert $ID 3"),
        case("basket bisect run $ID true", "a program that fails on the newest version"),
        case("basket bisect run $ID -- sh -c 'exit 125'", "a program that can test the newest version"),
        case("basket bisect run $ID -- sh -c 'exit 128'", "mend the program, or let it exit with 1 to 127"),
        case("basket archive $ID --to old", ONE_DAY),
        case("basket import there", "leave this basket out; two histories are never one")
            .after("basket export > there")
            .with("UPDATE baskets SET data = json_set(data, '$.product', 'hats') WHERE version = 2"),
        case("basket rehearse", "look at the groups; keep the old rule for old events")
            .with("UPDATE baskets SET type = 'ItemRemoved', data = '{\"product\":\"hats\"}' WHERE version = 2"),
        case("basket feed forget list", "end the process that keeps it")
            .after("basket project list --once")
            .with("UPDATE baskets_feeds SET holder = 'another, project 7', until = 99999999999999"),
        case("basket project list --once", "`basket rebuild list`")
            .after("basket project list --once")
            .with("UPDATE baskets_feeds SET shape = 9"),
        case("basket forward http://127.0.0.1:1/ --once", "start the receiver; what it did not take comes again"),
    ]
}

/// Events, exports and answers that can't be read or written.
fn events() -> Vec<Case> {
    vec![
        case("basket get $ID", BACKUP).with("UPDATE baskets SET type = 'BasketCreated' WHERE version = 2"),
        case("basket get $ID", BACKUP).with("UPDATE baskets SET version = 9 WHERE version = 2"),
        case("basket get $ID", BACKUP).with("UPDATE baskets SET data = json_set(data, '$.qty', 0) WHERE version = 2"),
        case("basket add $ID rocks", BACKUP).with("UPDATE baskets SET type = 'Exploded' WHERE version = 2"),
        case("basket export", NEWER).with("UPDATE baskets SET schema = 7 WHERE version = 2"),
        case("basket log $ID", BACKUP).with("UPDATE baskets SET recorded_at = 'yesterday' WHERE version = 2"),
        case("basket verify", "it prints each of them: mend it, or bring it back from a backup")
            .with("UPDATE baskets SET schema = 7 WHERE version = 2"),
        case("basket bisect $ID --when true", BACKUP).with("UPDATE baskets SET schema = 7 WHERE version = 2"),
        case("basket import there", "a file that `basket export` has made").after("echo a letter > there"),
        case("basket import there", EXPORT_AGAIN).after("basket export | head -n 2 > there"),
        case("basket import there --store new.db", EXPORT_AGAIN).after("basket export | sed s/socks/rocks/ > there"),
        case("basket rehearse --against there", "a file of `basket rehearse --record`").after("echo x > there"),
        case("basket import nowhere", "name a file that is there"),
        case("basket get $ID > /dev/full", "make room on the disk"),
    ]
}
