//! TLS: which certificates of a server are accepted, and what is said of the others. `openssl` makes them.

use std::process::Command;

use basket_mongo::{Baskets, EventStore, MongoStore, StoreError};
use testkit::{mongo::new_id, own_server::OwnServer};

/// Runs `openssl` in the folder of the server.
fn openssl(server: &OwnServer, arguments: &str) {
    let done = Command::new("openssl").args(arguments.split(' ')).current_dir(server.folder()).output().unwrap();
    assert!(done.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&done.stderr));
}

/// What a store says that reads from a server with this certificate and its key.
async fn read(server: &mut OwnServer, certificate: &str, options: &str) -> StoreError {
    let folder = server.folder().display().to_string();
    let [key, chain] =
        ["key.pem", certificate].map(|file| std::fs::read_to_string(format!("{folder}/{file}")).unwrap());
    let both = server.file("server.pem", &(key + &chain));
    server.options = ["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", &both].map(Into::into).into();
    server.kill("TERM");
    server.run();
    let address = format!("{}?{}", server.address(), options.replace("DIR", &folder));
    let store = MongoStore::<Baskets>::at(&address).await.unwrap();
    loop {
        match store.get(&new_id()).await.unwrap_err() {
            StoreError::Unreachable { why, .. } if why.contains("refused") || why.contains("in no replica set yet") => {
            }
            answer => return answer,
        }
    }
}

#[tokio::test]
async fn a_certificate_is_accepted_or_named_with_what_is_wrong_with_it() {
    let Some(mut server) = OwnServer::start_program().await else { return };
    let host = server.file("host", "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n");
    let elsewhere = server.file("elsewhere", "subjectAltName=DNS:elsewhere\nbasicConstraints=CA:FALSE\n");
    openssl(&server, "req -x509 -newkey rsa:2048 -nodes -keyout authority.key -out authority.pem -subj /CN=authority");
    openssl(&server, "req -newkey rsa:2048 -nodes -keyout key.pem -out asked.pem -subj /CN=host");
    let sign = "x509 -req -in asked.pem -CA authority.pem -CAkey authority.key -CAcreateserial";
    openssl(&server, &format!("{sign} -extfile {host} -out good.pem"));
    openssl(&server, &format!("{sign} -extfile {elsewhere} -out elsewhere.pem"));
    openssl(&server, "x509 -req -in asked.pem -signkey key.pem -out v1.pem");
    openssl(&server, "req -x509 -key key.pem -out own.pem -subj /CN=host -addext subjectAltName=IP:127.0.0.1");

    let known = "tls=true&tlsCAFile=DIR/authority.pem";
    let answer = read(&mut server, "good.pem", known).await;
    assert!(matches!(answer, StoreError::NotFound { .. }), "{answer:?}");
    for (certificate, options, why) in [
        ("good.pem", "tls=true", "its issuer is not known here"),
        ("elsewhere.pem", known, "certificate not valid for name"),
        ("v1.pem", "tls=true&tlsCAFile=DIR/v1.pem", "it is of X.509 version 1"),
        ("own.pem", "tls=true&tlsCAFile=DIR/own.pem", "it is the certificate of an authority"),
    ] {
        let answer = read(&mut server, certificate, options).await;
        assert!(matches!(&answer, StoreError::Certificate { why: said, .. } if said.starts_with(why)), "{answer:?}");
    }
    let answer = read(&mut server, "good.pem", "").await;
    assert!(matches!(&answer, StoreError::Unreachable { why, .. } if why.contains("wants tls=true")), "{answer:?}");
}
