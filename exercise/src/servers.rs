//! The MongoDB servers for the stages that need one: started once, stopped at the end. `watch` starts them in the
//! background: stage 6 does not wait for a download, and a learner who can't have a MongoDB knows it from the start.

use std::{
    env,
    fs::File,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, OnceLock},
};

use anyhow::{Context, Result, anyhow};

use crate::course::Course;

/// Shared by those who use the servers and the thread that starts them.
#[derive(Default, Clone)]
pub struct Servers(Arc<Started>);

#[derive(Default)]
struct Started {
    variables: OnceLock<Result<Variables, String>>,
    script: Mutex<Option<Child>>,
}

/// The variables in which the tests find the servers.
pub type Variables = [(&'static str, String); 2];

const VARIABLES: [&str; 2] = ["BASKET_TEST_MONGO", "BASKET_TEST_MONGO_STANDALONE"];

const LOG: &str = ".exercise/with-mongo.log";

impl Servers {
    pub fn mongo(&self, course: &Course) -> Result<String> {
        let [(_, replica_set), _] = self.variables(course)?;
        Ok(replica_set)
    }

    /// The variables, from the environment if it has them. Waits until the servers have started.
    pub fn variables(&self, course: &Course) -> Result<Variables> {
        let started = self.0.variables.get_or_init(|| {
            if let [Ok(replica_set), Ok(standalone)] = VARIABLES.map(env::var) {
                return Ok([(VARIABLES[0], replica_set), (VARIABLES[1], standalone)]);
            }
            start(course, &self.0.script).map_err(|error| format!("{error:#}"))
        });
        started.clone().map_err(|why| anyhow!(why))
    }

    /// Starts them, and does not wait.
    pub fn start_in_background(&self, course: &Course) -> Result<()> {
        let (servers, course) = (self.clone(), Course::at(&course.root)?);
        std::thread::spawn(move || servers.variables(&course).is_ok());
        Ok(())
    }

    /// Whether they have started, or why they can't; `None` while they start.
    pub fn ready(&self) -> Option<Result<(), String>> {
        self.0.variables.get().map(|started| started.as_ref().map(drop).map_err(Clone::clone))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let Ok(Some(script)) = self.script.get_mut().map(Option::as_mut) else { return };
        // It waits for its input to end, then cleans up.
        drop(script.stdin.take());
        script.wait().ok();
    }
}

fn start(course: &Course, keep: &Mutex<Option<Child>>) -> Result<Variables> {
    course.write(LOG, "")?;
    let mut script = Command::new(course.root.join("scripts/with-mongo"))
        .args(["bash", "-c", &format!("echo \"${}\"; echo \"${}\"; read -r _ || true", VARIABLES[0], VARIABLES[1])])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // Its build and download messages would fill the screen.
        .stderr(File::create(course.root.join(LOG))?)
        .spawn()
        .context("scripts/with-mongo can't be started")?;
    let mut lines = BufReader::new(script.stdout.take().context("no output")?).lines();
    if let Ok(mut keep) = keep.lock() {
        *keep = Some(script);
    }
    let mut next = || {
        lines.next().and_then(Result::ok).with_context(|| {
            let log = course.read(LOG).unwrap_or_default();
            let why = log.lines().rfind(|line| line.starts_with("error:")).unwrap_or("no MongoDB could be started");
            format!("{} (all of it is in {LOG})", why.trim_start_matches("error: "))
        })
    };
    Ok([(VARIABLES[0], next()?), (VARIABLES[1], next()?)])
}
