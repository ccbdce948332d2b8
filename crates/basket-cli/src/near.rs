//! The name that was meant, where one was mistyped: of the rows that there are.

/// Asks for the name that is nearest to what was typed. At most two letters may be wrong, missing, too many or swapped, and only one
/// in a short name. The first letter must be right: names that only rhyme (rocks, socks) are two things.
pub(crate) fn did_you_mean(typed: &str, names: impl IntoIterator<Item = String>) -> Option<String> {
    let first = |name: &str| name.chars().next();
    let small = typed.to_lowercase();
    let most = (small.chars().count() / 2).min(2);
    let near = names.into_iter().filter_map(|name| {
        let other = name.to_lowercase();
        let distance = strsim::osa_distance(&small, &other);
        (distance <= most && first(&small) == first(&other) && name != typed).then_some((distance, name))
    });
    near.min().map(|(_, name)| format!("did you mean '{name}'?"))
}
