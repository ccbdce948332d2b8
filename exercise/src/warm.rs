//! Builds in the background what the later stages need, while the learner thinks about the first ones: the MongoDB driver
//! takes a minute and more, and stage 6 would begin with that wait. A verdict never waits for it: cargo locks its folder, so
//! a build is killed on a save, and goes on where it was when nothing else happens.

use std::{
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{course::Course, verdict::kill};

/// How long nothing must have happened.
const QUIET: Duration = Duration::from_secs(2);

pub struct Warm<'c> {
    course: &'c Course,
    /// Still to be built, the first one first. Tests and programs have other features of the same crates, so they are two.
    left: Vec<Vec<String>>,
    build: Option<Child>,
    since: Instant,
}

impl<'c> Warm<'c> {
    pub fn new(course: &'c Course) -> Self {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let mut tests = words("--package basket-mongo");
        tests.extend(
            course
                .stages
                .iter()
                .filter(|stage| stage.needs_mongo())
                .flat_map(|stage| ["--test".into(), stage.test.clone()]),
        );
        Self { course, left: vec![tests, words("--bin basket")], build: None, since: Instant::now() }
    }

    /// Something happens: nothing is built meanwhile.
    pub fn stop(&mut self) {
        self.since = Instant::now();
        if let Some(mut build) = self.build.take() {
            kill(&mut build);
        }
    }

    /// Nothing happens: builds what is left.
    pub fn go_on(&mut self) {
        if let Some(build) = &mut self.build {
            let Ok(Some(status)) = build.try_wait() else { return };
            // A failure is one of the learner's own code, which the next save may mend. What it needs is built by then.
            let built = self.left.remove(0);
            if !status.success() {
                self.left.push(built);
            }
            self.build = None;
            self.since = Instant::now() + if status.success() { Duration::ZERO } else { Duration::from_secs(60) };
        } else if let (Some(arguments), true) = (self.left.first(), self.since.elapsed() > QUIET) {
            // --keep-going: a function that does not compile yet must not keep the driver from being built.
            let mut cargo = Command::new("nice");
            cargo.args(["cargo", "build", "--quiet", "--keep-going"]).args(arguments).current_dir(&self.course.root);
            cargo.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            self.build = cargo.process_group(0).spawn().ok();
        }
    }
}

impl Drop for Warm<'_> {
    fn drop(&mut self) {
        self.stop();
    }
}
