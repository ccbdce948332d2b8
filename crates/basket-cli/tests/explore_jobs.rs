//! `basket explore` as a job of a shell: stopped, and continued.

#![cfg(unix)]

use testkit::{shell::Shell, terminal::Terminal};

fn open(shell: &Shell) -> Terminal {
    let terminal = Terminal::run(shell, &["explore", &shell.create("socks")]);
    terminal.shows("version 2, the newest: live");
    terminal
}

fn leave(mut terminal: Terminal) {
    terminal.press("q");
    assert_eq!(terminal.ends().0, 0);
}

#[test]
fn ctrl_z_gives_the_terminal_to_the_shell_until_it_comes_back() {
    let shell = Shell::new();
    let id = shell.create("socks");
    let script = format!("$0 explore {id}; echo stopped with $?; read -r; fg > /dev/null; echo ended with $?; jobs");
    let mut terminal = Terminal::run_script(&shell, &script);
    terminal.shows("version 2, the newest: live");
    terminal.is_taken();
    terminal.press("\x1a");
    // 128 and the number of SIGTSTP, which is 20 on Linux and 18 on macOS.
    terminal.shows("stopped with 14");
    terminal.is_given_back();
    terminal.resize(130, 40);
    shell.basket(&format!("add {id} bread")).says("");
    terminal.press("\r");
    let wide = terminal.until("both panes beside the events, with what came meanwhile", |screen| {
        screen.lines().any(|line| line.contains(" Events ") && line.contains(" Basket "))
            && screen.contains("added 1 of 'bread'")
    });
    assert!(!wide.contains("stopped with"), "{wide}");
    terminal.is_taken();
    terminal.press("q");
    terminal.shows("ended with 0");
    assert_eq!(terminal.ends().0, 0);
}

#[test]
fn without_a_shell_to_continue_it_ctrl_z_stops_nothing() {
    let shell = Shell::new();
    let mut terminal = open(&shell);
    terminal.press("\x1a");
    terminal.press("\x1b[H");
    terminal.shows("it is empty");
    terminal.is_taken();
    leave(terminal);
}

#[test]
fn after_a_stop_from_outside_the_whole_screen_is_drawn_again() {
    let shell = Shell::new();
    let terminal = open(&shell);
    terminal.signal("STOP");
    terminal.scribble("some other program");
    terminal.signal("CONT");
    terminal.until("the screen without the other program", |screen| {
        screen.contains("added 1 of 'socks'") && !screen.contains("some other program")
    });
    leave(terminal);
}
