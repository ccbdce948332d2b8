//! A mongod of one test, that may be killed and started again: a replica set of one on a port and in a folder of its own.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use bson::{Document, doc};
use mongodb::{
    Client, Database,
    error::{Error, ErrorKind},
    options::ClientOptions,
};
use tempfile::TempDir;
use tokio::time::sleep;

const PROGRAM: &str = "BASKET_TEST_MONGOD";

pub struct OwnServer {
    program: String,
    data: TempDir,
    port: u16,
    /// Further options of its program, from the next start on.
    pub options: Vec<String>,
    running: Option<Child>,
}

impl OwnServer {
    /// A new replica set of one, up; `None` if `scripts/with-mongo` has found no program to start.
    pub async fn start() -> Option<Self> {
        let server = Self::up()?;
        initiate(&format!("127.0.0.1:{}", server.port)).await.unwrap();
        Some(server)
    }

    /// A new server that is in no replica set yet.
    pub(crate) fn up() -> Option<Self> {
        let program = std::env::var(PROGRAM).unwrap_or_else(|_| {
            panic!(
                "{PROGRAM} is not set: this test starts a mongod. Run `make tests`, or `scripts/with-mongo cargo test`"
            )
        });
        if program == "none" {
            println!("NOT RUN: there is no mongod to start and kill here");
            return None;
        }
        // Freed again before mongod takes it; below the ports that the system assigns to clients.
        let port = (0..100)
            .map(|_| fastrand::u16(11_000..19_000))
            .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
        let data = tempfile::tempdir().unwrap();
        let mut server = Self { program, data, port: port.unwrap(), options: Vec::new(), running: None };
        server.run();
        Some(server)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address with a database.
    pub fn address(&self) -> String {
        format!("mongodb://127.0.0.1:{}/basket_db", self.port)
    }

    pub async fn database(&self, name: &str, options: &str) -> Database {
        let options = ClientOptions::parse(format!("mongodb://127.0.0.1:{}/?{options}", self.port)).await.unwrap();
        Client::with_options(options).unwrap().database(name)
    }

    /// The database `admin` of this member, whatever it is in its set; the first command waits until the server is up.
    pub async fn direct(&self) -> Database {
        self.database("admin", "directConnection=true&serverSelectionTimeoutMS=30000").await
    }

    /// Whether it takes writes.
    pub async fn is_primary(&self) -> bool {
        let hello = self.direct().await.run_command(doc! { "hello": 1 }).await.unwrap();
        hello.get_bool("isWritablePrimary").unwrap()
    }

    /// Runs a command in the database `admin`.
    pub async fn admin(&self, command: Document) -> Document {
        self.database("admin", "").await.run_command(command).await.unwrap()
    }

    /// Starts it, on the data that it has. Test commands let a test choose what the server answers.
    pub fn run(&mut self) {
        let options = format!(
            "--bind_ip 127.0.0.1 --port {} --nounixsocket --wiredTigerCacheSizeGB 0.5 --replSet rs0 --oplogSize 100 \
             --setParameter enableTestCommands=1 --setParameter diagnosticDataCollectionEnabled=false",
            self.port
        );
        let mut command = Command::new(&self.program);
        command
            .arg("--dbpath")
            .arg(self.data.path())
            .args(options.split(' '))
            .args(&self.options)
            .stdout(Stdio::null());
        self.running = Some(command.spawn().unwrap());
    }

    /// Where its data are.
    pub fn folder(&self) -> &Path {
        self.data.path()
    }

    /// Writes a file beside its data that only its user may read, and returns the path.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.data.path().join(name);
        std::fs::write(&path, text).unwrap();
        assert!(Command::new("chmod").arg("600").arg(&path).status().unwrap().success());
        path.display().to_string()
    }

    /// Ends it by a signal, and waits until it is gone.
    pub fn kill(&mut self, signal: &str) {
        self.signal(signal);
        self.running.take().unwrap().wait().unwrap();
    }

    /// Sends a signal, such as the one that freezes it.
    pub fn signal(&self, signal: &str) {
        let id = self.running.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
    }

    /// Waits until the majority confirms a write.
    pub async fn wait(&self) {
        let admin = self.database("admin", "serverSelectionTimeoutMS=30000").await;
        wait_for_the_majority(&admin).await.expect("the server does not come up");
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.running.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Makes a fresh `mongod --replSet` a replica set of one, and waits until the majority confirms a write.
pub async fn initiate(host: &str) -> Result<(), Error> {
    let address = format!("mongodb://{host}/?directConnection=true&serverSelectionTimeoutMS=30000");
    let admin = Client::with_options(ClientOptions::parse(address).await?)?.database("admin");
    let set = doc! { "_id": "rs0", "members": [{ "_id": 0, "host": host }] };
    match admin.run_command(doc! { "replSetInitiate": set }).await {
        // Code 23: it was done before.
        Err(error) if !matches!(&*error.kind, ErrorKind::Command(command) if command.code == 23) => Err(error),
        _ => wait_for_the_majority(&admin).await,
    }
}

/// A note in the oplog is a write that leaves nothing behind in any database.
async fn wait_for_the_majority(admin: &Database) -> Result<(), Error> {
    let note = doc! { "appendOplogNote": 1, "data": { "basket": "ready" }, "writeConcern": { "w": "majority" } };
    for _ in 0..300 {
        if admin.run_command(note.clone()).await.is_ok() {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    admin.run_command(note).await.map(drop)
}
