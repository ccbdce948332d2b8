//! What the keys do.

use crate::story::{
    Model, at, by, entry, id, on_basket, on_list, press, products, reads, row, screen, shows, story, typed, unread,
    update,
};
use basket_cli::explore::{
    keys,
    model::Command,
    reader::{Answer, Request, Update},
    undo::{Back, Undo, Undone},
};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use testkit::events::added;

#[test]
fn every_key_in_the_table_does_something_and_the_help_shows_it() {
    let rows: Vec<_> = (0..60).map(|number| row(number, 5)).collect();
    let middle_of_list = || {
        let mut model = on_list(rows.clone());
        model.list.go(30);
        model
    };
    let middle_of_basket = || {
        let mut model = unread();
        reads(&mut model, products(60));
        model.timeline.as_mut().unwrap().go(30);
        model.scroll = 2;
        screen(&mut model, 80, 24);
        model
    };
    let screens: [(_, &dyn Fn() -> Model); 2] = [(keys::LIST, &middle_of_list), (keys::TIMELINE, &middle_of_basket)];
    for (bindings, fresh) in screens {
        let mut model = fresh();
        typed(&mut model, "?");
        let help = screen(&mut model, 80, 24);
        let before = screen(&mut fresh(), 80, 24);
        for binding in bindings {
            let what = binding.what.replace("{stream}", "basket").replace("{row}", "product");
            let line = help.lines().find(|line| line.contains(&what)).unwrap_or_else(|| panic!("{what}: {help}"));
            assert!(line.trim_start().starts_with(binding.shown), "{line}");
            assert_eq!(binding.shown.split(' ').count(), binding.keys.len(), "{binding:?}");
            for key in binding.keys {
                let mut model = fresh();
                let command = press(&mut model, [*key]);
                let after = screen(&mut model, 80, 24);
                assert!(command.is_some() || after != before, "{key:?} does nothing");
                let again = bindings.iter().filter(|binding| binding.keys.contains(key)).count();
                assert_eq!(again, 1, "{key:?} is there twice");
            }
        }
        assert!(help.contains("Ctrl-C"));
    }
}

#[test]
fn a_help_that_has_no_room_can_be_scrolled() {
    let mut model = on_basket();
    typed(&mut model, "?");
    let top = screen(&mut model, 80, 10);
    assert!(top.contains("an event earlier") && !top.contains("Ctrl-Z") && top.contains("↓ for more"), "{top}");
    press(&mut model, [KeyCode::Down; 30]);
    let end = screen(&mut model, 80, 10);
    assert!(end.contains("Ctrl-Z") && !end.contains("for more"), "{end}");
    press(&mut model, [KeyCode::Up]);
    assert!(!screen(&mut model, 80, 10).contains("Ctrl-Z"));
    assert_eq!(press(&mut model, [KeyCode::Char('q')]), None);
    assert!(model.help.is_none() && model.timeline.is_some());
}

#[test]
fn the_search_narrows_the_list_as_it_is_typed() {
    let mut model = on_list(vec![row(0xaa, 1), row(0xab, 2), row(0xbb, 3)]);
    typed(&mut model, "/ab");
    shows(&mut model, &["1 of 3 baskets, 'ab' in the id", " id has: ab", "> abab"], &["aaaa", "bbbb"]);
    typed(&mut model, "q");
    shows(&mut model, &["No id has 'abq' in it; Esc shows all of them."], &[]);
    press(&mut model, [KeyCode::Backspace, KeyCode::Enter]);
    assert_eq!(press(&mut model, [KeyCode::Enter]), Some(Command::Read(Request::Stream(id(0xab)))));
    assert_eq!(press(&mut model, [KeyCode::Esc]), Some(Command::Read(Request::List(None))));
    assert_eq!(model.list.found_len(), 1, "the search is kept");
    assert_eq!(press(&mut model, [KeyCode::Esc]), None);
    assert_eq!(model.list.found_len(), 3);
    assert_eq!(press(&mut model, [KeyCode::Esc]), Some(Command::Quit));
    typed(&mut model, "/");
    assert_eq!(model.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Some(Command::Quit));
}

#[test]
fn the_store_is_asked_which_baskets_hold_a_product() {
    let mut model = on_list(vec![row(1, 1)]);
    assert_eq!(typed(&mut model, "pq /?"), None, "letters are letters while a product is typed");
    assert!(screen(&mut model, 80, 10).ends_with("hold the product: q /?"));
    assert_eq!(press(&mut model, [KeyCode::Enter]), Some(Command::Read(Request::List(Some("q /?".into())))));
    shows(&mut model, &["reading… with 'q /?'"], &[]);
    model.update(Update { of: Request::List(None), answer: Answer::List(vec![row(1, 1), row(2, 1)]) }).unwrap();
    assert!(!model.list.is_read(), "what was asked before comes too late");
    update(&mut model, Answer::List(Vec::new()));
    shows(&mut model, &["No basket holds 'q /?'; Esc shows all of them."], &[]);
    assert_eq!(press(&mut model, [KeyCode::Esc]), Some(Command::Read(Request::List(None))));
    typed(&mut model, "p");
    typed(&mut model, &"x".repeat(129));
    assert_eq!(press(&mut model, [KeyCode::Enter]), None);
    assert!(screen(&mut model, 300, 10).contains("(a product's name has at most 128 characters, this one has 129)"));
}

#[test]
fn the_cursor_stays_on_its_basket_when_the_list_changes_and_at_the_top_at_the_top() {
    let mut model = on_list(vec![row(1, 1), row(2, 1)]);
    update(&mut model, Answer::List(vec![row(3, 1), row(1, 1), row(2, 1)]));
    assert_eq!(model.list.selected(), Some(id(3)));
    press(&mut model, [KeyCode::Down]);
    update(&mut model, Answer::List(vec![row(4, 1), row(3, 1), row(2, 1), row(1, 1)]));
    assert_eq!(model.list.selected(), Some(id(1)));
}

#[test]
fn keys_work_while_it_is_read_and_reading_again_keeps_the_place() {
    let mut model = unread();
    shows(&mut model, &["reading…"], &[]);
    assert_eq!(press(&mut model, [KeyCode::Up, KeyCode::End, KeyCode::Char('m'), KeyCode::PageUp]), None);
    update(&mut model, Answer::Begins { head: 5 });
    update(&mut model, Answer::Events(story()[..3].to_vec()));
    shows(&mut model, &["reading: 3 of 5"], &[]);
    press(&mut model, [KeyCode::Home, KeyCode::Right]);
    update(&mut model, Answer::Events(story()[3..].to_vec()));
    update(&mut model, Answer::Complete);
    assert_eq!(at(&model), 2);
    typed(&mut model, "m");
    press(&mut model, [KeyCode::Right]);
    assert_eq!(typed(&mut model, "r"), Some(Command::Read(Request::Stream(id(1)))));
    reads(&mut model, story());
    assert_eq!(at(&model), 3);
    shows(&mut model, &["Changes from version 2 to 3", "+ rocks = 3"], &[]);

    // A key before the first answer counts as well.
    let mut model = unread();
    press(&mut model, [KeyCode::Home]);
    reads(&mut model, story());
    assert_eq!(at(&model), 1);
    shows(&mut model, &["version 1 of 5, 4 behind"], &[]);
}

#[test]
fn a_search_in_a_basket_leaves_the_events_that_have_its_words() {
    let mut model = on_basket();
    typed(&mut model, "/Socks");
    shows(
        &mut model,
        &["2 events with 'socks'", " events have: socks", "added 1 of 'socks'", "removed 'socks'"],
        &["added 3"],
    );
    assert_eq!(at(&model), 4, "the nearest one before");
    press(&mut model, [KeyCode::Enter, KeyCode::Left]);
    assert_eq!(at(&model), 2);
    press(&mut model, [KeyCode::Left]);
    assert_eq!(at(&model), 2, "it is the first one");
    press(&mut model, [KeyCode::End]);
    assert_eq!(at(&model), 4);
    // By a reason, and by an actor; what comes in later is found, too.
    assert_eq!(press(&mut model, [KeyCode::Esc]), None);
    shows(&mut model, &["added 3"], &["events with"]);
    typed(&mut model, "/GARDEN");
    shows(&mut model, &["1 event with 'garden'", "added 3"], &["removed 'socks'"]);
    press(&mut model, [KeyCode::Esc]);
    typed(&mut model, "/ann");
    shows(&mut model, &["2 events with 'ann'", "created the basket"], &["added 3"]);
    press(&mut model, [KeyCode::Enter, KeyCode::Home]);
    update(&mut model, Answer::Events(vec![entry(6, added("hats", 1), by("ann", None))]));
    shows(&mut model, &["3 events with 'ann'", "added 1 of 'hats'"], &[]);
    press(&mut model, [KeyCode::Right, KeyCode::Right, KeyCode::Right]);
    assert_eq!(at(&model), 6);
    assert_eq!(typed(&mut model, "r"), Some(Command::Read(Request::Stream(id(1)))));
    reads(&mut model, story());
    shows(&mut model, &["2 events with 'ann'"], &["added 3"]);
    typed(&mut model, "/zzz");
    shows(&mut model, &["0 events with 'annzzz'"], &["created the basket"]);
    press(&mut model, [KeyCode::Right, KeyCode::Home]);
    assert_eq!(at(&model), 5, "there is no other one to go to");
}

#[test]
fn an_id_is_copied() {
    let mut model = on_list(vec![row(1, 1)]);
    let copied = Some(Command::Copy(id(1).to_string()));
    assert_eq!(typed(&mut model, "y"), copied);
    shows(&mut model, &[&format!("copied {}", id(1))], &[]);
    press(&mut model, [KeyCode::Down]);
    shows(&mut model, &[], &["copied"]);
    assert_eq!(typed(&mut on_basket(), "y"), copied);
    assert_eq!(typed(&mut on_list(Vec::new()), "y"), None);
}

#[test]
fn an_undo_is_shown_first_and_done_after_a_yes() {
    let events = |many: usize| Undone { head: 5, events: (1..=many).map(|number| format!("added {number}")).collect() };
    let asked = |back, sure| Undo { id: id(1), back, sure };
    for (key, back, words) in [("u", Back::Revert(5), "Revert version 5"), ("U", Back::Restore(5), "Restore version 5")]
    {
        let mut model = on_basket();
        assert_eq!(typed(&mut model, key), Some(Command::Undo(asked(back, None))));
        shows(&mut model, &[&format!("{words}…")], &[]);
        model.undone((asked(back, None), Ok(events(5))));
        let question = format!("{words}: added 1, added 2, added 3 and 2 more? y does it, any other");
        shows(&mut model, &[&question], &[]);
        assert_eq!(press(&mut model, [KeyCode::Left]), None);
        assert_eq!(at(&model), 5, "the key has said no");
        shows(&mut model, &["nothing was changed"], &["y does it"]);

        typed(&mut model, key);
        model.undone((asked(back, None), Ok(events(1))));
        assert_eq!(typed(&mut model, "y"), Some(Command::Undo(asked(back, Some(5)))));
        assert_eq!(typed(&mut model, "yq"), None, "it is being done");
        model.undone((asked(back, Some(5)), Ok(events(1))));
        shows(&mut model, &["done: added 1"], &[]);

        // A plan that comes after a no, and one that failed.
        typed(&mut model, key);
        press(&mut model, [KeyCode::Esc]);
        model.undone((asked(back, None), Ok(events(1))));
        shows(&mut model, &["nothing was changed"], &["y does it"]);
        typed(&mut model, key);
        model.undone((asked(back, None), Err("it rests on that".into())));
        shows(&mut model, &["it rests on that"], &["y does it"]);
        typed(&mut model, key);
        model.undone((asked(back, None), Ok(events(0))));
        shows(&mut model, &["nothing to do"], &["y does it"]);
    }
    assert_eq!(typed(&mut unread(), "u"), None, "nothing was read yet");
}
