//! Documents as text: any document of BSON comes back byte for byte, or is refused by the name of its field.
//! `PROPTEST_CASES` says how many documents are tried.

use basket_mongo::store::json;
use bson::{
    Binary, Bson, DateTime, Decimal128, Document, RawDocumentBuf, Regex, Timestamp, doc, oid::ObjectId, raw::cstr,
    spec::BinarySubtype,
};
use proptest::prelude::*;
use testkit::values::a_value;

fn raw(document: &Document) -> RawDocumentBuf {
    RawDocumentBuf::try_from(document).unwrap()
}

proptest! {
    #[test]
    fn any_document_comes_back_byte_for_byte_or_is_refused_by_its_name(value in a_value()) {
        let document = raw(&doc! { "x": value });
        match json::write(&document) {
            Ok(text) => prop_assert_eq!(json::read(&text).unwrap(), document),
            Err(why) => prop_assert!(why.starts_with("its x"), "{}", why),
        }
    }
}

#[test]
fn what_any_program_writes_is_never_refused() {
    let values = [
        Bson::Int32(5),
        Bson::Int64(5),
        Bson::Double(5.0),
        Bson::Double(0.1 + 0.2),
        Bson::Double(-0.0),
        Bson::Double(f64::NAN),
        Bson::Double(f64::NEG_INFINITY),
        Bson::String("{\"$oid\":\"hello\"}\n\u{1f9e6}".into()),
        DateTime::from_millis(-1).into(),
        DateTime::from_millis(i64::MAX).into(),
        "1.10".parse::<Decimal128>().unwrap().into(),
        Binary { subtype: BinarySubtype::Uuid, bytes: vec![1; 16] }.into(),
        Binary { subtype: BinarySubtype::BinaryOld, bytes: vec![1, 2] }.into(),
        Timestamp { time: u32::MAX, increment: 1 }.into(),
        Bson::RegularExpression(Regex { pattern: cstr!("^a").into(), options: cstr!("im").into() }),
        Bson::JavaScriptCode("return 1".into()),
        doc! { "a": { "$cents": 5, "b": [1, { "c": null }] } }.into(),
        doc! { "$ref": "others", "$id": ObjectId::new(), "$db": "x" }.into(),
        Bson::Array(vec![]),
        Bson::MinKey,
    ];
    for value in values {
        let document = raw(&doc! { "x": &value });
        let text = json::write(&document).unwrap_or_else(|why| panic!("{value}: {why}"));
        assert_eq!(json::read(&text).unwrap(), document, "{text}");
    }
}

#[test]
fn what_looks_like_another_value_is_refused_by_the_name_of_its_field() {
    for (held, why) in [
        (doc! { "$oid": "hello" }, "its data.x is "),
        (doc! { "$oid": "5ab69073421aa917e62b4734" }, "its data.x is "),
        (doc! { "$numberInt": "5" }, "its data.x is "),
        (doc! { "$date": "2026-11-26T00:00:00Z" }, "its data.x is "),
        (doc! { "y": { "$minKey": 1_i64 } }, "its data.x.y is "),
    ] {
        let said = json::write(&raw(&doc! { "data": { "product": "socks", "x": held } })).unwrap_err();
        assert!(said.starts_with(why) && said.ends_with("which text can't hold without a change"), "{said}");
    }
}

#[test]
fn a_text_with_a_key_twice_is_refused_at_any_depth() {
    for text in [
        r#"{"a":1,"a":2}"#,
        r#"{"a":{"b":1,"c":2,"b":1}}"#,
        r#"{"a":[{"b":1,"b":1}]}"#,
        r#"{"a":{"$oid":"5ab69073421aa917e62b4734","$oid":"5ab69073421aa917e62b4734"}}"#,
        r#"{"a":{"$code":"x","$scope":{"b":1,"b":2}}}"#,
        r#"{"a":{"$code":"x","$scope":{"b":{"$code":"x","$scope":{"c":1,"c":2}}}}}"#,
        r#"{"a":{"$binary":{"base64":"","subType":"00","base64":"AA=="}}}"#,
    ] {
        assert!(json::read(text).unwrap_err().contains("is there twice"), "{text}");
    }
    for text in ["", "[]", "5", "{\"a\":18446744073709551615}", "{\"a\":{\"$oid\":\"hello\"}}"] {
        json::read(text).unwrap_err();
    }
}

#[test]
fn a_text_that_is_nested_without_end_is_refused() {
    for nested in [r#"{"$scope":"#, r#"{"a":"#, r#"{"a":["#, r#"{"$code":"","$scope":"#] {
        json::read(&nested.repeat(100_000)).unwrap_err();
        let closed = nested.repeat(100_000)
            + "1"
            + &nested
                .replace(|c| c != '{' && c != '[', "")
                .chars()
                .rev()
                .map(|c| if c == '{' { "}" } else { "]" })
                .collect::<String>()
                .repeat(100_000);
        json::read(&closed).unwrap_err();
    }
}
