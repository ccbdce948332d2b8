//! A value of any type that BSON has, with those at the edges, for tests that carry documents.

use bson::{
    Binary, Bson, DateTime, Decimal128, Document, JavaScriptCodeWithScope, Regex, Timestamp, oid::ObjectId,
    raw::CString, spec::BinarySubtype,
};
use proptest::{collection::vec, prelude::*};

/// Values of every type, with those at the edges.
fn a_scalar() -> impl Strategy<Value = Bson> {
    let bytes = vec(any::<u8>(), 0..20);
    let subtype = any::<u8>().prop_map(BinarySubtype::from);
    prop_oneof![
        Just(Bson::Null),
        any::<bool>().prop_map(Bson::Boolean),
        any::<i32>().prop_map(Bson::Int32),
        any::<i64>().prop_map(Bson::Int64),
        prop::num::f64::ANY.prop_map(Bson::Double),
        prop::sample::select(vec![-0.0, 0.0, 5.0, 1e300, f64::MIN_POSITIVE, f64::INFINITY, f64::NAN])
            .prop_map(Bson::Double),
        any::<String>().prop_map(Bson::String),
        any::<[u8; 12]>().prop_map(|bytes| ObjectId::from_bytes(bytes).into()),
        any::<i64>().prop_map(|millis| DateTime::from_millis(millis).into()),
        (-62_200_000_000_000..253_500_000_000_000_i64).prop_map(|millis| DateTime::from_millis(millis).into()),
        any::<[u8; 16]>().prop_map(|bytes| Decimal128::from_bytes(bytes).into()),
        (bytes, subtype).prop_map(|(bytes, subtype)| Binary { subtype, bytes }.into()),
        (any::<u32>(), any::<u32>()).prop_map(|(time, increment)| Timestamp { time, increment }.into()),
        ("[^\0]{0,8}", "[a-z]{0,4}").prop_map(|(pattern, options)| {
            let [pattern, options] = [pattern, options].map(|text| CString::try_from(text).unwrap());
            Bson::RegularExpression(Regex { pattern, options })
        }),
        any::<String>().prop_map(Bson::JavaScriptCode),
        any::<String>().prop_map(Bson::Symbol),
        prop::sample::select(vec![Bson::Undefined, Bson::MinKey, Bson::MaxKey]),
    ]
}

/// Documents as they are, and some that look like extended JSON.
pub fn a_value() -> impl Strategy<Value = Bson> {
    let special = "\\$(oid|date|numberInt|numberLong|numberDouble|binary|code|scope|uuid|timestamp|minKey|foo|ref)";
    let key = prop_oneof![4 => "[^\0]{0,6}", 1 => special];
    a_scalar().prop_recursive(4, 24, 5, move |inner| {
        let fields =
            vec((key.clone(), inner.clone()), 0..5).prop_map(|fields| fields.into_iter().collect::<Document>());
        prop_oneof![
            3 => fields.clone().prop_map(Bson::Document),
            2 => vec(inner, 0..5).prop_map(Bson::Array),
            1 => (any::<String>(), fields).prop_map(|(code, scope)| JavaScriptCodeWithScope { code, scope }.into()),
        ]
    })
}
