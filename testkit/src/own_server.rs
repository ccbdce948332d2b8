//! A server of one test, that may be killed and started again: a replica set of one on a port and with data of its own. It is
//! a mongod where `scripts/with-mongo` has started one, and a container where it has taken Docker.

use std::{
    env,
    fs::File,
    net::TcpListener,
    path::Path,
    process::{Child, Command},
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

/// Where a program logs, beside its data.
const LOG: &str = "log";

/// The path of a mongod.
const PROGRAM: &str = "BASKET_TEST_MONGOD";
/// Or an image with one, and how the names of containers begin that `scripts/with-mongo` removes in the end.
const CONTAINERS: &str = "BASKET_TEST_CONTAINERS";

pub struct OwnServer {
    port: u16,
    /// Further options of a program, from its next start on.
    pub options: Vec<String>,
    /// What is in its environment besides ours, from its next start on, if it is a program.
    pub variables: Vec<(String, String)>,
    place: Place,
}

enum Place {
    Program { path: String, data: TempDir, running: Option<Child> },
    Container { name: String },
}

impl OwnServer {
    /// A new replica set of one, up.
    pub async fn start() -> Self {
        let server = match (Self::program(), env::var(CONTAINERS)) {
            (Some(server), _) => server,
            (None, Ok(containers)) => {
                let (image, names) = containers.split_once(' ').unwrap();
                let port = free_port();
                let name = create_container(image, names, port);
                let place = Place::Container { name };
                let mut server = Self { port, options: Vec::new(), variables: Vec::new(), place };
                server.run();
                server
            }
            _ => panic!(
                "neither {PROGRAM} nor {CONTAINERS} is set: this test starts a server. Run `make tests`, or \
                 `scripts/with-mongo cargo test`"
            ),
        };
        initiate(&format!("127.0.0.1:{}", server.port)).await.unwrap();
        server
    }

    /// A new server that is in no replica set yet, as a program on this machine: for tests that give it files, or connect it
    /// with others. `None` where there is only Docker; `scripts/with-mongo` says then that these tests do not run.
    pub fn program() -> Option<Self> {
        Self::program_with(Vec::new())
    }

    /// The same with further options.
    pub fn program_with(options: Vec<String>) -> Option<Self> {
        let path = env::var(PROGRAM).ok()?;
        let place = Place::Program { path, data: tempfile::tempdir().unwrap(), running: None };
        let mut server = Self { port: free_port(), options, variables: Vec::new(), place };
        server.run();
        Some(server)
    }

    /// The same, as a replica set of one.
    pub async fn start_program() -> Option<Self> {
        let server = Self::program()?;
        initiate(&format!("127.0.0.1:{}", server.port)).await.unwrap();
        Some(server)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process of a program that runs.
    pub fn process(&self) -> Option<u32> {
        match &self.place {
            Place::Program { running, .. } => running.as_ref().map(Child::id),
            Place::Container { .. } => None,
        }
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

    /// Runs commands in the database of its [`address`](Self::address), such as those that make users, and starts it again so
    /// that it asks for a user.
    pub async fn lock(&mut self, commands: impl IntoIterator<Item = Document>) {
        let database = self.database("basket_db", "").await;
        // A client without optimisation takes its time for each.
        self.admin(doc! { "setParameter": 1, "scramSHA256IterationCount": 5_000 }).await;
        for command in commands {
            database.run_command(command).await.unwrap();
        }
        let key = self.file("key", "a key of at least six characters");
        self.options.extend(["--keyFile".into(), key]);
        self.kill("TERM");
        self.run();
        while !self.is_primary().await {}
    }

    /// Its address for a user, whose password is `s3cret`.
    pub fn address_of(&self, user: &str) -> String {
        self.address().replace("//", &format!("//{user}:s3cret@"))
    }

    /// Starts it, on the data that it has.
    pub fn run(&mut self) {
        match &mut self.place {
            Place::Program { path, data, running } => {
                let mut command = Command::new(path);
                command.args(options(self.port)).args(["--bind_ip", "127.0.0.1", "--nounixsocket"]).args(&self.options);
                command.envs(self.variables.iter().cloned());
                let log = File::options().append(true).create(true).open(data.path().join(LOG)).unwrap();
                *running = Some(command.arg("--dbpath").arg(data.path()).stdout(log).spawn().unwrap());
            }
            Place::Container { name } => docker(&["start", name]),
        }
    }

    /// Where the data of a program are.
    pub fn folder(&self) -> &Path {
        match &self.place {
            Place::Program { data, .. } => data.path(),
            Place::Container { name } => panic!("{name} has its data in its container"),
        }
    }

    /// Writes a file beside the data of a program that only its user may read, and returns the path.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder().join(name);
        std::fs::write(&path, text).unwrap();
        assert!(Command::new("chmod").arg("600").arg(&path).status().unwrap().success());
        path.display().to_string()
    }

    /// Whether a program has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        match &mut self.place {
            Place::Program { running, .. } => running.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some()),
            Place::Container { .. } => false,
        }
    }

    /// The last lines that a program has logged, and whether it has ended; for an error.
    pub fn last_words(&mut self) -> String {
        let log = match &self.place {
            Place::Program { data, .. } => std::fs::read_to_string(data.path().join(LOG)).unwrap_or_default(),
            Place::Container { .. } => String::new(),
        };
        let lines: Vec<_> = log.lines().rev().take(20).collect();
        let end = if self.has_ended() { "it has ended" } else { "it runs" };
        format!("{end}, and has logged:\n{}", lines.into_iter().rev().collect::<Vec<_>>().join("\n"))
    }

    /// Ends it by a signal, and waits until it is gone.
    pub fn kill(&mut self, signal: &str) {
        self.signal(signal);
        match &mut self.place {
            Place::Program { running, .. } => drop(running.take().unwrap().wait().unwrap()),
            Place::Container { name } => docker(&["wait", name]),
        }
    }

    /// Sends a signal, such as the one that freezes it.
    pub fn signal(&self, signal: &str) {
        match &self.place {
            Place::Program { running, .. } => {
                let id = running.as_ref().unwrap().id().to_string();
                assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
            }
            Place::Container { name } => docker(&["kill", "--signal", signal, name]),
        }
    }

    /// Waits until the majority confirms a write.
    pub async fn wait(&self) {
        let admin = self.database("admin", "serverSelectionTimeoutMS=30000").await;
        wait_for_the_majority(&admin).await.expect("the server does not come up");
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        match &mut self.place {
            Place::Program { running, .. } => {
                if let Some(mut child) = running.take() {
                    child.kill().ok();
                    child.wait().ok();
                }
            }
            Place::Container { name } => docker(&["rm", "--force", "--volumes", name]),
        }
    }
}

/// Freed again before mongod takes it; below the ports that the system assigns to clients.
pub fn free_port() -> u16 {
    let mut ports = (0..100).map(|_| fastrand::u16(11_000..19_000));
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// Test commands let a test choose what the server answers.
fn options(port: u16) -> Vec<String> {
    let options = format!(
        "--port {port} --wiredTigerCacheSizeGB 0.5 --replSet rs0 --oplogSize 100 \
         --setParameter enableTestCommands=1 --setParameter diagnosticDataCollectionEnabled=false"
    );
    options.split(' ').map(str::to_owned).collect()
}

/// A container that is not started yet, and keeps its data when it ends. Returns its name.
fn create_container(image: &str, names: &str, port: u16) -> String {
    let (name, published) = (format!("{names}-own-{port}"), format!("127.0.0.1:{port}:{port}"));
    let mut arguments = vec!["create", "--name", &name, "--publish", &published, image, "mongod", "--bind_ip_all"];
    let options = options(port);
    arguments.extend(options.iter().map(String::as_str));
    docker(&arguments);
    name
}

/// Runs a command of Docker's that must succeed; a panic within a panic would hide the first one.
fn docker(arguments: &[&str]) {
    let output = Command::new("docker").args(arguments).output().unwrap();
    let failed = !output.status.success() && !std::thread::panicking();
    assert!(!failed, "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
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
