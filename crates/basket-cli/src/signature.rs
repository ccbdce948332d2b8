//! Who makes a change and why: `--as`, `-m` and the variables that replace them. The store keeps it with the events.

use std::{env, process::Command};

use anyhow::Result;
use basket_domain::{
    ParseSubjectError, Subject,
    product::{is_direction, is_invisible},
};
use basket_mongo::{Keys, Meta};

use crate::{
    args::no_hyphen,
    exit::{Failure, USAGE},
    secrets,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Signature {
    /// Why; it is kept with the events, and `{program} log` shows it
    #[arg(short, long, value_name = "REASON", value_parser = reason)]
    message: Option<String>,
    /// The reason is about this person: it is sealed, and `{program} forget SUBJECT` erases it (needs BASKET_KEY)
    #[arg(long, value_name = "SUBJECT", value_parser = subject, requires = "message")]
    about: Option<Subject>,
    /// Who; otherwise BASKET_ACTOR, git's user.name, or your login
    #[arg(long = "as", value_name = "ACTOR", value_parser = name)]
    actor: Option<String>,
    /// The conversation that this is part of, for programs [env: BASKET_CORRELATION]
    #[arg(long, value_name = "ID", value_parser = name, hide_short_help = true)]
    correlation: Option<String>,
    /// What caused this, for programs: the id of an event or a message [env: BASKET_CAUSATION]
    #[arg(long, value_name = "ID", value_parser = name, hide_short_help = true)]
    causation: Option<String>,
}

impl Signature {
    /// Whether the reason is about a person.
    pub(crate) fn is_sealed(&self) -> bool {
        self.about.is_some()
    }

    /// What the store keeps with the events. A variable of ours that can't be used is refused as an option is: otherwise the
    /// events would be signed by someone else.
    pub(crate) async fn meta(&self, keys: &impl Keys) -> Result<Meta> {
        let or_variable =
            |option: &Option<String>, name| option.clone().map_or_else(|| variable(name), |text| Ok(Some(text)));
        let reason = match (&self.message, &self.about) {
            (Some(reason), Some(subject)) => Some(secrets::seal(keys, subject, reason).await?),
            (reason, _) => reason.clone(),
        };
        Ok(Meta {
            actor: or_variable(&self.actor, "BASKET_ACTOR")?.or_else(git_user).or_else(login),
            reason,
            correlation: or_variable(&self.correlation, "BASKET_CORRELATION")?,
            causation: or_variable(&self.causation, "BASKET_CAUSATION")?,
            ..Meta::default()
        })
    }
}

/// The value of one of our variables; none where it is not set, or empty.
fn variable(variable: &str) -> Result<Option<String>, Failure> {
    let Some(value) = env::var_os(variable).filter(|value| !value.is_empty()) else { return Ok(None) };
    let read = value.to_str().ok_or_else(|| "it is not valid UTF-8".into()).and_then(name);
    read.map(Some).map_err(|why| {
        Failure(
            USAGE,
            format!("invalid value {value:?} in the environment variable {variable}: {why}; change it, or unset it"),
        )
    })
}

/// The name that the system has for this user. As with git's name, one that can't be used is passed over: it was not set for
/// this program, and what comes after it names the same person.
fn login() -> Option<String> {
    ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|variable| name(&env::var(variable).ok()?).ok())
}

fn git_user() -> Option<String> {
    let mut git = Command::new("git");
    if env::current_dir().is_err() {
        // git needs one, though there is no repository to look into.
        git.current_dir("/");
    }
    let output = git.args(["config", "--get", "user.name"]).output().ok()?;
    name(&String::from_utf8(output.stdout).ok()?).ok()
}

pub(crate) fn name(text: &str) -> Result<String, String> {
    part(no_hyphen(text)?)
}

/// As a [`name`], but a part of an argument, which may be `-`.
pub(crate) fn part(text: &str) -> Result<String, String> {
    checked(text, 256, |c| c.is_control())
}

pub(crate) fn subject(text: &str) -> Result<Subject, String> {
    no_hyphen(text)?.parse().map_err(|why: ParseSubjectError| why.to_string())
}

fn reason(text: &str) -> Result<String, String> {
    checked(no_hyphen(text)?, 4096, |c| c.is_control() && c != '\n' && c != '\t')
}

/// Trimmed; not empty, not longer than `longest` characters, and without characters that a terminal would act on.
fn checked(text: &str, longest: usize, refuse: impl Fn(char) -> bool) -> Result<String, String> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err("it can't be empty".into()),
        length if length > longest => Err(format!("it has {length} characters; {longest} at most")),
        _ if text.contains(refuse) => Err("it has control characters in it".into()),
        _ if text.contains(is_direction) => Err("it has characters in it that change the direction of text".into()),
        _ if text.chars().all(|letter| letter.is_whitespace() || is_invisible(letter)) => {
            Err("it needs a letter that can be seen".into())
        }
        _ => Ok(text.into()),
    }
}
