//! Ids and product names: what gets in, what stays out, and what is said of it.

use basket_domain::{BasketId, Product, ProductError};

#[test]
fn an_id_is_24_hex_digits_in_either_case() {
    let id: BasketId = "5AB69073421aa917e62b4734".parse().unwrap();
    assert_eq!(id.to_string(), "5ab69073421aa917e62b4734");
    assert_eq!(id, BasketId::from_bytes(id.to_bytes()));
}

#[test]
fn anything_else_is_no_id() {
    let long = "5".repeat(25);
    for text in [
        "",
        "5",
        "5ab69073421aa917e62b473",
        &long,
        "+5ab69073421aa917e62b473",
        "5ab69073421aa917e62b473g",
        "５ab69073421aa917e62b47",
    ] {
        assert!(text.parse::<BasketId>().is_err(), "{text:?}");
    }
}

#[test]
fn a_product_is_trimmed_and_keeps_its_case() {
    assert_eq!(Product::new("\t Red Socks \n").unwrap().as_str(), "Red Socks");
    assert_ne!(Product::new("Socks").unwrap(), Product::new("socks").unwrap());
}

#[test]
fn a_product_has_between_one_and_128_characters() {
    assert_eq!(Product::new(""), Err(ProductError::Empty));
    assert_eq!(Product::new(" \t "), Err(ProductError::Empty));
    assert!(Product::new(&"ü".repeat(128)).is_ok());
    assert_eq!(Product::new(&"ü".repeat(129)), Err(ProductError::TooLong { chars: 129 }));
}

#[test]
fn a_product_holds_no_control_character() {
    for (name, found) in
        [("so\ncks", '\n'), ("so\0cks", '\0'), ("so\u{1b}[31mcks", '\u{1b}'), ("so\u{85}cks", '\u{85}')]
    {
        assert_eq!(Product::new(name), Err(ProductError::ControlCharacter { found }));
    }
}

#[test]
fn two_ways_to_write_an_accent_are_one_product() {
    let decomposed = "cafe\u{301}".repeat(32);
    assert_eq!(Product::new(&decomposed).unwrap().as_str(), "caf\u{e9}".repeat(32));
}
