//! The help in a domain's words. The tools are the same for every domain, so their help says `{stream}`, `{row}` and so on;
//! [`in_words_of`] replaces these by what a domain calls them.

use std::{fmt, sync::OnceLock};

use clap::{
    Command,
    builder::{Resettable, StyledStr},
};

use crate::domain::{Domain, what};

/// The name of this program, for messages that name a command.
pub(crate) static PROGRAM: Program = Program;

/// See [`PROGRAM`].
pub(crate) struct Program;

static NAME: OnceLock<String> = OnceLock::new();

/// Says how this program is called, before anything else is said.
pub(crate) fn is_called(name: &str) {
    NAME.get_or_init(|| name.to_owned());
}

impl Program {
    pub(crate) fn name(&self) -> &'static str {
        NAME.get().map_or("basket", String::as_str)
    }
}

impl fmt::Display for Program {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Replaces every `{program}`, `{stream}`, `{row}` and `{id}` in the help of a program and its subcommands.
pub(crate) fn in_words_of<D: Domain>(program: Command) -> Command {
    let name = program.get_name().to_owned();
    reworded(program, &|text| {
        let ansi = text.ansi().to_string();
        // All texts come by here, and few have anything to replace.
        if !ansi.contains('{') {
            return text.clone();
        }
        let text = ansi.replace("{program}", &name);
        let text = text.replace("{streams}", &format!("{}s", what::<D>())).replace("{stream}", what::<D>());
        text.replace("{row}", D::ROW).replace("{id}", D::EXAMPLE_ID).into()
    })
}

fn reworded(command: Command, words: &dyn Fn(&StyledStr) -> StyledStr) -> Command {
    let reword = |text: Option<&StyledStr>| Resettable::from(text.map(words));
    let (about, long_about) = (reword(command.get_about()), reword(command.get_long_about()));
    let after = reword(command.get_after_help());
    let command = command.about(about).long_about(long_about).after_help(after).mut_args(|arg| {
        let (help, long_help) = (reword(arg.get_help()), reword(arg.get_long_help()));
        arg.help(help).long_help(long_help)
    });
    command.mut_subcommands(|sub| reworded(sub, words))
}
