//! On a terminal, a line of a table takes one row, however long a name is; and colours are there when they are asked for.

#![cfg(unix)]

use testkit::{one_basket::OneBasket, shell::Shell, terminal::Terminal};

fn shell() -> Shell {
    Shell::new().with("BASKET_STORE", "baskets.db").with("PAGER", "cat")
}

/// The rows that have something on them.
fn rows(shell: &Shell, columns: u16, words: &str, last: &str) -> Vec<String> {
    let arguments: Vec<_> = words.split(' ').collect();
    let terminal = Terminal::run_in((columns, 24), shell, &arguments);
    terminal.shows(last).lines().filter(|row| !row.trim().is_empty()).map(str::to_owned).collect()
}

#[test]
fn a_line_of_a_table_takes_one_row() {
    let shell = shell();
    let basket = OneBasket::with(&shell, "socks");
    let long = "a-very-long-name-of-a-program-that-adds-socks-to-baskets-all-day-long";
    basket.does([
        &format!("add ID rocks --as {long} -m 'a reason that goes on and on, and does not come to its end in one row'"),
        &format!("add ID {} --as 靴下靴下靴下靴下靴下靴下靴下靴下", "x".repeat(100)),
        "add ID pins --as ann",
    ]);
    for columns in [60, 80, 100, 132] {
        let log = rows(&shell, columns, &format!("log {} --oneline --reverse", basket.id), "pins");
        assert_eq!(log.len(), 5, "{columns}: {log:#?}");
        assert!(log[2].contains("a-very-") && log[2].contains('…') && !log[2].contains(long), "{log:#?}");
        // A name that is short stays, and so does what was done.
        assert!(log[4].contains("  ann  added 1 of 'pins'") && !log[4].contains('…'), "{log:#?}");
        let blame = rows(&shell, columns, &format!("blame {}", basket.id), "xxx");
        assert_eq!(blame.len(), 4, "{columns}: {blame:#?}");
        assert!((blame[1].ends_with("rocks = 1") || columns < 80) && blame[1].contains("… "), "{blame:#?}");
        let list = rows(&shell, columns, "list", &basket.id[..4]);
        assert_eq!(list.len(), 2, "{columns}: {list:#?}");
        assert_eq!(list[0].contains("created"), columns > 120, "{list:#?}");
        assert_eq!(list[1].contains(&basket.id), columns >= 80, "{list:#?}");
        assert!(list[1].ends_with(" 4") && list[0].ends_with("units"), "{list:#?}");
        let watch = rows(&shell, columns, &format!("watch {} --from 3 -n 3", basket.id), "pins");
        assert_eq!(watch.iter().filter(|row| row.contains("  adde")).count(), 3, "{columns}: {watch:#?}");
    }
    // For programs, and in a file, all is whole.
    let log = basket.basket("log ID --oneline").out;
    assert!(log.contains(long) && !log.contains('…') && log.contains("in one row)"), "{log}");
    assert!(!basket.basket("blame ID").out.contains('…') && !basket.basket("list").out.contains('…'));
}

#[test]
fn colours_are_there_when_they_are_asked_for() {
    let bare = shell();
    let id = bare.create("socks");
    let words = ["log", &id, "--oneline"];
    // Whether there are colours in a file, and on a terminal.
    type Case<'a> = (&'a [(&'static str, &'a str)], bool, bool);
    let cases: [Case<'_>; 9] = [
        (&[], false, true),
        (&[("NO_COLOR", "1")], false, false),
        (&[("NO_COLOR", "")], false, true),
        (&[("CLICOLOR", "0")], false, false),
        (&[("CLICOLOR", "1")], false, true),
        (&[("CLICOLOR_FORCE", "1")], true, true),
        (&[("CLICOLOR_FORCE", "0")], false, true),
        (&[("CLICOLOR_FORCE", "1"), ("CLICOLOR", "0")], true, true),
        (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false, false),
    ];
    for (variables, in_a_file, on_a_terminal) in cases {
        let mut shell = shell();
        shell.folder = tempfile::tempdir().unwrap();
        std::fs::copy(bare.folder.path().join("baskets.db"), shell.folder.path().join("baskets.db")).unwrap();
        for (variable, value) in variables {
            shell = shell.with(variable, *value);
        }
        let error = shell.basket("get 5ab69073421aa917e62b4734");
        for text in [&shell.run(&words).out, &error.err, &shell.basket("--help").out] {
            assert_eq!(text.contains('\u{1b}'), in_a_file, "{variables:?}: {text}");
        }
        let terminal = Terminal::run(&shell, &words);
        terminal.shows("created the basket");
        assert_eq!(terminal.is_coloured(), on_a_terminal, "{variables:?}");
    }
}
