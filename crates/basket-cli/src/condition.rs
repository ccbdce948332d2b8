//! A question to a state that is true or false, such as `clocks > 10`, as `bisect` takes it. minijinja reads and computes it. It
//! would compare a text with a number by an order of its own, so [`condition`] refuses that, and all else that can be seen to
//! be wrong before there is a state.

mod check;

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

use basket_mongo::Entry;
use minijinja::{
    Environment, Error, Expression, UndefinedBehavior, Value,
    machinery::parse_expr,
    value::{Enumerator, Object, ObjectExt, ObjectRepr},
};

use serde::Serialize;
use serde_json::Value as Json;

use self::check::Check;
use crate::{
    domain::{Domain, Row, what},
    exit::{Failure, USAGE},
    output::json,
};

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_debug(true);
    environment.add_filter("largest", |rows: Value| rows.downcast_object::<Rows>().map(|rows| rows.largest()));
    environment
});

/// An expression without a fault that can be seen in it.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    text: String,
    expression: Arc<Expression<'static, 'static>>,
    /// The names of rows in it.
    names: BTreeSet<String>,
}

/// Reads an expression from an argument; the error says where it is wrong.
pub(crate) fn condition<D: Domain>(text: &str) -> Result<Condition, String> {
    let wrong = |error: &Error| at(text, error.range(), &in_words(error));
    let tree = parse_expr(text).map_err(|error| wrong(&error))?;
    let mut check = Check::new(&value_of(&D::Value::default()));
    check
        .kind(&tree)
        .map_err(|(span, why)| at(text, Some(span.start_offset as usize..span.end_offset as usize), &why))?;
    let expression = ENVIRONMENT.compile_expression_owned(text.to_owned()).map_err(|error| wrong(&error))?;
    Ok(Condition { text: text.to_owned(), expression: expression.into(), names: check.names })
}

impl Condition {
    /// Whether it is true of the state that this event has led to. The names of its rows are taken out of `unseen`.
    pub(crate) fn holds<D: Domain>(
        &self,
        state: &D::Aggregate,
        entry: &Entry<D>,
        unseen: &mut BTreeSet<String>,
    ) -> Result<bool, Failure> {
        let Entry::<D> { stream, version, event, .. } = entry;
        let rows = Rows::of::<D>(state);
        unseen.retain(|name| !rows.rows.iter().any(|(row, _)| row == name));
        let (count, units, kind) = (D::count(state), D::units(state), D::encode(event).0);
        let now = Now { rows: rows.into(), count, units, version: *version, kind };
        let why = match self.expression.eval(Value::from_object(now)) {
            Ok(value) if value.is_undefined() => "it has no value".to_owned(),
            Ok(value) => return Ok(value.is_true()),
            Err(error) => at(&self.text, error.range(), &in_words(&error)),
        };
        Err(Failure(USAGE, format!("after version {version} of {} '{stream}' ({kind}): {why}", what::<D>())))
    }

    /// The names of rows in it; each is true or false of a state that has no such row, too.
    pub(crate) fn names(&self) -> &BTreeSet<String> {
        &self.names
    }
}

fn in_words(error: &Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)
}

/// What is wrong, and where.
fn at(text: &str, place: Option<std::ops::Range<usize>>, why: &str) -> String {
    let Some(place) = place else { return why.to_owned() };
    let letters = text.get(..place.start).map_or(0, |before| before.chars().count());
    match text.get(place).filter(|piece| !piece.is_empty()) {
        Some(piece) => format!("{why}, at character {} (`{piece}`)", letters + 1),
        None => format!("{why}, at character {}", letters + 1),
    }
}

/// What the names in an expression stand for.
#[derive(Debug)]
struct Now {
    rows: Arc<Rows>,
    count: usize,
    units: u64,
    version: u64,
    kind: &'static str,
}

impl Object for Now {
    fn get_value(self: &Arc<Self>, name: &Value) -> Option<Value> {
        match name.as_str()? {
            "rows" => Some(Value::from_dyn_object(self.rows.clone())),
            "count" => Some(self.count.into()),
            "units" => Some(self.units.into()),
            "version" => Some(self.version.into()),
            "type" => Some(self.kind.into()),
            _ => self.rows.get_value(name),
        }
    }
}

/// The rows of a state. As a list, it has their names, so that `'socks' in rows` is what it says although each name has a value.
#[derive(Debug)]
struct Rows {
    rows: Vec<(String, Value)>,
    default: Value,
}

impl Rows {
    fn of<D: Domain>(state: &D::Aggregate) -> Self {
        let value = |Row { name, value }: Row<D::Value>| (name, value_of(&value));
        let rows = D::rows(state).into_iter().map(value).collect();
        Self { rows, default: value_of(&D::Value::default()) }
    }

    fn largest(&self) -> Value {
        self.rows.iter().map(|(_, value)| value).max().unwrap_or(&self.default).clone()
    }
}

impl Object for Rows {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn get_value(self: &Arc<Self>, name: &Value) -> Option<Value> {
        let name = name.as_str()?;
        let row = self.rows.iter().find(|(row, _)| row == name);
        Some(row.map_or_else(|| self.default.clone(), |(_, value)| value.clone()))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.mapped_enumerator(|rows| Box::new(rows.rows.iter().map(|(name, _)| Value::from(name.as_str()))))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.rows.len())
    }
}

/// The value of a row; one that is no number, text or truth value is a text, as JSON has it.
fn value_of(value: &impl Serialize) -> Value {
    match json(value) {
        Json::Null => ().into(),
        Json::Bool(value) => value.into(),
        Json::String(text) => text.into(),
        Json::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => number.into(),
            (_, Some(number)) => number.into(),
            _ => number.as_f64().into(),
        },
        other => other.to_string().into(),
    }
}
