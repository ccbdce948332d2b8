//! Ids and product names: what is valid, what is not, and which error it gives.

use basket_domain::{BasketId, Product, ProductError};

#[test]
fn an_id_is_24_hex_digits_in_either_case_and_nothing_else() {
    let id: BasketId = "5AB69073421aa917e62b4734".parse().unwrap();
    assert_eq!(id.to_string(), "5ab69073421aa917e62b4734");
    assert_eq!(id, BasketId::from_bytes(id.to_bytes()));
    let (short, long) = ("5".repeat(23), "5".repeat(25));
    for text in
        ["", "5", &short, &long, "+5ab69073421aa917e62b473", "5ab69073421aa917e62b473g", "５ab69073421aa917e62b47"]
    {
        assert!(text.parse::<BasketId>().is_err(), "{text:?}");
    }
}

#[test]
fn a_product_is_trimmed_and_keeps_its_case() {
    assert_eq!(Product::new("\t Red Socks \n").unwrap().as_str(), "Red Socks");
    assert_ne!(Product::new("Socks").unwrap(), Product::new("socks").unwrap());
}

#[test]
fn a_product_has_between_one_and_128_characters_and_no_control_character() {
    assert!(Product::new(&"ü".repeat(128)).is_ok());
    for (name, error) in [
        ("", ProductError::Empty),
        (" \t ", ProductError::Empty),
        (&"ü".repeat(129), ProductError::TooLong { chars: 129 }),
        ("so\ncks", ProductError::ControlCharacter { found: '\n' }),
        ("so\0cks", ProductError::ControlCharacter { found: '\0' }),
        ("so\u{1b}[31mcks", ProductError::ControlCharacter { found: '\u{1b}' }),
        ("so\u{85}cks", ProductError::ControlCharacter { found: '\u{85}' }),
    ] {
        assert_eq!(Product::new(name), Err(error));
    }
}

#[test]
fn a_product_has_a_letter_to_see_and_no_character_that_turns_text_round() {
    for name in ["\u{200b}", "\u{feff}\u{ad}", "\u{3164}", "\u{2800} \u{2800}", "\u{200d}", "\u{fe0f}"] {
        assert_eq!(Product::new(name), Err(ProductError::Invisible), "{name:?}");
        // It could be stored once, so it can be read.
        assert_eq!(Product::stored(name).unwrap().as_str(), name);
    }
    for found in ['\u{202e}', '\u{202a}', '\u{2067}', '\u{200f}', '\u{61c}'] {
        let name = format!("so{found}cks");
        assert_eq!(Product::new(&name), Err(ProductError::Direction { found }));
        assert_eq!(Product::stored(&name).unwrap().as_str(), name);
    }
    for name in ["👩\u{200d}🔬", "❤\u{fe0f}", "می\u{200c}خواهم", "\u{301}", "תה"] {
        assert_eq!(Product::new(name).unwrap().as_str(), name);
    }
    assert_eq!(Product::stored("so\ncks"), Err(ProductError::ControlCharacter { found: '\n' }));
}

#[test]
fn two_ways_to_write_an_accent_are_one_product() {
    let decomposed = "cafe\u{301}".repeat(32);
    assert_eq!(Product::new(&decomposed).unwrap().as_str(), "caf\u{e9}".repeat(32));
}
