//! What the keys do.

use crate::story::{
    Model, at, id, on_basket, on_list, press, products, reads, row, screen, shows, story, typed, unread, update,
};
use basket_cli::explore::{
    keys,
    model::Command,
    reader::{Answer, Request, Update},
};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

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
