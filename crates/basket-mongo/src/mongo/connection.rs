//! The address of a MongoDB and the driver's options: our defaults, messages without credentials, and the options that would
//! weaken what a store promises, which are refused. The file `failure` has what the driver's errors mean.

use std::time::Duration;

use mongodb::{
    error::{Error, ErrorKind},
    options::{Acknowledgment, ClientOptions, ConnectionString, ReadConcern, ReadPreference, SelectionCriteria},
};
use tokio::time::timeout;

use crate::store::error::StoreError;

/// How long to wait for a server, unless the address says otherwise. The driver's 30 seconds are long for a user who
/// forgot to start it.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a write waits for the majority, unless the address says otherwise (`wTimeoutMS`): where the majority is gone, it
/// would wait for ever.
pub(super) const MAJORITY: Duration = Duration::from_secs(10);

/// How often the driver asks each server whether it is alive, unless the address says otherwise. One that is frozen, or
/// behind a cut line, is given up after this and [`PATIENCE`], with all that waits for its answer.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// How many connections to a server there may be, unless the address says otherwise (`maxPoolSize`): as many as the specification
/// of the drivers has. Each subscription and each watch holds one while it waits for news; of the 10 that this driver has by
/// itself, none would be left for an append.
const CONNECTIONS: u32 = 100;

/// The driver's options for an address, with our defaults for what it leaves out. Fails with [`StoreError::Address`], or
/// [`StoreError::Unreachable`] if `mongodb+srv://` can't be resolved in time.
pub async fn options(address: &str) -> Result<ClientOptions, StoreError> {
    // The driver looks for two digits there, by bytes, and panics where a character of more than one stands.
    let mut escapes = address.split('%').skip(1).map(|rest| rest.chars().take(2));
    if !escapes.all(|mut two| two.all(|digit| digit.is_ascii())) {
        let why = "a '%' in it is followed by something else than two hexadecimal digits; a percent sign itself is %25";
        return Err(StoreError::Address { why: why.into() });
    }
    let parsed = ConnectionString::parse(address);
    let longest = parsed.as_ref().ok().and_then(|parsed| parsed.connect_timeout).unwrap_or(PATIENCE);
    let unresolved = |why| StoreError::Unreachable { store: "the host in mongodb+srv://".into(), why, source: None };
    let options = match timeout(longest, ClientOptions::parse(address)).await {
        Err(_) => return Err(unresolved(format!("no name server answered within {} seconds", longest.as_secs_f32()))),
        Ok(Err(error)) => match &*error.kind {
            ErrorKind::DnsResolve { message, .. } => return Err(unresolved(message.clone())),
            _ => return Err(StoreError::Address { why: misunderstood(&error, address) }),
        },
        Ok(Ok(options)) => options,
    };
    Ok(with_defaults(options))
}

fn with_defaults(mut options: ClientOptions) -> ClientOptions {
    options.server_selection_timeout.get_or_insert(PATIENCE);
    options.connect_timeout.get_or_insert(PATIENCE);
    options.heartbeat_freq.get_or_insert(HEARTBEAT);
    options.max_pool_size.get_or_insert(CONNECTIONS);
    options
}

/// Refuses what contradicts the store: it reads and writes by the majority, on the primary, and repeats a write whose
/// answer was lost.
pub(super) fn check(options: &ClientOptions) -> Result<(), StoreError> {
    let refused = |option: &str| {
        let why = format!(
            "its option '{option}' would weaken what is promised: reads and writes of the majority, in its journal, on the \
             primary, repeated if an answer is lost; leave it out"
        );
        Err(StoreError::Address { why })
    };
    let writes = options.write_concern.clone().unwrap_or_default();
    match (&options.selection_criteria, &options.read_concern) {
        _ if !matches!(writes.w, None | Some(Acknowledgment::Majority)) => refused("w"),
        _ if writes.journal == Some(false) => refused("journal"),
        _ if options.retry_writes == Some(false) => refused("retryWrites"),
        (_, Some(level)) if *level != ReadConcern::majority() => refused("readConcernLevel"),
        (None | Some(SelectionCriteria::ReadPreference(ReadPreference::Primary)), _) => Ok(()),
        _ => refused("readPreference"),
    }
}

/// Options of other drivers, for which the driver suggests another one that does something else.
const UNSUPPORTED: [&str; 2] = ["compressors", "timeoutms"];

/// Why the driver can't use an address, without a word of it that may be secret: the driver quotes what it can't parse, and
/// that may be a password, before the `@`, in place of a forgotten host, or behind a `?` that belongs to it.
fn misunderstood(error: &Error, address: &str) -> String {
    let form = "its user, password, host, port or an option can't be parsed; \
                the form is mongodb://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE";
    let (base, options) = address.split_once('?').unwrap_or((address, ""));
    let reason = |error: &Error| error.kind.to_string().replace("An invalid argument was provided: ", "");
    if options.contains('@') {
        return form.into();
    }
    let options: Vec<_> = options.split('&').collect();
    if let Some((option, error)) = culprit(base, &options) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let why = match reason(&error) {
            // The driver knows the option, but only with a feature that is not built in; or it does not know it at all.
            why if why.contains("is an invalid option. ") && UNSUPPORTED.contains(&&*name.to_lowercase()) => {
                "the driver does not have it".into()
            }
            // A short one is no secret, and may be a part of other words.
            why if value.len() < 4 => why,
            why if why.contains(value) => why.replace(value, "…"),
            // The driver quotes some in small letters, and all without their percents.
            why if value.contains('%') || why.to_lowercase().contains(&value.to_lowercase()) => {
                "its value is none that the driver takes".into()
            }
            why => why,
        };
        return format!("its option '{name}' can't be used: {why}");
    }
    let why = reason(error);
    let is_quoted = |part: &str| match part.len() {
        0 => false,
        1..4 => why.split(|c: char| !c.is_alphanumeric()).any(|word| word == part),
        _ => why.contains(part),
    };
    let (_, base) = base.split_once("://").unwrap_or(("", base));
    // What has an `@` in it, or a `:`, is no scheme, though it stands where one should.
    let (scheme, _) = address.split_once("://").unwrap_or_default();
    let is_scheme = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !is_scheme || base.split(['@', ':', '/', ',']).any(is_quoted) { form.into() } else { why }
}

/// The first option without which the rest can be parsed; or, of several such, the first in order that can't; and why.
fn culprit<'a>(base: &str, options: &[&'a str]) -> Option<(&'a str, Error)> {
    let error = |options: &[&str]| ConnectionString::parse(format!("{base}?{}", options.join("&"))).err();
    let all = error(options)?;
    let without =
        |place: usize| options.iter().enumerate().filter(move |(at, _)| *at != place).map(|(_, option)| *option);
    if let Some((_, option)) =
        options.iter().enumerate().find(|(at, _)| error(&without(*at).collect::<Vec<_>>()).is_none())
    {
        return Some((option, all));
    }
    error(&[]).is_none().then_some(())?;
    (1..=options.len()).find_map(|end| Some((*options.get(end - 1)?, error(options.get(..end)?)?)))
}
