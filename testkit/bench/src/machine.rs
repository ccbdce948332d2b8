//! Where something was measured: a figure by itself means little without it.

use std::{fmt, fs, process::Command};

use anyhow::Result;
use bson::doc;
use mongodb::Client;
use serde::{Deserialize, Serialize};

/// A machine, and what ran on it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Machine {
    /// The model of its processor.
    pub cpu: String,
    /// How many of its cores there are for us.
    pub cores: usize,
    /// Its memory, in GB.
    pub gigabytes: u64,
    /// The version of its kernel.
    pub kernel: String,
    /// The version of the server.
    pub mongodb: String,
    /// The version of the compiler.
    pub rustc: String,
    /// The version of the store, with its commit.
    pub basket: String,
}

impl Machine {
    /// This one, with the server at this address.
    pub async fn here(server: &str) -> Result<Self> {
        let build = Client::with_uri_str(server).await?.database("admin").run_command(doc! { "buildInfo": 1 }).await?;
        let kilobytes =
            field("/proc/meminfo", "MemTotal").and_then(|text| text.strip_suffix(" kB")?.parse::<u64>().ok());
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let commit = output("git", &["rev-parse", "--short", "HEAD"]);
        Ok(Self {
            cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.into()),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            gigabytes: kilobytes.unwrap_or(0).div_ceil(1024 * 1024),
            kernel: format!("{} {}", std::env::consts::OS, kernel.trim()).trim().into(),
            mongodb: build.get_str("version").unwrap_or("unknown").into(),
            rustc: output("rustc", &["--version"]).split(' ').nth(1).unwrap_or("unknown").into(),
            basket: format!("{} {commit}", env!("CARGO_PKG_VERSION")).trim().into(),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, cores, gigabytes, kernel, mongodb, rustc, basket } = self;
        write!(f, "{cpu}, {cores} cores, {gigabytes} GB, {kernel}; MongoDB {mongodb}, rustc {rustc}, basket {basket}")
    }
}

/// The first line of a file of Linux that begins so, without its name.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim_start_matches([' ', '\t', ':']).trim().to_owned())
}

/// What a program prints; nothing if it can't be run.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default().trim().to_owned()
}

/// Today, as the year, the month and the day.
pub fn today() -> String {
    bson::DateTime::now().try_to_rfc3339_string().unwrap_or_default().chars().take(10).collect()
}
