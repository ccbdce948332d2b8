//! TLS: which certificates of a server are accepted, and what is said of the others. `openssl` makes them.

use basket_mongo::{Baskets, EventStore, MongoStore, StoreError};
use testkit::{certificates::Authority, mongo::new_id, own_server::OwnServer};

/// What a store says that reads from a server with this certificate and its key.
async fn read(server: &mut OwnServer, certificate: &str, options: &str) -> StoreError {
    server.options = ["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", certificate].map(Into::into).into();
    server.kill("TERM");
    server.run();
    let store = MongoStore::<Baskets>::at(&format!("{}?{options}", server.address())).await.unwrap();
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
    let authority = Authority::new();
    let good = authority.sign_server("good", 30);
    let elsewhere = authority.sign("host", "/CN=host", "subjectAltName=DNS:elsewhere\nbasicConstraints=CA:FALSE\n", 30);
    authority.openssl("x509 -req -in asked.pem -signkey host.key -out v1.crt");
    authority.openssl("req -x509 -key host.key -out own.crt -subj /CN=host -addext subjectAltName=IP:127.0.0.1");
    let [v1, own] = ["v1", "own"].map(|name| authority.with_key("host", name));

    let known = |file: &str| format!("tls=true&tlsCAFile={file}");
    let by_authority = known(&authority.certificate());
    let answer = read(&mut server, &good, &by_authority).await;
    assert!(matches!(answer, StoreError::NotFound { .. }), "{answer:?}");
    for (certificate, options, why) in [
        (&good, "tls=true", "its issuer is not known here"),
        (&elsewhere, &by_authority, "certificate not valid for name"),
        (&v1, &known(&v1), "it is of X.509 version 1"),
        (&own, &known(&own), "it is the certificate of an authority"),
    ] {
        let answer = read(&mut server, certificate, options).await;
        assert!(matches!(&answer, StoreError::Certificate { why: said, .. } if said.starts_with(why)), "{answer:?}");
    }
    let answer = read(&mut server, &good, "").await;
    assert!(matches!(&answer, StoreError::Unreachable { why, .. } if why.contains("wants tls=true")), "{answer:?}");
}
