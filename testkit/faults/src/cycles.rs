//! Whether the commands could have been carried out one after the other: a graph of what must have come before what, and no
//! cycle in it. A command that has seen a stream of some length came after the writer of its last event, and before that of the
//! next one; and what began after something else had ended came after it.
//!
//! Commands are checked against the clock, so what is shown is strict serializability. A plain read is checked without it: from a
//! primary that was cut off, and does not know it yet, it may be old, but never a mixture.

use std::collections::HashMap;

use petgraph::{algo::kosaraju_scc, graph::DiGraph};

use crate::{
    history::{Call, Moment, Told},
    kept::Kept,
    laws::{Broken, Law, Place, seen},
};

/// A node of the graph.
enum Node<'a> {
    Call(&'a Call),
    /// A moment: what ended before it points to it, and it points to what began after it.
    Moment,
}

/// A cycle for each knot of commands that can't be put in order.
pub(crate) fn check(calls: &[Call], kept: &Kept, places: &HashMap<&str, Vec<Place<'_>>>) -> Vec<Broken> {
    let mut graph = DiGraph::<Node<'_>, ()>::new();
    // What was kept counts, whatever its client was told; and what was shown to a read.
    let mut writer = HashMap::<(&str, usize), _>::new();
    let mut nodes = Vec::new();
    for call in calls {
        let found = |(_, value): &(String, String)| places.get(value.as_str()).and_then(|places| places.first());
        let written: Vec<_> = call.wrote.iter().filter_map(found).collect();
        if written.is_empty() && !matches!(call.told, Told::Shown(_)) {
            continue;
        }
        let node = graph.add_node(Node::Call(call));
        nodes.push((node, call));
        for place in written {
            writer.insert((place.stream, place.index), node);
        }
    }
    for (stream, events) in &kept.0 {
        for next in 1..events.len() {
            if let (Some(one), Some(other)) = (writer.get(&(stream, next - 1)), writer.get(&(stream, next))) {
                graph.update_edge(*one, *other, ());
            }
        }
    }
    for (node, call) in &nodes {
        for seen in seen(call) {
            let before = seen.length.checked_sub(1).and_then(|last| writer.get(&(seen.stream.as_str(), last)));
            if let Some(before) = before {
                graph.update_edge(*before, *node, ());
            }
            // Its own is the next one, if it has written to the stream.
            if let Some(after) = writer.get(&(seen.stream.as_str(), seen.length)) {
                graph.update_edge(*node, *after, ());
            }
        }
    }
    along_the_clock(&mut graph, &nodes);

    let knots = kosaraju_scc(&graph).into_iter().filter(|knot| knot.len() > 1);
    let told = |knot: Vec<_>| {
        let calls = knot.into_iter().filter_map(|node| match graph.node_weight(node) {
            Some(Node::Call(call)) => Some(format!("{call:?}")),
            _ => None,
        });
        Broken { law: Law::StrictSerializable, how: calls.take(8).collect::<Vec<_>>().join("\n    ") }
    };
    knots.map(told).collect()
}

/// What had ended before another one began comes before it. An edge for each pair would be millions: a chain of moments does.
fn along_the_clock<'a>(graph: &mut DiGraph<Node<'a>, ()>, nodes: &[(petgraph::graph::NodeIndex, &'a Call)]) {
    let commands = nodes.iter().filter(|(_, call)| !matches!(call.told, Told::Shown(_)));
    // At the same microsecond, what begins is not after what ends.
    let mut ends: Vec<(Moment, bool, _)> = Vec::new();
    for (node, call) in commands {
        ends.push((call.begun, false, *node));
        // What was not acknowledged may have come through at any time later.
        if let (Some(ended), Told::Kept(_)) = (call.ended, &call.told) {
            ends.push((ended, true, *node));
        }
    }
    ends.sort_by_key(|(at, is_end, _)| (*at, *is_end));
    let mut last = None;
    for (_, is_end, node) in ends {
        if is_end {
            let moment = graph.add_node(Node::Moment);
            graph.add_edge(node, moment, ());
            if let Some(before) = last.replace(moment) {
                graph.add_edge(before, moment, ());
            }
        } else if let Some(moment) = last {
            graph.add_edge(moment, node, ());
        }
    }
}
