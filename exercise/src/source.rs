//! Finds the body of a function in a source file, and replaces it. Every other byte stays.
//! The whole exercise is made this way: it starts with main's bodies blanked, and a solution is main's body put back.

use std::ops::{Range, RangeInclusive};

use anyhow::{Context, Result, bail};
use syn::{Attribute, Block, ImplItem, Item, TraitItem, Type};

/// The bytes of a function's body, braces included. `item` is `Type::function` or `Trait::function`.
pub fn body(text: &str, item: &str) -> Result<Range<usize>> {
    let file = syn::parse_file(text).map_err(|error| {
        let at = error.span().start();
        anyhow::anyhow!("line {}, column {}: {error}", at.line, at.column + 1)
    })?;
    let (owner, name) = item.split_once("::").context("an item is named Type::function")?;
    let found: Vec<&Block> = file.items.iter().flat_map(|item| bodies(item, owner, name)).collect();
    match found[..] {
        [block] => Ok(block.brace_token.span.join().byte_range()),
        [] => bail!("there is no function {item}"),
        _ => bail!("there is more than one function {item}"),
    }
}

/// The lines, from 1, on which the body of an item stands.
pub fn lines(text: &str, item: &str) -> Result<RangeInclusive<usize>> {
    let body = body(text, item)?;
    let line = |at| text.get(..at).unwrap_or_default().matches('\n').count() + 1;
    Ok(line(body.start)..=line(body.end))
}

/// The names of the tests in a file.
pub fn tests(text: &str) -> Vec<String> {
    let is_test = |attribute: &Attribute| attribute.path().segments.last().is_some_and(|last| last.ident == "test");
    let name = |item: &Item| match item {
        Item::Fn(function) if function.attrs.iter().any(is_test) => Some(function.sig.ident.to_string()),
        _ => None,
    };
    syn::parse_file(text).map(|file| file.items.iter().filter_map(name).collect()).unwrap_or_default()
}

fn bodies<'f>(item: &'f Item, owner: &str, name: &str) -> Vec<&'f Block> {
    let in_impl = |item: &'f ImplItem| match item {
        ImplItem::Fn(function) if function.sig.ident == name => Some(&function.block),
        _ => None,
    };
    let in_trait = |item: &'f TraitItem| match item {
        TraitItem::Fn(function) if function.sig.ident == name => function.default.as_ref(),
        _ => None,
    };
    match item {
        Item::Impl(block) if is_named(&block.self_ty, owner) => block.items.iter().filter_map(in_impl).collect(),
        Item::Trait(definition) if definition.ident == owner => definition.items.iter().filter_map(in_trait).collect(),
        _ => vec![],
    }
}

fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
}

/// The text with another body for an item; `new` includes its braces.
pub fn with_body(text: &str, item: &str, new: &str) -> Result<String> {
    let mut text = text.to_owned();
    text.replace_range(body(&text, item)?, new);
    Ok(text)
}

/// Lines of code as the body of an item: in braces, and indented like the item.
pub fn braced(text: &str, item: &str, code: &str) -> Result<String> {
    let start = body(text, item)?.start;
    let line = text.get(..start).and_then(|before| before.rsplit('\n').next()).unwrap_or_default();
    let indent: String = line.chars().take_while(|c| *c == ' ').collect();
    let lines = code.trim_end().lines().map(|line| match line {
        "" => "\n".to_owned(),
        line => format!("{indent}    {line}\n"),
    });
    Ok(format!("{{\n{}{indent}}}", lines.collect::<String>()))
}
