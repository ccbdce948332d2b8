//! A program with the tools for a domain, and with commands of its own: [`tools`]. The words of the command line choose the store and
//! what is done on it.

use std::{
    error::Error,
    fmt::Debug,
    io::{self, Write},
    marker::PhantomData,
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use anyhow::Result;
#[cfg(feature = "mongodb")]
use basket_mongo::MongoStore;
use basket_mongo::Until;
use clap::{
    ArgMatches, Args, FromArgMatches, Subcommand,
    builder::Resettable,
    error::{ContextKind, ErrorKind},
};

use crate::{
    args::limit,
    choice::{self, Choice, Location},
    commands::{Tool, completions::Completions, manual::Manual, store::AboutStore},
    domain::Domain,
    embedded::EmbeddedStore,
    exit::{self, Failure},
    help,
    output::{self, unwritten},
    store::Store,
};

/// Commands that a program has beside the tools; an enum of clap's, with a variant for each.
pub trait Commands<D: Domain>: Subcommand + Debug {
    /// Whether it changes something, and so ends within 10 seconds, unless `--timeout` says otherwise.
    fn changes(&self) -> bool {
        true
    }

    /// Whether it may read every event there is.
    fn reads_all(&self) -> bool {
        false
    }

    /// Runs it on the store that was chosen. Of an error, a line is printed; [`failed`](crate::failed) makes one of what a command
    /// has failed with.
    fn run(self, store: &impl Store<D>) -> impl Future<Output = Result<()>>;
}

/// No commands beside the tools.
#[derive(Debug, Subcommand)]
pub enum NoCommands {}

impl<D: Domain> Commands<D> for NoCommands {
    async fn run(self, _: &impl Store<D>) -> Result<()> {
        match self {}
    }
}

/// The tools for a domain: `log`, `diff`, `blame` and all the others, on MongoDB and on a file.
///
/// ```no_run
/// # use basket_mongo::Baskets as Loans;
/// fn main() -> std::process::ExitCode {
///     basket_cli::tools::<Loans>().main(clap::Command::new("loans").about("What a library lends"))
/// }
/// ```
///
/// [`with`](Tools::with) adds commands. The program keeps its events where `--store` says, or the variable `LOANS_STORE`, or a file
/// in the user's data folder, all by the program's name.
pub fn tools<D: Domain>() -> Tools<D> {
    Tools(PhantomData)
}

/// See [`tools`].
#[derive(Debug)]
pub struct Tools<D, C = NoCommands>(PhantomData<fn() -> (D, C)>);

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// Where the events are kept: mongodb://..., mongodb+srv://... or a file
    #[arg(long, global = true, value_name = "STORE", display_order = 101)]
    pub(crate) store: Option<String>,
    /// Give up after so long: seconds, or such as 500ms [default: 10 for a command that changes something; others end when
    /// the store stops answering]
    #[arg(long, global = true, value_name = "TIME", value_parser = limit, allow_negative_numbers = true, display_order = 102)]
    pub(crate) timeout: Option<Duration>,
}

/// How long a command that changes a stream waits for all its answers: about as long as a set needs to elect a new primary.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// What is done.
#[derive(Debug, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one of it in a process")]
pub(crate) enum Command<D: Domain, C: Commands<D>> {
    #[command(flatten)]
    Own(C),
    #[command(flatten)]
    Tool(Tool<D>),
    Store(AboutStore),
    Completions(Completions),
    #[command(name = "man")]
    Manual(Manual),
}

/// What this process is asked to do.
pub(crate) struct Call<D: Domain, C: Commands<D>> {
    common: Common,
    pub(crate) command: Command<D, C>,
    pub(crate) matches: ArgMatches,
}

impl<D: Domain, C: Commands<D>> Tools<D, C> {
    /// The same with these commands.
    pub fn with<O: Commands<D>>(self) -> Tools<D, O> {
        Tools(PhantomData)
    }

    /// Parses the arguments of this process, does what they ask for, and prints the answer or the error. `program` has the name, what
    /// it is about, and whatever else the author likes to say.
    pub fn main(self, program: clap::Command) -> ExitCode {
        let whole = || whole::<D, C>(program.clone());
        main(whole, |call: Call<D, C>| call.run(D::collection(), async |_| Ok(())))
    }
}

/// A program with all its commands.
pub(crate) fn whole<D: Domain, C: Commands<D>>(program: clap::Command) -> clap::Command {
    // Otherwise clap would take what the sources say of the two types for what the program is about.
    let (about, long_about) = (program.get_about().cloned(), program.get_long_about().cloned());
    let program = Common::augment_args(program).subcommand_required(true).arg_required_else_help(true);
    let program = Command::<D, C>::augment_subcommands(program);
    program.about(Resettable::from(about)).long_about(Resettable::from(long_about))
}

/// Parses, and does it.
pub(crate) fn main<D: Domain, C: Commands<D>>(
    whole: impl Fn() -> clap::Command,
    does: impl AsyncFnOnce(Call<D, C>) -> Result<()>,
) -> ExitCode {
    let program = whole();
    help::is_called(program.get_name());
    output::heed_clicolor_force();
    let call = match parse::<D, C>(program, &whole) {
        Ok(call) => call,
        Err(answered) => return answered,
    };
    // Most commands have one thing to do at a time: a second thread would only take time to start. A pass over all events has
    // two: it reads a batch while the next one comes from the server.
    let runtime = match call.command.is_a_pass() {
        true => tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build(),
        false => tokio::runtime::Builder::new_current_thread().enable_all().build(),
    };
    let done = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        let done = runtime.block_on(async {
            match call.command {
                Command::Completions(completions) => completions.run(&mut help::in_words_of::<D>(whole())),
                Command::Manual(manual) => manual.run(help::in_words_of::<D>(whole())),
                _ => does(call).await,
            }
        });
        // A thread that still waits for the lock of a file is not waited for.
        runtime.shutdown_background();
        done
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error),
    }
}

/// The arguments of this process. After `--help`, `--version` or a mistake, all is printed and the exit code is returned.
fn parse<D: Domain, C: Commands<D>>(
    program: clap::Command,
    whole: &impl Fn() -> clap::Command,
) -> Result<Call<D, C>, ExitCode> {
    let parsed = |program: clap::Command| {
        let matches = program.try_get_matches()?;
        let (common, command) = (Common::from_arg_matches(&matches)?, Command::from_arg_matches(&matches)?);
        Ok(Call { common, command, matches })
    };
    // The words of the domain are for who reads the help: to put them into all texts takes as long as all else at a start.
    let parsed = parsed(program).or_else(|answer: clap::Error| match answer.kind() {
        ErrorKind::DisplayVersion => Err(answer),
        _ => parsed(help::in_words_of::<D>(whole())),
    });
    parsed.map_err(|error| match error.kind() {
        // One line that names the value, the argument and the reason; the value can't break the line.
        ErrorKind::ValueValidation => {
            let context = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
            let (value, argument) = (context(ContextKind::InvalidValue), context(ContextKind::InvalidArg));
            let why = error.source().map(ToString::to_string).unwrap_or_default();
            exit::complain(&format!("invalid value {value:?} for '{argument}': {why}"), exit::USAGE)
        }
        _ => match error.print().and_then(|()| io::stdout().flush()) {
            Err(full) if !error.use_stderr() => exit::report(&unwritten(full).into()),
            // Where standard error can't be written, there is no other place to say so.
            _ => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(exit::USAGE)),
        },
    })
}

/// The store that was chosen. A file is opened when it is used.
pub(crate) enum Place<D> {
    File(PathBuf, PhantomData<fn() -> D>),
    #[cfg(feature = "mongodb")]
    Mongo(MongoStore<D>),
}

impl<D: Domain, C: Commands<D>> Call<D, C> {
    /// Runs on the store that is chosen, after a look at it. `holds` is what a file in the user's data folder is called by.
    pub(crate) async fn run(self, holds: &str, look: impl AsyncFnOnce(&Place<D>) -> Result<()>) -> Result<()> {
        let Self { common, mut command, .. } = self;
        let limit = command.limit(&common)?;
        let Choice { location, reason } = choice::choose(common.store.as_deref(), holds)?;
        if let Command::Tool(tool) = &mut command {
            tool.runs_on(&location);
        }
        let place = match location {
            Location::File(path) => Place::File(path, PhantomData),
            #[cfg(feature = "mongodb")]
            Location::Mongo(address) => Place::Mongo(crate::mongo::open(&address, &reason, limit).await?),
            #[cfg(not(feature = "mongodb"))]
            Location::Mongo(_) => anyhow::bail!("this program was built without MongoDB (its feature `mongodb`)"),
        };
        look(&place).await?;
        let until = limit.unwrap_or(Duration::MAX);
        match place {
            Place::File(path, _) => command.run(&Until::new(EmbeddedStore::<D>::at(path), until), &reason).await,
            #[cfg(feature = "mongodb")]
            Place::Mongo(store) => command.run(&Until::new(store, until), &reason).await,
        }
    }
}

impl<D: Domain, C: Commands<D>> Command<D, C> {
    fn is_a_pass(&self) -> bool {
        match self {
            Self::Own(command) => command.reads_all(),
            Self::Tool(tool) => tool.is_a_pass(),
            Self::Store(_) | Self::Completions(_) | Self::Manual(_) => false,
        }
    }

    /// How long it may take; as long as it likes, if that is not said.
    fn limit(&self, common: &Common) -> Result<Option<Duration>> {
        let (changes, goes_on) = match self {
            Self::Own(command) => (command.changes(), false),
            Self::Tool(tool) => (tool.changes(), tool.goes_on()),
            Self::Store(_) | Self::Completions(_) | Self::Manual(_) => (false, false),
        };
        if common.timeout.is_some() && goes_on {
            let why = "it goes on until it is ended, so it takes no --timeout; `timeout` of your shell ends it";
            return Err(Failure(exit::USAGE, why.into()).into());
        }
        Ok(common.timeout.or(changes.then_some(LIMIT)))
    }

    async fn run(self, store: &impl Store<D>, reason: &str) -> Result<()> {
        match self {
            Self::Own(command) => command.run(store).await,
            Self::Tool(tool) => tool.run(store).await,
            Self::Store(command) => command.run(store, reason).await,
            // They need no store, and were done before.
            Self::Completions(_) | Self::Manual(_) => Ok(()),
        }
    }
}
