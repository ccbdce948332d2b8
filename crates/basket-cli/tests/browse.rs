//! `basket browse`: what it answers, to whom, and how it ends. The page itself is tested in a browser, by slides/tests/browse.test.mjs.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use testkit::{
    on_both_stores,
    one_basket::{OneBasket, records},
    planted::plant,
    shell::Shell,
    watcher::Watcher,
};

on_both_stores! {
    it_answers_what_list_and_log_print
    each_event_says_what_it_changed
    a_name_is_text
    what_was_appended_is_told_at_once
    a_document_that_cant_be_read_is_named_everywhere
    the_events_of_one_correlation_are_found_in_all_streams
    it_ends_at_once_whatever_is_open
}

/// A `browse` that runs, and where.
struct Browse {
    running: Watcher,
    address: SocketAddr,
    token: Option<String>,
}

struct Response {
    status: u16,
    headers: String,
    body: String,
}

impl Browse {
    fn start(shell: &Shell, words: &str) -> Self {
        let running = Watcher::spawn(shell, &format!("browse {words}"));
        let address = running.line();
        let (address, token) = match address.strip_prefix("http://").unwrap().split_once("/?token=") {
            Some((address, token)) => (address, Some(token.to_owned())),
            None => (address.trim_start_matches("http://").split('/').next().unwrap(), None),
        };
        let address = address.parse().unwrap();
        Self { running, address, token }
    }

    fn send(&self, request: &str, headers: &[&str]) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.address.port())).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        // HTTP/1.0, so that the body is not in chunks.
        let head = [&[&format!("{request} HTTP/1.0") as &str], headers].concat().join("\r\n");
        stream.write_all(format!("{head}\r\n\r\n").as_bytes()).unwrap();
        stream
    }

    fn request(&self, request: &str, headers: &[&str]) -> Response {
        let mut text = String::new();
        self.send(request, headers).read_to_string(&mut text).unwrap();
        let (headers, body) = text.split_once("\r\n\r\n").unwrap();
        let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
        Response { status, headers: headers.to_lowercase(), body: body.into() }
    }

    fn get(&self, path: &str) -> Response {
        self.request(&format!("GET {path}"), &[&format!("Host: {}", self.address)])
    }

    /// The records of an answer that is whole.
    #[track_caller]
    fn lines(&self, path: &str) -> Vec<Value> {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let mut lines: Vec<Value> = answer.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.pop(), Some(json!({ "end": true })));
        lines
    }
}

/// Records with only the fields that others have, too.
fn like(lines: &[Value], others: &[Value]) -> Vec<Value> {
    let fields = |line: &Value, other: &Value| {
        other.as_object().unwrap().keys().map(|name| (name.clone(), line[name].clone())).collect()
    };
    lines.iter().zip(others).map(|(line, other)| Value::Object(fields(line, other))).collect()
}

fn it_answers_what_list_and_log_print(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID rocks -q 2 --as bob -m 'a second pair'", "remove ID socks"]);
    shell.create("hats");
    let browse = Browse::start(shell, "");
    let log = basket.records("log ID --reverse");
    let events = browse.lines(&format!("/events/{}", basket.id));
    assert_eq!(like(&events, &log), log);
    assert_eq!(events[2]["words"], "added 2 of 'rocks'");
    assert_eq!(browse.lines(&format!("/events/{}/3", basket.id)), events[3..]);
    let list = records(shell, "list");
    assert_eq!(browse.lines("/list").len(), 2);
    assert_eq!(browse.lines("/list")[0]["id"], list[0]["id"]);
    assert_eq!(browse.lines("/having/rocks")[0], browse.lines(&format!("/list/{}", basket.id))[0]);
    assert_eq!(browse.lines("/having/rocks").len(), 1);
    let document = browse.lines(&format!("/document/{}/3", basket.id));
    assert!(document[0]["document"].as_str().unwrap().contains("a second pair"), "{document:?}");
    for (path, status, why) in [
        ("/events/5ab69073421aa917e62b4734", 404, "there is no basket '5ab69073421aa917e62b4734'"),
        ("/events/socks", 400, "a basket id is 24 hex digits"),
        ("/having/%20", 400, "can't be empty"),
        ("/", 200, "<!doctype html>"),
        ("/page.js", 200, "import"),
        ("/about", 200, r#""row":"product""#),
        ("/page/page.js", 404, "there is no such page"),
        ("/..%2fCargo.toml", 404, "there is no such page"),
        ("//etc/passwd", 404, "there is no such page"),
    ] {
        let answer = browse.get(path);
        assert!(answer.status == status && answer.body.contains(why), "{path}: {} {}", answer.status, answer.body);
    }
    let missing = browse.get(&format!("/document/{}/9", basket.id));
    assert!(missing.status == 404 && missing.body.contains("there is no version 9"), "{}", missing.body);
}

fn each_event_says_what_it_changed(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID rocks", "add ID socks", "remove ID socks"]);
    let events = Browse::start(shell, "").lines(&format!("/events/{}", basket.id));
    let step =
        |product, before, after, at: Value| json!([{ "product": product, "before": before, "after": after, "at": at }]);
    assert_eq!(events[0]["changes"], json!([]));
    assert_eq!(events[1]["changes"], step("socks", 0, 1, 0.into()));
    assert_eq!(events[2]["changes"], step("rocks", 0, 1, 1.into()));
    assert_eq!(events[3]["changes"], step("socks", 1, 2, 0.into()));
    assert_eq!(events[4]["changes"], step("socks", 2, 0, Value::Null));
}

fn a_name_is_text(shell: &Shell) {
    let name = "<script>alert(1)</script>";
    let id = shell.create(name);
    let answer = Browse::start(shell, "").get(&format!("/events/{id}"));
    assert!(answer.headers.contains("content-type: application/x-ndjson"), "{}", answer.headers);
    assert!(answer.headers.contains("x-content-type-options: nosniff"), "{}", answer.headers);
    let line: Value = serde_json::from_str(answer.body.lines().nth(1).unwrap()).unwrap();
    assert_eq!(line["data"]["product"], name);
}

/// A text can only become markup by one of these.
#[test]
fn the_page_makes_no_markup_of_texts() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/commands/browse/page");
    for file in fs::read_dir(page).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for way in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "Function(",
            "srcdoc",
            "style=",
            " onclick=",
        ] {
            assert!(!text.contains(way), "{way} in {}", path.display());
        }
    }
}

#[test]
fn only_our_page_on_this_machine_is_answered() {
    let shell = Shell::new();
    shell.create("socks");
    let browse = Browse::start(&shell, "");
    let port = browse.address.port();
    let host = format!("Host: 127.0.0.1:{port}");
    let ours = format!("Origin: http://127.0.0.1:{port}");
    let ask = |request: &str, headers: &[&str]| browse.request(request, headers).status;
    for path in ["/", "/list", "/live?", "/nothing"] {
        let get = format!("GET {path}");
        for wrong in [
            "Host: example.org".to_owned(),
            format!("Host: example.org:{port}"),
            format!("Host: 127.0.0.1.example.org:{port}"),
            format!("Host: localhost.example.org:{port}"),
            "Host: 127.0.0.1".into(),
            format!("Host: 127.0.0.1:{}", port ^ 1),
            format!("{host}\r\n{host}"),
            "Accept: */*".into(),
            format!("{host}\r\nOrigin: http://example.org"),
            format!("{host}\r\nOrigin: null"),
            format!("{host}\r\nOrigin: http://localhost:{port}"),
            format!("{host}\r\nOrigin: https://127.0.0.1:{port}"),
            format!("{host}\r\n{ours}\r\nOrigin: http://example.org"),
        ] {
            assert_eq!(ask(&get, &[&wrong]), 403, "{path} {wrong}");
        }
    }
    assert_eq!(ask("GET /list", &[&host, &ours]), 200);
    assert_eq!(ask("GET /list", &[&format!("Host: localhost:{port}")]), 200);
    assert_eq!(browse.request("HEAD /list", &[&host]).body, "");
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        // Also where no route says which methods it has.
        for path in ["/list", "/nothing"] {
            let answer = browse.request(&format!("{method} {path}"), &[&host]);
            let is_refused = answer.status == 405 && answer.headers.contains("allow: get, head");
            assert!(is_refused, "{method} {path}: {}", answer.headers);
        }
    }
    for path in ["/", "/list", "/nothing", "/events/socks"] {
        let headers = browse.get(path).headers;
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
        ] {
            assert!(headers.contains(header), "{path}: {headers}");
        }
        assert!(!headers.contains("access-control"), "{path}: {headers}");
    }
}

#[test]
fn from_other_machines_a_token_is_needed() {
    let shell = Shell::new();
    shell.create("socks");
    let browse = Browse::start(&shell, "--host 0.0.0.0");
    let token = browse.token.clone().unwrap();
    assert_eq!(token.len(), 32);
    assert_ne!(Browse::start(&shell, "--host 0.0.0.0").token.unwrap(), token);
    let port = browse.address.port();
    let host = format!("Host: my-machine:{port}");
    let ask = |path: &str, headers: &[&str]| browse.request(&format!("GET {path}"), headers);
    let cookie = format!("Cookie: other=1; browse-{port}={token}");
    let cut = token.split_at(31).0;
    for path in [
        "/".to_owned(),
        "/list".into(),
        "/live".into(),
        "/?token=".into(),
        format!("/?token={cut}"),
        format!("/?token={token}0"),
    ] {
        assert_eq!(ask(&path, &[&host]).status, 403, "{path}");
        assert_eq!(ask(&path, &[&host, &format!("Cookie: browse-{port}={cut}x")]).status, 403, "{path}");
    }
    let first = ask(&format!("/?token={token}"), &[&host]);
    let set = format!("set-cookie: browse-{port}={token}; path=/; httponly; samesite=strict");
    assert!(first.status == 200 && first.headers.contains(&set), "{}", first.headers);
    assert_eq!(ask("/list", &[&host, &cookie]).status, 200);
    assert_eq!(ask("/list", &[&format!("Host: my-machine:{}", port ^ 1), &cookie]).status, 403);
    assert_eq!(ask("/list", &[&host, &cookie, "Origin: http://example.org"]).status, 403);
}

fn what_was_appended_is_told_at_once(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    let browse = Browse::start(shell, &basket.id);
    let mut live = BufReader::new(browse.send("GET /live", &[&format!("Host: {}", browse.address)])).lines();
    let mut next = || live.find_map(|line| line.unwrap().strip_prefix("data: ").map(str::to_owned)).unwrap();
    // The tail may begin after the first event: then the page hears that it has to read again.
    let mut heard = Value::Null;
    for product in ["rocks", "clocks", "hats"] {
        basket.does([&format!("add ID {product}")]);
        while heard["event"].is_null() {
            heard = serde_json::from_str(&next()).unwrap();
            if heard["watching"] == true {
                break;
            }
        }
    }
    let newest = basket.records("log ID -n 1");
    while heard["event"]["version"] != newest[0]["version"] {
        heard = serde_json::from_str(&next()).unwrap();
    }
    assert_eq!(like(&[heard["event"].clone()], &newest), newest);
    assert_eq!(heard["event"]["words"], "added 1 of 'hats'");
}

fn a_document_that_cant_be_read_is_named_everywhere(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID rocks --correlation order-7"]);
    let planted = plant(shell, "ItemBlessed");
    plant(shell, "ItemAdded");
    let browse = Browse::start(shell, "");
    let events = browse.lines(&format!("/events/{}", basket.id));
    let name = format!("the document with _id ObjectId('{planted}') (version 4) can't be read: ");
    assert!(events[3]["unreadable"].as_str().unwrap().starts_with(&name), "{events:?}");
    assert_eq!((&events[4]["version"], &events[4]["changes"]), (&5.into(), &Value::Null), "its state is not known");
    assert_eq!(events[2]["changes"][0]["product"], "rocks");
    let chain = browse.lines("/correlation/order-7");
    assert!(
        chain.iter().any(|line| line["unreadable"].as_str().is_some_and(|why| why.starts_with(&name))),
        "{chain:?}"
    );
    assert_eq!(browse.lines("/list")[0]["unreadable"], 1);
}

fn the_events_of_one_correlation_are_found_in_all_streams(shell: &Shell) {
    let basket = OneBasket::with(shell, "socks");
    basket.does(["add ID rocks --correlation 'order 7/a'", "add ID clocks --correlation other"]);
    let other = shell.basket("create hats --correlation 'order 7/a' --format json").out[7..31].to_owned();
    let chain = Browse::start(shell, "").lines("/correlation/order%207%2Fa");
    let found: Vec<_> =
        chain.iter().map(|line| (line["basket"].as_str().unwrap(), line["version"].as_u64().unwrap())).collect();
    let mut all = [(basket.id.as_str(), 3), (other.as_str(), 1), (other.as_str(), 2)];
    // One stream after the other, by id.
    all.sort();
    assert_eq!(found, all);
}

fn it_ends_at_once_whatever_is_open(shell: &Shell) {
    shell.create("socks");
    let browse = Browse::start(shell, "");
    let host = format!("Host: {}", browse.address);
    let mut live = BufReader::new(browse.send("GET /live", &[&host]));
    let mut first = String::new();
    live.read_line(&mut first).unwrap();
    let _half = TcpStream::connect(browse.address).unwrap();
    let began = Instant::now();
    browse.running.signal("INT");
    let end = browse.running.end();
    assert_eq!(end.code, 0, "{end:?}");
    assert!(end.err.ends_with("are shown there; Ctrl-C ends it\n"), "{end:?}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    live.read_to_string(&mut first).unwrap();
}

#[test]
fn a_port_that_is_taken_is_an_error_that_says_what_to_do() {
    let shell = Shell::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    shell.basket(&format!("browse --port {port}")).fails(2, "is taken; leave --port out for a free one");
    shell.basket("browse --host 192.0.2.1").fails(2, "192.0.2.1 is no address of this machine");
    shell.basket("browse socks").fails(2, "a basket id is 24 hex digits");
}
