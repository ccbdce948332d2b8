//! A mongod of one test, that may be killed and started again: a replica set of one on a port and in a folder of its own.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use bson::{Document, doc};
use mongodb::{Client, Database, options::ClientOptions};
use tempfile::TempDir;
use tokio::time::sleep;

const PROGRAM: &str = "BASKET_TEST_MONGOD";

pub struct OwnServer {
    program: String,
    data: TempDir,
    port: u16,
    running: Option<Child>,
}

impl OwnServer {
    /// A new server, up; `None` where `scripts/with-mongo` has said that there is no program to start.
    pub async fn start() -> Option<Self> {
        let program = std::env::var(PROGRAM).unwrap_or_else(|_| {
            panic!(
                "{PROGRAM} is not set: this test starts a mongod. Run `make tests`, or `scripts/with-mongo cargo test`"
            )
        });
        if program == "none" {
            println!("NOT RUN: there is no mongod to start and kill here");
            return None;
        }
        // Freed again before mongod takes it; below the ports that the system gives away to whoever connects.
        let port = (0..100)
            .map(|_| fastrand::u16(11_000..19_000))
            .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
        let mut server = Self { program, data: tempfile::tempdir().unwrap(), port: port.unwrap(), running: None };
        server.run();
        let set = doc! { "_id": "rs0", "members": [{ "_id": 0, "host": format!("127.0.0.1:{}", server.port) }] };
        let admin = server.database("admin", "directConnection=true&serverSelectionTimeoutMS=30000").await;
        admin.run_command(doc! { "replSetInitiate": set }).await.unwrap();
        server.wait().await;
        Some(server)
    }

    /// Its address with a database.
    pub fn address(&self) -> String {
        format!("mongodb://127.0.0.1:{}/basket_db", self.port)
    }

    pub async fn database(&self, name: &str, options: &str) -> Database {
        let options = ClientOptions::parse(format!("mongodb://127.0.0.1:{}/?{options}", self.port)).await.unwrap();
        Client::with_options(options).unwrap().database(name)
    }

    /// Runs a command in the database `admin`.
    pub async fn admin(&self, command: Document) -> Document {
        self.database("admin", "").await.run_command(command).await.unwrap()
    }

    /// Starts it, on the data that it has. Test commands let a test say what the server is to answer.
    pub fn run(&mut self) {
        let mut command = Command::new(&self.program);
        command.arg("--dbpath").arg(self.data.path()).args([
            "--bind_ip",
            "127.0.0.1",
            "--port",
            &self.port.to_string(),
        ]);
        command.args(["--nounixsocket", "--wiredTigerCacheSizeGB", "0.5", "--replSet", "rs0", "--oplogSize", "100"]);
        command.args([
            "--setParameter",
            "enableTestCommands=1",
            "--setParameter",
            "diagnosticDataCollectionEnabled=false",
        ]);
        self.running = Some(command.stdout(Stdio::null()).spawn().unwrap());
    }

    /// Ends it by a signal, and waits until it is gone.
    pub fn kill(&mut self, signal: &str) {
        let mut child = self.running.take().unwrap();
        assert!(Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap().success());
        child.wait().unwrap();
    }

    /// Waits until the majority confirms a write.
    pub async fn wait(&self) {
        let admin = self.database("admin", "serverSelectionTimeoutMS=30000").await;
        let note = doc! { "appendOplogNote": 1, "data": {}, "writeConcern": { "w": "majority" } };
        for _ in 0..100 {
            if admin.run_command(note.clone()).await.is_ok() {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
        panic!("the server does not come up");
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
