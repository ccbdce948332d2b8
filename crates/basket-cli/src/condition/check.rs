//! What can be seen to be wrong with an expression before it is computed: kinds that don't go together, and filters, tests and
//! functions that are not there. minijinja looks for those only where it comes to them.

use std::collections::BTreeSet;

use minijinja::{
    ErrorKind, Value,
    machinery::{
        Span,
        ast::{BinOpKind, CallArg, CompareOpKind, Expr, UnaryOpKind},
    },
    value::ValueKind,
};

use super::ENVIRONMENT;

/// Of which kind a part of an expression is; none where that can't be known.
type Kind = Option<ValueKind>;
/// The same, or what is wrong, and where.
type Checked = Result<Kind, (Span, String)>;

fn kind(value: &Value) -> Kind {
    use ValueKind::{Bool, None, Number, String};
    Some(value.kind()).filter(|kind| matches!(kind, Bool | None | Number | String))
}

fn name(kind: ValueKind) -> String {
    match kind {
        ValueKind::Bool => "a truth value".into(),
        ValueKind::Iterable => "rows".into(),
        ValueKind::None => "nothing".into(),
        ValueKind::String => "a text".into(),
        kind => format!("a {kind}"),
    }
}

/// Goes through an expression, and finds what can't be computed.
pub(super) struct Check {
    /// The kind of a row's value.
    value: Kind,
    /// The names of rows that were found.
    pub(super) names: BTreeSet<String>,
}

impl Check {
    /// Where the value of a row is like this one; nothing is like any.
    pub(super) fn new(value: &Value) -> Self {
        Self { value: kind(value).filter(|kind| *kind != ValueKind::None), names: BTreeSet::new() }
    }

    /// The kind of a part; the error says what is wrong with it, and where.
    pub(super) fn kind(&mut self, part: &Expr<'_>) -> Checked {
        use ValueKind::{Bool, Number, String};
        let unknown = |kind| Err((part.span(), format!("there is no such {kind}")));
        Ok(match part {
            Expr::Var(name) => match name.id {
                "rows" => Some(ValueKind::Iterable),
                "count" | "units" | "version" => Some(Number),
                "type" => Some(String),
                row => self.row(row),
            },
            Expr::Const(constant) => kind(&constant.value),
            Expr::UnaryOp(of) => match (&of.op, self.kind(&of.expr)?) {
                (UnaryOpKind::Not, _) => Some(Bool),
                (UnaryOpKind::Neg, kind) => alike(part.span(), kind, Some(Number))?,
            },
            Expr::BinOp(of) => {
                let (left, right) = (self.kind(&of.left)?, self.kind(&of.right)?);
                use BinOpKind::{
                    Add, Concat, Div, Eq, FloorDiv, Gt, Gte, In, Lt, Lte, Mul, Ne, Pow, Rem, ScAnd, ScOr, Sub,
                };
                match of.op {
                    Eq | Ne | Lt | Lte | Gt | Gte => {
                        alike(both(&of.left, &of.right), left, right).map(|_| Some(Bool))?
                    }
                    Add | Sub | Mul | Div | FloorDiv | Rem | Pow => {
                        alike(both(&of.left, &of.right), left, Some(Number))?;
                        alike(both(&of.left, &of.right), right, Some(Number))?
                    }
                    In => within(both(&of.left, &of.right), right)?,
                    ScAnd | ScOr if left == right => left,
                    ScAnd | ScOr => None,
                    Concat => Some(String),
                }
            }
            Expr::Compare(of) => {
                let (mut before, mut left) = (&of.expr, self.kind(&of.expr)?);
                for next in &of.ops {
                    let right = self.kind(&next.expr)?;
                    match next.op {
                        CompareOpKind::In | CompareOpKind::NotIn => within(both(before, &next.expr), right)?,
                        _ => alike(both(before, &next.expr), left, right)?,
                    };
                    (before, left) = (&next.expr, right);
                }
                Some(Bool)
            }
            Expr::IfExpr(of) => {
                self.kind(&of.test_expr)?;
                let then = self.kind(&of.true_expr)?;
                let or = of.false_expr.as_ref().map_or(Ok(None), |part| self.kind(part))?;
                then.filter(|then| Some(*then) == or)
            }
            Expr::Filter(of) => {
                self.all(of.expr.iter().chain(of.args.iter().map(argument)))?;
                let tried = ENVIRONMENT.empty_state().apply_filter(of.name, &[]);
                if tried.is_err_and(|error| error.kind() == ErrorKind::UnknownFilter) {
                    return unknown("filter");
                }
                match of.name {
                    "length" | "count" => Some(Number),
                    "largest" if of.expr.as_ref().is_some_and(is_rows) => self.value,
                    "largest" => return Err((part.span(), "only rows have a largest value".into())),
                    _ => None,
                }
            }
            Expr::Test(of) => {
                self.all([&of.expr].into_iter().chain(of.args.iter().map(argument)))?;
                let tried = ENVIRONMENT.empty_state().perform_test(of.name, &[]);
                if tried.is_err_and(|error| error.kind() == ErrorKind::UnknownTest) {
                    return unknown("test");
                }
                Some(Bool)
            }
            Expr::GetAttr(of) if is_rows(&of.expr) => self.row(of.name),
            Expr::GetItem(of) if is_rows(&of.expr) => match (&of.subscript_expr, self.kind(&of.subscript_expr)?) {
                (Expr::Const(name), Some(String)) => self.row(name.value.as_str().unwrap_or_default()),
                (_, Some(String) | None) => self.value,
                _ => return Err((of.subscript_expr.span(), "a row is asked for by its name in quotes".into())),
            },
            Expr::Call(_) => return unknown("function; `rows|length` asks a filter"),
            Expr::GetAttr(of) => self.all([&of.expr])?,
            Expr::GetItem(of) => self.all([&of.expr, &of.subscript_expr])?,
            Expr::Slice(of) => {
                self.all([&of.expr].into_iter().chain([&of.start, &of.stop, &of.step].into_iter().flatten()))?
            }
            Expr::List(of) => self.all(&of.items)?,
            Expr::Tuple(of) => self.all(&of.items)?,
            Expr::Map(of) => self.all(of.keys.iter().chain(&of.values))?,
        })
    }

    fn all<'a>(&mut self, parts: impl IntoIterator<Item = &'a Expr<'a>>) -> Checked {
        parts.into_iter().try_for_each(|part| self.kind(part).map(drop)).map(|()| None)
    }

    fn row(&mut self, name: &str) -> Kind {
        self.names.insert(name.to_owned());
        self.value
    }
}

/// From one part of an expression to another one. The place that the parser gives a comparison begins too early.
fn both(left: &Expr<'_>, right: &Expr<'_>) -> Span {
    Span { start_offset: left.span().start_offset, ..right.span() }
}

fn alike(place: Span, left: Kind, right: Kind) -> Checked {
    match (left, right) {
        (Some(left), Some(right)) if left != right => {
            Err((place, format!("{} and {} don't go together", name(left), name(right))))
        }
        _ => Ok(left.or(right)),
    }
}

fn within(place: Span, whole: Kind) -> Checked {
    match whole {
        Some(kind @ (ValueKind::Number | ValueKind::Bool | ValueKind::None)) => {
            Err((place, format!("nothing is in {}", name(kind))))
        }
        _ => Ok(Some(ValueKind::Bool)),
    }
}

fn is_rows(part: &Expr<'_>) -> bool {
    matches!(part, Expr::Var(name) if name.id == "rows")
}

fn argument<'a>(argument: &'a CallArg<'a>) -> &'a Expr<'a> {
    match argument {
        CallArg::Pos(part) | CallArg::Kwarg(_, part) | CallArg::PosSplat(part) | CallArg::KwargSplat(part) => part,
    }
}
