//! `make watch` in a real terminal, on a small course of its own: three stages, of which the last one needs a MongoDB. A
//! script plays cargo, and says of each stage what a file tells it, so that these tests see every state in no time.

use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, PtySize, native_pty_system};
use tempfile::TempDir;

const CARGO: &str = r#"#!/usr/bin/env bash
if [ "$1" = build ]; then echo "$$ $*" >> built; sleep 1000; fi
while [ "$1" != --test ]; do shift; done
out() { printf '\nrunning 2 tests\ntest it_works ... ok\n'; }
sleep 0.1
case $(cat "verdicts/$2") in
    green) out ;;
    red) out; printf '\n---- it_ends stdout ----\n\nthread x panicked at crates/a/src/lib.rs:9:9:\nit fails\n\n\n'; exit 1 ;;
    broken) echo 'error: expected `;`' >&2; exit 1 ;;
    endless) out; sleep 1000 ;;
    locked) echo '    Blocking waiting for file lock on build directory' >&2; sleep 1000 ;;
esac
"#;

const SOURCE: &str = "struct A;\nimpl A {\n    fn one(&self) {}\n    fn two(&self) {}\n    fn three(&self) {}\n}\n";

/// A course, and the window in which it is watched.
struct Course {
    folder: TempDir,
}

impl Course {
    fn new(mongo: &str) -> Self {
        let course = Self { folder: tempfile::tempdir().unwrap() };
        let stage = |number: usize, name: &str, package: &str| {
            let part = format!("[[stage.part]]\nfile = 'crates/a/src/lib.rs'\nitem = 'A::{name}'\nblank = 'todo!()'\n");
            let hint = "[[stage.hint]]\ntext = 'think of a fold'\n";
            format!(
                "[[stage]]\nname = 'Stage of {name}'\npackage = '{package}'\ntest = '{name}'\nslide = 's{number}'\n\
                 task = 'Write {name}.'\nlearnt = 'Learnt from {name}.'\n{part}{hint}"
            )
        };
        let stages = [stage(1, "one", "a"), stage(2, "two", "a"), stage(3, "three", "basket-mongo")].concat();
        course.write("exercise/stages.toml", &stages);
        course.write("exercise/known.toml", "");
        let solution = |name: &str| format!("\"crates/a/src/lib.rs#A::{name}\": \"{{ main() }}\"");
        course.write("exercise/solutions.json", &format!("{{{}}}", ["one", "two", "three"].map(solution).join(",")));
        course.write("crates/a/src/lib.rs", SOURCE);
        for (package, test) in [("a", "one"), ("a", "two"), ("basket-mongo", "three")] {
            let tests = "#[test]\nfn it_works() {}\n#[test]\nfn it_ends() {}\n";
            course.write(&format!("crates/{package}/tests/{test}.rs"), tests);
        }
        for (script, text) in [("bin/cargo", CARGO), ("scripts/with-mongo", mongo)] {
            course.write(script, text);
            fs::set_permissions(course.path().join(script), fs::Permissions::from_mode(0o755)).unwrap();
        }
        course
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// What cargo will say of the three stages.
    fn verdicts(&self, verdicts: [&str; 3]) {
        for (stage, verdict) in ["one", "two", "three"].iter().zip(verdicts) {
            self.write(&format!("verdicts/{stage}"), verdict);
        }
    }

    fn save(&self) {
        self.write("crates/a/src/lib.rs", SOURCE);
    }

    /// The process ids of the builds in the background so far.
    fn builds(&self) -> Vec<String> {
        let log = fs::read_to_string(self.path().join("built")).unwrap_or_default();
        log.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
    }

    fn watch(&self) -> Window {
        let pty = native_pty_system().openpty(PtySize { rows: 50, cols: 80, ..PtySize::default() }).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_exercise"));
        command.arg("watch");
        command.cwd(self.path());
        let path = format!("{}:{}", self.path().join("bin").display(), std::env::var("PATH").unwrap());
        command.env("PATH", path);
        command.env("TERM", "xterm");
        command.env_remove("BASKET_TEST_MONGO");
        let child = pty.slave.spawn_command(command).unwrap();
        let (mut output, text) = (pty.master.try_clone_reader().unwrap(), Arc::<Mutex<Vec<u8>>>::default());
        let seen = text.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                seen.lock().unwrap().extend_from_slice(&buffer[..length]);
            }
        });
        Window { child, keys: pty.master.take_writer().unwrap(), text, from: 0 }
    }
}

struct Window {
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    text: Arc<Mutex<Vec<u8>>>,
    /// What was shown before this byte was looked at already.
    from: usize,
}

impl Window {
    /// All that was shown since [`Self::forget`].
    fn text(&self) -> String {
        let text = self.text.lock().unwrap();
        String::from_utf8_lossy(text.get(self.from..).unwrap_or_default()).into_owned()
    }

    fn forget(&mut self) {
        self.from = self.text.lock().unwrap().len();
    }

    #[track_caller]
    fn shows(&self, words: &str) {
        self.shows_within(words, 10);
    }

    #[track_caller]
    fn shows_within(&self, words: &str, seconds: u64) {
        let start = Instant::now();
        while !self.text().contains(words) {
            assert!(start.elapsed() < Duration::from_secs(seconds), "it does not show '{words}', but: {}", self.text());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn press(&mut self, key: &str) {
        self.keys.write_all(key.as_bytes()).unwrap();
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.press("q");
        self.child.wait().unwrap();
    }
}

const MONGO: &str = "#!/bin/sh\necho mongodb://a/; echo mongodb://b/; read -r _\n";
const NO_MONGO: &str = "#!/bin/sh\necho 'error: start Docker first' >&2; exit 1\n";
const ALL: &str = "All stages are green";

#[test]
fn nothing_is_called_green_that_was_tested_before_the_save_only() {
    let course = Course::new(MONGO);
    course.verdicts(["green", "green", "green"]);
    let mut window = course.watch();
    window.shows(ALL);
    window.forget();
    course.verdicts(["green", "red", "green"]);
    course.save();
    window.shows("2 of 3 stages are green (3 before the last save)");
    let ends = [ALL, "All that can be tested here is green"];
    assert!(!ends.iter().any(|end| window.text().contains(end)), "{}", window.text());
    window.shows("Stage of two");
    window.shows("it fails");

    window.forget();
    course.verdicts(["green", "green", "green"]);
    course.save();
    window.shows(ALL);
    let shown = window.text();
    let all_green = shown.find("3 of 3 stages are green").expect("the bar");
    assert!(all_green < shown.find(ALL).unwrap() && !shown.contains(ends[1]), "{shown}");
    assert!(shown.contains("Stage 2 is green. Learnt from two."), "{shown}");
}

#[test]
fn what_does_not_compile_makes_nothing_green() {
    let course = Course::new(MONGO);
    course.verdicts(["green", "green", "red"]);
    let mut window = course.watch();
    window.shows("2 of 3 stages are green");
    window.shows("it fails");
    window.forget();
    course.verdicts(["broken", "broken", "broken"]);
    course.save();
    window.shows("It does not compile.");
    window.shows("0 of 3 stages are green (2 before the last save)");
}

#[test]
fn a_test_that_does_not_end_is_stopped_and_named() {
    let course = Course::new(MONGO);
    course.verdicts(["endless", "red", "red"]);
    let window = course.watch();
    window.shows("testing stage 1: running, 2 s");
    window.shows_within("✘ it ends", 30);
    window.shows("this test did not end within 15 s, and was stopped");
    assert!(!window.text().contains("✘ it works"), "a test that has ended is named");
}

#[test]
fn waiting_for_another_cargo_is_said_and_ends_with_the_next_save() {
    let course = Course::new(MONGO);
    course.verdicts(["locked", "red", "red"]);
    let window = course.watch();
    window.shows("another cargo is at work in this folder");
    course.verdicts(["red", "red", "red"]);
    course.save();
    window.shows("it fails");
}

#[test]
fn keys_work_while_tests_run_and_what_was_green_is_known_after_a_restart() {
    let course = Course::new(MONGO);
    course.verdicts(["green", "red", "red"]);
    let mut window = course.watch();
    window.shows("1 of 3 stages are green");
    window.shows("it fails");
    window.press("m");
    window.shows("your answer (-) and main's (+)");
    window.shows("main()");
    drop(window);

    course.verdicts(["locked", "locked", "red"]);
    let mut window = course.watch();
    window.shows("0 of 3 stages are green (1 before the last save)");
    window.shows("▒▒▒");
    window.press("h");
    window.shows("Hint 1 of 1 for stage 2");
    window.press("l");
    window.shows("→ 2. Stage of two");
}

#[test]
fn who_can_have_no_mongodb_is_told_at_the_first_stage_and_can_go_on_without() {
    let course = Course::new(NO_MONGO);
    course.verdicts(["red", "red", "red"]);
    let mut window = course.watch();
    window.shows("it fails");
    window.shows("Stages 3 to 3 need a MongoDB");
    window.shows("start Docker first");
    window.forget();
    course.verdicts(["green", "green", "green"]);
    course.save();
    window.shows("2 of 3 stages are green");
    window.shows("All that can be tested here is green");
}

#[test]
fn the_build_in_the_background_ends_with_a_save_and_goes_on_after_it() {
    let course = Course::new(MONGO);
    course.verdicts(["red", "red", "red"]);
    let mut window = course.watch();
    let wait_for = |count| {
        let start = Instant::now();
        while course.builds().len() < count {
            assert!(start.elapsed() < Duration::from_secs(10), "{:?} were started", course.builds());
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    wait_for(1);
    window.forget();
    course.save();
    window.shows("it fails");
    let lives = |id: &String| Path::new("/proc").join(id).exists();
    assert!(!course.builds().iter().any(lives), "the build holds the lock that the tests need");
    wait_for(2);
}
