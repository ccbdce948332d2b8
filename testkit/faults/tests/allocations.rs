//! No input makes a reader take more memory than a constant, and a constant for each of its bytes. It is a test binary of its own,
//! whose allocator counts; and one test, since what runs beside it would be counted, too.

use faults::{
    faults::Setting,
    fuzz::{
        search,
        targets::{ADDRESSES, DECODER, IMPORTER, Target},
    },
};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What any input may take, however short: six codecs say what is wrong, and an importer and an exporter begin.
const ANY: usize = 256 * 1024;

/// What a byte may take. The most is that of fields with short names: six bytes of text, for which a check holds a name in a table
/// (some 50 bytes while it grows), and a reader of `meta` an entry of a document (some 300, and as many while it grows).
const BYTE_OF_DOCUMENT: usize = 160;

/// Of a line, one codec reads all, and the text is there a second time, whole: less of each byte.
const BYTE_OF_LINE: usize = 110;

/// Of an address, the driver keeps its parts; to find the option that is wrong, it parses again, but does not keep.
const BYTE_OF_ADDRESS: usize = 20;

#[test]
fn no_input_takes_more_memory_than_a_constant_for_each_of_its_bytes() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    for (target, for_each_byte, rounds) in
        [(DECODER, BYTE_OF_DOCUMENT, 20_000), (IMPORTER, BYTE_OF_LINE, 1_000), (ADDRESSES, BYTE_OF_ADDRESS, 5_000)]
    {
        let mut worst = (0, 0, 0);
        let mut measured = |input: &[u8]| {
            let before = MEMORY.current_usage();
            MEMORY.reset_peak_usage();
            let said = (target.try_it)(input);
            let taken = MEMORY.peak_usage().saturating_sub(before);
            let each = taken.saturating_sub(ANY) / input.len().max(1);
            worst = worst.max((each, taken, input.len()));
            if each > for_each_byte {
                return Err(format!("{taken} bytes were taken for {} bytes", input.len()));
            }
            said
        };
        for input in large(&target) {
            measured(&input).unwrap_or_else(|why| panic!("{}: {why}: {}", target.name, shown(&input)));
        }
        let found = search(&target, Setting { rounds, seed: 1, wound: None }, measured);
        println!(
            "{}: at most {} bytes for each byte, beyond the constant: {} for {}",
            target.name, worst.0, worst.1, worst.2
        );
        assert!(found.broken.is_empty(), "{}: {:#?}", target.name, found.broken);
    }
}

fn shown(input: &[u8]) -> String {
    input.get(..200).unwrap_or(input).escape_ascii().to_string()
}

/// Inputs of some kilobytes, in which what takes the most memory is there as often as it fits.
fn large(target: &Target) -> Vec<Vec<u8>> {
    const LARGE: usize = 16 * 1024;
    let filled = |start: &str, part: &str, end: &str| {
        format!("{start}{}{end}", part.repeat((LARGE - start.len()) / part.len())).into_bytes()
    };
    let (event, rest) = (
        r#"{"_id":{"$oid":"5ab690fd421aa917e62b473b"},"basket_id":{"$oid":"5ab69073421aa917e62b4734"},"version":1,"type":"ItemAdded","data":{"product":"socks","qty":1},"recorded_at":{"$date":{"$numberLong":"1764000000000"}},"commit":{"$oid":"5ab690fd421aa917e62b473c"},"schema":1"#,
        r#"}"#,
    );
    match target.name {
        "addresses" => vec![
            filled("mongodb://", "a", ""),
            filled("mongodb://h/?w=", "%20", ""),
            filled("mongodb://", "h,", ""),
            filled("BASKET_STORE=", "$", ""),
            filled("", "BASKET_STORE=x\n", ""),
        ],
        _ => {
            let nested = |open: &str, held: &str, close: &str, depth: usize| {
                let inner = String::from_utf8(filled("[0", held, "]")).unwrap_or_default();
                format!(r#"{event},"x":{}{inner}{}{rest}"#, open.repeat(depth), close.repeat(depth)).into_bytes()
            };
            let mut fields = format!(r#"{event},"meta":{{"headers":{{"#);
            (0..LARGE / 9).for_each(|number| fields += &format!(r#""{number:x}":0,"#));
            fields += r#""":0}}}"#;
            let texts = [
                nested("", ",0", "", 0),
                nested("", ",[]", "", 0),
                nested("", ",{}", "", 0),
                nested("", ",null", "", 0),
                nested(r#"{"a":"#, ",0", "}", 100),
                nested("[", ",0", "]", 100),
                // Each level of these is read by itself.
                nested(r#"{"$scope":"#, &format!(",{}", "9".repeat(8)), "}", 100),
                nested(r#"{"$code":"","$scope":{"a":"#, &format!(",{}", "9".repeat(8)), "}}", 50),
                filled(event, r#",{"a":"#, ""),
                filled(&format!(r#"{event},"meta":{{"actor":""#), "\\u0001", "\"}}"),
                filled(r#"{"_id":""#, "\u{1}\u{1f9e6}", "\"}"),
                fields.into_bytes(),
            ];
            let documents =
                texts.iter().filter_map(|text| basket_mongo::store::json::read(std::str::from_utf8(text).ok()?).ok());
            let documents: Vec<_> = documents.map(bson::RawDocumentBuf::into_bytes).collect();
            texts.into_iter().chain(documents).chain([deep()]).collect()
        }
    }
}

/// A document whose `_id` is nested without end: no server takes it, but a file may hold it.
fn deep() -> Vec<u8> {
    let levels = 100_000_i32;
    let (mut open, mut close) = (Vec::new(), Vec::new());
    for level in 0..levels {
        // Around the ones within: a length, a type, a name and an end, 8 bytes.
        let length = 5 + 8 * (levels - level);
        let name: &[u8] = if level == 0 { b"\x03_id\0" } else { b"\x03a\0" };
        open.extend((if level == 0 { length + 2 } else { length }).to_le_bytes());
        open.extend(name);
        close.push(0);
    }
    open.extend(b"\x05\0\0\0\0");
    open.extend(close);
    open
}
