//! Users of a MongoDB: who gets in, by a password or by a certificate, in the library and in `basket`; what is said to the
//! others, without a word of their passwords. And that `docs/access.md` works as it is written.

use std::{
    error::Error,
    net::TcpStream,
    process::{Command, Stdio},
};

use basket_mongo::{Baskets, CommandError, EventStore, MongoStore, StoreError};
use bson::{Document, doc};
use testkit::{
    certificates::Authority,
    mongo::{new_id, product, qty},
    own_server::{OwnServer, free_port},
    shell::Shell,
};

/// Who can't get in, and why.
#[derive(Debug, PartialEq)]
enum Kept {
    Denied(String),
    Certificate(String),
    Unreachable(String),
}

/// Creates a basket at this address and reads it, in the library and with `basket`; both must come to the same.
async fn uses(address: &str) -> Result<(), Kept> {
    let (shell, id) = (Shell::new().with("BASKET_STORE", address), new_id());
    let created = shell.basket("create socks");
    let store = MongoStore::<Baskets>::at(address).await.unwrap();
    let done = store.command(&id).run(|basket| basket.create(id)).await;
    let error = match done {
        Ok(_) => {
            assert_eq!(created.code, 0, "{created:?}");
            store.command(&id).run(|basket| basket.add_item(&product("socks"), qty(1))).await.unwrap();
            assert_eq!(store.get(&id).await.unwrap().version(), 2);
            return Ok(());
        }
        Err(CommandError::Store { error, .. }) => error,
        Err(other) => panic!("{other:?}"),
    };
    created.fails(6, "");
    let mut all = vec![created.err.clone(), error.to_string(), format!("{error:?}")];
    let mut cause = error.source();
    while let Some(error) = cause {
        all.push(format!("{error} {error:?}"));
        cause = error.source();
    }
    for secret in ["s3cret", "wr0ng", "PRIVATE KEY"] {
        assert!(!all.iter().any(|text| text.contains(secret)), "{all:?}");
    }
    let (words, kept) = match error {
        StoreError::Denied { why, .. } => ("refuses access", Kept::Denied(why)),
        StoreError::Certificate { why, .. } => ("has a certificate that is not accepted", Kept::Certificate(why)),
        StoreError::Unreachable { why, .. } => ("can't be reached", Kept::Unreachable(why)),
        other => panic!("{other:?}"),
    };
    assert!(created.err.contains(words), "{created:?}");
    Err(kept)
}

/// The words of a denial.
fn denied(uses: Result<(), Kept>) -> String {
    match uses {
        Err(Kept::Denied(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn user(name: &str, password: &str, mechanism: &str) -> Document {
    doc! { "createUser": name, "pwd": password, "roles": ["readWrite"], "mechanisms": [mechanism] }
}

#[tokio::test(flavor = "multi_thread")]
async fn mongo_a_user_gets_in_with_the_right_password() {
    let Some(mut server) = OwnServer::start_program().await else { return };
    let users = [
        user("ann", "s3cret", "SCRAM-SHA-256"),
        user("old", "s3cret", "SCRAM-SHA-1"),
        user("o:m@", "s3c/ret%", "SCRAM-SHA-256"),
    ];
    server.lock(users).await;
    let of = |user: &str, options: &str| server.address().replace("//", &format!("//{user}")) + options;
    for (user, options) in [
        ("ann:s3cret@", ""),
        ("ann:s3cret@", "?authMechanism=SCRAM-SHA-256"),
        ("ann:s3cret@", "?authSource=basket_db"),
        ("old:s3cret@", "?authMechanism=SCRAM-SHA-1"),
        ("o%3Am%40:s3c%2Fret%25@", ""),
    ] {
        assert_eq!(uses(&of(user, options)).await, Ok(()), "{user} {options}");
    }
    for (user, options) in [
        ("ann:wr0ng@", ""),
        ("eve:s3cret@", ""),
        ("ann:s3cret@", "?authSource=admin"),
        ("old:s3cret@", "?authMechanism=SCRAM-SHA-256"),
    ] {
        assert_eq!(uses(&of(user, options)).await, Err(Kept::Denied("SCRAM failure: Authentication failed.".into())));
    }
    let why = denied(uses(&server.address()).await);
    assert!(why.contains("requires authentication"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mongo_a_user_gets_in_with_a_certificate_over_tls() {
    let Some(mut server) = OwnServer::start_program().await else { return };
    let (authority, foreign) = (Authority::new(), Authority::new());
    let external = server.database("$external", "").await;
    let role = doc! { "role": "readWrite", "db": "basket_db" };
    for subject in ["CN=ann,O=shop", "CN=late,O=shop"] {
        external.run_command(doc! { "createUser": subject, "roles": [&role] }).await.unwrap();
    }
    // Members of a set, and this test, speak without TLS; whoever speaks TLS must show a certificate.
    let (certificate, known) = (authority.sign_server("server", 30), authority.certificate());
    let options = ["--tlsMode", "preferTLS", "--tlsCertificateKeyFile", &certificate, "--tlsCAFile", &known];
    server.options.extend(options.map(str::to_owned));
    server.lock([user("bob", "s3cret", "SCRAM-SHA-256")]).await;
    let known = format!("tls=true&tlsCAFile={}", authority.certificate());
    let with = |file: &str| format!("{}?{known}&tlsCertificateKeyFile={file}", server.address());
    let x509 = |file: &str| with(file) + "&authMechanism=MONGODB-X509&authSource=$external";
    let (ann, eve) = (authority.sign_user("ann", 30), authority.sign_user("eve", 30));

    assert_eq!(uses(&x509(&ann)).await, Ok(()));
    assert_eq!(uses(&(with(&ann) + "&authMechanism=MONGODB-X509")).await, Ok(()), "authSource may be left out");
    assert_eq!(uses(&with(&eve).replace("//", "//bob:s3cret@")).await, Ok(()), "a password over TLS");

    let of_nobody = Kept::Denied("MONGODB-X509 failure: Authentication failed".into());
    assert_eq!(uses(&x509(&eve)).await, Err(of_nobody));
    assert!(
        denied(uses(&with(&ann)).await).ends_with("command find requires authentication"),
        "a certificate is no login"
    );
    assert!(denied(uses(&with(&ann).replace("//", "//bob:wr0ng@")).await).starts_with("SCRAM failure"));

    let shortly = |address: String| address + "&serverSelectionTimeoutMS=2000";
    let none = format!("{}?{known}", server.address());
    let refused = [x509(&authority.sign_user("late", -1)), x509(&foreign.sign_user("ann", 30)), none];
    for address in refused.map(shortly) {
        let Err(Kept::Unreachable(why)) = uses(&address).await else { panic!("{address}") };
        assert!(why.contains("perhaps it wants a certificate of the client"), "{address}: {why}");
    }

    // A mongod does not start with a certificate that has expired, so another server shows it.
    let (port, expired) = (free_port().to_string(), authority.sign_server("old", -1));
    let arguments = ["s_server", "-quiet", "-accept", &port, "-cert", &expired, "-key", &expired];
    let mut other =
        Command::new("openssl").args(arguments).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    while TcpStream::connect(format!("127.0.0.1:{port}")).is_err() {}
    let address = format!("mongodb://127.0.0.1:{port}/basket_db?{known}&serverSelectionTimeoutMS=2000");
    let kept = uses(&address).await;
    other.kill().and_then(|()| other.wait()).unwrap();
    let Err(Kept::Certificate(why)) = kept else { panic!("{kept:?}") };
    assert!(why.starts_with("it has expired"), "{why}");
}

const PAGE: &str = include_str!("../../../docs/access.md");

/// The blocks of the page in a language, for a server at this port.
fn blocks(language: &str, port: u16) -> Vec<String> {
    let begin = format!("```{language}\n");
    let parts = PAGE.split(&begin).skip(1);
    parts.map(|part| part.split("```").next().unwrap().replace(":27017", &format!(":{port}"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn mongo_the_page_on_access_works_as_it_is_written() {
    let Some(mut server) = OwnServer::start_program().await else { return };
    let shell = Shell::new().with("BASKET_STORE", server.address());
    let mut printed = String::new();
    for line in blocks("sh", server.port()).concat().lines() {
        if let Some(words) = line.strip_prefix("basket ") {
            let answer = shell.basket(words);
            assert_eq!(answer.code, 0, "{line}: {answer:?}");
            continue;
        }
        let done =
            Command::new("bash").args(["-euo", "pipefail", "-c", line]).current_dir(shell.folder.path()).output();
        let done = done.unwrap();
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
        printed = String::from_utf8(done.stdout).unwrap();
    }
    let users = blocks("js", server.port());
    assert!(users[1].contains(printed.trim().strip_prefix("subject=").unwrap()), "{printed}");
    for user in users {
        let (database, rest) =
            user.trim().strip_prefix("db.getSiblingDB(\"").unwrap().split_once("\").runCommand(").unwrap();
        let command: Document = serde_json::from_str(rest.strip_suffix(")").unwrap()).unwrap();
        server.database(database, "").await.run_command(command).await.unwrap();
    }
    server.lock([]).await;
    let addresses = blocks("text", server.port());
    let works = |address: &str| shell.basket(&format!("create socks --store {}", address.trim()));
    assert_eq!((addresses.len(), works(&addresses[0]).code), (3, 0));

    let options = PAGE.split('`').filter(|quoted| quoted.starts_with("--tls")).flat_map(|options| options.split(' '));
    let folder = shell.folder.path().display();
    let file = |option: &str| if option.ends_with(".pem") { format!("{folder}/{option}") } else { option.to_owned() };
    server.options.extend(options.map(file));
    server.kill("TERM");
    server.run();
    for address in &addresses[1..] {
        let mut answer = works(address);
        while answer.err.contains("refused") || answer.err.contains("no primary now") {
            answer = works(address);
        }
        assert_eq!(answer.code, 0, "{address}: {answer:?}");
    }
    works(&addresses[0]).fails(6, "perhaps it wants tls=true in the address");
}
