//! A terminal for tests: the binary runs in a pseudo-terminal, keys go in, and what it draws is read as a person sees it.

use std::{
    io::{Read, Write},
    process::Command,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};
use vt100::Parser;

use crate::shell::Shell;

/// How long a test waits for a screen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Much longer than drawing a screen takes.
const REST: Duration = Duration::from_millis(100);

/// Columns and rows.
const USUAL: (u16, u16) = (80, 24);

pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    /// Kept open, so that the terminal outlives the program, as a window does.
    _slave: Box<dyn SlavePty + Send>,
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    parser: Arc<Mutex<Parser>>,
    /// The terminal's settings before the program came.
    before: String,
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

impl Terminal {
    /// `basket` with these arguments in a window of the usual size.
    pub fn run(shell: &Shell, arguments: &[&str]) -> Self {
        Self::run_in(USUAL, shell, arguments)
    }

    /// The same in a window of so many columns and rows.
    pub fn run_in(window: (u16, u16), shell: &Shell, arguments: &[&str]) -> Self {
        Self::run_command(&shell.command(arguments), window)
    }

    /// A script of bash with jobs, as people have at a prompt: `$0` is `basket`.
    pub fn run_script(shell: &Shell, script: &str) -> Self {
        let basket = shell.command(&[]);
        let mut bash = Command::new("bash");
        bash.args(["-m", "-c", script]).arg(basket.get_program()).current_dir(shell.folder.path());
        bash.env("PATH", std::env::var_os("PATH").unwrap());
        bash.envs(basket.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Self::run_command(&bash, USUAL)
    }

    fn run_command(command: &Command, (columns, rows): (u16, u16)) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let mut builder = CommandBuilder::new(command.get_program());
        builder.args(command.get_args());
        builder.env_clear();
        builder.env("TERM", "xterm-256color");
        for (name, value) in command.get_envs() {
            builder.env(name, value.unwrap());
        }
        builder.cwd(command.get_current_dir().unwrap());
        let before = format!("{:?}", pair.master.get_termios().unwrap());
        let parser = Arc::new(Mutex::new(Parser::new(rows, columns, 0)));
        let (mut drawn, screen) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&parser));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = drawn.read(&mut bytes) {
                screen.lock().unwrap().process(&bytes[..count]);
            }
        });
        let child = pair.slave.spawn_command(builder).unwrap();
        let keys = pair.master.take_writer().unwrap();
        Self { master: pair.master, _slave: pair.slave, child, keys, parser, before }
    }

    /// Types keys, as a terminal sends them.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    pub fn screen(&self) -> String {
        self.parser.lock().unwrap().screen().contents()
    }

    /// The rows of the screen, with the codes of their colours.
    pub fn rows(&self) -> Vec<String> {
        let parser = self.parser.lock().unwrap();
        let (_, columns) = parser.screen().size();
        parser.screen().rows_formatted(0, columns).map(|row| String::from_utf8(row).unwrap()).collect()
    }

    /// Waits until the screen passes a check.
    #[track_caller]
    pub fn until(&self, what: &str, check: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let mut screen = self.screen();
            if check(&screen) {
                // The screen may not be drawn to its end yet.
                thread::sleep(REST);
                screen = self.screen();
                if check(&screen) {
                    return screen;
                }
            }
            assert!(start.elapsed() < PATIENCE, "the screen never shows {what:?}:\n{screen}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[track_caller]
    pub fn shows(&self, words: &str) -> String {
        self.until(words, |screen| screen.contains(words))
    }

    /// The program has the whole terminal: a screen of its own, no cursor, and keys without Enter.
    #[track_caller]
    pub fn is_taken(&self) {
        let parser = self.parser.lock().unwrap();
        assert!(parser.screen().alternate_screen() && parser.screen().hide_cursor());
        assert_ne!(format!("{:?}", self.master.get_termios().unwrap()), self.before);
    }

    /// The terminal is as it was before the program came.
    #[track_caller]
    pub fn is_given_back(&self) {
        let parser = self.parser.lock().unwrap();
        assert!(!parser.screen().alternate_screen() && !parser.screen().hide_cursor());
        assert_eq!(format!("{:?}", self.master.get_termios().unwrap()), self.before, "the terminal's settings");
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        self.parser.lock().unwrap().screen_mut().set_size(rows, columns);
        self.master.resize(size(columns, rows)).unwrap();
    }

    /// Whether anything on the screen has a colour.
    pub fn is_coloured(&self) -> bool {
        let parser = self.parser.lock().unwrap();
        let (rows, columns) = parser.screen().size();
        (0..rows).any(|row| {
            (0..columns).any(|column| {
                let cell = parser.screen().cell(row, column).unwrap();
                cell.fgcolor() != vt100::Color::Default || cell.bgcolor() != vt100::Color::Default
            })
        })
    }

    /// Writes on the screen, as another program would.
    pub fn scribble(&self, words: &str) {
        self.parser.lock().unwrap().process(format!("\x1b[H{words}").as_bytes());
    }

    pub fn signal(&self, name: &str) {
        let process = self.child.process_id().unwrap().to_string();
        assert!(Command::new("sh").args(["-c", &format!("kill -s {name} {process}")]).status().unwrap().success());
    }

    /// Waits for the end of the program, and returns its exit code and what is on the screen then. The terminal must be as
    /// it was: on its first screen, with a cursor, and with its own settings.
    #[track_caller]
    pub fn ends(&mut self) -> (u32, String) {
        let start = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None => assert!(start.elapsed() < PATIENCE, "it never ends:\n{}", self.screen()),
            }
            thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(format!("{:?}", self.master.get_termios().unwrap()), self.before, "the terminal's settings");
        // The last output of the program may not be read yet.
        let mut screen = None;
        while screen != Some(self.screen()) {
            screen = Some(self.screen());
            thread::sleep(REST);
        }
        let restored = |parser: &Parser| !parser.screen().alternate_screen() && !parser.screen().hide_cursor();
        while !restored(&self.parser.lock().unwrap()) {
            assert!(start.elapsed() < PATIENCE, "on the full screen still, or without a cursor:\n{}", self.screen());
            thread::sleep(Duration::from_millis(10));
        }
        (status.exit_code(), self.screen())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().ok();
    }
}
